"""Glue's lists, page by page. Runs come newest first, without filters of the service's own."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Final

import msgspec

from jobruns_sdk.checks import page_size_of, pairs_of
from jobruns_sdk.errors import AccessDeniedError, CursorError, NotFoundError, UnsupportedOperationError
from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.paging.lists import job_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.source import Batch, Named
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import GET_JOB_RUN, GET_JOB_RUNS, LIST_JOBS
from jobruns_sdk.services.glue.retries import RetryFold
from jobruns_sdk.services.glue.translate import (
    attempt_from_native,
    attempt_id,
    job_from_native,
    may_be_retried,
    root_and_number,
    run_from_row,
)
from jobruns_sdk.transport.operation import Call, Reply

_NUMBER: Final = re.compile("[1-9][0-9]{0,8}")
_BEHIND: Final = "attempts behind the window"  # the token of what is asked for when reading has stopped
_LAST: Final = "attempts before the place"  # the same where the list has ended for a walk that was resumed
_MOST_RETRIES: Final = 10  # as many as the console lets a job have
# Up to that attempt a run is looked for without asking: MaxRetries may have been lowered since the run was started.
_LOOKED_FOR: Final = 1 + _MOST_RETRIES

LATE: Final = timedelta(minutes=30)
"""The most by which a run may start later than its place in the list says: a queued one waits 20 minutes at most.

