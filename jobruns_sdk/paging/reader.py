"""One listing being walked: its tokens, its next page under way, and where its rows have been handed out to."""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from jobruns_sdk.errors import InvalidRequestError, JobRunsError, PaginationError, answer_of
from jobruns_sdk.loop.tasks import begun, ended
from jobruns_sdk.paging.cursor import Mark, Place
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import Batch, Listing, RowOrder, Source

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

T = TypeVar("T")
_BAD_REQUEST: Final = 400


class EncodedRows(Sequence[T]):
    """Rows of a page of which most are kept as bytes: they are decoded a few at a time, when it is their turn."""

    def __init__(
        self, decode: Callable[[], Sequence[T]], rows: Sequence[T], wanted: Sequence[T], *, at_once: int
    ) -> None:
        """Keep what decodes the bytes, which of their rows are wanted, and so many of these decoded."""
        index = {id(row): position for position, row in enumerate(rows)}
        self._decode = decode
        self._positions = array("L", [index[id(row)] for row in wanted])
        self._first = 0
        self._at_once = at_once
        self._decoded = list(wanted[:at_once])

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        if not self._first <= index < self._first + len(self._decoded):
            rows = self._decode()
            self._first = max(0, index - 1)
            self._decoded = [rows[at] for at in self._positions[self._first : index + self._at_once]]
        return self._decoded[index - self._first]


def _rows_of(listing: Listing[Any, Any, T], answer: object, state: object) -> Sequence[T]:
    batch, _ = listing.read(answer, state)
    return batch.rows


class Counts:
    """What was read so far."""

    requests: int = 0
    pages: int = 0
    rows: int = 0
    late: int = 0
    waited: float = 0.0

    def add(self, batch: Batch[Any], *, rows: int, late: int) -> None:
        """Count a page, of which so many rows are new, and so many of these late."""
        self.pages += 1
        self.requests += batch.requests
        self.waited += batch.waited
        self.rows += rows
        self.late += late


