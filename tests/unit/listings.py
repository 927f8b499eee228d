"""Listings without a service behind them: they keep account of what they are asked for."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, ClassVar, Final

import attrs

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.source import Batch, Listing, Named, RowOrder, Source

NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
LISTING: Final = "rows"


@attrs.frozen
class Row:
    """A row of a listing that has a time or not."""

    key: str
    when: datetime | None


@attrs.frozen
class Probe:
    """An operation of which there is but the name."""

    name: str
    service: str = "probe"


KIND: Final[RowOrder[Row]] = RowOrder(attrgetter("key"), attrgetter("when"))


def row(key: str, minutes: float | None) -> Row:
    """A row of so many minutes after noon."""
    return Row(key, None if minutes is None else NOON + timedelta(minutes=minutes))


def newest_first(count: int, prefix: str = "r") -> list[Row]:
    """Rows in order, a minute apart, the newest one first."""
    return [row(f"{prefix}{index}", -index) for index in range(count)]


class Recorder:
    """What all these listings have in common: `asked` are the tokens they were asked for, in order."""

    operation: ClassVar[Named] = Probe("ListRows")

    def __init__(self) -> None:
        self.asked: list[str | None] = []
        self.under_way = 0
        self.withheld: Collection[str | None] = ()
        self.failures: dict[str | None, Exception] = {}

    def page(self, token: str | None) -> Batch[Row]:
        """The page of a token."""
        raise NotImplementedError

    async def fetch(self, token: str | None, _: None = None) -> Batch[Row]:
        """Fetch the page of a token: after a turn of the loop, never if it is withheld, not at all if it fails."""
        self.asked.append(token)
        self.under_way += 1
        try:
            await asyncio.sleep(0)
            if token in self.withheld:
                await asyncio.get_running_loop().create_future()
            if token in self.failures:
                raise self.failures.pop(token)
            return self.page(token)
        finally:
            self.under_way -= 1

    def read(self, page: Batch[Row], _: None) -> tuple[Batch[Row], None]:
        """Return the page, which waits as it is."""
        return page, None


class Book(Recorder):
    """A listing of given pages, whose tokens are "1", "2" and so on unless they are given."""

    def __init__(self, *pages: Sequence[Row], tokens: Mapping[str | None, str] | None = None) -> None:
        super().__init__()
        self._pages = pages
        counted = {str(number) if number else None: str(number + 1) for number in range(len(pages) - 1)}
        self._tokens = counted if tokens is None else tokens

    def page(self, token: str | None) -> Batch[Row]:
        """The page of that number."""
        return Batch(self._pages[int(token or 0)], self._tokens.get(token))


class Shelf(Recorder):
    """A listing that grows at its front, and loses rows. Its tokens name a row, or count rows, so that pages shift.

    All tokens may expire. `shown` are the rows that were in any page, `hidden` those that have moved up in front of the
    next page: rows that are added later may move them back into a page, where nobody is looking for them any more.
    """

    def __init__(self, rows: Sequence[Row], size: int, *, offsets: bool = True) -> None:
        super().__init__()
        self.rows = list(rows)
        self._size = size
        self._offsets = offsets
        self._era = self._added = 0
        self._next = 0
        self.shown: set[Row] = set()
        self.hidden: set[Row] = set()

    def remove(self, index: int) -> None:
        """Take a row away, which lets those behind it move up."""
        if self._offsets and index < self._next:
            self.hidden.update(self.rows[self._next : self._next + 1])
        del self.rows[index : index + 1]

    def add(self, count: int) -> None:
        """Add rows at the front, each newer than all that are there."""
        for _ in range(count):
            self._added += 1
            self.rows.insert(0, row(f"new{self._added}", 1_000 + self._added))

    def expire(self) -> None:
        """Make all tokens invalid that were given out."""
        self._era += 1

    def page(self, token: str | None) -> Batch[Row]:
        """The rows after the place of a token."""
        start = 0 if token is None else self._start(token)
        page = self.rows[start : start + self._size]
        self.shown.update(page)
        self._next = start + self._size
        following = str(start + self._size) if self._offsets else page[-1].key if page else ""
        more = start + self._size < len(self.rows)
        return Batch(page, f"{self._era}:{following}" if more else None)

    def _start(self, token: str) -> int:
        era, _, place = token.partition(":")
        if int(era) != self._era:
            raise InvalidRequestError("The pagination token has expired.", http_status=400)
        return int(place) if self._offsets else [row.key for row in self.rows].index(place) + 1


def pages_of(
    *listings: Listing[Any, Any, Row],
    limit: int | None = None,
    accept: Callable[[Row], bool] | None = None,
    cursor: str | None = None,
) -> Pages[Row]:
    """The pages of one listing, or of several merged."""
    sources = tuple(Source(str(index), _opens(listing)) for index, listing in enumerate(listings))
    begin = None if cursor is None else Cursor.parse(cursor, LISTING)
    return Pages(Plan(LISTING, {}, sources, KIND, accept), limit=limit, begin=begin)


def _opens(listing: Listing[Any, Any, Row]) -> Callable[[tuple[str, ...]], Listing[Any, Any, Row]]:
    return lambda _: listing


def other_tasks() -> set[asyncio.Task[object]]:
    """The tasks of the event loop but for this one."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
