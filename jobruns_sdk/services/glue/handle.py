"""A Glue job and its runs."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Unpack

import attrs

from jobruns_sdk.checks import (
    check_flag,
    check_text,
    check_time,
    items_of,
    one_of,
    optional,
    page_size_of,
    whole_seconds,
)
from jobruns_sdk.errors import AccessDeniedError, NotFoundError
from jobruns_sdk.hints import Hinted
from jobruns_sdk.loop.clock import RealClock
from jobruns_sdk.model.logs import LogLines, LogOptions
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome, check_run
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.lists import attempt_pages, run_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import Order, RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource, Source
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.listing import AttemptListing, RunListing
from jobruns_sdk.services.glue.logs import places
from jobruns_sdk.services.glue.operations import (
    GET_JOB,
    GET_JOB_BOOKMARK,
    GET_JOB_RUN,
    GET_JOB_RUNS,
    RESET_JOB_BOOKMARK,
)
from jobruns_sdk.services.glue.retries import waiting
from jobruns_sdk.services.glue.start import SETTLE, OnFailed, Rules, Starter
from jobruns_sdk.services.glue.start_memory import Starts
from jobruns_sdk.services.glue.start_request import StartRequest, check_line, start_members, warn_of_names
from jobruns_sdk.services.glue.stop import Stopper
from jobruns_sdk.services.glue.translate import (
    STATES,
    attempt_from_native,
    attempt_id,
    job_from_native,
    may_be_retried,
    root_and_number,
    run_from_attempts,
)
from jobruns_sdk.services.handle import (
    AskFacts,
    ClientParts,
    JobFacts,
    Polling,
    ReadLogs,
    StopAll,
    ask_facts,
    no_logs,
)
from jobruns_sdk.services.logs import AttemptLogs
from jobruns_sdk.transport.operation import Call

LARGEST_PAGE: Final = 200
_POLLING: Final = Polling(GET_JOB_RUNS, GET_JOB_RUN, LARGEST_PAGE, thin=False)
_STREAMING: Final = "gluestreaming"
# Each row is looked up, and a plain string is found in a third of the time that asking a state takes.
_SETTLED: Final = frozenset(name for name, state in STATES.items() if not may_be_retried(state))
_LONGEST: Final = timedelta(hours=48)


def _forget(_: RunRef) -> None:
    """Remember nothing: the handle belongs to no client."""


def _real_starts() -> Starts:
    return Starts(RealClock())


def _check_job(_: object, __: object, ref: JobRef) -> None:
    check_line("a job name", ref.path[0])


@attrs.frozen
class GlueJob(Hinted):
    """A Glue job, made by ``JobRunsClient.glue``.

    Attributes:
        ref: The job's reference, complete with its region.
    """

    ref: JobRef = attrs.field(validator=_check_job)
    _call: Call = attrs.field(repr=False)
    _starts: Starts = attrs.field(repr=False, factory=_real_starts)
    _remember: Callable[[RunRef], object] = attrs.field(repr=False, default=_forget)
    _stop: StopAll | None = attrs.field(repr=False, default=None)
    _ask_facts: AskFacts = attrs.field(repr=False, default=ask_facts)
    _read_logs: ReadLogs = attrs.field(repr=False, default=no_logs)

    def runs(
        self,
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        ended_before: datetime | None = None,
        active_after: datetime | None = None,
        reach: timedelta | None = None,
        order: Order | None = None,
        collapse_retries: bool | None = None,
        hydrate: bool = False,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobRun]]:
        """Return the job's runs, newest first (GetJobRuns); nothing is requested until they are iterated.

        Glue has no filters: they are applied client-side, and reading ends soon after ``created_after`` is passed.

        Args:
            states: The states to include, None for all.
            native_states: The states that are wanted in Glue's own words, such as ``{"EXPIRED"}``.
            created_after: Runs whose first attempt started then or later (aware).
            created_before: Runs whose first attempt started before that (aware).
            ended_after: Runs that have ended, then or later (aware).
            ended_before: Runs that have ended, before that (aware).
            active_after: Runs that had not ended before that (aware).
            reach: How far back by creation is read for ``ended_after`` and ``active_after``, what goes on included:
                Glue's list knows no states; 7 days unless told otherwise.
            order: ``"newest"``, the only order that Glue has.
            collapse_retries: Whether a run and its retries are one run, as they are unless this is False.
            hydrate: Ignored; accepted for symmetry with the other services, since Glue lists whole runs.
            on_error: Ignored; accepted for symmetry with the other services.
            limit: The maximum number of runs.
            page_size: Rows to request at once: 200 at most, and by default.
            cursor: The cursor to resume from; its filters apply again and may be left out. None starts from the
                beginning, although it is also the cursor of a walk that has ended.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
            UnsupportedOperationError: The oldest runs were asked for first.
        """
        check_flag("hydrate", hydrate)
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
            active_after=active_after,
            reach=reach,
            order=order,
            collapse_retries=collapse_retries,
        )
        sources = partial(self.sources, page_size=page_size_of(page_size, LARGEST_PAGE))
        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor, on_error=on_error)

    def sources(
        self,
        query: RunQuery,
        _: Wanted,
        *,
        page_size: int | None = None,
        on_error: OnSourceError = "raise",  # noqa: ARG002  # no run is got
    ) -> Sequence[AnySource[JobRun[native.JobRun]]]:
        """Return the one list there is, which has the runs in all states."""
        query.only_newest_first(self.ref.service)
        near, rows = query.within_reach(), page_size_of(page_size, LARGEST_PAGE)
        return [
            Source(
                "",
                lambda cut: RunListing(self.ref, self._call, near, page_size=rows, cut=cut),
                # A retry that is listed far behind its run would bring the run once more, where the list ends.
                lasting=lambda run: run.native_state not in _SETTLED,
                row_of=lambda run_id: root_and_number(run_id)[0],
                waiting=waiting,
            )
        ]

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[native.JobRun]]:
        """Return the attempts of a run in order (GetJobRun for each; Glue has no operation that lists them).

        Args:
            run_id: The run's id; that of any attempt means the same run.
            limit: The maximum number of attempts.
            page_size: Ignored; accepted for symmetry with the other services, since attempts are fetched one by one.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid.
            NotFoundError: While iterating: the history holds no attempt of the run.
        """
        page_size_of(page_size, 1)
        root = self.run_ref(run_id)
        return attempt_pages(root, lambda: self._attempts(run_id), limit=limit, cursor=cursor)

    def attempt_of(self, run: JobRun[Any], *, thin: bool) -> Attempt[native.JobRun] | None:  # noqa: ARG002  # it never is
        """Return the only attempt of a run, of which a list tells all; None where it has others."""
        is_known = run.attempt == 1 and isinstance(run.native, native.JobRun)
        return attempt_from_native(run.ref, run.native) if is_known else None

    async def run(self, run_id: str, *, predecessors: bool = False) -> JobRun[native.JobRun]:
        """Return a run in the state of its latest attempt (GetJobRun, once more for each attempt that failed).

        Args:
            run_id: The run's id; that of any attempt means the same run.
            predecessors: Whether ``native.PredecessorRuns`` is wanted.

        Raises:
            NotFoundError: Glue knows no such run, or its history no longer holds it.
        """
        check_flag("predecessors", predecessors)
        root = self.run_ref(run_id)
        listing = self._attempts(run_id, predecessors=predecessors)
        attempts = await attempt_pages(root, lambda: listing, limit=None, cursor=None).collect()
        return run_from_attempts(root.job, root.run_id, [attempt.native for attempt in attempts])

    def logs(self, run_id: str, **options: Unpack[LogOptions]) -> LogLines:
        """Return the lines that a run wrote; see ``JobRunsClient.logs`` for what they cost and what is left out.

        Args:
            run_id: The run's id; that of any attempt means the same run.
            **options: Those of ``JobRunsClient.logs``.

        Raises:
            InvalidRequestError: An argument is invalid.
            LogsUnavailableError: While iterating: they cannot be read, or there are none although the run has ended.
        """
        return self._read_logs(self, self.run_ref(run_id), options)

    async def attempt_logs(self, run_id: str, number: int) -> AttemptLogs:
        """Return where the logs of an attempt may lie (GetJobRun, GetJob).

        Raises:
            NotFoundError: There is no such attempt.
        """
        wanted = attempt_id(self.run_ref(run_id).run_id, number)
        reply = await self._call(GET_JOB_RUN, {"JobName": self.ref.path[0], "RunId": wanted})
        row = GET_JOB_RUN.read(reply).JobRun
        if row is None:
            raise GET_JOB_RUN.lacks("$.JobRun", reply)
        try:
            job = (await self.job()).native
        except (AccessDeniedError, NotFoundError):  # it was deleted, or must not be read: the run has its own arguments
            job = native.Job()
        return places(row, job, number)

    async def job(self) -> Job[native.Job]:
        """Return the job's definition (GetJob).

        Raises:
            NotFoundError: Glue knows no such job.
        """
        reply = await self._call(GET_JOB, {"JobName": self.ref.path[0]})
        job = GET_JOB.read(reply).Job
        if job is None:
            raise GET_JOB.lacks("$.Job", reply)
        return job_from_native(self.ref, job)

    async def start(
        self,
        *,
        arguments: Mapping[str, str] | None = None,
        worker_type: str | None = None,
        number_of_workers: int | None = None,
        max_capacity: float | None = None,
        allocated_capacity: int | None = None,
        timeout: timedelta | None = None,
        execution_class: str | None = None,
        notify_delay_after: timedelta | None = None,
        security_configuration: str | None = None,
        job_run_queuing_enabled: bool | None = None,
        execution_role_session_policy: str | None = None,
        retry_of: str | None = None,
        idempotency_key: str | None = None,
        on_failed: OnFailed = "adopt",
        key_lifetime: timedelta | None = None,
        settle: timedelta = SETTLE,
        slot_timeout: timedelta | None = None,
    ) -> RunRef:
        """Start a run, never twice (StartJobRun).

        Glue takes no token, so a start that may have happened is not sent again: if its answer is lost, the run is
        looked for until ``settle`` has passed. Without a key that is the only run with the same arguments that began
        while the request was on its way, by the service's time, and that no other start of this client can have made;
        where another program may start the same in the same second, only a key tells the two apart.

        With an ``idempotency_key`` the key and a digest of the request travel as the job argument
        ``--jobruns-idempotency-key``, which the job's script gets to see. Before anything is sent, the job's runs are
        searched for it, as far back as one of them may still be active: by the job's Timeout (GetJob), and a day at
        least. A row that Glue lists without its arguments is fetched by itself. Where the search cannot come to its
        end, nothing is sent. In one client a key starts one run at most, also over several profiles that are known to
        be of one account; across processes it is only as reliable as Glue's listing: two that start at the same moment
        may not see each other.

        Args:
            arguments: Arguments of the run, instead of the job's default ones of the same names.
            worker_type: The kind of workers, such as ``"G.1X"``.
            number_of_workers: How many of them.
            max_capacity: DPUs, for jobs that are not measured in workers.
            allocated_capacity: Deprecated: DPUs as a whole number; use ``max_capacity``.
            timeout: After this time Glue ends the run, in whole minutes.
            execution_class: ``"STANDARD"`` or ``"FLEX"``.
            notify_delay_after: After this time Glue tells that the run is late, in whole minutes.
            security_configuration: The name of the security configuration.
            job_run_queuing_enabled: Whether the run waits when there is no room for it.
            execution_role_session_policy: A policy, as JSON, that narrows the role for this run.
            retry_of: The id of an earlier run that this is a retry of.
            idempotency_key: Starts of this job with the same key are one start.
            on_failed: Whether a key's run that has failed for good, or was stopped, is returned (``"adopt"``) or
                another one is started (``"restart"``), which is counted in the key.
            key_lifetime: How long after its start a key stands for a run that has ended; by default as long as a run of
                the job may be active, and 24 hours at least.
            settle: How long a run is looked for when the answer was lost.
            slot_timeout: How long to wait for room where as many run as may; not at all by default.

        Raises:
            InvalidRequestError: An argument is invalid, or two exclude each other.
            ConflictError: The key was used for another request.
            LimitExceededError: The job or the account runs as many as it may, to the end of ``slot_timeout``.
            StartOutcomeUnknownError: The answer was lost, and no such run was seen, or the search for the key could not
                come to its end and nothing was sent; the message says which, and how to find out.
        """
        check_time("settle", settle)
        optional(check_time)("key_lifetime", key_lifetime)
        optional(check_time)("slot_timeout", slot_timeout)
        one_of("adopt", "restart")("on_failed", on_failed)
        members = start_members(
            retry_of=retry_of,
            worker_type=worker_type,
            number_of_workers=number_of_workers,
            max_capacity=max_capacity,
            allocated_capacity=allocated_capacity,
            timeout=timeout,
            execution_class=execution_class,
            notify_delay_after=notify_delay_after,
            security_configuration=security_configuration,
            job_run_queuing_enabled=job_run_queuing_enabled,
            execution_role_session_policy=execution_role_session_policy,
        )
        if allocated_capacity is not None:
            warnings.warn("allocated_capacity is deprecated by AWS: use max_capacity", DeprecationWarning, stacklevel=2)
        request = StartRequest.of({"JobName": self.ref.path[0], **members}, arguments, idempotency_key)
        warn_of_names(request.arguments)
        run = await self._starter().start(request, Rules(on_failed, key_lifetime, settle, slot_timeout))
        self._remember(run)
        return run

    async def find(self, idempotency_key: str, *, key_lifetime: timedelta | None = None) -> RunRef | None:
        """Return the run that a key stands for, None if there is none; nothing is started.

        Args:
            idempotency_key: The key.
            key_lifetime: As for ``start``.

        Raises:
            InvalidRequestError: An argument is invalid.
            StartOutcomeUnknownError: A start with the key is in doubt, or the search could not come to its end.
        """
        check_text("idempotency_key", idempotency_key)
        optional(check_time)("key_lifetime", key_lifetime)
        return await self._starter().find(idempotency_key, key_lifetime)

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs to be stopped, 25 at a time (GetJobRun to find the attempt that runs, BatchStopJobRun).

        A run whose attempt has just failed is watched for its retry, which is stopped; see ``JobRunsClient.stop``.

        Args:
            run_ids: The runs' ids; that of any attempt means the same run.
            grace_period: Ignored; accepted for symmetry with EMR Serverless.

        Returns:
            An outcome for each id, in order; one that fails says so and does not keep the others from being stopped.
        """
        ids = items_of("run_ids", run_ids, "run ids")
        if self._stop is None:
            return await self.ask_to_stop(ids, grace_period=grace_period)
        if grace_period is not None:
            whole_seconds("grace_period", grace_period)
        return await self._stop([(self, run_id) for run_id in ids])

    async def ask_to_stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask once for the attempts that go on to be stopped; a run between two attempts is said to have ended."""
        if grace_period is not None:
            whole_seconds("grace_period", grace_period)
        return await Stopper(self.ref, self._call, self.run).stop(run_ids)

    async def bookmark(self, run_id: str | None = None) -> native.JobBookmarkEntry | None:
        """Return how far the job has read its input, None if there is no bookmark yet (GetJobBookmark).

        Args:
            run_id: The run whose bookmark is wanted; by default the latest.

        Raises:
            InvalidRequestError: The id is invalid.
        """
        try:
            reply = await self._call(GET_JOB_BOOKMARK, self._bookmark_request(run_id))
        except NotFoundError:
            return None
        return GET_JOB_BOOKMARK.read(reply).JobBookmarkEntry

    async def reset_bookmark(self, run_id: str | None = None) -> native.JobBookmarkEntry | None:
        """Let the job read its input from the start again, or from after a run (ResetJobBookmark).

        What a reset does while a run is active is not documented: better wait for its end.

        Args:
            run_id: The run after which to go on; by default the bookmark is emptied.

        Returns:
            The bookmark as it is now.

        Raises:
            InvalidRequestError: The id is invalid.
            NotFoundError: There is no bookmark.
        """
        reply = await self._call(RESET_JOB_BOOKMARK, self._bookmark_request(run_id))
        return RESET_JOB_BOOKMARK.read(reply).JobBookmarkEntry

    @property
    def polling(self) -> Polling:
        """The operations by which runs are polled: a page of GetJobRuns tells of 200."""
        return _POLLING

    def survey(self, since: datetime | None) -> Pages[JobRun[native.JobRun]]:
        """Return the runs created since then, and those that wait and have no time yet, for polling."""
        return self._since(since, RunQuery())

    def _since(self, since: datetime | None, query: RunQuery) -> Pages[JobRun[native.JobRun]]:
        # The bound ends the list and filters nothing: a run that is queued may be listed without a start time.
        bound = attrs.evolve(query, created_after=since)

        def sources(_: RunQuery, __: Wanted) -> Iterable[Source[JobRun[native.JobRun]]]:
            yield Source("", lambda cut: RunListing(self.ref, self._call, bound, page_size=LARGEST_PAGE, cut=cut))

        return run_pages(self.ref, query, STATES, sources, limit=None, cursor=None)

    def attempt_rows(self) -> Pages[JobRun[native.JobRun]]:
        """Return the rows as Glue lists them, one for each attempt, newest first."""
        return self.runs(collapse_retries=False)

    def attempt_rows_since(self, since: datetime | None) -> Pages[JobRun[native.JobRun]]:
        """Return the rows of attempts that started since then, newest first, and those that have no time yet."""
        return self._since(since, RunQuery(collapse_retries=False))

    def run_of_attempts(self, attempts: Sequence[JobRun[Any]]) -> JobRun[native.JobRun]:
        """Return the run that was tried by those attempts, as ``attempt_rows`` lists them, in their order."""
        return run_from_attempts(self.ref, self.run_ref(attempts[-1].id).run_id, [one.native for one in attempts])

    async def facts(self) -> JobFacts:
        """Return what the job's definition tells of retries and of the life of its runs (GetJob).

        Raises:
            NotFoundError: Glue knows no such job.
        """
        job = (await self.job()).native
        streaming = job.Command is not None and job.Command.Name == _STREAMING
        # Glue ends a run after its Timeout, 48 hours where a job has none; a streaming run goes on.
        # https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-jobs-job.html
        life = None if streaming else timedelta(minutes=job.Timeout) if job.Timeout else _LONGEST
        return JobFacts(job.MaxRetries, streaming, life)

    async def retry_limit(self) -> int | None:
        """Return how many retries may follow a first attempt (GetJob).

        Raises:
            NotFoundError: Glue knows no such job.
        """
        return (await self.facts()).retry_limit

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        """Return True if a run does not end by itself, as those of a streaming job (GetJob).

        Raises:
            InvalidRequestError: The run is no ``JobRun``.
        """
        check_run("a run", run)
        return (await self.facts()).streaming

    def _bookmark_request(self, run_id: str | None) -> Mapping[str, object]:
        if run_id is None:
            return {"JobName": self.ref.path[0]}
        check_line("a run id", run_id)
        return {"JobName": self.ref.path[0], "RunId": run_id}

    def _starter(self) -> Starter:
        return Starter(self.ref, self._call, self._starts, self.run)

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run of this job; the id may be that of any attempt.

        Raises:
            InvalidRequestError: The id is malformed.
        """
        check_line("a run id", run_id)
        return self.ref.run(root_and_number(run_id)[0])

    def _attempts(self, run_id: str, *, predecessors: bool = False) -> AttemptListing:
        return AttemptListing(self.ref, self._call, run_id, self._retries, predecessors=predecessors)

    async def _retries(self) -> int | None:
        return (await self._ask_facts(self)).retry_limit


def shared_by_handles(parts: ClientParts) -> Mapping[str, object]:
    """Return the arguments that all handles of one client share."""
    starts = Starts(parts.clock, parts.lifetime, parts.account, parts.shared_profile)
    return {
        "starts": starts,
        "remember": parts.remember,
        "stop": parts.stop,
        "ask_facts": parts.facts,
        "read_logs": parts.logs,
    }