class SourceReader(Generic[T]):
    """The reader of one source: what it has read and is wanted is handed out row by row."""

    def __init__(
        self,
        source: Source[T],
        kind: RowOrder[T],
        accept: Callable[[T], bool] | None,
        seen: SeenRows,
        place: Place | None,
        *,
        keep_decoded: int | None = None,
    ) -> None:
        """Stand at a place, None at the end; ``keep_decoded`` bounds the rows kept decoded while others go first."""
        self.name: str = source.name
        self.job: JobRef | None = source.job
        self.error: JobRunsError | None = None
        self.counts: Counts = Counts()
        self.seen: SeenRows = seen
        self._source = source
        self._kind = kind
        self._accept = accept
        self._keep_decoded = keep_decoded
        self._entered = self._next = place
        self._rows: Sequence[T] = ()
        self._ranks: Sequence[float] = ()
        self._at = 0
        self._listing = source.open(place.state if place else ())
        self._state: Any = None
        seen.moving.update(dict.fromkeys(place.passed if place else ()))
        self._tokens = {hash(place.token)} if place else set[int]()
        self._repeats = self._restarted = False
        self._resumed = place is not None and place.after is not None
        self._furthest = place.after.when if place and place.after else None
        self._furthest_at: list[datetime | None] = []
        self._sought: Place | None = None
        self._doubted: list[T] = []
        self._ahead: asyncio.Task[Any] | None = None

    @property
    def left(self) -> int:
        """How many rows are read, wanted and not handed out yet."""
        return len(self._rows) - self._at

    @property
    def has_more(self) -> bool:
        """Whether there is another page to read."""
        return self._next is not None

    @property
    def rank(self) -> float:
        """A number by which the next row is merged with those of other readers; it rises along a listing in order."""
        return self._ranks[self._at] if self._ranks else self._kind.rank(self._rows[self._at])

    def hand_out(self, most: int | None) -> Sequence[T]:
        """Return the next rows, that many at most."""
        until = len(self._rows) if most is None else min(len(self._rows), self._at + most)
        rows = self._rows[self._at : until]
        self._at = until
        if self._source.moves is not None:
            self.seen.moving.update(dict.fromkeys(map(self._kind.key, filter(self._source.moves, rows))))
        return rows

    def place(self, unconsumed: int) -> Place | None:
        """Return where to go on, None at the end.

        Args:
            unconsumed: How many of the rows that were handed out last the caller has not consumed.
        """
        consumed = self._at - unconsumed
        if self._sought is not None:
            return self._sought
        if consumed == len(self._rows) or self._entered is None:
            return self._next
        if not consumed:
            return self._entered
        mark = Mark(self._kind.key(self._rows[consumed - 1]), self._furthest_at[consumed - 1])
        return Place(self._entered.token, mark, seeking=True, state=self._entered.state)

    def fetch_ahead(self, slots: asyncio.Semaphore | None = None) -> "asyncio.Task[Any] | None":
        """Begin to fetch the next page, if there is one and it is not under way; return the fetch that is."""
        if self._next is not None and self._ahead is None and not self._repeats:
            self._ahead = begun(self._fetch(self._next.token, slots))
        return self._ahead

    async def read_page(self, slots: asyncio.Semaphore | None = None) -> None:
        """Read the next page, which may hold nothing that is wanted.

        Raises:
            PaginationError: The service sent a token twice, or the place is not to be found again.
        """
        place = self._next
        if place is None:
            return
        if self._repeats:
            raise self._lost("the service sent the same page token twice: its pages never end")
        task, self._ahead = self._ahead, None
        try:
            answer = await (task or self._fetch(place.token, slots))
            if slots is not None:
                await asyncio.sleep(0)  # whoever has waited for the slot sends its request before this page is decoded
            before, (batch, self._state) = self._state, self._listing.read(answer, self._state)
        except JobRunsError as error:
            self.counts.requests += error.requests
            expired = isinstance(error, InvalidRequestError) and error.http_status == _BAD_REQUEST
            if place.token is None or not expired:
                raise
            self._restart(place, error)
        else:
            self.error = None
            self._enter(place, batch, partial(_rows_of, self._listing, answer, before))

    def retire(self) -> None:
        """Let go of what a reader that has ended, and whose rows are consumed, needs no more."""
        self._rows = self._ranks = ()
        self._at = 0
        self._furthest_at = []
        self._tokens.clear()
        self.seen = SeenRows()

    def cancel(self) -> "list[asyncio.Task[Any]]":
        """End the fetch that is under way, and return it."""
        task, self._ahead = self._ahead, None
        return ended(task)

    async def _fetch(self, token: str | None, slots: asyncio.Semaphore | None) -> object:
        if slots is None:
            return await self._listing.fetch(token, self._state)
        async with slots:
            return await self._listing.fetch(token, self._state)

    def _lost(self, fault: str, refusal: JobRunsError | None = None) -> PaginationError:
        operation = self._listing.operation
        return PaginationError(
            f"{fault} (of {self.name})" if self.name else fault,
            service=operation.service,
            operation=operation.name,
            **answer_of(refusal),
        )

    def _restart(self, place: Place, error: JobRunsError) -> None:
        # Filters and ids were accepted before or were checked here, so it is the token that is refused: it has expired.
        if self._restarted:
            raise self._lost(f"the service refuses its own page tokens: {error.message}", error) from error
        self._restarted = True
        self._listing, self._state = self._source.open(()), None
        self._tokens = {hash(None)}
        self._sought, self._doubted = None, []
        self._next = Place(None, place.after, seeking=place.after is not None)

    def _enter(self, place: Place, batch: Batch[T], decode: Callable[[], Sequence[T]]) -> None:
        start = self._sought or place
        rows = self._rows_after(place, start, batch)
        self._sought = start if rows is None else None
        keep_decoded = None if self._doubted else self._keep_decoded  # rows of more than this page are not in its bytes
        if rows is not None:
            self._doubted = []
        fresh = self.seen.fresh(rows or (), self._kind.key)
        furthest_at = self._count(batch, fresh)
        self._restarted = self._restarted and not fresh
        after = Mark(self._kind.key(fresh[-1]), self._furthest) if fresh else place.after
        self._next = None if batch.token is None else Place(batch.token, after, rows is None, batch.state)
        self._repeats = batch.token is not None and hash(batch.token) in self._tokens
        self._tokens.add(hash(batch.token))
        wanted = fresh
        if self._accept is not None:
            accepted = list(map(self._accept, fresh))
            wanted = list(compress(fresh, accepted))
            furthest_at = list(compress(furthest_at, accepted))
        self._rows, self._ranks, self._at, self._furthest_at = wanted, (), 0, furthest_at
        if keep_decoded is not None and len(wanted) > keep_decoded:
            self._ranks = array("d", map(self._kind.rank, wanted))
            self._rows = EncodedRows(decode, batch.rows, wanted, at_once=keep_decoded)

    def _rows_after(self, place: Place, start: Place, batch: Batch[T]) -> Sequence[T] | None:
        """Return the rows after a place, None if it is still to be found in the pages to come.

        No row before it is beyond it. Rows of a page that should begin right behind it, but may have shifted as a
        whole, since all of them lie before it, are kept until that is certain.
        """
        rows, after = batch.rows, place.after
        first = self._kind.when(rows[0]) if rows else None
        # Most pages begin beyond the place, and need no search.
        if after is None or (not start.seeking and not self._doubted and self._kind.is_beyond(first, after.when)):
            self._entered = place
            return rows
        keys = list(map(self._kind.key, rows))
        if after.key in keys:
            self._entered = place
            return rows[keys.index(after.key) + 1 :]
        times = list(map(self._kind.when, rows))
        beyond = [row for row, time in zip(rows, times, strict=True) if self._kind.is_beyond(time, after.when)]
        is_over = batch.token is None or (after.when is None and not start.seeking)
        # Of rows of the same time a walk from the start knows by its seen rows which it has read.
        shifted = start.seeking or self._resumed or self._doubted
        level = not (shifted or any(self._kind.is_beyond(after.when, time) for time in times))
        if not (beyond or level or is_over) and (rows or self._doubted or start.seeking):
            self._doubted += () if start.seeking else rows
            return None
        if start.seeking and after.when is None:
            raise self._lost("the listing no longer holds the place to go on from")
        self._entered = start
        return [*self._doubted, *(beyond if start.seeking else rows)]

    def _count(self, batch: Batch[T], fresh: Sequence[T]) -> list[datetime | None]:
        """Count what was read; return for each row how far the listing has come with it."""
        late, furthest, furthest_at = 0, self._furthest, list[datetime | None]()
        for moment in map(self._kind.when, fresh):
            if furthest is None or self._kind.is_beyond(moment, furthest):
                furthest = moment
            elif moment is not None and moment != furthest:
                late += 1
            furthest_at.append(furthest)
        self._furthest = furthest
        self.counts.add(batch, rows=len(fresh), late=late)
        return furthest_at