https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html
"""


async def get_attempt(
    call: Call, job: JobRef, run_id: str, *, predecessors: bool = False
) -> tuple[native.JobRun, Reply]:
    """Return one attempt as GetJobRun has it, and the answer that it came in.

    Raises:
        NotFoundError: There is none of that id.
    """
    asked = {"PredecessorsIncluded": True} if predecessors else {}
    reply = await call(GET_JOB_RUN, {"JobName": job.path[0], "RunId": run_id, **asked})
    run = GET_JOB_RUN.read(reply).JobRun
    if run is None or not run.Id:
        raise GET_JOB_RUN.lacks("$.JobRun" if run is None else "$.JobRun.Id", reply)
    return run, reply


class Fetched(msgspec.Struct, frozen=True):
    """A page of GetJobRuns as it came.

    Attributes:
        reply: The page, undecoded; None behind the last one, where only attempts are got.
        attempts: Attempts that were got one by one: because an earlier walk has read them, but not the run that they
            belong to, or because they lie behind the page with which reading stops.
        requests: How many requests all that took.
        is_partial: Whether this is the first page of a walk that goes on amid the list.
    """

    reply: Reply | None
    attempts: Sequence[native.JobRun]
    requests: int
    is_partial: bool = False


class RunListing:
    """The runs of a job by GetJobRuns, each with its retries folded in, or each row on its own."""

    operation: ClassVar[Named] = GET_JOB_RUNS

    def __init__(self, job: JobRef, call: Call, query: RunQuery, *, page_size: int, cut: tuple[str, ...]) -> None:
        """Begin at the top, or where an earlier walk has left off.

        Args:
            job: The job.
            call: Calls the service.
            query: What is wanted: rows that are older, by more than they may come late, end the list.
            page_size: How many rows to ask for.
            cut: The ids of the retries that the earlier walk has read, but not the run they belong to.
        """
        self._job = job
        self._call = call
        self._since = query.created_after
        self._end = query.created_after_less(LATE)
        self._page_size = page_size
        self._folds = query.collapse_retries is not False
        self._cut = cut

    async def fetch(self, token: str | None, fold: RetryFold | None) -> Fetched:
        """Fetch a page, and before it what an earlier walk has read and could not carry in its cursor."""
        attempts: list[native.JobRun] = []
        cut = self._cut if fold is None else ()
        requests = len(cut)
        for run_id in cut:
            with suppress(NotFoundError):
                attempts.append((await get_attempt(self._call, self._job, run_id))[0])
        is_partial = fold is None and token is not None
        if token in {_BEHIND, _LAST}:
            groups = RetryFold(self._job).add(attempts)[1] if fold is None else fold
            for earlier in groups.earlier_ids():
                for run_id in earlier:
                    requests += 1
                    with suppress(NotFoundError):
                        attempts.append((await get_attempt(self._call, self._job, run_id))[0])
                        break
            return Fetched(None, attempts, requests, is_partial)
        after = {} if token is None else {"NextToken": token}
        reply = await self._call(GET_JOB_RUNS, {"JobName": self._job.path[0], "MaxResults": self._page_size, **after})
        return Fetched(reply, attempts, requests + reply.requests, is_partial)

    def read(self, page: Fetched, fold: RetryFold | None) -> tuple[Batch[JobRun[native.JobRun]], RetryFold]:
        """Read a page: the runs that are complete with it, and the retries whose run is still to come."""
        reply, fold = page.reply, fold or RetryFold(self._job, is_partial=page.is_partial)
        if reply is None:
            runs, fold = fold.add(page.attempts)
            lost = fold.lost()
            # A run that is there, and was not met on the way from the place, has come before it: [a] of an earlier
            # walk, [a_attempt_1] of this one. What the earlier one did not read is a run without its first attempt.
            runs = [] if fold.is_partial else runs
            return Batch([*runs, *lost], None, page.requests, last=len(lost)), fold
        answer = GET_JOB_RUNS.read(reply)
        rows = answer.JobRuns or ()
        ids = [row.Id for row in rows]
        if not all(ids):
            lacking = next(index for index, run_id in enumerate(ids) if not run_id)
            raise GET_JOB_RUNS.lacks(f"$.JobRuns[{lacking}].Id", reply)
        token = answer.NextToken or None
        lost = []
        if self._folds:
            runs, fold = fold.add((*page.attempts, *rows))
            if token is None and fold.is_partial and fold.open:
                return Batch(runs, _LAST, page.requests, fold.ids), fold
            lost = fold.lost() if token is None else []
        else:
            runs = [self._alone(row, row.Id or "") for row in rows]
        if token is not None and self._is_past(rows):
            # Of [a_attempt_2 in the window, x before it] the run "a" is in the window only where the history has lost
            # its earlier attempts: what is listed further down is older.
            fold = fold.since(self._since)
            token = _BEHIND if fold.open else None
        return Batch([*runs, *lost], token, page.requests, fold.ids, len(lost)), fold

    def _alone(self, row: native.JobRun, run_id: str) -> JobRun[native.JobRun]:
        return run_from_row(self._job, run_id, row, root_and_number(run_id)[1])

    def _is_past(self, rows: Sequence[native.JobRun]) -> bool:
        end = self._end
        return end is not None and any(started < end for row in rows if (started := utc(row.StartedOn)) is not None)


class GotAttempt(msgspec.Struct, frozen=True):
    """The answer to GetJobRun of one attempt.

    Attributes:
        number: The attempt's number, from 1.
        found: The attempt, or the error that says that the history holds none of that number.
        requests: How many requests it took; the client asks for the job's definition, once for all that need it.
        last: The number up to which attempts are looked for, where that was asked for.
    """

    number: int
    found: native.JobRun | NotFoundError
    requests: int
    last: int | None = None


class Sought(msgspec.Struct, frozen=True):
    """The state of a run of which no attempt was found yet.

    Attributes:
        error: Why the first attempt was not found; None once another one was.
        last: The number up to which attempts are looked for.
    """

    error: NotFoundError | None = None
    last: int = _LOOKED_FOR


class AttemptListing:
    """The attempts of a run, first one first, by GetJobRun: Glue has no operation that lists them.

    An attempt's token is its number.
    """

    operation: ClassVar[Named] = GET_JOB_RUN

    def __init__(
        self,
        job: JobRef,
        call: Call,
        run_id: str,
        retry_limit: Callable[[], Awaitable[int | None]],
        *,
        predecessors: bool = False,
    ) -> None:
        """Begin at the first attempt.

        Args:
            job: The run's job.
            call: Makes a call.
            run_id: The run's id; that of any attempt means the same run.
            retry_limit: Tells how many retries a run of the job may have.
            predecessors: True if the rows are to tell of predecessors.
        """
        self._job = job
        self._call = call
        self._retry_limit = retry_limit
        self._predecessors = predecessors
        self._root, self._known = root_and_number(run_id)

    async def fetch(self, token: str | None, sought: Sought | None) -> GotAttempt:
        """Get one attempt; where all that are known of are lost, also find out how many there may be (GetJob).

        Raises:
            CursorError: The token is not the number of an attempt: its cursor was made up.
        """
        if token is not None and not _NUMBER.fullmatch(token):
            raise CursorError("the cursor is damaged: it goes on at no attempt's number")
        number = int(token or 1)
        run_id = attempt_id(self._root, number)
        try:
            row, reply = await get_attempt(self._call, self._job, run_id, predecessors=self._predecessors)
        except NotFoundError as error:
            asks = sought is not None and sought.error is not None and number == max(_LOOKED_FOR, self._known)
            last = 1 + await self._retries() if asks else None
            return GotAttempt(number, error, max(1, error.requests), last)
        return GotAttempt(number, row, reply.requests)

    def read(self, got: GotAttempt, sought: Sought | None) -> tuple[Batch[Attempt[native.JobRun]], Sought]:
        """Return the attempt, or nothing where it is lost.

        Raises:
            NotFoundError: The history holds no attempt of the run.
        """
        number, found = got.number, got.found
        if isinstance(found, NotFoundError):
            sought = Sought(found) if number == 1 else sought or Sought()
            sought = msgspec.structs.replace(sought, last=max(sought.last, got.last or 0))
            # The history may have lost the first attempts and still hold a retry.
            more = number < self._known or (sought.error is not None and number < sought.last)
            if sought.error is not None and not more:
                raise sought.error
            return Batch((), str(number + 1) if more else None, got.requests), sought
        attempt = attempt_from_native(self._job.run(self._root), found)
        more = number < self._known or may_be_retried(attempt.state)
        return Batch((attempt,), str(number + 1) if more else None, got.requests), Sought()

    async def _retries(self) -> int:
        """Return how many retries a run of the job may have had, as many as there can be where that is not told."""
        # A run that is gone is polled for hours: the client asks for the job's definition once, and not at each poll.
        try:
            limit = await self._retry_limit()
        except NotFoundError:
            return 0
        except AccessDeniedError:
            return _MOST_RETRIES
        return _MOST_RETRIES if limit is None else limit


class JobListing:
    """The jobs of an account in a region, by ListJobs, which tells their names and nothing else."""

    operation: ClassVar[Named] = LIST_JOBS

    def __init__(self, call: Call, place: JobRef, *, tags: Mapping[str, str] | None, page_size: int) -> None:
        """Begin at the top, in the region and with the profile of that reference."""
        self._call = call
        self._place = place
        self._asked = {"MaxResults": page_size, **({"Tags": dict(tags)} if tags else {})}

    async def fetch(self, token: str | None, _: None) -> Reply:
        """Fetch a page."""
        after = {} if token is None else {"NextToken": token}
        return await self._call(LIST_JOBS, {**self._asked, **after})

    def read(self, reply: Reply, _: None) -> tuple[Batch[Job[native.Job]], None]:
        """Read a page."""
        answer = LIST_JOBS.read(reply)
        names = answer.JobNames or ()
        if "" in names:
            raise LIST_JOBS.lacks(f"$.JobNames[{names.index('')}]", reply)
        rows = [job_from_native(self._place.sibling(name), native.Job(Name=name)) for name in names]
        return Batch(rows, answer.NextToken or None, reply.requests), None


_LARGEST_PAGE: Final = 1000


def jobs(
    call: Call,
    place: JobRef,
    *,
    name: str | None,
    states: Iterable[str] | None,
    tags: Mapping[str, str] | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Pages[Job[native.Job]]:
    """Return the jobs of a region (ListJobs); see ``JobRunsClient.jobs``.

    Raises:
        UnsupportedOperationError: States are wanted; jobs of Glue have none.
    """
    if states is not None:
        raise UnsupportedOperationError(f"{place.service} has no states of jobs to filter by", service=place.service)
    rows = page_size_of(page_size, _LARGEST_PAGE)
    tags = pairs_of("tags", tags)
    said = sorted(tags.items())
    return job_pages(
        place,
        lambda: JobListing(call, place, tags=tags, page_size=rows),
        name=name,
        said=said,
        limit=limit,
        cursor=cursor,
    )
