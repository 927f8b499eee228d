"""Several readers as one stream, merged by time."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any, Final, Generic, Protocol, TypeVar, runtime_checkable

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.reader import Reader

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OnError = Callable[[Reader[Any]], None]
"""Told of a reader that has failed, for the reason that it carries; it raises, or the others go on."""

OnPage = Callable[[Reader[Any]], None]
"""Told of a reader that has read a page."""

_MOST_AT_ONCE: Final = 1_000  # rows that are merged before they are handed out: decoded ones take room
_LOW_WATER: Final = 20  # rows left of a page when the next one is fetched


def ignore(_: Reader[Any]) -> None:
    """Do nothing about it."""


class Stream(Protocol[T_co]):
    """The readers of a walk, and the order in which their rows come."""

    @property
    def readers(self) -> Sequence[Reader[T_co]]:
        """The readers that were opened so far."""
        ...

    @property
    def is_complete(self) -> bool:
        """True if no further reader will be opened."""
        ...

    @property
    def in_order(self) -> bool:
        """True if rows of several readers come in the order of their time."""
        ...

    async def take(self, most: int | None) -> Sequence[tuple[T_co, Reader[T_co]]]:
        """Return the next rows, that many at most, and the reader of each; none at the end."""
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
        """Release what does not end by itself, once nothing is under way any more."""
        ...


@runtime_checkable
class TellsEvents(Protocol):
    """A stream that tells of single runs, too, that could not be read."""

    @property
    def events(self) -> Sequence[SourceError]:
        """The events so far."""
        ...


def cancelled(readers: Iterable[Reader[Any]]) -> list[asyncio.Task[Any]]:
    """Cancel the fetches that are under way, and return them."""
    return [task for reader in readers for task in reader.cancel()]


class Known(Generic[T]):
    """Readers that are known from the start."""

    def __init__(self, readers: Sequence[Reader[T]]) -> None:
        self.is_complete = True
        self.in_order = False
        self.readers = readers

    def interrupt(self) -> None:
        """End the fetches that are under way."""
        cancelled(self.readers)

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End the fetches that are under way, and return them."""
        return cancelled(self.readers)

    async def aclose(self) -> None:
        """Let go of nothing."""


class Single(Known[T]):
    """One reader, or none: a page at a time."""

    async def take(self, most: int | None) -> list[tuple[T, Reader[T]]]:
        """Return the next page, or what is left of it."""
        # Pages that hold nothing wanted are passed over: to hand out nothing would say that the walk has ended.
        for reader in self.readers:
            while not reader.left and reader.has_more:
                await reader.read_page()
            return list(zip(reader.hand_out(most), repeat(reader)))
        return []

    def fetch_ahead(self) -> None:
        """Begin to fetch the next page."""
        for reader in self.readers:
            if not reader.left:
                reader.fetch_ahead()


class Merged(Known[T]):
    """Several readers merged by time: the same as sorting everything, where each of them is in order."""

    def __init__(
        self,
        readers: Sequence[Reader[T]],
        *,
        concurrency: int | None = None,
        on_error: OnError | None = None,
        on_page: OnPage | None = None,
    ) -> None:
        """Read those readers.

        Args:
            readers: The readers.
            concurrency: How many pages may be under way at once; None reads them one after the other, in order.
            on_error: Told of a reader that has failed; None raises.
            on_page: Told of a reader that has read a page.
        """
        super().__init__(readers)
        self.in_order = True
        self._on_page = on_page or ignore
        self._concurrency = concurrency
        self._slots = None if concurrency is None else asyncio.Semaphore(concurrency)
        self._on_error = on_error
        self._left: int | None = None
        self._hungry = dict.fromkeys(range(len(readers)))
        self._heap: list[tuple[float, int]] = []
        self._ended: list[Reader[T]] = []

    async def take(self, most: int | None) -> list[tuple[T, Reader[T]]]:
        """Return the rows that come before another page is needed."""
        # Not before now: until their rows are consumed, a cursor is made of them.
        while self._ended:
            self._ended.pop().retire()
        taken: list[tuple[T, Reader[T]]] = []
        while not taken and (self._hungry or self._heap):
            await self._feed()
            self._drain(taken, most)
        self._left = None if most is None else most - len(taken)
        return taken

    def fetch_ahead(self) -> None:
        """Begin to fetch the pages that are needed next."""
        for index in self._hungry:
            self.readers[index].fetch_ahead(self._slots)
        if self._concurrency is None or not self._needs_more():
            return
        # Of those whose turn comes soon, so that few readers hold two pages. A heap begins with about its smallest.
        for _, index in self._heap[: self._concurrency]:
            reader = self.readers[index]
            if reader.left <= _LOW_WATER:
                reader.fetch_ahead(self._slots)

    def _drain(self, taken: list[tuple[T, Reader[T]]], most: int | None) -> None:
        until = _MOST_AT_ONCE if most is None else min(most, _MOST_AT_ONCE)
        while self._heap and len(taken) < until:
            index = self._heap[0][1]
            reader = self.readers[index]
            taken.append((reader.hand_out(1)[0], reader))
            if reader.left:
                heapq.heapreplace(self._heap, (reader.rank, index))
                continue
            heapq.heappop(self._heap)
            if reader.has_more:
                # What comes next is known when its page is:
                #   one     12:00 11:50 | ?        "?" may be 11:45,
                #   other   11:55 11:40            and 11:40 has to wait for it.
                self._hungry[index] = None
                return
            self._ended.append(reader)

    def _needs_more(self) -> bool:
        """True if what is read does not reach up to the limit."""
        return self._left is None or self._left > sum(self.readers[index].left for _, index in self._heap)

    async def _feed(self) -> None:
        hungry = list(self._hungry)  # each that is read leaves them
        if self._slots is None or len(hungry) == 1:
            for index in hungry:
                await self._read(index)
            return
        await concurrently(map(self._read, hungry))

    async def _read(self, index: int) -> None:
        reader = self.readers[index]
        while not reader.left and reader.has_more:
            try:
                await reader.read_page(self._slots)
            except JobRunsError as error:
                if self._on_error is None:
                    raise
                # It is read no more. Its place stays in cursors, and the next walk tries it again.
                reader.error = error
                self._on_error(reader)
                break
            self._on_page(reader)
        del self._hungry[index]
        if reader.left:
            heapq.heappush(self._heap, (reader.rank, index))
