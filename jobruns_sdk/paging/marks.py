"""Rows by which a place in a listing is found again, even when the last one that was passed has left."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from jobruns_sdk.paging.cursor import Mark, Place, short
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
    if when is None:  # rows without times are found by the key alone
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
        # The page before may have ended at the same time: in [a 12:00, b 12:00 | c 12:00] "a" and "b" are passed.
        is_level = entered.when == when
        if is_level and entered.passed is None:
            return Mark(key, when)
        earlier = (short(entered.key), *(entered.passed or ()))
        passed += earlier if is_level else earlier[: max(0, near - last)]
    return Mark(key, when, tuple(passed[:_MOST]))


def furthest(order: RowOrder[T], time: datetime | None, rows: Sequence[T]) -> datetime | None:
    """Return the time that lies furthest on, of rows and what was before them."""
    for row in rows:
        when = order.when(row)
        if time is None or order.is_beyond(when, time):
            time = when
    return time


def first_behind(mark: Mark, keys: Sequence[str]) -> int:
    """Return how many rows of a page reach up to the last one of them that the mark remembers."""
    known = set(mark.passed or ())
    # The last one, since rows between them may be late ones that have turned up: [b, late, c] behind "b" and "c".
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


def place_since(order: RowOrder[T], place: Place, since: datetime) -> Place:
    """Return a place in a stream that has come to that time, unless it tells of one as far on itself."""
    for time in (place.since, None if place.after is None else place.after.when):
        if time is not None and not order.is_beyond(since, time):
            return place
    return msgspec.structs.replace(place, since=since, passed=())


def behind_since(
    order: RowOrder[T], place: Place, rows: Sequence[T], last: Collection[int]
) -> tuple[bool, list[bool] | None]:
    """Return whether a list has come behind the time of its place, and which rows lie behind that; None for all.

    In a stream that has come to 12:00 with "b" of another list, [new 12:05, b 12:00, c 11:50] goes on at "c": "new" has
    turned up since, and "b" has moved here. A row that is late, in [c 11:50, late 12:03], comes all the same, and so do
    those, by their ids, that come last whatever their time.
    """
    since = place.since
    if since is None:
        return True, None
    # A place of that very time lies behind all that is ahead: what follows it may be late, but was there.
    met = place.after is not None and place.after.when == since
    wanted: list[bool] = []
    for row in rows:
        when = order.when(row)
        if order.is_beyond(when, since):
            return True, wanted + [True] * (len(rows) - len(wanted))
        is_level = when == since and short(order.key(row)) not in place.passed
        met = met or is_level
        wanted.append(is_level or (met and when != since) or id(row) in last)
    return False, wanted
