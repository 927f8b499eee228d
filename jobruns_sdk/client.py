"""The client: what puts sessions, transport and services together, and knows which services there are."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from os import environ
from types import MappingProxyType, TracebackType
from typing import (
    TYPE_CHECKING,
    ClassVar,
    Final,
    Literal,
    Required,
    Self,
    TypedDict,
    Unpack,
    cast,
    overload,
)

from jobruns_sdk.checks import (
    check_count,
    check_flag,
    check_some_time,
    check_text,
    check_texts,
    check_time,
    items_of,
    kind_of,
    mapping_of,
    optional,
    page_size_of,
    seconds_of,
    whole_seconds,
)
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.hints import BOTO3_ARGUMENTS, CLIENT_NAMES, AsyncContext, Hinted, named_only
from jobruns_sdk.loop.clock import Clock, RealClock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import (
    JobLike,
    JobRef,
    RunLike,
    RunRef,
    Runs,
    Service,
    check_region,
    each_of,
    is_text_form,
    ref_of,
)
from jobruns_sdk.model.reports import OnSourceError, Progress, check_on_error
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome
from jobruns_sdk.model.states import RunState
from jobruns_sdk.observing.logs import logging_starts
from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.paging.pages import Pages, all_of
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.runs.attempts import ManyAttempts
from jobruns_sdk.runs.chosen import Chosen
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.jobs import found_jobs
from jobruns_sdk.runs.many import ManyJobs
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.runs.wait import Target, WaitRules, Waits
from jobruns_sdk.runs.watch import Watch
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.handle import ClientParts, DescribesJob, Follows, Handle, ListsAttempts, ListsFullAttempts
from jobruns_sdk.services.registry import OPERATIONS, QUOTAS, Adapter, Entry, entries_with, quotas_of
from jobruns_sdk.telemetry.options import Telemetry, observing_of
from jobruns_sdk.transport.calls import Policy, Transport
from jobruns_sdk.transport.connections import Connections, region_of
from jobruns_sdk.transport.operation import Call
from jobruns_sdk.transport.pace import Pace
from jobruns_sdk.transport.quotas import Quota, quotas_with, shares_of

if TYPE_CHECKING:
    from os import PathLike

    from aiobotocore.session import AioSession
    from botocore.config import Config

_INTERVALS: Final = PollIntervals()
_NOT_GIVEN: Final[Mapping[tuple[str, str], Quota]] = MappingProxyType({})
_BESIDE: Final = ("logs", "s3", "sqs", "sts")  # services that are asked for something beside the runs


class WaitOptions(TypedDict, total=False):
    """The keyword arguments of ``wait_all``."""

    timeout: Required[timedelta | None]
    poll_interval: timedelta
    max_poll_interval: timedelta | None
    retry_grace: timedelta
    until: Iterable[RunState | str] | None
    unseen_for: timedelta | None
    on_timeout: Literal["leave", "stop"]
    on_cancel: Literal["leave", "stop"]
    on_poll: Callable[[JobRun[Native]], object] | None
    on_failed_poll: Callable[[JobRunsError], object] | None


def _pace(poll_interval: timedelta, max_poll_interval: timedelta | None, retry_grace: timedelta) -> PollIntervals:
    return PollIntervals(poll_interval=poll_interval, max_poll_interval=max_poll_interval, retry_grace=retry_grace)


async def _each_run(runs: Runs) -> list[RunLike]:
    """Return runs that are named one by one, in a collection, or as they come."""
    return await all_of(runs) if isinstance(runs, AsyncIterable) else each_of("runs", runs, "runs")


def _following(handle: Handle) -> Follows:
    if not isinstance(handle, Follows):
        raise UnsupportedOperationError("cannot be followed: its adapter does not poll", service=handle.ref.service)
    return handle


class JobRunsClient(AsyncContext, Hinted):
    """Reads the job runs of EMR Serverless, DataZone and Glue; used in ``async with``, in one event loop.

    Every service and region is connected to once, when it is first needed, however many tasks share the client.
    """

    _opened_by: ClassVar = "async with"
    _hints = CLIENT_NAMES

    @named_only(BOTO3_ARGUMENTS)
    def __init__(
        self,
        *,
        session: "AioSession | None" = None,
        sessions: "Mapping[str, AioSession] | None" = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        endpoint_urls: Mapping[str, str] | None = None,
        verify: "bool | str | PathLike[str]" = True,
        config: "Config | None" = None,
        call_timeout: float | timedelta = 60.0,
        max_attempts: int = 4,
        throttle_timeout: timedelta = timedelta(minutes=10),
        quotas: Mapping[tuple[str, str], Quota] | None = _NOT_GIVEN,
        share_quotas: Mapping[str | None, str | None] | None = None,
        clock: Clock | None = None,
        allow_insecure_endpoint: bool = False,
        adapters: Mapping[str, Adapter] | None = None,
        observer: Observer | Sequence[Observer] | None = None,
        telemetry: bool | Telemetry = False,
    ) -> None:
        """Prepare a client; nothing is loaded or sent yet.

        Args:
            session: The aiobotocore session whose credentials and region are used; by default a new one, which takes
                them from where AWS's own clients do. It is not modified.
            sessions: More sessions by name, for references that name a ``profile``.
            region_name: The region of references that name none; by default the session's.
            endpoint_url: Where to send requests instead of to AWS, such as a local service.
            endpoint_urls: The same for single services, by the names that boto3 has for them: ``glue``,
                ``emr-serverless``, ``datazone``, ``logs``, ``s3``, ``sqs`` and ``sts``, and those of adapters.
                By ``sts`` the roles of profiles are assumed.
            verify: Whether certificates are checked, or the path of a file of those that are trusted.
            config: Passed on to aiobotocore, except for retries, which are left to this client.
            call_timeout: Seconds, or a timedelta, for a call with its retries, not counting waits for its quota or for
                a connection.
            max_attempts: How many requests a call may send; those that are throttled are not counted.
            throttle_timeout: How long a call may be throttled before it fails. A throttle holds back all calls of its
                operation, and uses up neither ``max_attempts`` nor ``call_timeout``.
            quotas: How often operations may be called at most, by service and operation. What is not named here begins
                at the published quota and is called more often while the service throttles nothing. None: nothing
                is held back until the service throttles.
            share_quotas: Profiles whose calls count for the quotas of another profile, since both are of one account,
                such as ``{"prod-read-only": "prod"}``; None as a profile is the default session.
            clock: Where time comes from; by default real time.
            allow_insecure_endpoint: Whether ``endpoint_url`` may be plain http to another machine.
            adapters: Services that this package does not know, by name: each an ``Entry``, or what makes its handles;
                see ``jobruns_sdk.adapters``.
            observer: What is told of calls, polls, waits, changes and walks; see ``jobruns_sdk.observing``.
            telemetry: Whether OpenTelemetry's spans and metrics are made, with its global providers, or those that a
                ``jobruns_sdk.telemetry.Telemetry`` names; needs the extra ``otel``.

        Raises:
            InvalidRequestError: An argument is invalid, or what ``telemetry`` needs is not installed.
        """
        check_region(region_name)
        seconds = seconds_of("call_timeout", call_timeout)
        check_count("max_attempts", max_attempts)
        check_time("throttle_timeout", throttle_timeout)
        optional(kind_of(Clock, "a clock, with the methods of jobruns_sdk.loop.clock.Clock"))("clock", clock)
        self._region_name = region_name
        self._entries = entries_with(adapters)
        self._services = frozenset(self._entries.keys() - set(Service))
        self._connections = Connections(
            session=session,
            sessions={} if sessions is None else sessions,
            endpoint_url=endpoint_url,
            endpoint_urls=_endpoints_of(endpoint_urls, self._entries),
            verify=verify,
            config=config,
            allow_insecure_endpoint=allow_insecure_endpoint,
        )
        published = QUOTAS if adapters is None else quotas_of(self._entries)
        limits = quotas_with(quotas, published, OPERATIONS, self._services)
        shares = shares_of(share_quotas, self._connections.profiles)
        policy = Policy(seconds, max_attempts, limits, {**(quotas or {})}, shares, throttle_timeout.total_seconds())
        clock = clock or RealClock()
        self._lifetime = lifetime = Lifetime(self._opened_by)
        observing = observing_of(observer=observer, telemetry=telemetry)
        self._transport = Transport(self._connections, clock, policy, lifetime, observing)
        self._poller = Poller(clock, policy.seconds_for, lifetime, observing)
        self._stopper = Stopper(self._poller, seconds)
        parts = ClientParts(
            clock,
            lifetime,
            logging_starts(self._poller.remember),
            self._stopper.stop,
            self._account_of,
            self._transport.shared_profile,
            self._poller.facts.of,
        )
        self._makers = {service: entry.maker(parts) for service, entry in self._entries.items()}

    def __repr__(self) -> str:
        return f"<JobRunsClient: {self._region_name or 'default region'}, {self._lifetime.state}>"

    async def __aenter__(self) -> Self:
        """Open the client in this event loop."""
        await self._transport.__aenter__()
        return self

    async def open(self) -> Self:
        """Open the client in this event loop, and return it: for notebooks, where no ``async with`` goes over cells.

        Raises:
            ClientClosedError: It was opened before.
            UnsupportedOperationError: No event loop of asyncio runs here.
        """
        return await self.__aenter__()

    async def aclose(self) -> None:
        """Close what ``open`` has opened; nothing is done where nothing is open.

        Raises:
            ClientClosedError: It was opened in another event loop.
        """
        if self._lifetime.has_begun and not self._lifetime.has_ended:
            await self.__aexit__(None, None, None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection; what is under way fails with ``ClientClosedError``."""
        try:
            await self._transport.__aexit__(kind, error, trace)
        finally:
            await self._stopper.aclose()

    def emr_serverless(self, application_id: str) -> EmrServerlessApplication:
        """Return the handle of an EMR Serverless application; no request is made.

        Raises:
            InvalidRequestError: The id is malformed, or no region is known.
        """
        return cast("EmrServerlessApplication", self.handle(JobRef(Service.EMR_SERVERLESS, (application_id,))))

    def datazone(self, domain_id: str, job_id: str) -> DataZoneJob:
        """Return the handle of a DataZone job; no request is made.

        Args:
            domain_id: The domain's id, ``dzd_...``.
            job_id: The job's id: a connection's ``lineageJobId``.

        Raises:
            InvalidRequestError: An id is malformed, or no region is known.
        """
        return cast("DataZoneJob", self.handle(JobRef(Service.DATAZONE, (domain_id, job_id))))

    def glue(self, job_name: str) -> GlueJob:
        """Return the handle of a Glue job; no request is made.

        Args:
            job_name: The job's name. A text form, such as ``"glue:nightly-etl"``, is for ``handle``; a job that is
                actually named that is ``handle(JobRef("glue", "glue:nightly-etl"))``.

        Raises:
            InvalidRequestError: The name is malformed or a text form, or no region is known.
        """
        if is_text_form(job_name):
            raise InvalidRequestError(
                f"a job name is expected, got the text form of a reference, {job_name!r:.200}: client.handle() takes "
                "that; a job that is actually named that is client.handle(JobRef('glue', name))"
            )
        return cast("GlueJob", self.handle(JobRef(Service.GLUE, (job_name,))))

    def handle(self, job: JobLike) -> Handle:
        """Return the handle of a job of whatever service; no request is made.

        Raises:
            InvalidRequestError: The job is malformed, its service or profile unknown, or no region is known.
        """
        ref = self._completed(ref_of(JobRef, job, self._services))
        if ref.service not in self._makers:
            raise self._unknown(ref.service)
        return self._makers[ref.service](ref, self._call_for(ref, ref))

    def runs(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        ended_before: datetime | None = None,
        active_after: datetime | None = None,
        reach: timedelta | None = None,
        order: Literal["newest", "any"] = "newest",
        hydrate: bool = False,
        concurrency: int = 32,
        on_error: OnSourceError = "raise",
        progress: Callable[[Progress], object] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[Native]]:
        """Return the runs of many jobs as one stream, whatever their services, regions and accounts.

        Nothing is requested until it is iterated. When a cursor resumes, the jobs may be given in another order, or be
        listed again: each run is yielded once. Memory grows with the number of open jobs, never with that of runs.

        Args:
            jobs: The jobs, or an (asynchronous) iterable of them, such as ``client.jobs(Service.GLUE)``.
            states: The states to include, None for all.
            native_states: The services' own states to include.
            created_after: Only runs created at this time (aware) or later.
            created_before: Only runs created before this time (aware).
            ended_after: Only runs that ended at this time (aware) or later. The order stays that of creation.
            ended_before: Only runs that ended before this time (aware).
            active_after: Only runs that ended at this time (aware) or later, or are still active; on EMR Serverless and
                DataZone the latter are found however old they are.
            reach: How far back by creation runs are read for ``ended_after`` and ``active_after``, because no service
                filters by end; 7 days by default. The report's ``read_from`` is that creation time.
            order: ``"newest"`` first over all jobs, up to 2 000 of them, each of which holds a page in memory; or
                ``"any"``, as pages arrive, for any number of jobs.
            hydrate: Whether to fetch the full run where the list has less (GetJobRun on EMR Serverless and DataZone):
                as it is by then, which may be a later state than the one that was asked for. Not kept in a cursor.
            concurrency: How many pages are under way at once, and with ``"any"`` how many jobs are open at once.
            on_error: How to handle a job that cannot be read: ``"raise"``, ``"skip"``, or a callable that is given the
                ``SourceError``. The report of a walk names those jobs, and a cursor begins with them again. A run that
                cannot be fetched in full is yielded as it was listed, reported in the same way, and not fetched again.
            progress: Called after each page with the ``Progress`` made.
            limit: The maximum number of runs.
            page_size: Rows to request at once; by default the services' largest pages.
            cursor: The cursor to resume from; its filters apply again and may be left out. None starts from the
                beginning, although it is also the cursor of a walk that has ended.

        Raises:
            InvalidRequestError: An argument is invalid, or there are too many jobs for that order.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
            active_after=active_after,
            reach=reach,
        )
        many = ManyJobs(
            jobs,
            self.handle,
            {service: entry.states for service, entry in self._entries.items()},
            concurrency=concurrency,
            on_error=on_error,
            progress=progress,
            page_size=page_size,
        )
        return many.pages(query, order=order, hydrate=hydrate, limit=limit, cursor=cursor)

    async def run(self, run: RunLike) -> JobRun[Native]:
        """Return a run in the state of its latest attempt (GetJobRun).

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such run.
        """
        ref = ref_of(RunRef, run, self._services)
        return await self.handle(ref.job).run(ref.run_id)

    def attempts(
        self,
        targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike],
        *,
        states: Iterable[RunState | str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        hydrate: bool = False,
        concurrency: int = 32,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run in order, or of many runs and of the runs of jobs.

        Runs come newest first, the attempts of each first to last. A run with one attempt costs no call: its row has
        what there is to know. The attempts of others are read like those of one run.

        Args:
            targets: A run or a job, or several of either. A job stands for those of its runs that match the filters.
            states: The states of runs to include, None for all.
            created_after: Only attempts of runs created at this time (aware) or later.
            created_before: Only attempts of runs created before this time (aware).
            ended_after: Only attempts of runs that ended at this time (aware) or later; see ``runs``.
            hydrate: Whether attempts on EMR Serverless have their start, end and usage, which no list returns:
                GetJobRun for each of them.
            concurrency: How many pages are read, and of how many runs attempts, at once.
            on_error: What to do about a job or a run that cannot be read; see ``runs``. A run that cannot be read
                yields no attempts.
            limit: The largest number of attempts to yield.
            page_size: How many rows to request at a time; the services' largest pages by default.
            cursor: Where an earlier walk stopped.

        Raises:
            InvalidRequestError: An argument is invalid, or runs are to be filtered that were named one by one.
            UnsupportedOperationError: The service has no attempts.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        check_flag("hydrate", hydrate)
        query = RunQuery(
            states=states, created_after=created_after, created_before=created_before, ended_after=ended_after
        )
        runs, jobs = self._runs_and_jobs(targets)
        if not isinstance(jobs, AsyncIterable) and not jobs and query != RunQuery():
            raise InvalidRequestError("filters choose among the runs of jobs: runs that are named come all")
        check_count("concurrency", concurrency)
        check_on_error("on_error", on_error)
        if _is_one(targets) and runs and on_error == "raise":
            return self._attempts_of(*runs[0], hydrate=hydrate, limit=limit, page_size=page_size, cursor=cursor)
        many = ManyJobs(
            jobs,
            self.handle,
            {service: entry.states for service, entry in self._entries.items()},
            concurrency=concurrency,
            on_error=on_error,
            progress=None,
            page_size=page_size,
            chosen=Chosen.of(runs, on_error),
        )
        listed = partial(many.pages, query, order="newest", hydrate=False, limit=None)
        attempts = ManyAttempts(
            self.handle, lambda at: listed(cursor=at), hydrate=hydrate, on_error=on_error, concurrency=concurrency
        )
        return attempts.pages(limit=limit, cursor=cursor)

    @staticmethod
    def _attempts_of(
        handle: Handle,
        run_id: str,
        *,
        hydrate: bool,
        limit: int | None,
        page_size: int | None,
        cursor: str | None,
    ) -> Pages[Attempt[Native]]:
        if not isinstance(handle, ListsAttempts):
            raise _unsupported(handle.ref.service, "has no attempts")
        if hydrate and isinstance(handle, ListsFullAttempts):
            page_size_of(page_size, 1)
            return handle.full_attempts(run_id, limit=limit, cursor=cursor)
        return handle.attempts(run_id, limit=limit, page_size=page_size, cursor=cursor)

    async def job(self, job: JobLike) -> Job[Native]:
        """Return a job (GetApplication on EMR Serverless, GetJob on Glue).

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such job.
            UnsupportedOperationError: The service cannot describe jobs: DataZone.
        """
        handle = self.handle(job)
        if not isinstance(handle, DescribesJob):
            raise _unsupported(handle.ref.service, "cannot describe its jobs; its runs tell what there is to know")
        return await handle.job()

    def jobs(
        self,
        service: Service | str,
        *,
        name: str | None = None,
        states: Iterable[str] | None = None,
        tags: Mapping[str, str] | None = None,
        region_name: str | None = None,
        profile: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Job[Native]]:
        """Return the jobs of a service: applications (ListApplications) or Glue jobs (ListJobs).

        Args:
            service: ``Service.EMR_SERVERLESS`` or ``Service.GLUE``.
            name: A pattern of names, such as ``"nightly-*"``, matched client-side.
            states: The states of applications that are wanted, such as ``{"STARTED"}``; EMR Serverless only.
            tags: Tags that a job must have; Glue only.
            region_name: Where to look; by default the client's region.
            profile: The name of one of the client's ``sessions``; by default its default session.
            limit: The maximum number of jobs.
            page_size: Jobs to request at once; by default the service's largest page.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid, or the service is unknown.
            UnsupportedOperationError: The service has no way to list its jobs: DataZone.
        """
        check_text("service", service)
        entry = self._entries.get(service)
        if entry is None:
            raise self._unknown(service)
        if entry.jobs is None:
            raise _unsupported(service, f"cannot list its jobs: name them, as in {_naming(service, entry)}")
        check_texts(name=name)
        place = self._place(service, region_name, profile)
        call = self._call_for(place)
        return entry.jobs(
            call, place, name=name, states=states, tags=tags, limit=limit, page_size=page_size, cursor=cursor
        )

    def discover(
        self,
        *,
        services: Iterable[Service | str] | None = None,
        regions: Iterable[str] | None = None,
        profiles: Iterable[str | None] | None = None,
        name: str | None = None,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Job[Native]]:
        """Return the jobs of several services, regions and accounts (ListApplications, ListJobs), in no order.

        Each service is listed in each region with each profile, several at once. The result can be passed on as is:
        ``client.runs(client.discover(regions=["eu-west-1", "us-east-1"]))``.

        Args:
            services: The services; by default all that can list their jobs: EMR Serverless, Glue, and adapters.
            regions: The regions; by default the client's.
            profiles: Names of the client's ``sessions``, None among them for its default session, as by default.
            name: A pattern of names, such as ``"nightly-*"``, matched client-side.
            on_error: How to handle a region or account whose jobs cannot be listed: ``"raise"``, ``"skip"``, or a
                callable that is given the ``SourceError``, whose ``job`` names service, region and profile, with ``-``
                for the job.
            limit: The maximum number of jobs.
            page_size: Jobs to request at once; by default the services' largest pages.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid, or a service is unknown.
            UnsupportedOperationError: A service has no way to list its jobs: DataZone.
            CursorError: The cursor is damaged, or of another pattern.
        """
        able = [service for service, entry in self._entries.items() if entry.jobs is not None]
        chosen = able if services is None else items_of("services", services, "services, such as {'glue'}")
        # Each of them is read once: it may be an iterator.
        wanted_regions = [None] if regions is None else items_of("regions", regions, "regions")
        wanted_profiles = [None] if profiles is None else items_of("profiles", profiles, "profiles")
        lists: dict[JobRef, Pages[Job[Native]]] = {}
        for service, region, profile in product(chosen, wanted_regions, wanted_profiles):
            pages = self.jobs(service, name=name, region_name=region, profile=profile, page_size=page_size)
            lists[self._place(service, region, profile)] = pages
        return found_jobs([*lists.items()], name, on_error=on_error, limit=limit, cursor=cursor)

    async def stop(
        self, runs: Runs, *, grace_period: timedelta | None = None, wait: timedelta | None = None
    ) -> list[StopOutcome]:
        """Ask for runs of any jobs to be stopped (CancelJobRun on EMR Serverless, BatchStopJobRun on Glue).

        A service accepts now and stops some time later: ``wait=`` follows the runs until they have stopped. A Glue run
        whose attempt has just failed is watched for its retry, which is stopped: this call waits for that, at most as
        long as a ``wait`` would (see its ``retry_grace``). What ``wait=`` cuts short goes on while the client is open.

        Args:
            runs: One run, or several.
            grace_period: How long a streaming run on EMR Serverless may take to shut down, in whole seconds.
            wait: How long to wait until they have stopped; when it is over, the outcomes tell how far they are. None
                returns as soon as the services have accepted.

        Returns:
            An outcome for each run, in order; one that fails says so and does not keep the others from being stopped.

        Raises:
            InvalidRequestError: A reference or a time is malformed; nothing was sent.
        """
        if grace_period is not None:
            whole_seconds("grace_period", grace_period)
        optional(check_time)("wait", wait)
        given = [ref_of(RunRef, run, self._services) for run in await _each_run(runs)]
        targets: list[tuple[Handle, str]] = []
        refused: dict[int, StopOutcome] = {}
        for at, ref in enumerate(given):
            try:
                targets.append((self.handle(ref.job), ref.run_id))
            except InvalidRequestError as error:
                refused[at] = StopOutcome(ref, accepted=False, error=error)
        stopped = iter(await self._stopper.stop(targets, grace_period=grace_period, wait=wait))
        return [refused[at] if at in refused else next(stopped) for at in range(len(given))]

    async def wait(
        self,
        run: RunLike,
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _INTERVALS.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        until: Iterable[RunState | str] | None = None,
        unseen_for: timedelta | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_cancel: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
        on_failed_poll: Callable[[JobRunsError], object] | None = None,
    ) -> JobRun[Native]:
        """Wait until a run has ended for good, and return it.

        All waits of a client share their polls, which keep to the quotas. Once the run was seen, or was started by this
        client, no answer ends a wait at once: see ``unseen_for``. Before that, throttling, failures of the service and
        lost connections do not.

        Args:
            run: The run.
            timeout: How long to wait at most; with 0 it is over before the first poll, for which there is ``run``.
                None for as long as it takes, which a streaming run is refused unless ``until`` is given.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: How long a Glue attempt that failed may be the last one before it is taken for the last one,
                where the job is known to have more retries; 5 minutes at most where its definition cannot be read.
            until: States to wait for besides the end; states between two polls may be missed.
            unseen_for: How long the run may go unseen, because polls fail. None: as long as ``timeout`` allows, an hour
                where that is None.
            on_timeout: ``"stop"`` stops the run when the time is up; the error carries the outcome. A retry of a failed
                attempt is waited for no longer than 5 minutes, and stopped later while the client is open.
            on_cancel: ``"stop"`` stops the run when the wait is cancelled, which delays the cancellation by at most
                ``call_timeout``.
            on_poll: Called after each poll with the run as it was seen.
            on_failed_poll: Called after each poll that failed, with its error.

        Raises:
            WaitTimeoutError: The time is up; it carries the run as it was last seen.
            NotFoundError: There is no such run; or it was seen, and then not for ``unseen_for``.
            JobRunsError: The run was not seen for ``unseen_for``; the error carries it as it was last seen.
            InvalidRequestError: An argument is invalid, or a streaming run is to be waited for without end.
            UnsupportedOperationError: The run is to be stopped on a service that cannot.
        """
        rules = WaitRules(
            pace=_pace(poll_interval, max_poll_interval, retry_grace),
            timeout=timeout,
            until=until,
            unseen_for=unseen_for,
            on_timeout=on_timeout,
            on_cancel=on_cancel,
            on_poll=on_poll,
            on_failed_poll=on_failed_poll,
        )
        return await Waits(self._poller, self._stopper, rules).one(*self._followed(run))

    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[False] = False, **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native]]: ...
    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[True], **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native] | JobRunsError]: ...
    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: bool, **options: Unpack[WaitOptions]
    ) -> Sequence[JobRun[Native] | JobRunsError]: ...
    async def wait_all(
        self,
        runs: Runs,
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _INTERVALS.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        until: Iterable[RunState | str] | None = None,
        unseen_for: timedelta | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_cancel: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
        on_failed_poll: Callable[[JobRunsError], object] | None = None,
        return_exceptions: bool = False,
    ) -> Sequence[JobRun[Native] | JobRunsError]:
        """Wait until all runs have ended for good, and return them in order; see ``wait``.

        Args:
            runs: One run, or several.
            timeout: As for ``wait``; it is one for all.
            poll_interval: As for ``wait``.
            max_poll_interval: As for ``wait``.
            retry_grace: As for ``wait``.
            until: As for ``wait``.
            unseen_for: As for ``wait``.
            on_timeout: As for ``wait``: each run that has not ended is stopped, and the error carries all outcomes.
            on_cancel: As for ``wait``: each run that has not ended is stopped.
            on_poll: As for ``wait``.
            on_failed_poll: As for ``wait``; the error's ``run`` tells which run it hid, once that was seen.
            return_exceptions: Whether an error takes the place of a run that cannot be followed; otherwise the first
                error ends the call.

        Raises:
            JobRunsError: As for ``wait``.
            ClientClosedError: The client is closed, or was closed meanwhile; that is not an error of a run.
        """
        check_flag("return_exceptions", return_exceptions)
        rules = WaitRules(
            pace=_pace(poll_interval, max_poll_interval, retry_grace),
            timeout=timeout,
            until=until,
            unseen_for=unseen_for,
            on_timeout=on_timeout,
            on_cancel=on_cancel,
            on_poll=on_poll,
            on_failed_poll=on_failed_poll,
        )
        targets: list[Target | JobRunsError] = []
        for run in await _each_run(runs):
            try:
                targets.append(self._followed(run))
            except JobRunsError as error:
                if not return_exceptions or isinstance(error, ClientClosedError):
                    raise
                targets.append(error)
        return await Waits(self._poller, self._stopper, rules).all(targets, errors=return_exceptions)

    def watch(
        self,
        targets: RunLike | JobLike | Iterable[RunLike | JobLike],
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _INTERVALS.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        unseen_for: timedelta | None = None,
        on_error: OnSourceError = "raise",
    ) -> Watch:
        """Return a stream of state changes of runs, and of the runs of jobs; nothing is requested until it is iterated.

        It begins with one change for each run, whose ``before`` is None. States between two polls may be missed. It
        ends when all runs have ended for good, or goes on while a job is watched: its runs that have not when the watch
        begins, and all that are created from then on, join. Jobs are polled side by side, and changes are told as they
        are seen.

        Args:
            targets: A run or a job, or several of either; the pages of a list call have to be collected first.
            timeout: How long to watch at most; None for as long as it takes.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: As for ``wait``.
            unseen_for: As for ``wait``, of a run as of a job.
            on_error: The fate of the watch when a run or a job cannot be followed: ``"raise"`` ends it once what was
                seen is told, ``"skip"`` goes on without, and so does a callable, which is given the ``SourceError``;
                its ``run`` is None where it is about the job.

        Raises:
            InvalidRequestError: An argument is invalid.
            WaitTimeoutError: While iterating: the time is up.
            JobRunsError: While iterating: a run or a job cannot be followed.
        """
        optional(check_time)("timeout", timeout)
        optional(check_some_time)("unseen_for", unseen_for)
        check_on_error("on_error", on_error)
        pace = _pace(poll_interval, max_poll_interval, retry_grace)
        named, jobs = self._runs_and_jobs(targets)
        runs = [self._followed(handle.ref.run(run_id)) for handle, run_id in named]
        followed = [_following(job) for job in jobs]
        return Watch(self._poller, runs, followed, pace=pace, timeout=timeout, unseen_for=unseen_for, on_error=on_error)

    @property
    def pace(self) -> Mapping[tuple[str | None, str | None, str, str], Pace]:
        """The pace of each operation that was called, by profile, region, service and operation, as it was learnt."""
        return self._transport.pace

    def nudge(self, run: RunLike) -> None:
        """Let waits and watches poll a run now, as after an event that tells of it; nothing is awaited.

        What was seen of it is forgotten, whoever sleeps until its next poll is woken, and a watch of its job looks for
        it if it is new. Nothing happens where nobody waits for it.

        Raises:
            InvalidRequestError: The reference is malformed.
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        _, ref = self._followed(run)
        self._poller.nudge(ref)

    def _followed(self, run: RunLike) -> tuple[Follows, RunRef]:
        ref = ref_of(RunRef, run, self._services)
        handle = _following(self.handle(ref.job))
        return handle, handle.run_ref(ref.run_id)

    @overload
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle]]: ...
    @overload
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle] | AsyncIterable[JobLike]]: ...
    def _runs_and_jobs(
        self, targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike]
    ) -> tuple[list[tuple[Handle, str]], list[Handle] | AsyncIterable[JobLike]]:
        """Return the runs that are named, and the jobs."""
        if isinstance(targets, AsyncIterable):
            return [], targets
        runs: list[tuple[Handle, str]] = []
        jobs: list[Handle] = []
        for target in each_of("targets", targets, "runs and jobs"):
            if isinstance(getattr(target, "ref", target), RunRef) or self._names_run(target):
                ref = ref_of(RunRef, target, self._services)
                runs.append((self.handle(ref.job), ref.run_id))
            else:
                jobs.append(self.handle(target))
        return runs, jobs

    def _names_run(self, target: object) -> bool:
        with suppress(InvalidRequestError):
            return isinstance(target, str) and bool(RunRef.parse(target, services=self._services))
        return False

    def _place(self, service: str, region: str | None, profile: str | None) -> JobRef:
        """Return a reference of a service in a region, with a profile, of no job in particular."""
        return self._completed(JobRef(service, ("-",) * len(self._entries[service].names or "-"), region, profile))

    def _unknown(self, service: str) -> InvalidRequestError:
        known = ", ".join(self._entries)
        return InvalidRequestError(f"unknown service {service!r:.80}, known are {known}")

    def _completed(self, ref: JobRef) -> JobRef:
        """Return a reference with its region, having checked that its profile is known."""
        session = self._connections.session(ref.profile)
        region = ref.region or self._region_name or region_of(session)
        if region is None:
            raise InvalidRequestError(
                f"no region is known for {ref}: say it in the reference ('...?region=eu-west-1'), as the client's "
                "region_name=, in AWS_DEFAULT_REGION, or in the profile's configuration"
                + (" (botocore does not read AWS_REGION, which is set)" if "AWS_REGION" in environ else "")
            )
        return JobRef(ref.service, ref.path, region, ref.profile, job_name=ref.job_name)

    async def _account_of(self, ref: JobRef) -> str | None:
        return await self._transport.account(ref.service, ref.region, ref.profile)

    def _call_for(self, place: JobRef, job: JobRef | None = None) -> Call:
        return partial(self._transport.call, region=place.region, profile=place.profile, job=job)


def _endpoints_of(given: Mapping[str, str] | None, entries: Mapping[str, Entry]) -> Mapping[str, str]:
    named: Mapping[str, str] = {} if given is None else given
    urls = dict(mapping_of("endpoint_urls", "a mapping of services to addresses", named))
    known = {*entries, *_BESIDE}
    for service in urls:
        if service not in known:
            names = ", ".join(sorted(map(str, known)))
            raise InvalidRequestError(f"endpoint_urls names {service!r:.80}, known are {names}")
    return cast("Mapping[str, str]", urls)  # each is looked at where it is used


def _is_one(targets: object) -> bool:
    return isinstance(getattr(targets, "ref", targets), (str, JobRef, RunRef))


def _naming(service: str, entry: Entry) -> str:
    """Return the call that names a job: of a service from outside, or the client's own method."""
    if service not in tuple(Service) or entry.names is None:
        return f"JobRef({service!r}, path)"
    names = (name.partition(" ")[2].replace(" ", "_") for name in entry.names)
    return f"client.{service.replace('-', '_')}({', '.join(names)})"


def _unsupported(service: str, why: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{service} {why}", service=service)
