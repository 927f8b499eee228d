"""The positions of a walk's readers at a moment: kept at no cost, and turned into places when a cursor is read.

A page's cursor tells of every source of the walk, and most cursors are never read. So a page holds what the places are
made of instead: values that nothing changes later, of which each page shares all but those that have moved since the
page before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from jobruns_sdk.paging.cursor import Cursor, Mark, Place, Query, short
from jobruns_sdk.paging.marks import mark_at, place_since
from jobruns_sdk.paging.source import RowOrder

T = TypeVar("T")
_LATELY: Final = 24  # active rows handed out that a cursor remembers, whatever their time
_CHUNK: Final = 256  # sources that a page shares with the next one, or not


class Standing(Protocol):
    """The position of one reader. It is never changed."""

    def places(self, since: datetime | None) -> dict[str, Place | None]:
        """Return where to go on, by the names that a cursor has for it.

        Args:
            since: The time up to which a stream that is in order has come.
        """
        ...


class ReadPage(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A page of one list as a reader holds it: what the places in it are made of.

    Attributes:
        name: The list's name in a cursor.
        order: What paging needs to know of the rows.
        rows: The rows of the page that are wanted.
        entered: The place at which the page was entered.
        next: The place behind the page, None at the end.
        sought: The place that is still being sought; pages that were read on the way to it do not count.
        furthest_at: How far the listing has come with each row.
        before: The mark of the page before.
        ends_at: Where the rows begin that come only because the list has ended.
    """

    name: str
    order: RowOrder[T]
    rows: Sequence[T]
    entered: Place | None
    next: Place | None
    sought: Place | None
    furthest_at: Sequence[datetime | None]
    before: Mark | None
    ends_at: int

    def place(self, consumed: int) -> Place | None:
        """Return where to go on behind so many rows, None at the end."""
        if self.sought is not None:
            return self.sought
        if consumed == len(self.rows) or self.entered is None:
            return self.next
        return self.behind(consumed) or self.entered

    def ahead_of(self, time: datetime | None, consumed: int) -> int:
        """Return how many of so many rows certainly stand before a row of that time, which the list does not show yet.

        Behind the last one, "c 12:02" of [a 12:00, b 11:40, c 12:02], a row of 11:50 would not be met: its place is
        where the list has not come so far, behind "a".
        """
        while consumed and not self.order.is_beyond(time, self.furthest_at[consumed - 1]):
            consumed -= 1
        return consumed

    def behind(self, consumed: int) -> Place | None:
        """Return the place behind so many rows, None where it is none of them."""
        entered = self.entered
        if not consumed or entered is None:
            return None
        near = consumed - 1 - self.ends_at
        mark = mark_at(self.order, self.rows, self.furthest_at, consumed, self.before, near=near)
        place = Place(entered.token, mark, seeking=True, state=entered.state)
        if entered.since is None or entered.since != mark.when:
            return place
        return msgspec.structs.replace(place, since=entered.since, passed=entered.passed)


