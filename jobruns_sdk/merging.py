"""How the rows of several lanes become one stream: merged by time, or as their pages arrive."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.lanes import Lane, Source, Supply
from jobruns_sdk.loop.tasks import begun, concurrently, ended

T = TypeVar("T")

OnError = Callable[[Lane[Any]], None]
"""Told of a lane that has failed, for the reason that it carries; it raises, or the others go on."""

OnPage = Callable[[Lane[Any]], None]
"""Told of a lane that has read a page."""

MOST_MERGED: Final = 2_000
"""How many sources can be merged newest first: each holds a page in memory until it has ended."""

TOO_MANY: Final = (
    f"more than {MOST_MERGED} sources cannot be merged newest first, since each holds a page in memory: "
    "use order='any', or read the jobs in groups"
)

_MOST_AT_ONCE: Final = 1_000  # rows that are merged before they are handed out: decoded ones take room
_LOW_WATER: Final = 20  # rows left of a page when the next one is fetched


def _ignore(_: Lane[Any]) -> None:
    """Do nothing about it."""


class Stream(Protocol[T]):
    """The lanes of a walk, and the order in which their rows come."""

    @property
    def lanes(self) -> Sequence[Lane[T]]:
        """The lanes that were opened so far."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether no further lane will be opened."""
        ...

    async def take(self, most: int | None) -> Sequence[tuple[T, Lane[T]]]:
        """Return the next rows, that many at most, and the lane of each; none at the end."""
        ...

    def fetch_ahead(self) -> None:
        """Begin to fetch the pages that are needed next."""
        ...

    def interrupt(self) -> None:
        """End the fetches that are under way: pages can be asked for again, unlike jobs that are being searched for."""
        ...

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End what is under way, and return it."""
        ...

    async def aclose(self) -> None:
        """Let go of what has no end of its own, once nothing is under way any more."""
        ...


def _is_over(task: asyncio.Task[Any]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result() is None


def _cancelled(lanes: Iterable[Lane[Any]]) -> list[asyncio.Task[Any]]:
    return [task for lane in lanes for task in lane.cancel()]


class Known(Generic[T]):
    """Lanes that are known from the start."""

    def __init__(self, lanes: Sequence[Lane[T]]) -> None:
        """Read those lanes."""
        self.is_complete = True
        self.lanes = lanes

    def interrupt(self) -> None:
        """End the fetches that are under way."""
        _cancelled(self.lanes)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, and return them."""
        return _cancelled(self.lanes)

    async def aclose(self) -> None:
        """Let go of nothing."""


class Single(Known[T]):
    """One lane, or none: a page at a time."""

    async def take(self, most: int | None) -> list[tuple[T, Lane[T]]]:
        """Return the next page, or what is left of it."""
        for lane in self.lanes:
            while not lane.left and lane.has_more:
                await lane.read_page()
            return [(row, lane) for row in lane.hand_out(most)]
        return []

    def fetch_ahead(self) -> None:
        """Begin to fetch the next page."""
        for lane in self.lanes:
            if not lane.left:
                lane.fetch_ahead()


