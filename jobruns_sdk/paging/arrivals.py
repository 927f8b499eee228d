"""Sources that are found while they are read: merged once all are known, or as their pages arrive."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.loop.tasks import begun, ended
from jobruns_sdk.paging.merge import Merged, OnError, OnPage, cancelled, ignore
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Supply

T = TypeVar("T")

MOST_MERGED: Final = 2_000
"""The most sources that can be merged newest first: each holds a page in memory until it has ended."""

TOO_MANY: Final = (
    f"more than {MOST_MERGED} sources cannot be merged newest first, since each holds a page in memory: "
    "use order='any', or read the jobs in groups"
)


def _is_over(task: asyncio.Task[Any]) -> bool:
    return not task.cancelled() and task.exception() is None and task.result() is None


class Arrivals(Generic[T]):
    """Any number of readers, so many at a time, their pages in the order in which they arrive."""

    def __init__(
        self,
        sources: Supply[T],
        open_reader: Callable[[AnySource[T]], Reader[T]],
        *,
        concurrency: int,
        on_error: OnError | None = None,
        on_page: OnPage | None = None,
    ) -> None:
        """Read those sources.

        Args:
            sources: The sources, each opened when there is room for it.
            open_reader: Opens a reader.
            concurrency: How many readers are open at once.
            on_error: Told of a reader that has failed; None raises.
            on_page: Told of a reader that has read a page.
        """
        self._on_page = on_page or ignore
        self.readers: list[Reader[T]] = []
        self._sources = sources
        self._open_reader = open_reader
        self._concurrency = concurrency
        self._on_error = on_error
        self._reading: list[Reader[T]] = []
        self.in_order = False
        self._all_opened = self._closed = self._failed = False
        self._opening: asyncio.Task[AnySource[T] | None] | None = None

    @property
    def is_complete(self) -> bool:
        """True if no further reader will be opened."""
        return self._all_opened

    async def take(self, most: int | None) -> list[tuple[T, Reader[T]]]:
        """Return the rows of the page that has arrived first, or what is left of the last one."""
        while True:
            for reader in self._reading:
                if reader.left:
                    return [(row, reader) for row in reader.hand_out(most)]
            self._open_more()
            tasks = {task: reader for reader in self._reading if (task := reader.fetch_ahead()) is not None}
            # Some need no request: lists in rounds that still hold rows, and one whose pages never end, which raises.
            if self._reading and len(tasks) < len(self._reading):
                await self._read(next(reader for reader in self._reading if reader not in tasks.values()))
                continue
            awaited: list[asyncio.Task[Any]] = [*tasks]
            if self._opening is not None and self._has_room:
                awaited.append(self._opening)
            if not awaited:
                return []
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
            if self._closed:
                return []
            # One, though several may have arrived: its rows go out before another page is decoded.
            for reader in [reader for task, reader in tasks.items() if task.done()][:1]:
                await self._read(reader)

    def fetch_ahead(self) -> None:
        """Begin to fetch the next page of every reader that is open."""
        for reader in self._reading:
            reader.fetch_ahead()

    def interrupt(self) -> None:
        """End the fetches that are under way."""
        cancelled(self._reading)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, and the search for another source, and return them."""
        self._closed = True
        opening, self._opening = self._opening, None
        return [*cancelled(self.readers), *ended(opening)]

    async def aclose(self) -> None:
        """Let go of where the sources come from."""
        await self._sources.aclose()

    def _open_more(self) -> None:
        for reader in self._reading:
            if not (reader.has_more or reader.left):
                reader.retire()
        self._reading = [reader for reader in self._reading if reader.has_more or reader.left]
        # The next source is looked for even where there is no room yet, so that it is known which is the last one.
        if self._opening is not None and self._opening.done() and (self._has_room or _is_over(self._opening)):
            opening, self._opening = self._opening, None
            self._failed = True
            self._open(opening.result())
            self._failed = False
        # Where the search for sources has failed, it is tried again when those that are open are read.
        if self._opening is None and not (self._all_opened or (self._failed and self._reading)):
            self._opening = begun(self._next_source())

    async def _next_source(self) -> AnySource[T] | None:
        return await anext(self._sources, None)

    @property
    def _has_room(self) -> bool:
        return len(self._reading) < self._concurrency

    def _open(self, source: AnySource[T] | None) -> None:
        if source is None:
            # Only now may a cursor be None: before, jobs may be left that none of the places tells of.
            self._all_opened = True
            return
        reader = self._open_reader(source)
        self.readers.append(reader)
        if reader.has_more:
            self._reading.append(reader)

    async def _read(self, reader: Reader[T]) -> None:
        try:
            await reader.read_page()
        except JobRunsError as error:
            if self._on_error is None:
                raise
            reader.error = error
            self._on_error(reader)
            self._reading.remove(reader)
            return
        # Behind the others, so that one that answers at once does not keep them waiting.
        self._reading.append(self._reading.pop(self._reading.index(reader)))
        self._on_page(reader)


class Gathered(Generic[T]):
    """Readers that are merged by time, once it is known which they are."""

    def __init__(
        self,
        sources: Supply[T],
        open_reader: Callable[[AnySource[T]], Reader[T]],
        merge: Callable[[Sequence[Reader[T]]], Merged[T]],
    ) -> None:
        self._sources = sources
        self._open_reader = open_reader
        self._merge = merge
        self._opened: list[Reader[T]] = []
        self._merged: Merged[T] | None = None
        self.in_order = True
        self._gathering: asyncio.Task[None] | None = None
        self._closed = self._too_many = False

    @property
    def readers(self) -> Sequence[Reader[T]]:
        """The readers that were opened so far."""
        return self._opened

    @property
    def is_complete(self) -> bool:
        """True if no further reader will be opened."""
        return self._merged is not None

    async def take(self, most: int | None) -> list[tuple[T, Reader[T]]]:
        """Return the rows that come before another page is needed.

        Raises:
            InvalidRequestError: There are more sources than can be merged.
        """
        if self._merged is None:
            if self._gathering is None:
                self._gathering = begun(self._gather())
            # Who waits may be cancelled, and ask again: a job that the search had in hand by then must not be lost.
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
        cancelled(self._opened)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, or the search for sources, and return them."""
        self._closed = True
        gathering, self._gathering = self._gathering, None
        return [*cancelled(self._opened), *ended(gathering)]

    async def aclose(self) -> None:
        """Let go of where the sources come from."""
        await self._sources.aclose()

    async def _gather(self) -> None:
        # The source beyond the most is lost to whoever asks again: so it is refused again, not merged without that one.
        while not self._too_many and (source := await anext(self._sources, None)) is not None:
            self._too_many = len(self._opened) == MOST_MERGED
            if not self._too_many:
                self._opened.append(self._open_reader(source))
        if self._too_many:
            raise InvalidRequestError(TOO_MANY)
