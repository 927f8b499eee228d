"""The one pagination loop: pages of one listing, or of several merged by time, as an asynchronous iterable."""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import attrs

from jobruns_sdk.cursors import Cursor, Place, Query
from jobruns_sdk.lanes import Kind, Lane, Source, Window

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_START: Final = Place()


@attrs.frozen
class Page(Generic[T_co]):
    """A page of what was asked for: never empty, filters applied.

    Attributes:
        items: The items in order.
        cursor: Where to go on after this page, in this or another process; None if nothing is left.
    """

    items: tuple[T_co, ...]
    cursor: str | None


@attrs.frozen
class WalkReport:
    """What a walk has done so far.

    Attributes:
        calls: Requests that were answered, retries included.
        pages: Pages read.
        rows: Rows read, before filters, each once.
        disorder: Rows that came later than their time says; each was yielded where it came.
    """

    calls: int
    pages: int
    rows: int
    disorder: int


@attrs.frozen
class Plan(Generic[T]):
    """What is to be walked through.

    Attributes:
        listing: What is listed, in text; a cursor fits only the same.
        query: The filters in force, JSON-safe; a cursor carries them.
        sources: The listings, in the order in which their first pages are read.
        kind: What paging needs to know of the rows.
        accept: Tells whether a row is wanted; None if all are.
    """

    listing: str
    query: Query
    sources: tuple[Source[T], ...]
    kind: Kind[T]
    accept: Callable[[T], bool] | None = None


class Walk(Generic[T_co]):
    """One walk through the pages, with its own position; made by ``Pages.open()`` or a loop over ``Pages``."""

    def __init__(self, plan: Plan[T_co], places: Mapping[str, Place] | None, limit: int | None) -> None:
        """Stand at those places, at the start if there are none."""
        self._lanes: list[Lane[T_co]] = []
        self._plan = plan
        windows = {source.group: Window() for source in plan.sources}
        for source in plan.sources:
            place = _START if places is None else places.get(source.name)
            self._lanes.append(Lane(source, plan.kind, plan.accept, windows[source.group], place))
        self._left = limit
        self._ready: Sequence[T_co] = ()
        self._owners: Sequence[Lane[T_co]] = ()
        self._at = 0
        self._closed = False
        self._advancing = asyncio.Lock()

    def __aiter__(self) -> Self:
        """Go on where the walk stands."""
        return self

    async def __anext__(self) -> T_co:
        """Return the next item."""
        while self._closed or self._at >= len(self._ready):
            if not await self._advance():
                raise StopAsyncIteration
        item = self._ready[self._at]
        self._at += 1
        return item

    async def next_page(self) -> Page[T_co] | None:
        """Return what is left of the present page, else the next page; None at the end."""
        if (self._closed or self._at >= len(self._ready)) and not await self._advance():
            return None
        items = self._ready[self._at :]
        self._at = len(self._ready)
        return Page(tuple(items), self.cursor)

    @property
    def cursor(self) -> str | None:
        """Where to go on after the last item handed out, also in the middle of a page; None if nothing is left."""
        places = {lane.name: place for lane in self._lanes if (place := self._place(lane)) is not None}
        return str(Cursor(self._plan.listing, self._plan.query, places)) if places else None

    @property
    def report(self) -> WalkReport:
        """What was done so far."""
        lanes = self._lanes
        return WalkReport(
            calls=sum(lane.requests for lane in lanes),
            pages=sum(lane.pages for lane in lanes),
            rows=sum(lane.seen for lane in lanes),
            disorder=sum(lane.late for lane in lanes),
        )

    async def aclose(self) -> None:
        """End the walk: nothing of it is under way any more when this returns. A closed walk yields nothing."""
        self._closed = True
        tasks = [task for lane in self._lanes if (task := lane.cancel()) is not None]
        if tasks:
            await asyncio.wait(tasks)

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
        for lane in self._lanes:
            lane.cancel()

    async def _advance(self) -> bool:
        async with self._advancing:
            if not self._closed and self._at < len(self._ready):
                return True
            if self._closed or self._left == 0:
                return False
            self._settle()
            for lane in self._lanes:
                while not lane.rows and lane.has_more:
                    await lane.read_page()
            if not self._closed:
                self._take()
            return bool(self._ready)

    def _settle(self) -> None:
        for lane, row in dict(zip(self._owners, self._ready, strict=True)).items():
            lane.handed = row if lane.rows else None
        self._ready, self._owners, self._at = (), (), 0

    def _take(self) -> None:
        """Make ready all that can be handed out before another page is needed."""
        if len(self._lanes) == 1:
            lane = self._lanes[0]
            self._ready, lane.rows = lane.rows[: self._left], lane.rows[self._left :] if self._left is not None else ()
            self._owners = [lane] * len(self._ready)
        else:
            self._merge()
        if self._left is not None:
            self._left -= len(self._ready)
        if self._left != 0:
            for lane in self._lanes:
                if not lane.rows:
                    lane.fetch_ahead()

    def _merge(self) -> None:
        rank = self._plan.kind.rank
        ready: list[T_co] = []
        owners: list[Lane[T_co]] = []
        taken = [0] * len(self._lanes)
        heap = [(rank(lane.rows[0]), index) for index, lane in enumerate(self._lanes) if lane.rows]
        heapq.heapify(heap)
        while heap and len(ready) != self._left:
            index = heap[0][1]
            lane = self._lanes[index]
            ready.append(lane.rows[taken[index]])
            owners.append(lane)
            taken[index] += 1
            if taken[index] < len(lane.rows):
                heapq.heapreplace(heap, (rank(lane.rows[taken[index]]), index))
            elif lane.has_more:
                break
            else:
                heapq.heappop(heap)
        for lane, count in zip(self._lanes, taken, strict=True):
            lane.rows = lane.rows[count:]
        self._ready, self._owners = ready, owners

    def _place(self, lane: Lane[T_co]) -> Place | None:
        own = [at for at, owner in enumerate(self._owners) if owner is lane]
        taken = [at for at in own if at < self._at]
        exhausted = not lane.rows and len(taken) == len(own)
        return lane.place(self._ready[taken[-1]] if taken else None, exhausted=exhausted)