class Merged(Known[T]):
    """Several lanes merged by time: as good as sorting everything where each of them is in order."""

    def __init__(
        self,
        lanes: Sequence[Lane[T]],
        *,
        concurrency: int | None = None,
        on_error: OnError | None = None,
        on_page: OnPage | None = None,
    ) -> None:
        """Read those lanes.

        Args:
            lanes: The lanes.
            concurrency: How many pages may be under way at once; None reads them one after the other, in order.
            on_error: Told of a lane that has failed; None raises.
            on_page: Told of a lane that has read a page.
        """
        super().__init__(lanes)
        self._on_page = on_page or _ignore
        self._concurrency = concurrency
        self._slots = None if concurrency is None else asyncio.Semaphore(concurrency)
        self._on_error = on_error
        self._left: int | None = None
        self._hungry = dict.fromkeys(range(len(lanes)))
        self._heap: list[tuple[float, int]] = []
        self._ended: list[Lane[T]] = []

    async def take(self, most: int | None) -> list[tuple[T, Lane[T]]]:
        """Return the rows that come before another page is needed."""
        while self._ended:
            self._ended.pop().retire()
        taken: list[tuple[T, Lane[T]]] = []
        while not taken and (self._hungry or self._heap):
            await self._feed()
            self._drain(taken, most)
        self._left = None if most is None else most - len(taken)
        return taken

    def fetch_ahead(self) -> None:
        """Begin to fetch the pages that are needed next."""
        for index in self._hungry:
            self.lanes[index].fetch_ahead(self._slots)
        if self._concurrency is None or not self._needs_more():
            return
        # Of those whose turn comes soon, so that few lanes hold two pages. A heap begins with about its smallest.
        for _, index in self._heap[: self._concurrency]:
            lane = self.lanes[index]
            if lane.left <= _LOW_WATER:
                lane.fetch_ahead(self._slots)

    def _drain(self, taken: list[tuple[T, Lane[T]]], most: int | None) -> None:
        until = _MOST_AT_ONCE if most is None else min(most, _MOST_AT_ONCE)
        while self._heap and len(taken) < until:
            index = self._heap[0][1]
            lane = self.lanes[index]
            taken.append((lane.hand_out(1)[0], lane))
            if lane.left:
                heapq.heapreplace(self._heap, (lane.rank, index))
                continue
            heapq.heappop(self._heap)
            if lane.has_more:
                self._hungry[index] = None
                return
            self._ended.append(lane)

    def _needs_more(self) -> bool:
        """Whether what is read does not reach up to the limit."""
        return self._left is None or self._left > sum(self.lanes[index].left for _, index in self._heap)

    async def _feed(self) -> None:
        hungry = list(self._hungry)
        if self._slots is None or len(hungry) == 1:
            for index in hungry:
                await self._read(index)
            return
        await concurrently(map(self._read, hungry))

    async def _read(self, index: int) -> None:
        lane = self.lanes[index]
        while not lane.left and lane.has_more:
            try:
                await lane.read_page(self._slots)
            except JobRunsError as error:
                if self._on_error is None:
                    raise
                lane.error = error
                self._on_error(lane)
                break
            self._on_page(lane)
        del self._hungry[index]
        if lane.left:
            heapq.heappush(self._heap, (lane.rank, index))


