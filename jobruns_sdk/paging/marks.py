"""Rows by which a place in a listing is found again, even when the last one that was passed has left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, TypeVar

from jobruns_sdk.paging.cursor import Mark, short
from jobruns_sdk.paging.source import RowOrder

T = TypeVar("T")
_MOST: Final = 100  # passed rows that a mark remembers


def mark_at(
    order: RowOrder[T],
    rows: Sequence[T],
    furthest_at: Sequence[datetime | None],
    count: int,
    entered: Mark | None,
    *,
    near: int = 0,
) -> Mark:
    """Return the mark behind so many rows of a page.

    Args:
        order: What paging needs to know of the rows.
        rows: The rows of the page.
        furthest_at: How far the listing has come with each of them.
        count: How many of them are passed, one at least.
        entered: The mark before the page.
        near: How many rows before the last one are remembered, besides those of the mark's time.
    """
    last = count - 1
    key, when = order.key(rows[last]), furthest_at[last]
    if when is None:
        return Mark(key, None, ())
    passed: list[str] = []
    for index in range(last - 1, -1, -1):
        is_near = last - index <= near
        # Where the listing had not come so far, no row is of that time; and rows that are kept as bytes stay bytes.
        if len(passed) == _MOST or not (is_near or furthest_at[index] == when):
            return Mark(key, when, tuple(passed))
        if is_near or order.when(rows[index]) == when:
            passed.append(short(order.key(rows[index])))
    if entered is not None:
        is_level = entered.when == when
        if is_level and entered.passed is None:
            return Mark(key, when)
        earlier = (short(entered.key), *(entered.passed or ()))
        passed += earlier if is_level else earlier[: max(0, near - last)]
    return Mark(key, when, tuple(passed[:_MOST]))


def first_behind(mark: Mark, keys: Sequence[str]) -> int:
    """Return how many rows of a page reach up to the last one of them that the mark remembers."""
    known = set(mark.passed or ())
    return max((index for index, key in enumerate(keys, 1) if known and short(key) in known), default=0)


def rows_behind(order: RowOrder[T], rows: Sequence[T], keys: Sequence[str], mark: Mark, last: int = 0) -> list[T]:
    """Return the rows of a page that are certain to lie behind a mark that is not among them.

    With the mark "c 11:50", which remembers "b" of the same time, [a 12:00, b 11:50, d 11:50, e 11:40, f 11:45] has
    "d", and all from "e" on. So many of them stand at its end because the list has ended: they do, but for those that
    were passed.
    """
    known = set(mark.passed or ())
    # Rows of the mark's time that were passed long ago are not remembered where there are too many.
    is_whole = mark.passed is not None and len(mark.passed) < _MOST
    least = 0 if is_whole else first_behind(mark, keys) or len(rows)
    behind: list[T] = []
    for index, row in enumerate(rows):
        when = order.when(row)
        if order.is_beyond(when, mark.when):
            return [*behind, *rows[index:]]
        is_level = when is not None and when == mark.when and index >= least
        if (is_level or index >= len(rows) - last) and short(keys[index]) not in known:
            behind.append(row)
    return behind
