"""One listing being walked: its tokens, its next page under way, and where its rows have been handed out to."""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import compress
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from jobruns_sdk.errors import InvalidRequestError, JobRunsError, PaginationError, answer_of
from jobruns_sdk.loop.meter import Meter, metered
from jobruns_sdk.loop.tasks import begun, ended
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import SourceReport
from jobruns_sdk.paging.awaited import Awaited
from jobruns_sdk.paging.counts import Counts
from jobruns_sdk.paging.cursor import Mark, Place
from jobruns_sdk.paging.encoded import EncodedRows, rows_of
from jobruns_sdk.paging.marks import behind_since, first_behind, mark_at, rows_behind
from jobruns_sdk.paging.seen import SeenRows
from jobruns_sdk.paging.source import Batch, RowOrder, Source
from jobruns_sdk.paging.standing import ReadPage, SourceStanding, Standing

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
_BAD_REQUEST: Final = 400
_NEAR: Final = 3  # rows before the last one by which a page is known to have shifted where that one is gone


def nothing() -> None:
    """Do nothing."""


class Reader(Protocol[T_co]):
    """One source being read, as streams see it: a list, or lists between which rows move."""

    job: JobRef | None
    error: JobRunsError | None

    @property
    def name(self) -> str:
        """Its name in a cursor."""
        ...

    @property
    def counts(self) -> Counts:
        """Counters of one source: requests, pages, rows, late rows, seconds waited."""
        ...

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """The progress on each of its lists."""
        ...

    @property
    def left(self) -> int:
        """The number of rows that are read, wanted and not handed out yet."""
        ...

    @property
    def has_more(self) -> bool:
        """True if there is another page to read."""
        ...

    @property
    def rank(self) -> float:
        """A number by which the next row is merged with those of other readers."""
        ...

    def hand_out(self, most: int | None) -> Sequence[T_co]:
        """Return the next rows, that many at most."""
        ...

    def standing(self, unconsumed: int) -> Standing:
        """Return where it stands, before so many of the rows that were handed out last, which are not consumed."""
        ...

    def touch(self) -> None:
        """Take note that it stands elsewhere than before."""
        ...

    def fetch_ahead(self, slots: asyncio.Semaphore | None = None) -> asyncio.Task[Any] | None:
        """Begin to fetch the page that is needed next, if it is not under way; return the fetch that is."""
        ...

    async def read_page(self, slots: asyncio.Semaphore | None = None) -> None:
        """Read the next page, which may hold nothing that is wanted; only when all that was handed out is consumed."""
        ...

    def retire(self) -> None:
        """Let go of what a reader that has ended needs no more."""
        ...

    def cancel(self) -> list[asyncio.Task[Any]]:
        """End the fetches that are under way, and return them."""
        ...


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
        on_move: Callable[[], object] = nothing,
    ) -> None:
        """Stand at a place, None at the end.

        Args:
            source: What is read.
            kind: What paging needs to know of the rows.
            accept: Tells whether a row is wanted; None if all are.
            seen: Rows of the job that were read lately.
            place: Where to begin; None at the end.
            keep_decoded: Most rows that stay decoded while others go first; None for all of them.
            on_move: Called when it stands elsewhere than before.
        """
        self.name: str = source.name
        self.job: JobRef | None = source.job
        self.error: JobRunsError | None = None
        self.counts: Counts = Counts()
        self._on_move = on_move
        self._page: ReadPage[T] | None = None
        self._meter = Meter()  # of fetches whose page was not read yet
        self._seen = seen
        self._source = source
        self._kind = kind
        self._accept = accept
        self._keep_decoded = keep_decoded
        self._entered = self._next = place
        self._rows: Sequence[T] = ()
        self._ranks: Sequence[float] = ()
        self._at = self._ends_at = 0
        self._listing = source.open(place.state if place else ())
        self._state: Any = None
        self._tokens = {hash(place.token)} if place else set[int]()
        self._repeats = self._restarted = False
        self._resumed = place is not None and place.after is not None
        self._furthest = place.after.when if place and place.after else None
        self._furthest_at: list[datetime | None] = []
        self._before: Mark | None = place.after if place else None  # the mark of the page before
        if self._before is not None:
            seen.fresh((self._before.key,), str)  # it was passed: a list that shows it further down shows it again
        self._sought: Place | None = None
        self._awaited = Awaited(source, kind)
        self._in_doubt = self._is_reread = False
        self._doubted: list[T] = []
        self._ahead: asyncio.Task[Any] | None = None

    @property
    def left(self) -> int:
        """The number of rows that are read, wanted and not handed out yet."""
        return len(self._rows) - self._at

    @property
    def has_more(self) -> bool:
        """True if there is another page to read."""
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
        self._on_move()
        self._remember(rows)
        return rows

    @property
    def page(self) -> ReadPage[T]:
        """The page that was read last."""
        if self._page is None:
            self._page = ReadPage(
                self.name,
                self._kind,
                self._rows,
                self._entered,
                self._next,
                self._sought,
                self._furthest_at,
                self._before,
                self._ends_at,
            )
        return self._page

    @property
    def handed_out(self) -> int:
        """The number of rows of that page that were handed out."""
        return self._at

    def standing(self, unconsumed: int) -> SourceStanding[T]:
        """Return where it stands, before so many of the rows that were handed out last."""
        return SourceStanding(self.page, self._at - unconsumed, self.error is not None)

    def touch(self) -> None:
        """Take note that it stands elsewhere than before."""
        self._on_move()

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """The calls, pages and rows so far, by source."""
        return (self.counts.report(self.name, ended=not (self.has_more or self.left or self.error), error=self.error),)

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
        task, self._ahead = self._ahead, None  # what has failed is fetched anew by the next call
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
            self._enter(place, batch, partial(rows_of, self._listing, answer, before))
        finally:
            self.counts.take(self._meter)
            self._page = None
            self._on_move()

    def retire(self) -> None:
        """Let go of what a reader that has ended, and whose rows are consumed, needs no more."""
        self._rows = self._ranks = ()
        self._at = 0
        self._furthest_at = []
        self._tokens.clear()
        self._seen = SeenRows()
        self._page = None
        self._on_move()

    def cancel(self) -> "list[asyncio.Task[Any]]":
        """End the fetch that is under way, and return it."""
        task, self._ahead = self._ahead, None
        return ended(task)

    async def _fetch(self, token: str | None, slots: asyncio.Semaphore | None) -> object:
        with metered(self._meter):
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
        self._seek(place)

    def _seek(self, place: Place) -> None:
        """Start over at the top, and seek the place."""
        self._listing, self._state = self._source.open(()), None
        self._tokens = {hash(None)}  # those of before may come again
        self._sought, self._doubted, self._in_doubt = None, [], False
        self._awaited.seek(place)
        seeking = place.after is not None
        self._next = Place(None, place.after, seeking, passed=place.passed, since=place.since)

    def _enter(self, place: Place, batch: Batch[T], decode: Callable[[], Sequence[T]]) -> None:
        start = self._sought or place
        rows = self._rows_after(place, start, batch)
        self._sought = start if rows is None else None
        keep_decoded = None if self._doubted else self._keep_decoded  # rows of more than this page are not in its bytes
        is_cut = rows is not None and len(rows) < len(batch.rows)
        passed_over = [*self._doubted, *batch.rows] if start.seeking or is_cut else []
        if rows is not None:
            self._doubted = []
        last = set(map(id, batch.rows[len(batch.rows) - batch.last :])) if batch.last else set[int]()
        if rows is not None:
            self._awaited.found(place, self._state)
            if last:
                rows = [row for row in rows if id(row) not in last or not self._awaited.is_in_vain(row)]
        fresh = self._seen.fresh(rows or (), self._kind.key)
        self._before = place.after
        furthest_at = self._count(batch, fresh)
        # A second refusal before anything new was read is not the last: tokens expire faster than the place is found.
        self._restarted = self._restarted and not fresh
        after = mark_at(self._kind, fresh, furthest_at, len(fresh), place.after, near=_NEAR) if fresh else place.after
        behind, wanted_at = behind_since(self._kind, place, fresh, last)
        following = Place(batch.token, after, rows is None, self._awaited.state(batch.state, self._seen))
        if not behind:
            following = msgspec.structs.replace(following, passed=place.passed, since=place.since)
        self._next = None if batch.token is None else following
        # Raised when the next page is asked for: the rows of this one are good.
        self._repeats = batch.token is not None and hash(batch.token) in self._tokens
        self._tokens.add(hash(batch.token))
        wanted = fresh
        if wanted_at is not None:
            wanted, furthest_at = list(compress(wanted, wanted_at)), list(compress(furthest_at, wanted_at))
        if self._accept is not None:
            accepted = list(map(self._accept, wanted))
            wanted = list(compress(wanted, accepted))
            furthest_at = list(compress(furthest_at, accepted))
        self._rows, self._ranks, self._at, self._furthest_at = wanted, (), 0, furthest_at
        ends_at = (at for at, row in enumerate(wanted) if id(row) in last)
        self._ends_at = next(ends_at, len(wanted)) if last else len(wanted)
        if keep_decoded is not None and len(wanted) > keep_decoded:
            self._ranks = array("d", map(self._kind.rank, wanted))
            self._rows = EncodedRows(decode, batch.rows, wanted, at_once=keep_decoded)
        if passed_over:
            # What lies before the place was handed out by an earlier walk: it may be listed again, further down.
            self._seen.fresh(passed_over, self._kind.key)
            self._remember(passed_over)
        if self._in_doubt:
            self._is_reread = True
            self._seek(place)

    def _remember(self, rows: Sequence[T]) -> None:
        if self._source.lasting is not None:
            self._seen.lasting.update(map(hash, map(self._kind.key, filter(self._source.lasting, rows))))

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
        # A walk from the start knows by its seen rows which it has read, one that was resumed by the mark.
        resumed = self._resumed and not (start.seeking or self._is_reread)
        passed = keys.index(after.key) + 1 if after.key in keys else first_behind(after, keys) if resumed else 0
        if passed:
            self._entered = place
            return rows[passed:]
        times = list(map(self._kind.when, rows))
        behind = rows_behind(self._kind, rows, keys, after, batch.last)
        is_over = batch.token is None or (after.when is None and not start.seeking)
        shifted = start.seeking or self._resumed or self._doubted
        # Rows of the very time of the place: which of them were read is known by the seen rows.
        level = not (shifted or any(self._kind.is_beyond(after.when, time) for time in times))
        if not (behind or level or is_over) and (rows or self._doubted or start.seeking):
            self._doubted += () if start.seeking else rows
            return None
        if start.seeking and after.when is None:
            raise self._lost("the listing no longer holds the place to go on from")
        if (
            resumed
            and after.when is not None
            and (self._doubted or (len(rows) - batch.last > 0 and len(behind) <= batch.last))
        ):
            # Behind "c 11:50" there is nothing but [b 12:00]. Either "b" is late, or it was passed, and the page has
            # shifted by new rows in front while "c" has left the history: from the top that can be told.
            self._in_doubt = True
            return None
        self._entered = start
        return [*self._doubted, *(behind if start.seeking else rows)]

    def _count(self, batch: Batch[T], fresh: Sequence[T]) -> list[datetime | None]:
        """Count what was read; return for each row how far the listing has come with it."""
        times, late, furthest = list(map(self._kind.when, fresh)), 0, self._furthest
        if times and self._kind.in_order(times, furthest):  # as nearly all pages are
            self._furthest = times[-1]
            self.counts.add(batch, rows=len(fresh), late=0)
            return times
        furthest_at: list[datetime | None] = []
        for moment in times:
            if furthest is None or self._kind.is_beyond(moment, furthest):
                furthest = moment
            elif moment is not None and moment != furthest:
                late += 1
            furthest_at.append(furthest)
        self._furthest = furthest
        self.counts.add(batch, rows=len(fresh), late=late)
        return furthest_at
