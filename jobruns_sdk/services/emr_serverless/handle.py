"""An EMR Serverless application and its runs."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, Unpack, overload

import attrs

from jobruns_sdk.checks import (
    check_flag,
    check_limit,
    check_time,
    items_of,
    one_of,
    optional,
    page_size_of,
    whole_seconds,
)
from jobruns_sdk.errors import AccessDeniedError, ClientClosedError, JobRunsError, NotFoundError
from jobruns_sdk.hints import Hinted
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.logs import LogLines, LogOptions
from jobruns_sdk.model.refs import JobRef, RunRef, name_like
from jobruns_sdk.model.reports import OnSourceError, check_on_error
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome, check_run
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.lists import attempt_pages, run_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import Order, RunOptions, RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource, MovingSource, Source
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.listing import AttemptListing, FullAttemptListing, RunListing, get_run
from jobruns_sdk.services.emr_serverless.logs import places
from jobruns_sdk.services.emr_serverless.native_application import Application
from jobruns_sdk.services.emr_serverless.operations import (
    CANCEL_JOB_RUN,
    GET_APPLICATION,
    GET_DASHBOARD_FOR_JOB_RUN,
    GET_JOB_RUN,
    LIST_JOB_RUNS,
)
from jobruns_sdk.services.emr_serverless.start import (
    HiveQuery,
    SparkSubmit,
    Starter,
    check_mode,
    start_request,
)
from jobruns_sdk.services.emr_serverless.translate import (
    STATES,
    AttemptNative,
    attempt_from_native,
    attempt_from_run,
    job_from_native,
    run_from_native,
)
from jobruns_sdk.services.handle import ClientParts, Polling, ReadLogs, no_logs
from jobruns_sdk.services.logs import AttemptLogs
from jobruns_sdk.services.room import Pauses
from jobruns_sdk.transport.operation import Call

LARGEST_PAGE: Final = 50
_POLLING: Final = Polling(LIST_JOB_RUNS, GET_JOB_RUN, LARGEST_PAGE, thin=True)
_ACTIVE: Final = tuple(name for name, state in STATES.items() if state.is_active)

Row = JobRun[native.JobRunSummary | native.JobRun]
Mode = Literal["BATCH", "STREAMING"]
"""True if a run ends by itself, or goes on until it is stopped."""

# Ids travel in paths: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_GetJobRun.html
_check_id: Final = name_like(
    re.compile(r"[0-9a-z]{1,64}"), "up to 64 digits and small letters, such as '00f1abcdefgh0909'"
)


class ApplicationRunOptions(RunOptions, total=False):
    """The keyword arguments of an application's ``runs()``."""

    mode: Mode | None


def _forget(_: RunRef) -> None:
    """Remember nothing: the handle belongs to no client."""


def _check_application(_: object, __: object, ref: JobRef) -> None:
    _check_id("an application id", ref.path[0])


