"""One look at a job: its list back to where changes were handed out, and the runs that are followed beyond that.

The list is read page by page, and each page's changes are handed out before the one after the next is read. An example,
with a lag of 30 s and rows that may come 30 minutes late:

    mark    until 10:00, told a (09:50 SUCCEEDED), open b (07:00 RUNNING)
    page    d 10:05 RUNNING, c 09:40 FAILED, a 09:50 SUCCEEDED, older ones    c was listed late, a is known
    get     b SUCCEEDED                                                     the list did not show it
    out     d, c, b
    mark    until 10:05, told d, c and a, open d (and c, where its service may retry it)
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jobruns_sdk.errors import ClientClosedError, JobRunsError, LimitExceededError, NotFoundError
from jobruns_sdk.loop.meter import Meter, metered
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.reports import SourceError, SourceReport
from jobruns_sdk.paging.counts import Counts
from jobruns_sdk.paging.cursor import Place
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Opening
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.runs.changed import Mark, Row
from jobruns_sdk.runs.news import JobNews, LookRules
from jobruns_sdk.services.handle import FoldsRetries, Follows, Handle, ListsActive, Retries
from jobruns_sdk.transport.operation import time_of

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

_GETS_AT_ONCE: Final = 10


class _Standing:
    """The standing of a look, never changed: its job's mark, None where the job is new."""

    def __init__(self, name: str, mark: Mark | None) -> None:
        self._name = name
        self._mark = mark
        self._places: dict[str, Place | None] | None = None

    def places(self, _: object) -> dict[str, Place | None]:
        """Return the mark's place, which is made once: the cursors of many pages hold it."""
        if self._places is None:
            self._places = {} if self._mark is None else {self._name: self._mark.place()}
        return self._places


class Found(msgspec.Struct, frozen=True):
    """The changes that a step has found.

    Attributes:
        rows: The changes.
        mark: The job's mark behind them.
        is_last: Whether no others follow.
    """

    rows: Sequence[Row]
    mark: Mark | None
    is_last: bool = False


