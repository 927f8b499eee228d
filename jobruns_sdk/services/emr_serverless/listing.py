"""The lists of EMR Serverless, page by page."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Final

import attrs
import msgspec

from jobruns_sdk.checks import items_of, page_size_of
from jobruns_sdk.errors import (
    ClientClosedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    UnsupportedOperationError,
)
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError, SourceError
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.paging.lists import attempt_pages, job_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.source import Batch, Named
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.operations import (
    GET_JOB_RUN,
    LIST_APPLICATIONS,
    LIST_JOB_RUN_ATTEMPTS,
    LIST_JOB_RUNS,
)
from jobruns_sdk.services.emr_serverless.translate import (
    AttemptNative,
    attempt_from_native,
    attempt_from_summary,
    job_from_summary,
    run_from_native,
    run_from_summary,
)
from jobruns_sdk.transport.operation import Call, Reply

# Whether the service's own bounds are inclusive is not documented, so it is asked for more and bounded exactly here.
# https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_ListJobRuns.html
_SLACK: Final = timedelta(seconds=1)
_MOST_UNLISTED: Final = 1_000  # attempts that are got one by one because the list lacks them
_MOST_LISTED: Final = 50  # attempts on a page
_GETS_AT_ONCE: Final = 10
_FIRST_MODE: Final = "BATCH"  # that of runs from before there was another


async def get_run(call: Call, run: RunRef, attempt: int | None = None) -> tuple[native.JobRun, Reply]:
    """Return a run as GetJobRun has it, and the answer that it came in."""
    asked = {} if attempt is None else {"attempt": attempt}
    reply = await call(GET_JOB_RUN, {"applicationId": run.job.path[0], "jobRunId": run.run_id, **asked})
    found = GET_JOB_RUN.read(reply).jobRun
    if found is None or not found.jobRunId:
        raise GET_JOB_RUN.lacks("$.jobRun" if found is None else "$.jobRun.jobRunId", reply)
    return found, reply


class Fetched(msgspec.Struct, frozen=True):
    """A page of ListJobRuns as it came, and what was got because the list does not tell it.

    Attributes:
        reply: The page, undecoded.
        got: The runs whose ends had to be known, by their ids, None for one that is gone; and the requests that each
            took.
    """

    reply: Reply
    got: Sequence[tuple[str, native.JobRun | None, int]] = ()


def _with_end(row: JobRun[native.JobRunSummary], full: native.JobRun) -> JobRun[native.JobRunSummary]:
    """Return a listed run with what GetJobRun tells of its times; its state stays that which was listed."""
    found = run_from_native(row.job, row.id, full)
    return attrs.evolve(row, started_at=found.started_at, ended_at=found.ended_at)


class RunListing:
    """The runs of an application by ListJobRuns, in one state or in all.

    Several states at once come grouped by state; where order matters they are listed one by one and merged.
    """

    operation: ClassVar[Named] = LIST_JOB_RUNS

    def __init__(
        self,
        application: JobRef,
        call: Call,
        query: RunQuery,
        *,
        states: Sequence[str] | None,
        page_size: int,
        on_error: OnSourceError = "raise",
    ) -> None:
        self._application = application
        self._call = call
        self._query = query
        self._on_error: OnSourceError = on_error
        self._mode = query.mode
        asked = {
            "applicationId": application.path[0],
            "maxResults": page_size,
            "states": None if states is None else list(states),
            "createdAtAfter": query.created_after_less(_SLACK),
            "createdAtBefore": query.created_before_plus(_SLACK),
            "mode": query.mode,
        }
        self._asked: Mapping[str, object] = {name: value for name, value in asked.items() if value is not None}

    async def fetch(self, token: str | None, _: None) -> Fetched:
        """Fetch a page, and the ends of those of its runs that only their ends tell to be wanted or not."""
        after = {} if token is None else {"nextToken": token}
        reply = await self._call(LIST_JOB_RUNS, {**self._asked, **after})
        if self._query.filters_ends:
            batch, _ = self.read(Fetched(reply), None)
            unsure = [row.ref for row in batch.rows if not self._query.knows_end(row)]
            if unsure:
                slots = asyncio.Semaphore(_GETS_AT_ONCE)
                return Fetched(reply, await concurrently(self._got(run, slots) for run in unsure))
        return Fetched(reply)

    async def _got(self, run: RunRef, slots: asyncio.Semaphore) -> tuple[str, native.JobRun | None, int]:
        """Return a run's id, the run, and the requests that it took; None for one that is taken as listed."""
        async with slots:
            try:
                found, reply = await get_run(self._call, run)
            except NotFoundError as error:
                return run.run_id, None, max(1, error.requests)
            except ClientClosedError:
                raise
            except JobRunsError as error:
                if self._on_error == "raise":
                    raise
                if callable(self._on_error):
                    self._on_error(SourceError(run.job, error, run))
                return run.run_id, None, max(1, error.requests)
        return run.run_id, found, reply.requests

    def read(self, page: Fetched, _: None) -> tuple[Batch[JobRun[native.JobRunSummary]], None]:
        """Read a page."""
        reply = page.reply
        answer = LIST_JOB_RUNS.read(reply)
        if answer.jobRuns is None:
            raise LIST_JOB_RUNS.lacks("$.jobRuns", reply)
        ids = [row.id for row in answer.jobRuns]
        if not all(ids):
            lacking = next(index for index, run_id in enumerate(ids) if not run_id)
            raise LIST_JOB_RUNS.lacks(f"$.jobRuns[{lacking}].id", reply)
        job, wanted = self._application, answer.jobRuns
        if self._mode is not None:
            wanted = tuple(row for row in wanted if (row.mode or _FIRST_MODE) == self._mode)
        rows = [run_from_summary(job, row.id or "", row) for row in wanted]
        requests = reply.requests
        if page.got:
            ends = {run_id: run for run_id, run, _ in page.got if run is not None}
            rows = [_with_end(row, ends[row.id]) if row.id in ends else row for row in rows]
            requests += sum(taken for _, _, taken in page.got)
        return Batch(rows, answer.nextToken or None, requests), None


