"""Rows that a listing waits for: parts of them were read, and they come when the rest is."""

from typing import Any, Generic, TypeVar

from jobruns_sdk.paging.cursor import Place
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import RowOrder, Source

T = TypeVar("T")


class Awaited(Generic[T]):
    """The rows that a listing waits for, and those that never came.

    A retry waits for its run, [a_attempt_1, a]. Once a token has expired, the list is read from the top, and the retry
    is met again. Where "a" has left the history by then, it would come a second time at the end of the list, as a run
    that has lost its first attempt: but at the place nothing waited for it, so that it had come before.
    """

    def __init__(self, source: Source[T], order: RowOrder[T]) -> None:
        """Wait for nothing."""
        self._source = source
        self._order = order
        self._at_place: frozenset[str] | None = None
        self._in_vain = set[str]()

    def seek(self, place: Place) -> None:
        """Start over at the top, to seek a place."""
        row_of = self._source.row_of
        # In the middle of a page it is not known which of its rows were met before the place.
        self._at_place = None if row_of is None or place.seeking else frozenset(map(row_of, place.state))

    def found(self, place: Place, state: Any) -> None:  # noqa: ANN401  # the listing's own
        """Take in that the place was found, with the state of the listing behind that page."""
        waiting, at_place, self._at_place = self._source.waiting, self._at_place, None
        if waiting is not None and at_place is not None and place.after is not None:
            ahead = [key for key, when in waiting(state).items() if self._order.is_beyond(place.after.when, when)]
            self._in_vain.update(key for key in ahead if key not in at_place)

    def is_in_vain(self, row: T) -> bool:
        """True if a row that comes where the list ends was handed out before the place."""
        return self._order.key(row) in self._in_vain

    def state(self, texts: tuple[str, ...], seen: SeenRows) -> tuple[str, ...]:
        """Return what the listing has to remember in a cursor: nothing of rows that have come already."""
        row_of = self._source.row_of
        if row_of is None:
            return texts
        return tuple(text for text in texts if not (row_of(text) in seen or row_of(text) in self._in_vain))