class JobLook:
    """A look at one job, step by step; a step that has failed can be taken again.

    Attributes:
        job: The job.
        error: Why it cannot be read.
        counts: What was read, and what that took.
        events: The runs that could not be got, and those that are gone.
        gone: That the job is not there any more, where the cursor knew it.
        has_ended: Whether all is read, and the last changes are in hand.
    """

    def __init__(self, handle: Handle, mark: Mark | None, rules: LookRules, on_move: Callable[[], object]) -> None:
        self.job: JobRef = handle.ref
        self.error: JobRunsError | None = None
        self.counts: Counts = Counts()
        self.events: list[SourceError] = []
        self.gone: NotFoundError | None = None
        self.has_ended: bool = False
        self._handle = handle
        self._is_new = mark is None
        self._rules = rules
        self._on_move = on_move
        self._news = JobNews(
            mark,
            rules,
            folds=handle if isinstance(handle, FoldsRetries) else None,
            thin=isinstance(handle, Follows) and handle.polling.thin,
            retried=isinstance(handle, Retries),
        )
        self._meter = Meter()
        self._unread: list[Reader[Row]] | None = None
        self._is_looked_up = False
        self._before = self._after = _Standing(self.name, mark)
        self._held = Found((), mark)
        self._rows: Sequence[Row] = ()
        self._at = 0

    @property
    def name(self) -> str:
        """The job's name in a cursor."""
        return str(self.job)

    @property
    def left(self) -> int:
        """The number of rows that are in hand and were not handed out yet."""
        return len(self._rows) - self._at

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """The progress on the job."""
        ended = self.has_ended and not self.left and self.error is None
        return (self.counts.report(self.name, ended=ended, error=self.error),)

    def hand_out(self, most: int | None) -> Sequence[Row]:
        """Return the next rows, that many at most."""
        until = len(self._rows) if most is None else min(len(self._rows), self._at + most)
        rows, self._at = self._rows[self._at : until], until
        self._on_move()
        return rows

    def standing(self, unconsumed: int) -> _Standing:
        """Return where it stands: at the mark behind the changes in hand once all are consumed, else before them."""
        return self._after if self._at - unconsumed == len(self._rows) else self._before

    def touch(self) -> None:
        """Take note that it stands elsewhere than before."""
        self._on_move()

    def take(self, found: Found) -> None:
        """Take in hand what a step has found, once all before it is consumed."""
        self._before, self._after = self._after, _Standing(self.name, found.mark)
        self._rows, self._at, self.has_ended = found.rows, 0, found.is_last
        self.counts.rows += len(found.rows)
        self._on_move()

    def retire(self) -> None:
        """Let go of what is not needed once all is handed out."""
        self._rows, self._at, self._before = (), 0, self._after
        self._news = JobNews(None, self._rules, folds=None, thin=False, retried=False)

    async def step(self) -> Found:
        """Read on until there are changes, and it is known whether others follow; return them.

        The last changes of a job are handed out with its mark moved: a cursor behind them would repeat all otherwise.

        Raises:
            JobRunsError: The job cannot be read, or a run that has to be got; the step is taken again when asked for.
        """
        with metered(self._meter):
            try:
                while (changes := await self._more_changes()) is not None:
                    if changes:
                        held = self.held()
                        self._held = Found(changes, self._news.mark_amid())
                        if held.rows:
                            return held
            finally:
                self.counts.requests += self._meter.requests
                self._meter.requests = 0
                self.counts.take(self._meter)
        mark = self._end()
        return Found(self.held().rows, mark, is_last=True)

    def held(self) -> Found:
        """Return the changes that wait until it is known what follows on them, once."""
        held, self._held = self._held, Found((), self._held.mark)
        return held

    async def _more_changes(self) -> Sequence[Row] | None:
        """Read a page, or look for what the list did not show; return the changes, None at the end."""
        if self._unread is None:
            self._unread = _readers_of(self._pages())
        if self._unread:
            return await self._listed(self._unread)
        return None if self._is_looked_up else await self._looked_up()

    def _pages(self) -> Pages[Any]:
        handle, news = self._handle, self._news
        if isinstance(handle, FoldsRetries):
            return handle.attempt_rows_since(news.list_since)
        # Where active runs have lists of their own, those that are followed are looked up there.
        return handle.runs(created_after=news.begin if isinstance(handle, ListsActive) else news.list_since)

    async def _listed(self, unread: list[Reader[Row]]) -> Sequence[Row]:
        """Return the changes on the next page of the list."""
        reader = unread[0]
        try:
            await reader.read_page()
        except NotFoundError as error:
            if self._is_new:
                raise  # it may never have been there
            # The job was deleted: its mark stays, since it may come back, and what is followed is looked for.
            self.gone = error
            unread.clear()
            return self._news.of_rest()
        self.counts.pages += 1
        rows = reader.hand_out(None)
        changes = self._news.of_page(rows)
        if not (reader.has_more and self._news.reads_on(rows)):
            del unread[0]
        return changes if unread else [*changes, *self._news.of_rest()]

    async def _looked_up(self) -> Sequence[Row]:
        """Return the changes of runs that the list did not show, or not whole.

        Raises:
            JobRunsError: A run cannot be got, though another try may; the others are handed out first.
        """
        changes: list[Row] = []
        if self.gone is None and isinstance(self._handle, ListsActive):
            changes += await self._listed_active(self._handle)
        slots = asyncio.Semaphore(_GETS_AT_ONCE)
        run_ids = [*{**self._news.wanted, **self._news.left}]
        failed: list[SourceError] = []
        for run_id, found in zip(run_ids, await concurrently(self._got(one, slots) for one in run_ids), strict=True):
            if not isinstance(found, JobRunsError):
                changes += self._news.of_run(run_id, found)
                continue
            failure = SourceError(self.job, found, self.job.run(run_id))
            if not isinstance(found, NotFoundError):
                failed.append(failure)
            else:
                listed = self._news.of_missing(run_id)
                changes += listed
                self.events += () if listed else (failure,)
        # A run of which the list shows news has to be got: nobody would know of them next time.
        fatal = [one for one in failed if not self._rules.is_skipping or _id_of(one) in self._news.wanted]
        fatal += [one for one in failed if isinstance(one.error, ClientClosedError)]
        if fatal and not changes:
            raise fatal[0].error
        if not fatal:
            self._is_looked_up = True
            self.events += failed
            for failure in failed:
                self._news.keep(_id_of(failure))
        return changes

    async def _listed_active(self, handle: ListsActive) -> list[Row]:
        """Return the changes that the lists of active runs show, where these take fewer calls than to get the runs."""
        changes: list[Row] = []
        lists = handle.active()
        if len(self._news.left) <= len(lists):
            return changes
        for pages in lists:
            for reader in _readers_of(pages):
                while reader.has_more:
                    await reader.read_page()
                    self.counts.pages += 1
                    changes += self._news.of_active(reader.hand_out(None))
        return changes

    async def _got(self, run_id: str, slots: asyncio.Semaphore) -> Row | JobRunsError:
        """Get a run, twice where the answer tells less than is known or nothing, unless its job is gone."""
        async with slots:
            try:
                try:
                    found = await self._handle.run(run_id)
                except NotFoundError:
                    if self.gone is not None:
                        raise
                else:
                    if not self._news.is_stale(run_id, found):
                        return found
                return await self._handle.run(run_id)
            except JobRunsError as error:
                return error

    def _end(self) -> Mark:
        """Return the mark behind all.

        Raises:
            LimitExceededError: More runs would have to be followed than may be.
        """
        mark = self._news.mark_behind(time_of(self._meter.date))
        if len(mark.open) > self._rules.limit_open:
            raise LimitExceededError(
                f"{self.job} has {len(mark.open)} runs that go on or may be retried, and limit_open is "
                f"{self._rules.limit_open}: each takes about 116 bytes of a cursor; raise limit_open, or lower "
                "retry_grace",
                service=self.job.service,
            )
        return mark


def _readers_of(pages: Pages[Any]) -> list[Reader[Row]]:
    """Return readers of all rows, those without a time among them: what is wanted is decided here."""
    plan = msgspec.structs.replace(pages.plan, accept=None)
    return [Opening(plan, {})(source) for source in plan.sources]


def _id_of(failure: SourceError) -> str:
    return "" if failure.run is None else failure.run.run_id