class Pages(Generic[T_co]):
    """What a list call returns: nothing is requested until it is iterated, and every loop starts afresh.

    ``async for item in pages`` yields the items; the next page is fetched while the caller works on the present one.
    """

    def __init__(
        self, plan: Plan[T_co], *, limit: int | None = None, places: Mapping[str, Place] | None = None
    ) -> None:
        """Prepare to walk; made by the list calls.

        Args:
            plan: What is to be walked through.
            limit: How many items are yielded at most, None for all.
            places: Where to begin, from a cursor; None for the start.
        """
        self._plan = plan
        self._limit = limit
        self._places = places

    def __aiter__(self) -> Walk[T_co]:
        """Start afresh."""
        return self.open()

    def open(self) -> Walk[T_co]:
        """Return one walk with its own position, to be used in ``async with``: it can stop in the middle of a page."""
        return Walk(self._plan, self._places, self._limit)

    def by_page(self) -> "ByPage[T_co]":
        """Return an iterator over pages, each with the cursor of the place after it."""
        return ByPage(self.open())

    async def collect(self) -> list[T_co]:
        """Return all items in a list."""
        return [item async for item in self]

    async def first(self) -> T_co | None:
        """Return the first item, or None if there is none; no page is fetched ahead."""
        async with Walk(self._plan, self._places, 1) as walk:
            return await anext(walk, None)


class ByPage(Generic[T_co]):
    """A walk that yields pages; made by ``Pages.by_page()``."""

    def __init__(self, walk: Walk[T_co]) -> None:
        """Go along with a walk."""
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
