"""The attempts of many runs as one stream: runs as they are listed, each one's attempts first to last."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import accumulate, takewhile
from typing import Any, Final, Self

import msgspec

from jobruns_sdk.checks import check_limit
from jobruns_sdk.errors import ClientClosedError, JobRunsError, NotFoundError, UnsupportedOperationError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError, SourceError, SourceReport
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.paging.counts import Counts
from jobruns_sdk.paging.cursor import Cursor, Mark, Place
from jobruns_sdk.paging.lists import ATTEMPTS
from jobruns_sdk.paging.pages import Pages, Walk
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.standing import Spot
from jobruns_sdk.services.handle import Handle, ListsAttempts, ListsFullAttempts, TellsAttempt

_LISTING: Final = "attempts of many runs"
_RUNS: Final = "runs"  # the one place that a cursor has: that of the walk through the runs
_RUNS_AT_ONCE: Final = 20

Row = JobRun[Native]
Tried = Attempt[Native]


class ManyAttempts:
    """The attempts of the runs of a listing, and what is asked for them."""

    def __init__(
        self,
        handle: Callable[[JobRef], Handle],
        runs: Callable[[str | None, OnSourceError], Pages[Row]],
        *,
        hydrate: bool,
        on_error: OnSourceError,
        concurrency: int,
    ) -> None:
        """Take what is asked for.

        Args:
            handle: Makes the handle of a job.
            runs: Lists the runs, from the start or from a cursor, and is told what to do about one that cannot be read.
            hydrate: Whether each attempt is to have its end, duration and usage.
            on_error: What to do about a run whose attempts cannot be read.
            concurrency: Of how many runs attempts are asked for at once.
        """
        self._handle = handle
        self.runs = runs
        self.on_error: OnSourceError = on_error
        self._hydrate = hydrate
        self.concurrency = concurrency

    def pages(self, *, limit: int | None, cursor: str | None) -> Pages[Tried]:
        """Return the attempts.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        check_limit("limit", limit)
        at = None if cursor is None else Cursor.parse(cursor, _LISTING)
        place = None if at is None else at.places.get(_RUNS)
        # A cursor of other filters is refused at once.
        runs = self.runs(None if place is None else place.token, "raise")
        arrange = partial(_arrange, self, place)
        return Pages(
            Plan(_LISTING, {}, (), ATTEMPTS, arrange=arrange, read_from=runs.plan.read_from), limit=limit, begin=at
        )

    async def of(self, run: Row, counts: Counts) -> Sequence[Tried]:
        """Return the attempts of a run: of one that was tried once what its row tells, where that is all."""
        handle = self._handle(run.job)
        in_full = self._hydrate and isinstance(handle, ListsFullAttempts)
        if isinstance(handle, TellsAttempt) and (told := handle.attempt_of(run, thin=not in_full)) is not None:
            return (told,)
        if isinstance(handle, ListsFullAttempts) and in_full:
            pages = handle.full_attempts(run.id)
        elif isinstance(handle, ListsAttempts):
            pages = handle.attempts(run.id)
        else:
            raise UnsupportedOperationError("has no attempts", service=run.service)
        async with pages.open() as walk:
            try:
                return [attempt async for attempt in walk]
            finally:
                counts.requests += walk.report.calls
                counts.waited += walk.report.waited
                counts.throttled += walk.report.throttled


def _arrange(many: ManyAttempts, place: Place | None, opening: Any) -> "AttemptStream":  # noqa: ANN401  # an Opening
    failures: list[SourceError] = []

    def note(failed: SourceError) -> None:
        failures.append(failed)
        if callable(many.on_error):
            many.on_error(failed)

    unread: OnSourceError = "raise" if many.on_error == "raise" else note
    walk = many.runs(None if place is None else place.token, unread).open()
    return AttemptStream(many, walk, place, partial(opening.moved.add, 0), failures)