class Arrivals(Generic[T]):
    """Any number of lanes, so many at a time, their pages in the order in which they arrive."""

    def __init__(
        self,
        sources: Supply[T],
        open_lane: Callable[[Source[T]], Lane[T]],
        *,
        concurrency: int,
        on_error: OnError | None = None,
        on_page: OnPage | None = None,
    ) -> None:
        """Read those sources.

        Args:
            sources: The sources, each opened when there is room for it.
            open_lane: Opens a lane.
            concurrency: How many lanes are open at once.
            on_error: Told of a lane that has failed; None raises.
            on_page: Told of a lane that has read a page.
        """
        self._on_page = on_page or _ignore
        self.lanes: list[Lane[T]] = []
        self._sources = sources
        self._open_lane = open_lane
        self._concurrency = concurrency
        self._on_error = on_error
        self._reading: list[Lane[T]] = []
        self._all_opened = self._closed = False
        self._opening: asyncio.Task[Source[T] | None] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether no further lane will be opened."""
        return self._all_opened

    async def take(self, most: int | None) -> list[tuple[T, Lane[T]]]:
        """Return the rows of the page that has arrived first, or what is left of the last one."""
        while True:
            for lane in self._reading:
                if lane.left:
                    return [(row, lane) for row in lane.hand_out(most)]
            self._open_more()
            tasks = {task: lane for lane in self._reading if (task := lane.fetch_ahead()) is not None}
            if self._reading and len(tasks) < len(self._reading):
                await self._read(next(lane for lane in self._reading if lane not in tasks.values()))
                continue
            awaited: list[asyncio.Task[Any]] = [*tasks]
            if self._opening is not None and self._has_room:
                awaited.append(self._opening)
            if not awaited:
                return []
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._closed:
                return []
            for lane in [lane for task, lane in tasks.items() if task.done()][:1]:
                await self._read(lane)

    def fetch_ahead(self) -> None:
        """Begin to fetch the next page of every lane that is open."""
        for lane in self._reading:
            lane.fetch_ahead()

    def interrupt(self) -> None:
        """End the fetches that are under way."""
        _cancelled(self._reading)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, and the search for another source, and return them."""
        self._closed = True
        opening, self._opening = self._opening, None
        return [*_cancelled(self.lanes), *ended(opening)]

    async def aclose(self) -> None:
        """Let go of where the sources come from."""
        await self._sources.aclose()

    def _open_more(self) -> None:
        for lane in self._reading:
            if not (lane.has_more or lane.left):
                lane.retire()
        self._reading = [lane for lane in self._reading if lane.has_more or lane.left]
        # The next source is looked for even where there is no room yet, so that it is known which is the last one.
        if self._opening is not None and self._opening.done() and (self._has_room or _is_over(self._opening)):
            opening, self._opening = self._opening, None
            self._open(opening.result())
        if self._opening is None and not self._all_opened:
            self._opening = begun(self._next_source())

    async def _next_source(self) -> Source[T] | None:
        return await anext(self._sources, None)

    @property
    def _has_room(self) -> bool:
        return len(self._reading) < self._concurrency

    def _open(self, source: Source[T] | None) -> None:
        if source is None:
            self._all_opened = True
            return
        lane = self._open_lane(source)
        self.lanes.append(lane)
        if lane.has_more:
            self._reading.append(lane)

    async def _read(self, lane: Lane[T]) -> None:
        try:
            await lane.read_page()
        except JobRunsError as error:
            if self._on_error is None:
                raise
            lane.error = error
            self._on_error(lane)
            self._reading.remove(lane)
            return
        # Behind the others, so that one that answers at once does not keep them waiting.
        self._reading.append(self._reading.pop(self._reading.index(lane)))
        self._on_page(lane)


class Gathered(Generic[T]):
    """Lanes that are merged by time, once it is known which they are."""

    def __init__(
        self,
        sources: Supply[T],
        open_lane: Callable[[Source[T]], Lane[T]],
        merge: Callable[[Sequence[Lane[T]]], Merged[T]],
    ) -> None:
        """Read those sources."""
        self._sources = sources
        self._open_lane = open_lane
        self._merge = merge
        self._opened: list[Lane[T]] = []
        self._merged: Merged[T] | None = None
        self._gathering: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def lanes(self) -> Sequence[Lane[T]]:
        """The lanes that were opened so far."""
        return self._opened

    @property
    def is_complete(self) -> bool:
        """Whether no further lane will be opened."""
        return self._merged is not None

    async def take(self, most: int | None) -> list[tuple[T, Lane[T]]]:
        """Return the rows that come before another page is needed.

        Raises:
            InvalidRequestError: There are more sources than can be merged.
        """
        if self._merged is None:
            if self._gathering is None:
                self._gathering = begun(self._gather())
            await asyncio.wait([self._gathering])
            if self._closed:
                return []
            gathering, self._gathering = self._gathering, None
            gathering.result()
            self._merged = self._merge(self._opened)
        return await self._merged.take(most)

    def fetch_ahead(self) -> None:
        """Begin to fetch the pages that are needed next."""
        if self._merged is not None:
            self._merged.fetch_ahead()

    def interrupt(self) -> None:
        """End the fetches that are under way."""
        _cancelled(self._opened)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, or the search for sources, and return them."""
        self._closed = True
        gathering, self._gathering = self._gathering, None
        return [*_cancelled(self._opened), *ended(gathering)]

    async def aclose(self) -> None:
        """Let go of where the sources come from."""
        await self._sources.aclose()

    async def _gather(self) -> None:
        while (source := await anext(self._sources, None)) is not None:
            if len(self._opened) == MOST_MERGED:
                raise InvalidRequestError(TOO_MANY)
            self._opened.append(self._open_lane(source))
