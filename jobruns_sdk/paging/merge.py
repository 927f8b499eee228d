"""How the rows of several lanes become one stream: merged by time, or as their pages arrive."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Generic, Protocol, TypeVar

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.paging.reader import Lane

T = TypeVar("T")


OnError = Callable[[Lane[Any]], None]
"""Told of a lane that has failed, for the reason that it carries; it raises, or the others go on."""


OnPage = Callable[[Lane[Any]], None]
"""Told of a lane that has read a page."""


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
