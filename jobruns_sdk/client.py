"""The client: what puts sessions, transport and services together, and knows which services there are."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from inspect import isfunction
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, ClassVar, Final, Self, cast

from jobruns_sdk.checks import check_count, check_time, kind_of, mapping_of, optional, seconds_of
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.hints import BOTO3_ARGUMENTS, CLIENT_NAMES, AsyncContext, Hinted, named_only
from jobruns_sdk.logs import operations as log_operations
from jobruns_sdk.logs.client import ClientLogs
from jobruns_sdk.loop.clock import Clock, RealClock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.model.refs import JobRef, Service, check_region, is_text_form
from jobruns_sdk.observing.logs import logging_starts
from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.runs.following import ClientFollowing, WaitOptions
from jobruns_sdk.runs.listening import ClientListening
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.reading import ClientReading
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.handle import ClientParts
from jobruns_sdk.services.registry import OPERATIONS, QUOTAS, Adapter, Entry, entries_with, quotas_of
from jobruns_sdk.telemetry.options import Telemetry, observing_of
from jobruns_sdk.transport.calls import Policy, Transport
from jobruns_sdk.transport.connections import Connections
from jobruns_sdk.transport.pace import Pace
from jobruns_sdk.transport.quotas import Quota, quotas_with, shares_of

if TYPE_CHECKING:
    from os import PathLike

    from aiobotocore.session import AioSession
    from botocore.config import Config

__all__ = ["JobRunsClient", "WaitOptions"]

_NOT_GIVEN: Final[Mapping[tuple[str, str], Quota]] = MappingProxyType({})
_BESIDE: Final = ("logs", "s3", "sqs", "sts")  # services that are asked for something beside the runs


class JobRunsClient(ClientReading, ClientFollowing, ClientListening, ClientLogs, AsyncContext, Hinted):
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
        called = OPERATIONS | {(one.service, one.name) for one in log_operations.OPERATIONS}
        limits = quotas_with(quotas, {**published, **log_operations.QUOTAS}, called, self._services)
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
            logging_starts(self._poller.known.remember),
            self._stopper.stop,
            self._account_of,
            self._transport.shared_profile,
            self._poller.facts.of,
            self._read_logs,
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

    @property
    def pace(self) -> Mapping[tuple[str | None, str | None, str, str], Pace]:
        """The pace of each operation that was called, by profile, region, service and operation, as it was learnt."""
        return self._transport.pace


for _part in (ClientReading, ClientFollowing, ClientListening, ClientLogs):
    for _name, _member in vars(_part).items():
        if isfunction(_member):  # Python's own errors name the class that users know
            _member.__qualname__ = f"{JobRunsClient.__name__}.{_name}"


def _endpoints_of(given: Mapping[str, str] | None, entries: Mapping[str, Entry]) -> Mapping[str, str]:
    named: Mapping[str, str] = {} if given is None else given
    urls = dict(mapping_of("endpoint_urls", "a mapping of services to addresses", named))
    known = {*entries, *_BESIDE}
    for service in urls:
        if service not in known:
            names = ", ".join(sorted(map(str, known)))
            raise InvalidRequestError(f"endpoint_urls names {service!r:.80}, known are {names}")
    return cast("Mapping[str, str]", urls)  # each is looked at where it is used
