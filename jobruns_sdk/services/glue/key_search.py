"""The search for the run of an idempotency key among the rows that Glue lists.

A bound that cuts the search off, and a row that does not show its arguments, leave doubt: neither is "not there".
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Final

import attrs

from jobruns_sdk.errors import InvalidRequestError, NotFoundError, PaginationError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.states import UNSUCCESSFUL
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.listing import LATE, get_attempt
from jobruns_sdk.services.glue.operations import GET_JOB_RUNS
from jobruns_sdk.services.glue.start_memory import Starts
from jobruns_sdk.services.glue.start_request import Mark, mark_of
from jobruns_sdk.services.glue.translate import STATES, root_and_number
from jobruns_sdk.transport.operation import Call, Reply

LOOK_LIMIT: Final = 20_000
"""The most rows that a search for a key reads; where that is not enough, the outcome is unknown."""

SKEW: Final = timedelta(minutes=5)
"""The most by which a clock may be wrong whose requests AWS accepts, where an answer does not say the service's time.

https://docs.aws.amazon.com/general/latest/gr/signing_aws_api_requests.html
"""

_LARGEST_PAGE: Final = 200
_GETS_AT_ONCE: Final = 10
_BLIND: Final = (
    "{}{} show no arguments, even when got by themselves, and no run like them was seen with any, so a key would "
    "not be seen: key_lifetime=timedelta(0) leaves out those that have ended, on_failed='restart' those that failed"
)


class CutOffError(Exception):
    """A search ended before it had read as far back as it had to; it never leaves this folder."""


async def listed(job: JobRef, call: Call, end_of: Callable[[Reply], datetime | None]) -> AsyncGenerator[native.JobRun]:
    """Yield the rows of a job, newest first, up to the page that is older than an end, which the first page decides.

    Raises:
        CutOffError: More rows were to be read than ``LOOK_LIMIT``.
    """
    token: str | None = None
    tokens: set[str] = set()
    end: datetime | None = None
    read, again = 0, False
    while True:
        after = {} if token is None else {"NextToken": token}
        try:
            reply = await call(GET_JOB_RUNS, {"JobName": job.path[0], "MaxResults": _LARGEST_PAGE, **after})
        except InvalidRequestError:
            if token is None or again:
                raise
            token, again = None, True  # it has expired: rows that were read are read again, which does no harm
            continue
        if read == 0:
            end = end_of(reply)
        answer = GET_JOB_RUNS.read(reply)
        rows = answer.JobRuns or ()
        for row in rows:
            yield row
        token, read = answer.NextToken or None, read + len(rows)
        if token is None or _is_past(rows, end):
            return
        if token in tokens and not again:
            raise PaginationError("the listing goes round in circles", service="glue", operation=GET_JOB_RUNS.name)
        tokens.add(token)
        if read >= LOOK_LIMIT:
            raise CutOffError(f"the search ended after {LOOK_LIMIT} rows")


@attrs.frozen
class Found:
    """A run that carries a mark.

    Attributes:
        root: The id of the run, also where an attempt was seen.
        mark: The mark that it carries.
        row: The row that showed it.
    """

    root: str
    mark: Mark
    row: native.JobRun


@attrs.define
class Search:
    """One search: the rows that carry a wanted mark, as far back as a moment of the service's time.

    Attributes:
        job: The job.
        place: The job by the name that it has in the memory.
        call: Calls the service.
        starts: The client's memory: what it knows of runs is not asked for again.
        wanted: Tells of a mark whether it is looked for.
        since: The moment before which nothing is looked for, given the service's time; None for the whole history.
        is_over: Tells of a row whether its run, with whatever key it has, stands in nobody's way.
    """

    job: JobRef
    place: JobRef
    call: Call
    starts: Starts
    wanted: Callable[[Mark], bool]
    since: Callable[[datetime], datetime | None]
    is_over: Callable[[native.JobRun], bool]
    _end: datetime | None = attrs.field(default=None, init=False)

    async def run(self) -> tuple[list[Found], CutOffError | None]:
        """Return what was found, newest first, and why there may be more: rows not read, or not to be told apart."""
        found: list[Found] = []
        hidden: dict[str, native.JobRun | None] = {}
        told: set[str] = set()
        doubt: CutOffError | None = None

        def end_of(reply: Reply) -> datetime | None:
            self._end = self.since(reply.service_time or self.starts.clock.now() - SKEW)
            return self._end

        try:
            async with aclosing(listed(self.job, self.call, end_of)) as rows:
                async for row in rows:
                    # A run that the key had later is listed before this one, or little behind it.
                    if found and _is_before(row, found[0].row):
                        break
                    self._take(row, found, hidden, told)
        except CutOffError as error:
            doubt = error
        # Rows that show no arguments are got one by one: Glue lists some that failed without them.
        blind = self._sort(await self._got([row for row in hidden.values() if row is not None]), found)
        if found:
            doubt = None  # what was not read is older
        return found, blind or doubt

    def is_old(self, row: native.JobRun, slack: timedelta = timedelta(0)) -> bool:
        """True if a row began before the moment up to which the search went."""
        started = utc(row.StartedOn)
        return self._end is not None and started is not None and started < self._end - slack

    def _take(
        self,
        row: native.JobRun,
        found: list[Found],
        hidden: dict[str, native.JobRun | None],
        told: set[str],
    ) -> None:
        root = root_and_number(row.Id or "")[0]
        if not root or root in told:
            return
        if row.Arguments or self._has_no_key(row, root):
            told.add(root)
            hidden.pop(root, None)
            self._note(row)
            mark = mark_of(row.Arguments or {})
            if mark is not None and self.wanted(mark):
                found.append(Found(root, mark, row))
            return
        # A retry is listed without arguments before its run, which may show them further down:
        #   jr_1_attempt_1  RUNNING  no Arguments      kept as hidden
        #   jr_1            FAILED   Arguments, mark   found, nothing is hidden any more
        # The first row of a run is its latest attempt, which alone tells whether the run is over.
        hidden.setdefault(root, None if self._is_over(row) else row)

    def _has_no_key(self, row: native.JobRun, root: str) -> bool:
        # A trigger's runs and this client's own ones without a key are none of a key, whatever they show.
        known = root in self.starts.markless(self.place) or self.starts.is_claimed(self.place, root)
        return known or row.TriggerName is not None

    def _is_over(self, row: native.JobRun) -> bool:
        return (self.is_old(row, LATE) and _has_ended(row)) or self.is_over(row)

    def _note(self, run: native.JobRun) -> None:
        if run.Arguments:
            self.starts.showing(self.place).add(_kind(run))

    async def _got(self, rows: Sequence[native.JobRun]) -> list[tuple[str, native.JobRun | None]]:
        """Return the ids of runs, and the runs as GetJobRun shows them, None where one is not to be got."""
        slots = asyncio.Semaphore(_GETS_AT_ONCE)

        async def one(row: native.JobRun) -> tuple[str, native.JobRun | None]:
            listed_id = row.Id or ""
            root = root_and_number(listed_id)[0]
            # Of a run whose first attempt has left the history, a retry may be left.
            for run_id in dict.fromkeys((root, listed_id)):
                with suppress(NotFoundError):
                    async with slots:
                        return root, (await get_attempt(self.call, self.job, run_id))[0]
            return root, None

        return await concurrently(map(one, rows))

    def _sort(self, got: Sequence[tuple[str, native.JobRun | None]], found: list[Found]) -> CutOffError | None:
        """Find marks among the runs that were got, and return the doubt about those that show no arguments there, too.

        Glue leaves the member out of a run that was started without arguments, and so does a service that hides them.
        What tells the two apart is another run of the same kind that shows some:

            jr_3  RUNNING    no Arguments       started without: what goes on, or has succeeded, shows them here
            jr_2  SUCCEEDED  Arguments
            jr_1  FAILED     no Arguments       doubt, until a run that failed is seen with some
        """
        seen = [(root, run) for root, run in got if run is not None]
        for _, run in seen:
            self._note(run)
        own = [(root, run) for root, run in seen if run.Arguments is None and self.starts.has_key(self.place, root)]
        shown = self.starts.showing(self.place) - {_kind(run) for _, run in own}
        blind: list[str] = []
        for root, run in seen:
            mark = mark_of(run.Arguments or {})
            if mark is not None:
                if self.wanted(mark):
                    found.append(Found(root, mark, run))
            elif run.Arguments is not None or run.TriggerName is not None or _kind(run) in shown:
                self.starts.markless(self.place)[root] = None
            else:
                blind.append(root)
        for root, _ in own:
            return CutOffError(f"the service does not show the arguments of {root}, which was started here with some")
        if blind:
            return CutOffError(_BLIND.format(blind[0], f" and {len(blind) - 1} more" if len(blind) > 1 else ""))
        lost = next((root for root, run in got if run is None), None)
        return CutOffError(f"{lost} is listed without its arguments, and is not to be got") if lost else None


def _kind(run: native.JobRun) -> str:
    # What is seen of a run that failed proves something for those alone that failed likewise.
    state = STATES.get(run.JobRunState or "")
    return "" if state is not None and state not in UNSUCCESSFUL else run.JobRunState or "?"


def _is_before(row: native.JobRun, other: native.JobRun) -> bool:
    started, then = utc(row.StartedOn), utc(other.StartedOn)
    return started is not None and then is not None and started < then - LATE


def _has_ended(row: native.JobRun) -> bool:
    state = STATES.get(row.JobRunState or "")
    return state is not None and state.is_terminal


def _is_past(rows: Sequence[native.JobRun], end: datetime | None) -> bool:
    # One row that is out of its place ends nothing: the whole page has to be older.
    times = [utc(row.StartedOn) for row in rows]
    return end is not None and bool(rows) and all(time is not None and time < end - LATE for time in times)
