"""The search for the run of an idempotency key among the rows that Glue lists.

A bound that cuts the search off, and a row that does not show its arguments, leave doubt: neither is "not there".
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final

import attrs

from jobruns_sdk.errors import InvalidRequestError, NotFoundError, PaginationError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.listing import LATE, get_attempt
from jobruns_sdk.services.glue.operations import GET_JOB_RUNS
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
        call: Calls the service.
        wanted: Tells of a mark whether it is looked for.
        since: The moment before which nothing is looked for, given the service's time; None for the whole history.
        now: The client's own time, for services that do not say theirs.
        markless: The ids of runs that are known to carry no mark, which is kept up here.
        ours: Tells of the id of a run whether it is known to have been started with a key.
    """

    job: JobRef
    call: Call
    wanted: Callable[[Mark], bool]
    since: Callable[[datetime], datetime | None]
    now: Callable[[], datetime]
    markless: dict[str, None]
    ours: Callable[[str], bool]
    _end: datetime | None = attrs.field(default=None, init=False)

    async def run(self) -> list[Found]:
        """Return what was found, newest first.

        Raises:
            CutOffError: Nothing was found, and rows remain that were not read or cannot be told apart.
        """
        found: list[Found] = []
        hidden: dict[str, native.JobRun] = {}
        told: set[str] = set()
        cut_off: CutOffError | None = None

        def end_of(reply: Reply) -> datetime | None:
            self._end = self.since(reply.service_time or self.now() - SKEW)
            return self._end

        try:
            async with aclosing(listed(self.job, self.call, end_of)) as rows:
                async for row in rows:
                    # A run that the key had later is listed before this one, or little behind it.
                    if found and _is_before(row, found[0].row):
                        break
                    self._take(row, found, hidden, told)
        except CutOffError as error:
            cut_off = error
        for one in found:
            hidden.pop(one.root, None)
        # Rows that show no arguments are got one by one: Glue lists some that failed without them.
        found += await self._got(list(hidden.values()))
        if cut_off and not found:
            raise cut_off
        return found

    def is_old(self, row: native.JobRun, slack: timedelta = timedelta(0)) -> bool:
        """True if a row began before the moment up to which the search went."""
        started = utc(row.StartedOn)
        return self._end is not None and started is not None and started < self._end - slack

    def _take(
        self,
        row: native.JobRun,
        found: list[Found],
        hidden: dict[str, native.JobRun],
        told: set[str],
    ) -> None:
        root = root_and_number(row.Id or "")[0]
        if not root or root in told:
            return
        if row.Arguments:
            told.add(root)
            hidden.pop(root, None)
            mark = mark_of(row.Arguments)
            if mark is not None and self.wanted(mark):
                found.append(Found(root, mark, row))
            return
        # A retry is listed without arguments before its run, which may show them further down:
        #   jr_1_attempt_1  RUNNING  no Arguments      kept as hidden
        #   jr_1            FAILED   Arguments, mark   found, nothing is hidden any more
        if root not in self.markless and not (self.is_old(row, LATE) and _has_ended(row)):
            hidden.setdefault(root, row)

    async def _got(self, rows: Sequence[native.JobRun]) -> list[Found]:
        slots = asyncio.Semaphore(_GETS_AT_ONCE)

        async def one(row: native.JobRun) -> Found | None:
            async with slots:
                return await self._get(row)

        return [found for found in await concurrently(map(one, rows)) if found is not None]

    async def _get(self, row: native.JobRun) -> Found | None:
        """Return the run of a row that shows no arguments, None if it carries no mark that is wanted."""
        root = root_and_number(row.Id or "")[0]
        try:
            run, _ = await get_attempt(self.call, self.job, root)
        except NotFoundError:
            if root == row.Id:
                raise CutOffError(f"{row.Id} is listed without its arguments, and is not to be got") from None
            run, _ = await get_attempt(self.call, self.job, row.Id or "")
        mark = mark_of(run.Arguments or {})
        if mark is None:
            if self.ours(root):
                raise CutOffError(
                    f"the service does not show the arguments of {root}, which was started here with some"
                )
            self.markless[root] = None
            return None
        return Found(root, mark, run) if self.wanted(mark) else None


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
