"""The client: what puts sessions, transport and services together, and knows which services there are."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self

from jobruns_sdk.checks import (
    check_callable,
    check_count,
    check_number,
    check_text,
    check_texts,
    kind_of,
    mapping_of,
    optional,
)
from jobruns_sdk.errors import InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.fanout import Fan, OnSourceError
from jobruns_sdk.following import Following, each_handle
from jobruns_sdk.loop.clock import Clock, RealClock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef, RunLike, Service, check_region, is_text_form, job_ref, run_ref
from jobruns_sdk.model.reports import Progress
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.polling import Poller
from jobruns_sdk.services import datazone, emr_serverless, glue
from jobruns_sdk.services.datazone import operations as of_datazone
from jobruns_sdk.services.emr_serverless import operations as of_emr_serverless
from jobruns_sdk.services.glue import operations as of_glue
from jobruns_sdk.services.handle import DescribesJob, Handle, ListsAttempts
from jobruns_sdk.transport.calls import Policy, Transport
from jobruns_sdk.transport.connections import Connections, region_of
from jobruns_sdk.transport.operation import Call, Operation
from jobruns_sdk.transport.quotas import QUOTAS, Quota, quotas_with, shares_of

if TYPE_CHECKING:
    from aiobotocore.session import AioSession
    from botocore.config import Config

OPERATIONS: Final = frozenset(
    (operation.service, operation.name)
    for module in (of_datazone, of_emr_serverless, of_glue)
    for operation in vars(module).values()
    if isinstance(operation, Operation)
)
"""What the client calls of the services that it knows, by service and name."""


class JobRunsClient(Following):
    """Reads the job runs of EMR Serverless, DataZone and Glue; used in ``async with``, in one event loop.

    Every service and region is connected to once, when it is first needed, however many tasks share the client.
    """

    _opened_by: ClassVar = "async with"

    def __init__(
        self,
        *,
        session: "AioSession | None" = None,
        sessions: "Mapping[str, AioSession] | None" = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        config: "Config | None" = None,
        call_timeout: float = 60.0,
        max_attempts: int = 4,
        quotas: Mapping[tuple[str, str], Quota] | None = QUOTAS,
        share_quotas: Mapping[str | None, str | None] | None = None,
        clock: Clock | None = None,
        allow_insecure_endpoint: bool = False,
        adapters: Mapping[str, Callable[[JobRef, Call], Handle]] | None = None,
    ) -> None:
        """Prepare a client; nothing is loaded or sent yet.

        Args:
            session: The aiobotocore session whose credentials and region are used; by default a new one, which takes
                them from where AWS's own clients do. It stays as it is, and so do its other clients.
            sessions: More sessions by name, for references that name a ``profile``.
            region_name: The region of references that name none; by default the session's.
            endpoint_url: Where to send requests instead of to AWS, such as a local service.
            config: Passed on to aiobotocore, but for retries, which are this client's.
            call_timeout: Seconds for a call with its retries, not counting waits for its quota or for a connection.
            max_attempts: How many requests a call may send.
            quotas: How often operations may be called, by service and operation: the published quotas, as far as
                they are not replaced here. None sets no limit.
            share_quotas: Profiles whose calls count for the quotas of another profile, since both are of one account,
                such as ``{"prod-read-only": "prod"}``; None as a profile is the default session.
            clock: Where time comes from; by default real time.
            allow_insecure_endpoint: Whether ``endpoint_url`` may be plain http to another machine.
            adapters: What makes the handles of services that this package does not know, by service; see
                ``jobruns_sdk.adapters``.

        Raises:
            InvalidRequestError: An argument cannot be right.
        """
        check_region(region_name)
        check_number("call_timeout", call_timeout)
        check_count("max_attempts", max_attempts)
        optional(kind_of(Clock, "a clock, with the methods of jobruns_sdk.loop.clock.Clock"))("clock", clock)
        _check_adapters({} if adapters is None else adapters)
        self._region_name = region_name
        self._adapters = dict(adapters or {})
        self._connections = Connections(
            session=session,
            sessions={} if sessions is None else sessions,
            endpoint_url=endpoint_url,
            config=config,
            allow_insecure_endpoint=allow_insecure_endpoint,
        )
        limits = quotas_with(quotas, OPERATIONS, self._adapters)
        policy = Policy(call_timeout, max_attempts, limits, shares_of(share_quotas, self._connections.profiles))
        clock = clock or RealClock()
        self._lifetime = lifetime = Lifetime(self._opened_by)
        self._transport = Transport(self._connections, clock, policy, lifetime)
        self._starts = glue.Starts(clock, lifetime)
        super().__init__(Poller(clock, policy.seconds_for, lifetime), self._adapters)

    def __repr__(self) -> str:
        return f"<JobRunsClient: {self._region_name or 'no region of its own'}, {self._lifetime.state}>"

    async def __aenter__(self) -> Self:
        """Open the client in this event loop."""
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection; what is under way fails with ``ClientClosedError``."""
        await self._transport.__aexit__(kind, error, trace)

    def emr_serverless(self, application_id: str) -> emr_serverless.EmrServerlessApplication:
        """Return the handle of an EMR Serverless application; no request is made.

        Raises:
            InvalidRequestError: The id is malformed, or no region is known.
        """
        ref = self._completed(JobRef(Service.EMR_SERVERLESS, (application_id,)))
        return emr_serverless.EmrServerlessApplication(ref, self._call_for(ref))

    def datazone(self, domain_id: str, job_id: str) -> datazone.DataZoneJob:
        """Return the handle of a DataZone job; no request is made.

        Args:
            domain_id: The domain's id, ``dzd_...``.
            job_id: The job's id: a connection's ``lineageJobId``.

        Raises:
            InvalidRequestError: An id is malformed, or no region is known.
        """
        ref = self._completed(JobRef(Service.DATAZONE, (domain_id, job_id)))
        return datazone.DataZoneJob(ref, self._call_for(ref))

    def glue(self, job_name: str) -> glue.GlueJob:
        """Return the handle of a Glue job; no request is made.

        Args:
            job_name: The job's name. A text form, such as ``"glue:nightly-etl"``, is for ``handle``; a job that is
                really called so is ``handle(JobRef("glue", "glue:nightly-etl"))``.

        Raises:
            InvalidRequestError: The name is malformed or a text form, or no region is known.
        """
        if is_text_form(job_name):
            raise InvalidRequestError(
                f"a job name is no text form of a reference, got {job_name!r:.200}: client.handle() takes that; "
                "a job that is really called so is client.handle(JobRef('glue', name))"
            )
        ref = self._completed(JobRef(Service.GLUE, (job_name,)))
        return glue.GlueJob(ref, self._call_for(ref), self._starts)

    def handle(self, job: JobLike) -> Handle:
        """Return the handle of a job of whatever service; no request is made.

        Raises:
            InvalidRequestError: The job is malformed, its service or profile unknown, or no region is known.
        """
        ref = self._completed(job_ref(job, self._services))
        match ref.service:
            case Service.GLUE:
                return glue.GlueJob(ref, self._call_for(ref), self._starts)
            case Service.EMR_SERVERLESS:
                return emr_serverless.EmrServerlessApplication(ref, self._call_for(ref))
            case Service.DATAZONE:
                return datazone.DataZoneJob(ref, self._call_for(ref))
            case service if service in self._adapters:
                return self._adapters[service](ref, self._call_for(ref))
            case service:
                raise self._unknown(service)

    def runs(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        *,
        states: Iterable[RunState] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
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

        Nothing is requested until it is iterated. The jobs may be given in another order, or anew, when a cursor goes
        on: each run is yielded once. Memory grows with the number of jobs that are open, never with that of runs.

        Args:
            jobs: The jobs, or an (asynchronous) iterable of them, such as ``client.jobs(Service.GLUE)``.
            states: The states that are wanted, None for all.
            native_states: The states that are wanted in the services' own words.
            created_after: Runs created then or later (aware).
            created_before: Runs created before that (aware).
            order: ``"newest"`` first over all jobs, up to 2 000 of them, each of which holds a page in memory; or
                ``"any"``, as pages arrive, for any number of jobs.
            hydrate: Whether the full run is got where the list tells less (GetJobRun on EMR Serverless and DataZone):
                as it is by then, which may be a later state than the one that was asked for. No cursor carries this.
            concurrency: How many pages are under way at once, and with ``"any"`` how many jobs are open at once.
            on_error: What to do about a job that cannot be read: ``"raise"``, ``"skip"``, or something to call with
                the ``SourceError``. The report of a walk names those jobs, and a cursor begins with them again. A run
                that cannot be got in full is yielded as it was listed, told in the same way, and not got again.
            progress: Called after each page with the ``Progress`` made.
            limit: How many runs are yielded at most.
            page_size: How many rows to ask for at once; the services' largest pages unless told otherwise.
            cursor: Where an earlier walk has left off; its filters apply again and may be left out. None begins at the
                start, though it is also the cursor of a walk that came to its end.

        Raises:
            InvalidRequestError: An argument cannot be right, or there are too many jobs for that order.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        query = RunQuery(
            states=states, native_states=native_states, created_after=created_after, created_before=created_before
        )
        fan = Fan(
            each_handle(jobs, self.handle),
            self.handle,
            concurrency=concurrency,
            on_error=on_error,
            progress=progress,
            page_size=page_size,
        )
        return fan.pages(query, order=order, hydrate=hydrate, limit=limit, cursor=cursor)

    async def run(self, run: RunLike) -> JobRun[Native]:
        """Return a run in the state of its latest attempt (GetJobRun).

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such run.
        """
        ref = run_ref(run, self._services)
        return await self.handle(ref.job).run(ref.run_id)

    def attempts(
        self, run: RunLike, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run, first one first; see the ``attempts`` of its job's handle.

        Raises:
            InvalidRequestError: An argument cannot be right.
            UnsupportedOperationError: The service has no attempts.
        """
        ref = run_ref(run, self._services)
        handle = self.handle(ref.job)
        if not isinstance(handle, ListsAttempts):
            raise _unsupported(ref.job.service, "has no attempts")
        return handle.attempts(ref.run_id, limit=limit, page_size=page_size, cursor=cursor)

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
            name: A pattern of names, such as ``"nightly-*"``, compared here.
            states: The states of applications that are wanted, such as ``{"STARTED"}``; EMR Serverless only.
            tags: Tags that a job must have; Glue only.
            region_name: Where to look; by default the client's region.
            profile: The name of one of the client's ``sessions``; by default its default session.
            limit: How many jobs are yielded at most.
            page_size: How many to ask for at once; the service's largest page unless told otherwise.
            cursor: Where an earlier walk has left off.

        Raises:
            InvalidRequestError: An argument cannot be right, or the service is unknown.
            UnsupportedOperationError: The service has no way to list its jobs: DataZone.
        """
        check_text("service", service)
        if service not in (*Service, *self._adapters):
            raise self._unknown(service)
        if service not in (Service.EMR_SERVERLESS, Service.GLUE):
            how = "client.datazone(domain_id, job_id)" if service == Service.DATAZONE else f"JobRef({service!r}, path)"
            raise _unsupported(service, f"cannot list its jobs: name them, as in {how}")
        check_texts(name=name)
        place = self._completed(JobRef(service, ("-",), region_name, profile))
        call = self._call_for(place)
        if service == Service.GLUE:
            if states is not None:
                raise _unsupported(service, "has no states of jobs to filter by")
            return glue.jobs(call, place, name=name, tags=tags, limit=limit, page_size=page_size, cursor=cursor)
        if tags is not None:
            raise _unsupported(service, "cannot filter its applications by tags")
        return emr_serverless.jobs(
            call, place, name=name, states=states, limit=limit, page_size=page_size, cursor=cursor
        )

    def _unknown(self, service: str) -> InvalidRequestError:
        known = ", ".join((*Service, *self._adapters))
        return InvalidRequestError(f"unknown service {service!r:.80}, known are {known}")

    def _completed(self, ref: JobRef) -> JobRef:
        """Return a reference with its region, having checked that its profile is known."""
        session = self._connections.session(ref.profile)
        region = ref.region or self._region_name or region_of(session)
        if region is None:
            raise InvalidRequestError(
                f"no region is known for {ref}: say it in the reference ('...?region=eu-west-1'), as the client's "
                "region_name=, in AWS_DEFAULT_REGION, or in the profile's configuration"
            )
        return JobRef(ref.service, ref.path, region, ref.profile)

    def _call_for(self, ref: JobRef) -> Call:
        return partial(self._transport.call, region=ref.region, profile=ref.profile)


def _check_adapters(adapters: object) -> None:
    for name, adapter in mapping_of("adapters", "a mapping of services to what makes handles", adapters):
        check_callable(f"adapters[{name!r:.80}]", adapter)
        if not isinstance(name, str) or name in tuple(Service):
            raise InvalidRequestError(f"adapters: {name!r:.80} is no service of your own")


def _unsupported(service: str, why: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{service} {why}", service=service)
