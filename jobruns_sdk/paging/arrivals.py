"""Sources that are found while they are read: merged once all are known, or as their pages arrive."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.loop.tasks import begun, ended
from jobruns_sdk.paging.merge import Merged, OnError, OnPage, _cancelled, _ignore
from jobruns_sdk.paging.reader import Lane
from jobruns_sdk.paging.source import Source, Supply

T = TypeVar("T")


MOST_MERGED: Final = 2_000
"""How many sources can be merged newest first: each holds a page in memory until it has ended."""


TOO_MANY: Final = (
    f"more than {MOST_MERGED} sources cannot be merged newest first, since each holds a page in memory: "
    "use order='any', or read the jobs in groups"
)


def _is_over(task: asyncio.Task[Any]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result() is None


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