class _Standing(msgspec.Struct, frozen=True):
    """The position of the stream; it is never changed.

    Attributes:
        passed: The place of an earlier walk, while nothing was read.
        spot: The position of the walk through the runs, before the run that comes next, or is not told to its end.
        told: The runs of which some attempts were passed, and the number of the last one: that run, and after it those
            that an earlier walk has told in part and this one has not met yet.
    """

    passed: Place | None
    spot: Spot | None = None
    told: Mapping[str, int] = {}

    def places(self, _: object) -> dict[str, Place | None]:
        """Return where to go on."""
        cursor = None if self.spot is None else self.spot.cursor()
        if cursor is None:
            return {_RUNS: self.passed}
        if not self.told:
            return {_RUNS: Place(cursor)}
        (run, number), *others = self.told.items()
        state = (str(number), *(text for other, last in others for text in (other, str(last))))
        return {_RUNS: Place(cursor, Mark(run, None), state=state)}


def _told_in(place: Place | None) -> dict[str, int]:
    """Return the runs of which an earlier walk has passed some attempts, and the number of the last one."""
    if place is None or place.after is None:
        return {}
    texts = (place.after.key, *place.state)
    return {run: int(number) for run, number in zip(texts[::2], texts[1::2], strict=False)}


class AttemptStream:
    """Runs that are read some at a time, and replaced by their attempts.

    It stands before a run, or behind some of its attempts: a cursor holds that of the walk through the runs, and with
    it the run and the number of its last attempt that was passed. Where it goes on, attempts up to that number are left
    out, wherever the run is met and whatever the history has lost meanwhile:
        earlier   [n, a1 a2 | a3]      the place is before a, of which 2 is the last one that was passed
        later     [n, late, a2 a3 a4]  from the place: late, a3, a4
    """

    def __init__(
        self,
        many: ManyAttempts,
        walk: Walk[Row],
        place: Place | None,
        on_move: Callable[[], object],
        failures: list[SourceError],
    ) -> None:
        """Stand at a place.

        Args:
            many: What is asked for.
            walk: The walk through the runs.
            place: Where to begin; None at the start.
            on_move: Called when it stands elsewhere than before.
            failures: The runs that cannot be read; those that were named are added by the walk.
        """
        self.job: JobRef | None = None
        self.error: JobRunsError | None = None
        self.counts: Counts = Counts()
        self.in_order = False
        self._many = many
        self._walk = walk
        self._on_move = on_move
        self._passed = place  # the run that an earlier walk stopped in, until it is met
        self._runs: list[Row] = []  # whose attempts are handed out
        self._tried: list[Sequence[Tried]] = []  # the attempts of each
        self._told = _told_in(place)  # runs that an earlier walk has told in part, until they are behind this one
        self._skips: list[int] = []  # how many attempts of each run that walk has told
        self._pending: dict[RunRef, Row] = {}  # runs behind them
        self._found: dict[RunRef, Sequence[Tried]] = {}  # what is known of their attempts
        self._ready: list[Tried] = []
        self._at = 0
        self._failures = failures

    @property
    def readers(self) -> Sequence[Any]:
        """The one reader there is, and one for each job that could not be read."""
        return [self, *map(_Failed, (*self._walk.report.failed, *self._failures))]

    @property
    def is_complete(self) -> bool:
        """True if no further reader will be opened."""
        return True

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """The progress on the lists of runs, and on all their attempts."""
        return (*self._walk.report.sources, self.counts.report("attempts", ended=False, error=None))

    async def take(self, most: int | None) -> list[tuple[Tried, Any]]:
        """Return the next attempts, that many at most."""
        while self._at == len(self._ready):
            if not self._pending:
                self._pending = {run.ref: run for run in await self._walk.take(_RUNS_AT_ONCE)}
                if not self._pending:
                    return []
            await self._expand()
        until = len(self._ready) if most is None else min(len(self._ready), self._at + most)
        rows, self._at = self._ready[self._at : until], until
        self._on_move()
        return [(row, self) for row in rows]

    def standing(self, unconsumed: int) -> "_Standing":
        """Return where the stream stands.

        Args:
            unconsumed: How many of the attempts that were handed out last the caller has not consumed.
        """
        if self._passed is not None:
            return _Standing(self._passed)
        consumed = self._at - unconsumed
        left = [len(tried) - skip for tried, skip in zip(self._tried, self._skips, strict=True)]
        ends = list(accumulate(left))
        index = bisect_right(ends, consumed)  # of the run that comes next, or is not told to its end
        told = {ref: last for ref, last in self._told.items() if ref not in map(_text, self._runs[:index])}
        number = consumed - ends[index - 1] if index else consumed
        if number:
            last = self._tried[index][self._skips[index] + number - 1].number
            told = {_text(self._runs[index]): last, **told, _text(self._runs[index]): last}
        spot = self._walk.spot_before(len(self._runs) - index + len(self._pending))
        return _Standing(None, spot, told)

    def touch(self) -> None:
        """Take note that it stands elsewhere than before."""
        self._on_move()

    async def _expand(self) -> None:
        """Read the attempts of the runs that come next, up to one whose attempts cannot be read; raise for the first.

        Raises:
            JobRunsError: The attempts of the next run cannot be read; of one that is gone that is raised once.
        """
        slots = asyncio.Semaphore(self._many.concurrency)

        async def one(run: Row) -> Sequence[Tried] | SourceError:
            async with slots:
                try:
                    return await self._many.of(run, self.counts)
                except JobRunsError as error:
                    return SourceError(run.job, error, run.ref)

        missing = [run for ref, run in self._pending.items() if ref not in self._found]
        failed: dict[RunRef, SourceError] = {}
        for run, found in zip(missing, await concurrently(map(one, missing)), strict=True):
            if not isinstance(found, SourceError):
                self._found[run.ref] = found
            elif self._many.on_error == "raise" or isinstance(found.error, ClientClosedError):
                failed[run.ref] = found
            else:
                self._note(run.ref, found)
                if callable(self._many.on_error):
                    self._many.on_error(found)
        refs = list(takewhile(self._found.__contains__, self._pending))
        if not refs:
            ref = next(iter(self._pending))
            if isinstance(failed[ref].error, NotFoundError):
                self._note(ref, failed[ref])  # when the walk is asked again, it goes on behind it
            raise failed[ref].error
        for run in self._runs:
            self._told.pop(_text(run), None)
        self._passed = None
        self._runs = [self._pending.pop(ref) for ref in refs]
        self._tried = [self._found.pop(ref) for ref in refs]
        last = [self._told.get(_text(run), 0) for run in self._runs]
        self._skips = [sum(one.number <= told for one in tried) for tried, told in zip(self._tried, last, strict=True)]
        self._ready = [one for tried, skip in zip(self._tried, self._skips, strict=True) for one in tried[skip:]]
        self._at = 0
        self.counts.rows += len(self._ready)

    def _note(self, run: RunRef, failure: SourceError) -> None:
        self._found[run] = ()
        self._failures.append(failure)

    def fetch_ahead(self) -> None:
        """Fetch nothing ahead: the walk through the runs does."""

    def interrupt(self) -> None:
        """End nothing: what is under way is awaited by whoever is cancelled."""

    def cancel(self) -> Sequence[asyncio.Task[Any]]:
        """End nothing: see ``aclose``."""
        return ()

    async def aclose(self) -> None:
        """End the walk through the runs."""
        await self._walk.aclose()


def _text(run: Row) -> str:
    return str(run.ref)


class _Failed:
    """A job that could not be read, as reports find it among readers."""

    reports = ()

    def __init__(self, failure: SourceError) -> None:
        self.job = failure.job
        self.error = failure.error
        self.counts = Counts()

    def standing(self, _: int) -> Self:
        """Return this: it stands nowhere."""
        return self

    def places(self, _: object) -> dict[str, Place | None]:
        """Return nothing: the place is that of the runs."""
        return {}
