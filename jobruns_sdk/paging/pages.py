"""The one pagination loop: pages of one listing, or of several merged by time, as an asynchronous iterable."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from jobruns_sdk.checks import check_limit
from jobruns_sdk.errors import NotFoundError, point_to
from jobruns_sdk.hints import AsyncContext, AsyncOnly
from jobruns_sdk.loop.caller import on_behalf_of
from jobruns_sdk.model.reports import SourceError, WalkReport
from jobruns_sdk.observing.walks import WalkCaller
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.paging.cursor import Cursor, Place
from jobruns_sdk.paging.marks import furthest
from jobruns_sdk.paging.merge import Merged, Single, Stream, TellsEvents
from jobruns_sdk.paging.page import Page, page_at
from jobruns_sdk.paging.plan import Opening, Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource
from jobruns_sdk.paging.standing import Spot, Standing, Standings

if TYPE_CHECKING:
    from jobruns_sdk.arrow import JobRunFrame, RecordBatches
    from jobruns_sdk.costs import PriceTable
    from jobruns_sdk.model.refs import JobRef
    from jobruns_sdk.model.runs import Attempt, JobRun

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_FINISHED_AT_ONCE: Final = 50  # rows, so that the first ones need not wait for thousands


class Walk(AsyncOnly, AsyncContext, Generic[T_co]):
    """One walk through the pages, with its own position; made by ``Pages.open()`` or a loop over ``Pages``."""

    _use_instead = "`async for item in walk`"

    def __init__(self, plan: Plan[T_co], begin: Cursor | None, limit: int | None) -> None:
        """Stand where that cursor does, at the start if there is none."""
        self._plan = plan
        self._begin = begin
        self._places: Mapping[str, Place | None] = begin.places if begin else {}
        self._left = limit
        self._ready: Sequence[tuple[T_co, Reader[T_co]]] = ()
        self._taken: Sequence[tuple[T_co, Reader[T_co]]] = ()  # and not finished yet
        self._finished: list[T_co | SourceError] = []  # what the first of these have become
        self._unfinished: dict[JobRef, SourceError] = {}
        self._at = 0
        self._is_begun = False
        self._passed: list[SourceError] = []
        self._is_told = False  # that the next one of the rows that were taken is gone
        self._time: datetime | None = None  # up to which rows were consumed, of those that came before ``_ready``
        self._closed = False
        self._advancing = asyncio.Lock()
        self._caller = WalkCaller(plan.listing)  # not the walk: what fetches hold would not be dropped after a break
        self._opening = Opening(plan, self._places)
        self._standings = Standings()
        self._stream = (plan.arrange or self._arrange)(self._opening)

    def __repr__(self) -> str:
        pages = sum(reader.counts.pages for reader in self._stream.readers)
        return f"<Walk: {self._plan.listing}, {'closed' if self._closed else 'open'}, pages read: {pages}>"

    def __aiter__(self) -> Self:
        """Go on where the walk stands."""
        return self

    async def __anext__(self) -> T_co:
        """Return the next item."""
        while self._closed or self._at >= len(self._ready):
            if not await self._advance():
                raise StopAsyncIteration
        item, _ = self._ready[self._at]
        self._at += 1
        return item

    async def next_page(self) -> Page[T_co] | None:
        """Return what is left of the present page, else the next page; None at the end."""
        items = tuple(await self.take())
        if not items:
            return None
        time = self._time_with(self._ready[: self._at - len(items)])
        return page_at(items, self._spot_behind(time, items))

    async def take(self, most: int | None = None) -> Sequence[T_co]:
        """Return what is left of the present page, else the next page, of it at most so many items; none at the end.

        Raises:
            InvalidRequestError: The number is not at least 1.
            JobRunsError: The page could not be read, as while iterating.
        """
        check_limit("most", most)
        while self._closed or self._at >= len(self._ready):
            if not await self._advance():
                return ()
        begin, end = self._at, len(self._ready)
        self._at = end if most is None else min(end, begin + most)
        return [item for item, _ in self._ready[begin : self._at]]

    @property
    def cursor(self) -> str | None:
        """The cursor after the last item handed out, also in the middle of a page; None if nothing is left.

        A list call that is given None starts over: None is the end of a walk, and not a place to resume from.
        """
        return self.spot_before(0).cursor()

    def spot_before(self, count: int) -> Spot:
        """Return where the walk stood before so many items of the present page were handed out."""
        at = self._at - count
        # Rows that were taken from the stream and not handed out are still to come, whatever has become of them so far.
        unconsumed = Counter(reader for _, reader in (*self._ready[at:], *self._taken))
        since = self._time_with(self._ready[:at])
        standings = [reader.standing(unconsumed[reader]) for reader in self._stream.readers]
        return self._spot([standings], lambda: since)

    @property
    def report(self) -> WalkReport:
        """The calls, pages and rows so far, by source."""
        sources = tuple(report for reader in self._stream.readers for report in reader.reports)
        return WalkReport(sources, self.failures, self._stream.is_complete, read_from=self._plan.read_from)

    @property
    def failures(self) -> tuple[SourceError, ...]:
        """The jobs and runs that could not be read, as the report has them."""
        failed = {
            reader.job: SourceError(reader.job, reader.error)
            for reader in self._stream.readers
            if reader.job and reader.error
        }
        failed = {**self._unfinished, **failed}
        passed = tuple(failure for failure in self._passed if failure not in failed.values())
        events = self._stream.events if isinstance(self._stream, TellsEvents) else ()
        return (*failed.values(), *passed, *events)

    async def aclose(self) -> None:
        """End the walk: nothing of it is under way any more when this returns. A closed walk yields nothing."""
        self._closed = True
        tasks = self._stream.cancel()
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await self._stream.aclose()
            self._caller.end(self, is_left=True)

    async def __aenter__(self) -> Self:
        """Return the walk."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the walk."""
        await self.aclose()

    def __del__(self) -> None:
        """End the fetch under way: a loop that was left by ``break`` has no other way to say so."""
        stream: Stream[T_co] | None = getattr(self, "_stream", None)  # missing if a source could not be opened
        if stream is not None:
            stream.cancel()
            self._caller.end(self, is_left=True, is_dropped=True)

    def _time_with(self, rows: Sequence[tuple[T_co, Reader[T_co]]]) -> datetime | None:
        """Return up to which time a stream that is in order has come with these rows."""
        return furthest(self._plan.kind, self._time, [row for row, _ in rows]) if self._stream.in_order else self._time

    def _spot_behind(self, time: datetime | None, items: Sequence[T_co]) -> Spot:
        """Return where the walk stands behind items that are the last it has handed out."""
        readers, unconsumed = self._stream.readers, Counter(reader for _, reader in self._taken)
        standings = self._standings.renew(
            self._opening.moved, lambda number: (reader := readers[number]).standing(unconsumed.get(reader, 0))
        )
        self._opening.moved.clear()
        for reader in unconsumed:
            reader.touch()  # its rows are consumed later, and it does not move then
        if not self._stream.in_order:
            return self._spot(standings, lambda: time)
        return self._spot(standings, partial(furthest, self._plan.kind, time, items))

    def _spot(self, standings: Sequence[Sequence[Standing]], since: Callable[[], datetime | None]) -> Spot:
        plan = self._plan
        return Spot(plan.listing, plan.query, self._places, standings, since, self._stream.is_complete)

    def _cursor_on_error(self) -> str | None:
        """Return where to go on; where nothing was handed out, the very cursor that the walk began with."""
        if self._is_begun:
            return self.cursor
        return None if self._begin is None else str(self._begin)

    async def _advance(self) -> bool:
        # Several may ask at once: whoever comes later finds the page there, and does not read another.
        async with self._advancing:
            with on_behalf_of(self._caller):
                if not self._closed and self._at < len(self._ready):
                    return True
                if self._closed or (self._left == 0 and not self._taken):
                    return self._caller.end(self, is_left=self._closed)
                if self._is_told:
                    self._is_told = False
                    del self._finished[0]
                    self._taken = self._taken[1:]
                try:
                    if not self._taken:
                        self._taken = await self._stream.take(self._left)
                        if self._left is not None:
                            self._left -= len(self._taken)
                    return await self._hand_over() or self._caller.end(self, is_left=self._closed)
                except asyncio.CancelledError:
                    # Who was cancelled may never ask again; and what keeps the exception would keep the fetches, too.
                    self._stream.interrupt()
                    raise
                except Exception as error:
                    point_to(error, self._cursor_on_error())
                    self._caller.end(self, error)
                    raise

    async def _hand_over(self) -> bool:
        # Before the rows are completed, which may take a call for each of them.
        self._fetch_ahead()
        rows, rest = self._taken, self._taken[:0]
        if self._plan.finish is not None:
            rows = await self._completed(self._plan.finish)
            rest = self._taken[len(rows) :]
        if self._closed:
            return False
        self._time = self._time_with(self._ready)
        self._ready, self._at, self._taken = rows, 0, rest
        self._is_begun = self._is_begun or bool(rows)
        del self._finished[: len(rows)]
        return bool(rows)

    async def _completed(
        self, finish: Callable[[Sequence[T_co]], Awaitable[tuple[Sequence[T_co | SourceError], Sequence[SourceError]]]]
    ) -> Sequence[tuple[T_co, Reader[T_co]]]:
        """Return the next rows, completed, up to the first that could not be; where that is the next one, raise."""
        if not self._finished:
            portion = [row for row, _ in self._taken[:_FINISHED_AT_ONCE]]
            finished, failures = await finish(portion)
            self._unfinished = {**{failure.job: failure for failure in failures}, **self._unfinished}
            self._finished = [row for row, _ in zip(finished, portion, strict=True)]
        rows: list[tuple[T_co, Reader[T_co]]] = []
        for row, (_, reader) in zip(self._finished, self._taken, strict=False):
            if isinstance(row, SourceError):
                break
            rows.append((row, reader))
        failure = next((row for row in self._finished[:1] if isinstance(row, SourceError)), None)
        if failure is None:
            return rows
        if isinstance(failure.error, NotFoundError):
            # It is gone for good: when the walk is asked again, it goes on behind it. Until then its cursor stands
            # before it: a walk from there, without ``hydrate`` or with ``on_error``, yields the run as it is listed.
            self._passed.append(failure)
            self._is_told = True
        else:
            self._finished = []
        raise failure.error

    def _fetch_ahead(self) -> None:
        if not self._closed and self._left != 0:
            self._stream.fetch_ahead()

    def _arrange(self, open_reader: Callable[[AnySource[T_co]], Reader[T_co]]) -> Stream[T_co]:
        readers = [open_reader(source) for source in self._plan.sources]
        return Merged(readers) if len(readers) > 1 else Single(readers)


