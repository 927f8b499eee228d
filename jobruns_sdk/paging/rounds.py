"""The reader of lists between which rows move: active ones in rounds, then merged with those in which rows stay."""

import asyncio
import heapq
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from jobruns_sdk.model.reports import SourceReport
from jobruns_sdk.paging.counts import Counts
from jobruns_sdk.paging.cursor import Place, short
from jobruns_sdk.paging.reader import SourceReader, nothing
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import MovingSource, RowOrder, Source
from jobruns_sdk.paging.standing import MergedRow, RoundsStanding

if TYPE_CHECKING:
    from jobruns_sdk.errors import JobRunsError
    from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")

_MOST_ROUNDS: Final = 4  # an account in which runs come all the time has something new in every round
_MOST_AT_ONCE: Final = 50  # a page of its own, so that there are cursors on the way through many active runs
_START: Final = Place()


class RoundsReader(Generic[T]):
    """The reader of the lists of one job, one for each state, between which rows move.

    A row that moves from a list that is not read yet to one that is read already would be missed: so the active lists
    are read to their end, in the order of a run's life, in which a row that moves is met further on, or was met before.
    Some go back, as runs do that are tried again: so all is read again, until nothing new turns up. Only then is it
    known which rows are active, and these are merged by time with the lists in which rows stay.

        round 1   QUEUED [q1 q2]   RUNNING [r1]      r2 is tried again: it goes from RUNNING, not read, back to QUEUED
        round 2   QUEUED [q1 r2]   RUNNING [q2 r1]   r2 is new
        round 3   QUEUED [q1]      RUNNING [r2 q2]   nothing is new: FAILED is read, where r1 is by now, and comes once
    """

    def __init__(
        self,
        source: MovingSource[T],
        order: RowOrder[T],
        accept: Callable[[T], bool] | None,
        places: Mapping[str, Place | None],
        *,
        remembered: int,
        keep_decoded: int | None,
        on_move: Callable[[], object] = nothing,
    ) -> None:
        """Stand at those places, at the start of those lists that have none; ``on_move`` is told when it has moved."""
        self.name: str = source.name
        self.job: JobRef | None = source.job
        self.error: JobRunsError | None = None
        self._source = source
        self._order = order
        self._accept = accept
        self._remembered = remembered
        self._on_move = on_move
        place = places.get(source.name, _START)
        self._time = None if place is None else place.since
        names = (source.name, *(one.name for one in source.ended))
        at = [found for name in names if (found := places.get(name)) is not None]
        self._level = tuple(dict.fromkeys(key for found in at for key in found.passed))
        self._lately = self._level
        # Whichever place it stands in, such a row may have gone on to any of the lists since.
        self._known = frozenset(self._level)
        self._begun = place or _START
        self._met: dict[str, T] = {}
        self._active: list[T] = []  # the next one last
        self._rows: list[MergedRow[T]] = []
        self._at = 0
        self._round, self._index, self._news = 1, 0, 0
        self._tallies = [Counts() for _ in source.active]
        self._ended = [
            SourceReader(
                one, order, self._is_new, SeenRows(remembered), places.get(one.name, _START), keep_decoded=keep_decoded
            )
            for one in source.ended
        ]
        # Where to go on in a list while rows that were active, and are not handed out yet, may turn up in it.
        self._safe = [places.get(one.name, _START) for one in source.ended]
        self._current = None if place is None else self._opened(source.active[0])

    @property
    def counts(self) -> Counts:
        """Counters of one source: requests, pages, rows, late rows, seconds waited."""
        total = Counts()
        for counts in (*self._tallies, *(reader.counts for reader in self._ended)):
            total.include(counts, rows=counts.rows)
        return total

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """The progress on each list."""
        active: list[SourceReport] = []
        for index, (source, counts) in enumerate(zip(self._source.active, self._tallies, strict=True)):
            error = self.error if self._current is not None and index == self._index else None
            rounds = max(1, self._round - (self._current is not None and index > self._index))
            active.append(counts.report(source.name, ended=self._current is None, error=error, rounds=rounds))
        return (*active, *(report for reader in self._ended for report in reader.reports))

    @property
    def left(self) -> int:
        """The number of rows that are read, wanted and not handed out yet."""
        return len(self._rows) - self._at

    @property
    def has_more(self) -> bool:
        """True if there is another page to read, or rows that were not merged yet."""
        if self._current is not None or self._active:
            return True
        return any(reader.left or reader.has_more for reader in self._ended)

    @property
    def rank(self) -> float:
        """A number by which the next row is merged with those of other readers."""
        return self._order.rank(self._rows[self._at].row)

    def hand_out(self, most: int | None) -> Sequence[T]:
        """Return the next rows, that many at most."""
        until = len(self._rows) if most is None else min(len(self._rows), self._at + most)
        rows = [merged.row for merged in self._rows[self._at : until]]
        self._at = until
        self._on_move()
        return rows

    def standing(self, unconsumed: int) -> RoundsStanding[T]:
        """Return where it stands, before so many of the rows that were handed out last."""
        return RoundsStanding(
            self.name,
            self._order,
            self.error is not None,
            self._begun,
            self._time,
            self._level,
            self._lately,
            self._rows,
            self._at - unconsumed,
            self._active[-1] if self._active else None,
            is_met=self._current is None and not self._active,
            ended=[(one.page, one.handed_out, safe) for one, safe in zip(self._ended, self._safe, strict=True)],
        )

    def touch(self) -> None:
        """Take note that it stands elsewhere than before."""
        self._on_move()

    def fetch_ahead(self, slots: asyncio.Semaphore | None = None) -> asyncio.Task[Any] | None:
        """Begin to fetch the page that is needed next, if it is not under way; return the fetch that is."""
        if self._current is not None:
            return self._current.fetch_ahead(slots)
        hungry = [reader for reader in self._ended if not reader.left and reader.has_more]
        tasks = [reader.fetch_ahead(slots) for reader in (hungry[:1] if slots is None else hungry)]
        return tasks[0] if tasks else None

    async def read_page(self, slots: asyncio.Semaphore | None = None) -> None:
        """Read the next page of the list whose turn it is; only when all that was handed out is consumed.

        Raises:
            JobRunsError: The page could not be read; the next call tries again.
        """
        self._time, self._level, self._lately = self.standing(0).passed()
        self._rows, self._at = [], 0
        try:
            if self._current is not None:
                await self._read_active(self._current, slots)
            else:
                await self._read_ended(slots)
            self.error = None
            if self._current is None:
                self._merge()
        finally:
            self._on_move()

    def retire(self) -> None:
        """Let go of what is needed no more."""
        self._met.clear()
        self._rows, self._at = [], 0
        for reader in self._ended:
            reader.retire()
        self._on_move()

    def cancel(self) -> list[asyncio.Task[Any]]:
        """End the fetches that are under way, and return them."""
        readers = [*self._ended, *([] if self._current is None else [self._current])]
        return [task for reader in readers for task in reader.cancel()]

    def _opened(self, source: Source[T]) -> SourceReader[T]:
        # It has seen nothing: a row that was met in another list, or round, is met again as it is by now.
        return SourceReader(source, self._order, self._accept, SeenRows(self._remembered), _START)

    async def _read_active(self, reader: SourceReader[T], slots: asyncio.Semaphore | None) -> None:
        before = reader.counts.copy()
        news = 0
        try:
            await reader.read_page(slots)
            for row in reader.hand_out(None):
                key = self._order.key(row)
                news += key not in self._met
                self._met[key] = row  # as it was seen last
        finally:
            read = reader.counts.less(before)
            self._tallies[self._index].include(read, rows=read.rows if self._round == 1 else news)
        self._news += news
        if not reader.has_more:
            self._turn()

    def _turn(self) -> None:
        """Go on to the next list, to the next round, or to the lists in which rows stay."""
        self._index += 1
        if self._index == len(self._source.active):
            # Nothing new in a whole round: whatever was active throughout has stood in some list while that was read.
            if not self._news or self._round == _MOST_ROUNDS:
                rows = [row for row in self._met.values() if not self._is_passed(row)]
                rows.sort(key=lambda row: (self._order.rank(row), self._order.key(row)), reverse=True)
                self._active, self._current = rows, None
                return
            self._round, self._index, self._news = self._round + 1, 0, 0
        self._current = self._opened(self._source.active[self._index])

    async def _read_ended(self, slots: asyncio.Semaphore | None) -> None:
        for index, reader in enumerate(self._ended):
            if not reader.left and reader.has_more:
                # The page that is let go of had the last row that was handed out: its place holds till the next one is.
                if self._active:
                    ahead = reader.page.ahead_of(self._order.when(self._active[-1]), reader.handed_out)
                    self._safe[index] = reader.page.behind(ahead) or self._safe[index]
                await reader.read_page(slots)
                return

    def _merge(self) -> None:
        """Merge what is read, up to where another page is needed."""
        if any(not reader.left and reader.has_more for reader in self._ended):
            return  # its next page may hold what comes first
        heap = [(reader.rank, index) for index, reader in enumerate(self._ended) if reader.left]
        if self._active:
            heap.append((self._order.rank(self._active[-1]), -1))
        heapq.heapify(heap)
        while heap and len(self._rows) < _MOST_AT_ONCE:
            index = heap[0][1]
            if index < 0:  # the active rows
                self._rows.append(MergedRow(self._active.pop(), index))
                if self._active:
                    heapq.heapreplace(heap, (self._order.rank(self._active[-1]), -1))
                else:
                    heapq.heappop(heap)
                continue
            reader = self._ended[index]
            (row,) = reader.hand_out(1)
            is_late = self._order.when(row) != reader.page.furthest_at[reader.handed_out - 1]
            self._rows.append(MergedRow(row, index, is_late))
            if reader.left:
                heapq.heapreplace(heap, (reader.rank, index))
            elif reader.has_more:
                return
            else:
                heapq.heappop(heap)

    def _is_new(self, row: T) -> bool:
        key = self._order.key(row)
        if key in self._met or (self._known and short(key) in self._known):
            return False
        return self._accept is None or self._accept(row)

    def _is_passed(self, row: T) -> bool:
        """True if an earlier walk has come beyond an active row."""
        when = self._order.when(row)
        if self._time is None:
            return False
        if when == self._time:
            return short(self._order.key(row)) in self._level
        return not self._order.is_beyond(when, self._time)
