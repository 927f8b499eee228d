"""A page of what was asked for, whose cursor is made when it is read."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

import attrs

from jobruns_sdk.paging.standing import Spot

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class _Unread:
    """The room for what a page's cursor is made of when it is first read."""

    __slots__ = ("_spot",)

    _spot: Spot | None


@attrs.frozen
class Page(_Unread, Generic[T_co]):
    """A page of what was asked for: never empty, filters applied.

    Attributes:
        items: The items in order.
        cursor: Where to go on after this page, in this or another process; None if nothing is left. A list call that is
            given None starts from the beginning: a program that stores cursors stores the end, too. It is computed
            when it is first read, and stays the same however far the walk has gone by then.
    """

    items: tuple[T_co, ...]
    cursor: str | None

    if not TYPE_CHECKING:  # for type checkers it would have attributes of any name

        def __getattr__(self, name: str) -> object:
            """Make the cursor; called for attributes that are not set."""
            if name != "cursor":
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if (spot := self._spot) is None:  # another thread has just made it
                return object.__getattribute__(self, name)
            cursor = spot.cursor()
            object.__setattr__(self, "cursor", cursor)
            object.__setattr__(self, "_spot", None)
            return cursor


def page_at(items: Sequence[T], spot: Spot) -> Page[T]:
    """Return a page behind which a walk stands at that spot."""
    page = Page(tuple(items), None)
    object.__delattr__(page, "cursor")
    object.__setattr__(page, "_spot", spot)
    return page