class SourceStanding(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """The position of the reader of one list.

    Attributes:
        page: The page that it has read last.
        consumed: How many of its rows were consumed.
        failed: Whether the list has failed.
    """

    page: ReadPage[T]
    consumed: int
    failed: bool

    def places(self, since: datetime | None) -> dict[str, Place | None]:
        """Return where to go on."""
        place = self.page.place(self.consumed)
        # A stream that has come to 12:00 goes on at "first" of this list, whether nothing of it was consumed, as in
        # [new 12:05, first 11:50], or some was, as in [mark 12:10, new 12:05, first 11:50]: "new" has turned up since
        # and would come out of order. A list that has failed may hold more that lies ahead of that.
        if place is not None and since is not None and not self.failed:
            place = place_since(self.page.order, place, since)
        return {self.page.name: place}


class MergedRow(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A row of lists between which rows move.

    Attributes:
        row: The row.
        of: The number of the list in which rows stay that it is of; -1 for an active one.
        is_late: True if it stands further down in that list than its time says.
    """

    row: T
    of: int
    is_late: bool = False


class RoundsStanding(msgspec.Struct, Generic[T], frozen=True):
    """The position of the reader of lists between which rows move.

    Attributes:
        name: The name of the active lists together in a cursor.
        order: What paging needs to know of the rows.
        failed: Whether one of the lists has failed.
        begun: The place at which the walk began.
        time: The time up to which rows were consumed before these.
        level: The active ones of that time.
        lately: The last ones that are active or late, of any time.
        rows: The rows that were read.
        consumed: How many of them were consumed.
        next_active: The active row that comes first of those behind these, None if there is none, or none is known yet.
        is_met: Whether all active rows are among these or before them.
        ended: The lists in which rows stay: the page of each, how many of its rows are among these or before them, and
            where to go on in it while active rows may still turn up there.
    """

    name: str
    order: RowOrder[T]
    failed: bool
    begun: Place
    time: datetime | None
    level: tuple[str, ...]
    lately: tuple[str, ...]
    rows: Sequence[MergedRow[T]]
    consumed: int
    next_active: T | None
    is_met: bool
    ended: Sequence[tuple[ReadPage[T], int, Place | None]]

    def passed(self) -> tuple[datetime | None, tuple[str, ...], tuple[str, ...]]:
        """Return the time up to which rows were consumed, with these, the rows of that time, and the last ones.

        An active row may be in another list when the walk goes on. It is known by its time to have been passed, but for
        rows of the very time of the place, and for one that is late: when "r 12:03" has ended, it may stand in SUCCESS
        as [a 11:40, r 12:03]. So may one that was late in there when it was handed out, if the place is before it. Of
        these the last ones are known, not all: a cursor does not grow with what was passed.
        """
        time, level, lately = self.time, list(self.level), list(self.lately)
        for merged in self.rows[: self.consumed]:
            when = self.order.when(merged.row)
            if when is not None and (time is None or self.order.is_beyond(when, time)):
                time, level = when, []
            key = short(self.order.key(merged.row))
            lately += [key] * (merged.of < 0 or merged.is_late)
            # Also one of a list in which rows stay: where that is of all states, it has what was created amid the walk,
            # which goes on, and which the next walk meets among the active ones.
            level += [key] * (when == time)
        return time, tuple(level), tuple(lately[-_LATELY:])

    def places(self, since: datetime | None) -> dict[str, Place | None]:
        """Return where to go on, in time, and in each list of ended rows."""
        rest = self.rows[self.consumed :]
        time, level, lately = self.passed()
        if since is not None and not self.failed and (time is None or self.order.is_beyond(since, time)):
            time, level = since, ()
        # An active row that is still to come may have ended when the walk goes on: it is behind the last row that was
        # handed out then and is ahead of it in time, be it in front of rows that are read by now.
        #   now     active [r 11:50]   SUCCESS [a 12:00 | b 11:40]             "a" is handed out, and "b" is read
        #   later   active []          SUCCESS [a 12:00, r 11:50 | b 11:40]    the place is behind "a", as "r" is
        left = Counter(merged.of for merged in rest)
        all_known = self.is_met and not left[-1]
        coming = next((merged.row for merged in rest if merged.of < 0), self.next_active)
        active_at = None if coming is None else self.order.when(coming)
        places = {self.name: None if all_known else msgspec.structs.replace(self.begun, since=time, passed=level)}
        for index, (page, handed_on, safe) in enumerate(self.ended):
            consumed = handed_on - left[index]
            place = page.place(consumed) if all_known else page.behind(page.ahead_of(active_at, consumed)) or safe
            places[page.name] = self._place_since(place, time, level)
        # One of the places carries the last ones for all the lists, since a cursor is to be short.
        for name, place in places.items():
            if place is not None:
                passed = tuple(dict.fromkeys((*place.passed, *lately)))
                return places | {name: msgspec.structs.replace(place, passed=passed)}
        return places

    def _place_since(self, place: Place | None, time: datetime | None, level: tuple[str, ...]) -> Place | None:
        if place is None:
            return None
        after = place.after
        if time is None or (after is not None and self.order.is_beyond(after.when, time)):
            return msgspec.structs.replace(place, passed=level if place.since is not None else ())
        return msgspec.structs.replace(place, since=time, passed=level)


class Standings:
    """The positions of all readers of a walk; one that has moved is asked again, the others are not."""

    def __init__(self) -> None:
        self._chunks: list[list[Standing]] = []

    def renew(self, moved: Iterable[int], standing: Callable[[int], Standing]) -> Sequence[Sequence[Standing]]:
        """Return them all, in chunks that are never changed.

        Args:
            moved: The numbers of the readers that have moved; new ones are among them, and follow on the others.
            standing: Tells where a reader stands.
        """
        chunks, chunk, begin, end = self._chunks, list[Standing](), 0, 0
        for number in sorted(moved):
            if number >= end:  # what earlier pages hold stays as it is
                index = number // _CHUNK
                begin, end = index * _CHUNK, (index + 1) * _CHUNK
                chunk = [*chunks[index]] if index < len(chunks) else []
                chunks[index : index + 1] = [chunk]
            at = number - begin
            if at < len(chunk):
                chunk[at] = standing(number)
            else:
                chunk.append(standing(number))
        return tuple(chunks)


class Spot(msgspec.Struct, frozen=True):
    """The position of a walk behind a page: its cursor, before it is made.

    Attributes:
        listing: What is listed, in text.
        query: The filters in force.
        begun: The places at which the walk began.
        standings: Where its readers stand.
        since: Tells the time up to which the stream has come.
        is_complete: Whether no further reader will be opened.
    """

    listing: str
    query: Query
    begun: Mapping[str, Place | None]
    standings: Sequence[Sequence[Standing]]
    since: Callable[[], datetime | None]
    is_complete: bool

    def places(self) -> dict[str, Place | None]:
        """Return where to go on in each listing, by its name in a cursor; None for one that has ended."""
        places, since = dict(self.begun), self.since()
        for chunk in self.standings:
            for standing in chunk:
                places.update(standing.places(since))
        return places

    def cursor(self) -> str | None:
        """Return the cursor, None if nothing is left."""
        places = self.places()
        if self.is_complete and all(place is None for place in places.values()):
            return None
        return str(Cursor(self.listing, self.query, places))