class Pages(AsyncOnly, Generic[T_co]):
    """The result of a list call: nothing is requested until it is iterated, and every loop starts afresh.

    ``async for item in pages`` yields the items; the next page is fetched while the caller works on the present one.
    """

    _use_instead = "`async for item in pages`, `await pages.collect()` for a list, or `await pages.first()`"

    def __init__(self, plan: Plan[T_co], *, limit: int | None = None, begin: Cursor | None = None) -> None:
        """Prepare to walk; made by the list calls.

        Args:
            plan: What is to be walked through.
            limit: How many items are yielded at most, None for all.
            begin: Where to begin; None for the start.
        """
        self._plan = plan
        self._limit = limit
        self._begin = begin

    def __repr__(self) -> str:
        return f"<Pages: {self._plan.listing}>"

    @property
    def plan(self) -> Plan[T_co]:
        """The listing, its filters and its sources."""
        return self._plan

    def __aiter__(self) -> Walk[T_co]:
        """Start afresh."""
        return self.open()

    def open(self) -> Walk[T_co]:
        """Return one walk with its own position, to be used in ``async with``: it can stop in the middle of a page."""
        return Walk(self._plan, self._begin, self._limit)

    def by_page(self) -> "ByPage[T_co]":
        """Return an iterator over pages, each with the cursor of the place after it."""
        return ByPage(self.open())

    async def collect(self) -> Collected[T_co]:
        """Return all items in a list, which shows as a table; ``collect()`` of runs can be drawn: ``timeline()``."""
        async with self.open() as walk:
            with self._all_or_nothing():
                return Collected([item async for item in walk])

    async def first(self) -> T_co | None:
        """Return the first item, or None if there is none; no page is fetched ahead."""
        async with Walk(self._plan, self._begin, 1) as walk:
            return await anext(walk, None)

    def record_batches(
        self: "Pages[JobRun[object]] | Pages[Attempt[object]]",
        size: int = 4096,
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
    ) -> "RecordBatches":
        """Return an iterator over Arrow record batches, of runs or of attempts; needs the extra ``arrow``.

        Args:
            size: How many rows a batch has; the last one may have fewer.
            native: Whether there is a column ``native``: the service's own structure, as JSON.
            include_secrets: Whether that has the members that may hold secrets, such as job arguments.
            costs: The prices for columns ``cost`` (a decimal) and ``currency``, null where the cost is not known.

        Raises:
            InvalidRequestError: An argument is invalid.
            UnsupportedOperationError: These are pages of something else.
            ModuleNotFoundError: pyarrow is missing.
        """
        from jobruns_sdk.arrow.frames import Columns, RecordBatches  # noqa: PLC0415  # pyarrow is an extra

        columns = Columns.of(self.plan.kind.row, native=native, include_secrets=include_secrets, costs=costs)
        return RecordBatches(self.open(), columns, size)

    async def to_arrow(
        self: "Pages[JobRun[object]] | Pages[Attempt[object]]",
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
    ) -> "JobRunFrame":
        """Return all runs or attempts in columns, for data frames and SQL; the rest is as for ``record_batches``."""
        with self._all_or_nothing():
            return await self.record_batches(native=native, include_secrets=include_secrets, costs=costs).frame()

    @contextmanager
    def _all_or_nothing(self) -> Generator[None]:
        """Let an error tell to go on at the beginning: the caller gets none of what was read before it."""
        try:
            yield
        except Exception as error:
            point_to(error, None if self._begin is None else str(self._begin))
            raise


class ByPage(AsyncOnly, Generic[T_co]):
    """A walk that yields pages; made by ``Pages.by_page()``."""

    _use_instead = "`async for page in pages.by_page()`"

    def __init__(self, walk: Walk[T_co]) -> None:
        self._walk = walk

    def __aiter__(self) -> Self:
        """Go on where the walk stands."""
        return self

    async def __anext__(self) -> Page[T_co]:
        """Return the next page."""
        page = await self._walk.next_page()
        if page is None:
            raise StopAsyncIteration
        return page

    async def aclose(self) -> None:
        """End the walk: nothing of it is under way any more when this returns."""
        await self._walk.aclose()


async def all_of(rows: AsyncIterable[T]) -> list[T]:
    """Return all rows of pages, of a walk, or of something else, for a caller who gets none of them if reading fails.

    An error tells to go on before the first of them: behind those that were read they would be passed over.
    """
    if isinstance(rows, Pages):
        return await rows.collect()
    if not isinstance(rows, Walk):
        return [row async for row in rows]
    begin = rows.cursor
    try:
        return [row async for row in rows]
    except Exception as error:
        point_to(error, begin)
        raise