class ListedAttempts:
    """The attempts of a run as ListJobRunAttempts has them, in whatever order."""

    operation: ClassVar[Named] = LIST_JOB_RUN_ATTEMPTS

    def __init__(self, run: RunRef, call: Call, *, page_size: int) -> None:
        self._run = run
        self._call = call
        self._asked = {"applicationId": run.job.path[0], "jobRunId": run.run_id, "maxResults": page_size}

    async def fetch(self, token: str | None, _: None) -> Reply:
        """Fetch a page."""
        after = {} if token is None else {"nextToken": token}
        return await self._call(LIST_JOB_RUN_ATTEMPTS, {**self._asked, **after})

    def read(self, reply: Reply, _: None) -> tuple[Batch[Attempt[AttemptNative]], None]:
        """Read a page."""
        answer = LIST_JOB_RUN_ATTEMPTS.read(reply)
        if answer.jobRunAttempts is None:
            raise LIST_JOB_RUN_ATTEMPTS.lacks("$.jobRunAttempts", reply)
        rows = [attempt_from_summary(self._run, row) for row in answer.jobRunAttempts]
        return Batch(rows, answer.nextToken or None, reply.requests), None


class AttemptListing:
    """The attempts of a run, first one first, made good by GetJobRun where their list lags behind.

    The order of the list is not documented, so all of it is read before the first attempt is handed out.
    """

    operation: ClassVar[Named] = LIST_JOB_RUN_ATTEMPTS

    def __init__(self, run: RunRef, call: Call, *, page_size: int) -> None:
        self._run = run
        self._call = call
        self._page_size = page_size

    async def fetch(self, _: str | None, __: None) -> Batch[Attempt[AttemptNative]]:
        """Fetch all attempts, in one page whatever the token."""
        source = ListedAttempts(self._run, self._call, page_size=self._page_size)
        async with attempt_pages(self._run, lambda: source, limit=None, cursor=None).open() as walk:
            attempts = {attempt.number: attempt async for attempt in walk}
            requests = walk.report.calls
        latest, reply = await get_run(self._call, self._run)
        requests += reply.requests
        newest = attempt_from_native(self._run, latest)
        if newest.number > len(attempts) + _MOST_UNLISTED:
            fault = f"the run is in attempt {newest.number}, but only {len(attempts)} are listed"
            raise GET_JOB_RUN.malformed(fault, "$.jobRun.attempt", reply)
        for number in range(1, newest.number):
            if number in attempts and attempts[number].is_terminal:
                continue  # an attempt that another has followed has ended, whatever a list that lags behind says
            with suppress(NotFoundError, InvalidRequestError):
                missing, reply = await get_run(self._call, self._run, number)
                requests += reply.requests
                attempts[number] = attempt_from_native(self._run, missing)
        if newest.number not in attempts or not attempts[newest.number].is_terminal:
            attempts[newest.number] = newest
        return Batch([attempts[number] for number in sorted(attempts)], None, requests)

    def read(self, page: Batch[Attempt[AttemptNative]], _: None) -> tuple[Batch[Attempt[AttemptNative]], None]:
        """Return the page, which was read while it was put together."""
        return page, None