@attrs.frozen
class EmrServerlessApplication(Hinted):
    """An EMR Serverless application, made by ``JobRunsClient.emr_serverless``.

    Attributes:
        ref: The application's reference, complete with its region.
    """

    ref: JobRef = attrs.field(validator=_check_application)
    _call: Call = attrs.field(repr=False)
    _remember: Callable[[RunRef], object] = attrs.field(repr=False, default=_forget)
    _pauses: Pauses = attrs.field(repr=False, factory=Pauses, eq=False)
    _read_logs: ReadLogs = attrs.field(repr=False, default=no_logs)

    @overload
    def runs(
        self,
        *,
        hydrate: Literal[False] = False,
        on_error: OnSourceError = "raise",
        **options: Unpack[ApplicationRunOptions],
    ) -> Pages[JobRun[native.JobRunSummary]]: ...
    @overload
    def runs(
        self, *, hydrate: Literal[True], on_error: Literal["raise"] = "raise", **options: Unpack[ApplicationRunOptions]
    ) -> Pages[JobRun[native.JobRun]]: ...
    @overload
    def runs(
        self, *, hydrate: bool, on_error: OnSourceError = "raise", **options: Unpack[ApplicationRunOptions]
    ) -> Pages[JobRun[native.JobRunSummary | native.JobRun]]: ...
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
        mode: Mode | None = None,
        order: Order | None = None,
        hydrate: bool = False,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobRunSummary | native.JobRun]]:
        """Return the application's runs, newest first (ListJobRuns); nothing is requested until they are iterated.

        Filters are applied server-side, and exact bounds client-side. Several states are listed one by one and merged.

        Args:
            states: The states to include, None for all.
            native_states: The service's own states to include, such as ``{"QUEUED"}``.
            created_after: Only runs created at this time (aware) or later.
            created_before: Only runs created before this time (aware).
            ended_after: Only runs that ended at this time (aware) or later. The list has no ends: a run that was
                created before this time, and changed after it, is fetched (GetJobRun).
            ended_before: Only runs that ended before this time (aware); those in doubt are fetched, too.
            active_after: Only runs that ended at this time (aware) or later, or are still active, however old.
            reach: How far back by creation runs are read for ``ended_after`` and ``active_after``; 7 days by default.
            mode: ``"BATCH"`` or ``"STREAMING"``, None for both.
            order: ``"newest"``, the only order there is.
            hydrate: Whether to fetch each run that passes the filters in full (GetJobRun), with its usage and driver:
                as it is by then, which may be a later state. Not kept in a cursor.
            on_error: How to handle a run that is listed but cannot be fetched: ``"raise"``, ``"skip"``, or a callable
                that is given the ``SourceError``. With the latter two it is yielded as it was listed. A run that is not
                found is raised once: when it is asked for the next one, the walk goes on behind it.
            limit: The maximum number of runs.
            page_size: Rows to request at once: 50 at most, and by default.
            cursor: The cursor to resume from; its filters apply again and may be left out. None starts from the
                beginning, although it is also the cursor of a walk that has ended.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
            NotFoundError: While iterating: a run that was listed is gone when it is fetched.
            UnsupportedOperationError: The oldest runs were asked for first.
        """
        check_flag("hydrate", hydrate)
        check_mode("mode", mode)
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
            active_after=active_after,
            reach=reach,
            mode=mode,
            order=order,
        )
        check_on_error("on_error", on_error)
        sources = partial(self.sources, page_size=page_size_of(page_size, LARGEST_PAGE), on_error=on_error)
        full = self._full if hydrate else None
        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor, full=full, on_error=on_error)

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[AttemptNative]]:
        """Return the attempts of a run in order (ListJobRunAttempts, and GetJobRun for what that lacks yet).

        Args:
            run_id: The run's id.
            limit: The maximum number of attempts.
            page_size: Rows to request at once: 50 at most, and by default.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid.
            NotFoundError: While iterating: there is no such run.
        """
        run = self.run_ref(run_id)
        rows = page_size_of(page_size, LARGEST_PAGE)
        return attempt_pages(run, lambda: AttemptListing(run, self._call, page_size=rows), limit=limit, cursor=cursor)

    def attempt_of(self, run: JobRun[Any], *, thin: bool) -> Attempt[Any] | None:
        """Return the only attempt of a run, None where it has others; a list tells neither end nor usage."""
        if run.attempt == 1 and isinstance(run.native, native.JobRun):
            return attempt_from_native(run.ref, run.native)
        return attempt_from_run(run) if run.attempt == 1 and thin else None

    def full_attempts(
        self, run_id: str, *, limit: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[AttemptNative]]:
        """Return the attempts of a run, each as GetJobRun has it, with start, end and usage."""
        run = self.run_ref(run_id)
        return attempt_pages(run, lambda: FullAttemptListing(run, self._call), limit=limit, cursor=cursor)

    async def run(self, run_id: str, *, attempt: int | None = None) -> JobRun[native.JobRun]:
        """Return a run in the state of its latest attempt, or of the one that is asked for (GetJobRun).

        Args:
            run_id: The run's id.
            attempt: The number of an attempt, from 1; None for the latest.

        Raises:
            InvalidRequestError: An argument is invalid.
            NotFoundError: There is no such run.
        """
        check_limit("attempt", attempt)
        ref = self.run_ref(run_id)
        run, _ = await get_run(self._call, ref, attempt)
        return run_from_native(ref.job, ref.run_id, run, of_attempt=attempt is not None)

    def logs(self, run_id: str, **options: Unpack[LogOptions]) -> LogLines:
        """Return the lines that a run wrote; see ``JobRunsClient.logs`` for what they cost and what is left out.

        Args:
            run_id: The run's id.
            **options: Those of ``JobRunsClient.logs``.

        Raises:
            InvalidRequestError: An argument is invalid.
            LogsUnavailableError: While iterating: they cannot be read, or there are none although the run has ended.
        """
        return self._read_logs(self, self.run_ref(run_id), options)

    async def attempt_logs(self, run_id: str, number: int) -> AttemptLogs:
        """Return where the logs of an attempt may lie (GetJobRun, GetApplication).

        Raises:
            NotFoundError: There is no such attempt.
        """
        ref = self.run_ref(run_id)
        run, _ = await get_run(self._call, ref, number)
        try:
            application = (await self.job()).native
        except (AccessDeniedError, NotFoundError):  # it was deleted, or must not be read: the run may say enough
            application = None
        return places(run, application, ref.run_id)

    async def job(self) -> Job[Application]:
        """Return the application (GetApplication).

        Raises:
            NotFoundError: There is no such application.
        """
        reply = await self._call(GET_APPLICATION, {"applicationId": self.ref.path[0]})
        application = GET_APPLICATION.read(reply).application
        if application is None:
            raise GET_APPLICATION.lacks("$.application", reply)
        return job_from_native(self.ref, application)

    async def dashboard_url(self, run_id: str, *, attempt: int | None = None) -> str:
        """Return a link to the run's Spark or Tez user interface, good for an hour (GetDashboardForJobRun).

        Anyone who has the link can open it: keep it out of logs.

        Args:
            run_id: The run's id.
            attempt: The number of an attempt, from 1; None for the latest.

        Raises:
            InvalidRequestError: An argument is invalid, or the run has no dashboard: it has not started.
            NotFoundError: There is no such run.
        """
        check_limit("attempt", attempt)
        run = self.run_ref(run_id)
        asked = {} if attempt is None else {"attempt": attempt}
        reply = await self._call(
            GET_DASHBOARD_FOR_JOB_RUN, {"applicationId": run.job.path[0], "jobRunId": run.run_id, **asked}
        )
        url = GET_DASHBOARD_FOR_JOB_RUN.read(reply).url
        if not url:
            raise GET_DASHBOARD_FOR_JOB_RUN.lacks("$.url", reply)
        return url

    async def start(
        self,
        driver: SparkSubmit | HiveQuery,
        *,
        execution_role_arn: str,
        name: str | None = None,
        mode: Mode | None = None,
        tags: Mapping[str, str] | None = None,
        execution_timeout: timedelta | None = None,
        retry_policy: native.RetryPolicy | None = None,
        configuration_overrides: native.ConfigurationOverrides | None = None,
        execution_iam_policy: native.JobRunExecutionIamPolicy | None = None,
        idempotency_key: str | None = None,
        on_failed: Literal["adopt", "restart"] = "adopt",
        slot_timeout: timedelta | None = None,
    ) -> RunRef:
        """Start a run, once, whatever happens on the way (StartJobRun).

        The service takes a token with each start and answers the same token with the same run: when a response is lost,
        the request is sent again without harm.

        Args:
            driver: What to run: ``SparkSubmit`` or ``HiveQuery``.
            execution_role_arn: The role that the run works with.
            name: A name to find it by.
            mode: ``"BATCH"`` (the default) or ``"STREAMING"``.
            tags: Tags of the run.
            execution_timeout: After this time the run is cancelled, in whole minutes; 12 hours by default, 0 for never.
            retry_policy: How often the service tries again.
            configuration_overrides: Overrides of the application's configuration, including where logs go.
            execution_iam_policy: Policies that narrow the role for this run.
            idempotency_key: Starts of this application with the same key are one start, also from other processes, as
                long as the service remembers the token. Without one, every call starts another run.
            on_failed: Whether a key's run that has failed, or was stopped, is returned (``"adopt"``) or followed by
                another one (``"restart"``). Each look is a StartJobRun with the token of its count, and a GetJobRun.
            slot_timeout: How long to wait for room where as many run as may; not at all by default.

        Raises:
            InvalidRequestError: An argument is invalid.
            ConflictError: The key was used for another request.
            StartOutcomeUnknownError: Every answer was lost: start again with the same key to get the run.
        """
        optional(check_time)("slot_timeout", slot_timeout)
        one_of("adopt", "restart")("on_failed", on_failed)

        request = start_request(
            self.ref.path[0],
            driver,
            execution_role_arn=execution_role_arn,
            name=name,
            mode=mode,
            tags=tags,
            execution_timeout=execution_timeout,
            retry_policy=retry_policy,
            configuration_overrides=configuration_overrides,
            execution_iam_policy=execution_iam_policy,
        )
        starter = Starter(self.ref, self._call, self._pauses, self.run)
        run = await starter.start(request, idempotency_key, restarts=on_failed == "restart", slot_timeout=slot_timeout)
        self._remember(run)
        return run

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs to be stopped, one by one under the service's quota (CancelJobRun).

        Args:
            run_ids: The runs' ids.
            grace_period: How long a streaming run may take to shut down, in whole seconds.

        Returns:
            An outcome for each id, in order; one that fails says so and does not keep the others from being stopped.
        """
        seconds = None if grace_period is None else whole_seconds("grace_period", grace_period)
        runs = [self.ref.run(run_id) for run_id in items_of("run_ids", run_ids, "run ids")]
        unique = list(dict.fromkeys(run.run_id for run in runs))
        outcomes = dict(zip(unique, await concurrently(self._stop(run_id, seconds) for run_id in unique), strict=True))
        return [outcomes[run.run_id] for run in runs]

    @property
    def polling(self) -> Polling:
        """The operations by which runs are polled: a page of ListJobRuns tells of 50 that are active."""
        return _POLLING

    def survey(self, since: datetime | None) -> Pages[JobRun[native.JobRunSummary]]:
        """Return the runs created since then that have not ended, for polling, grouped by state."""
        query = RunQuery(created_after=since)
        listing = partial(RunListing, self.ref, self._call, query, states=_ACTIVE, page_size=LARGEST_PAGE)

        def sources(_: RunQuery, __: Wanted) -> Iterable[Source[JobRun[native.JobRunSummary]]]:
            yield Source("", lambda _: listing())

        return run_pages(self.ref, query, STATES, sources, limit=None, cursor=None)

    def active(self) -> Sequence[Pages[JobRun[native.JobRunSummary]]]:
        """Return the list of the runs that go on, grouped by state in the order of a run's life."""
        return (self.survey(None),)

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        """Return True if a run does not end by itself.

        Raises:
            InvalidRequestError: The run is no ``JobRun``.
        """
        check_run("a run", run)
        return isinstance(run.native, (native.JobRun, native.JobRunSummary)) and run.native.mode == "STREAMING"

    async def _stop(self, run_id: str, seconds: int | None) -> StopOutcome:
        asked = {} if seconds is None else {"shutdownGracePeriodInSeconds": seconds}
        try:
            run = self.run_ref(run_id)
            members = {"applicationId": run.job.path[0], "jobRunId": run.run_id, **asked}
            reply = await self._call(CANCEL_JOB_RUN, members)
            if CANCEL_JOB_RUN.read(reply).jobRunId != run_id:
                fault = f"the answer does not mention {run_id}: it may be stopped or not"
                raise CANCEL_JOB_RUN.malformed(fault, "$.jobRunId", reply)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            return StopOutcome(self.ref.run(run_id), accepted=False, error=error)
        return StopOutcome(run, accepted=True)

    async def _full(self, row: JobRun[object]) -> JobRun[native.JobRun]:
        return await self.run(row.id)

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run of this job.

        Raises:
            InvalidRequestError: The id is malformed.
        """
        _check_id("a run id", run_id)
        return self.ref.run(run_id)

    def sources(
        self,
        query: RunQuery,
        wanted: Wanted,
        *,
        page_size: int | None = None,
        on_error: OnSourceError = "raise",
    ) -> Sequence[AnySource[JobRun[Any]]]:
        """Return the lists that have the runs which a query wants, one for each state that it names."""
        query.only_newest_first(self.ref.service)
        near = query.within_reach()
        # What goes on is wanted however old it is: its lists are short, and without the bound on ends.
        active_too = query.active_after is not None
        states = (*_ACTIVE, None) if wanted is None and active_too else wanted or (None,)
        rows = page_size_of(page_size, LARGEST_PAGE)

        def listed(state: str | None) -> Source[Row]:
            read, states = query if active_too and state in _ACTIVE else near, state and (state,)
            return Source(
                state or "",
                lambda _: RunListing(self.ref, self._call, read, states=states, page_size=rows, on_error=on_error),
            )

        lists = [listed(state) for state in states]
        active = tuple(one for one in lists if one.name in _ACTIVE)
        # No run goes from one state in which it has ended to another.
        if not active or len(lists) == 1:
            return lists
        return [MovingSource(active, tuple(one for one in lists if one.name not in _ACTIVE))]


def shared_by_handles(parts: ClientParts) -> Mapping[str, object]:
    """Return the arguments that all handles of one client share."""
    pauses = Pauses(parts.clock, parts.lifetime)
    return {"remember": parts.remember, "pauses": pauses, "read_logs": parts.logs}