class FullAttemptListing:
    """The attempts of a run, first one first, each by GetJobRun; as they are listed where it does not know them."""

    operation: ClassVar[Named] = GET_JOB_RUN

    def __init__(self, run: RunRef, call: Call) -> None:
        self._run = run
        self._call = call

    async def fetch(self, _: str | None, __: None) -> Batch[Attempt[AttemptNative]]:
        """Get all attempts, in one page whatever the token."""
        slots = asyncio.Semaphore(_GETS_AT_ONCE)
        latest, reply = await get_run(self._call, self._run)
        newest = attempt_from_native(self._run, latest)
        if newest.number > _MOST_UNLISTED:
            raise GET_JOB_RUN.malformed(f"the run is in attempt {newest.number}", "$.jobRun.attempt", reply)
        attempts, requests = {newest.number: newest}, reply.requests

        async def earlier(number: int) -> int:
            async with slots:
                try:
                    run, reply = await get_run(self._call, self._run, number)
                except (NotFoundError, InvalidRequestError) as error:
                    return error.requests
            attempts[number] = attempt_from_native(self._run, run)
            return reply.requests

        requests += sum(await concurrently(map(earlier, range(1, newest.number))))
        if len(attempts) < newest.number:
            source = ListedAttempts(self._run, self._call, page_size=_MOST_LISTED)
            async with attempt_pages(self._run, lambda: source, limit=None, cursor=None).open() as walk:
                attempts = {attempt.number: attempt async for attempt in walk} | attempts
                requests += walk.report.calls
        return Batch([attempts[number] for number in sorted(attempts)], None, requests)

    def read(self, page: Batch[Attempt[AttemptNative]], _: None) -> tuple[Batch[Attempt[AttemptNative]], None]:
        """Return the page, which was read while it was put together."""
        return page, None


class ApplicationListing:
    """The applications of an account in a region, by ListApplications."""

    operation: ClassVar[Named] = LIST_APPLICATIONS

    def __init__(self, call: Call, place: JobRef, *, states: Sequence[str], page_size: int) -> None:
        """Begin at the top, in the region and with the profile of that reference; no states are all states."""
        self._call = call
        self._place = place
        self._asked = {"maxResults": page_size, **({"states": list(states)} if states else {})}

    async def fetch(self, token: str | None, _: None) -> Reply:
        """Fetch a page."""
        after = {} if token is None else {"nextToken": token}
        return await self._call(LIST_APPLICATIONS, {**self._asked, **after})

    def read(self, reply: Reply, _: None) -> tuple[Batch[Job[native.ApplicationSummary]], None]:
        """Read a page."""
        answer = LIST_APPLICATIONS.read(reply)
        if answer.applications is None:
            raise LIST_APPLICATIONS.lacks("$.applications", reply)
        rows: list[Job[native.ApplicationSummary]] = []
        for index, row in enumerate(answer.applications):
            if not row.id:
                raise LIST_APPLICATIONS.lacks(f"$.applications[{index}].id", reply)
            rows.append(job_from_summary(self._place.sibling(row.id), row))
        return Batch(rows, answer.nextToken or None, reply.requests), None


_LARGEST_PAGE: Final = 50
APPLICATION_STATES: Final = ("CREATING", "CREATED", "STARTING", "STARTED", "STOPPING", "STOPPED", "TERMINATED")


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
) -> Pages[Job[native.ApplicationSummary]]:
    """Return the applications of a region (ListApplications); see ``JobRunsClient.jobs``.

    Raises:
        InvalidRequestError: An application has no such state.
        UnsupportedOperationError: Tags are wanted; ListApplications takes none.
    """
    if tags is not None:
        raise UnsupportedOperationError(
            f"{place.service} cannot filter its applications by tags", service=place.service
        )
    wanted = [] if states is None else items_of("states", states, "states of applications, such as {'STARTED'}")
    strange = [state for state in wanted if state not in APPLICATION_STATES]
    if states is not None and not wanted:
        raise InvalidRequestError("states holds at least one state, or is None for all of them")
    if strange:
        raise InvalidRequestError(f"unknown states {strange!r:.200}, known are {', '.join(APPLICATION_STATES)}")
    wanted.sort()
    rows = page_size_of(page_size, _LARGEST_PAGE)
    return job_pages(
        place,
        lambda: ApplicationListing(call, place, states=wanted, page_size=rows),
        name=name,
        said=wanted,
        limit=limit,
        cursor=cursor,
    )
