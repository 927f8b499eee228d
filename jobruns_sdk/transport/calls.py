"""Calls to AWS: quotas, deadlines, and the one place that retries: botocore makes one attempt a call."""

import asyncio
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec
from botocore import xform_name
from botocore.exceptions import NoCredentialsError

from jobruns_sdk.errors import (
    CallTimeoutError,
    ClientClosedError,
    CredentialsError,
    JobRunsError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.loop.meter import meter
from jobruns_sdk.loop.tasks import finished
from jobruns_sdk.observing.seam import Observing
from jobruns_sdk.transport import quotas as pacing
from jobruns_sdk.transport.answers import answer_of, reply_from, secrets_of
from jobruns_sdk.transport.connections import Connection, Connections
from jobruns_sdk.transport.credentials import Frozen, signing_with
from jobruns_sdk.transport.exceptions import translated
from jobruns_sdk.transport.observed import ObservedCall, observed
from jobruns_sdk.transport.operation import Operation, Reply, Sending, sending, tracked
from jobruns_sdk.transport.pace import Pace, PaceKeeper
from jobruns_sdk.transport.quotas import UNPUBLISHED, Quota, backoff
from jobruns_sdk.transport.turns import Turns
from jobruns_sdk.transport.underlying import fit_to_show

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

_FREE: Final = 1e-6


class Policy(msgspec.Struct, frozen=True):
    """The settings of calls: deadline, attempts, quotas.

    Attributes:
        call_timeout: Seconds for a call with its retries, not counting waits for its quota or for a connection.
        max_attempts: How many requests a call may send.
        quotas: The first guess of how often each operation may be called; None for none.
        ceilings: How often an operation may be called at most, as far as the user says so.
        shared: Profiles whose calls count for the quotas of another profile, which is of the same account.
        throttle_timeout: Seconds for which a call may be throttled, again and again.
    """

    call_timeout: float
    max_attempts: int
    quotas: Mapping[tuple[str, str], Quota] | None
    ceilings: Mapping[tuple[str, str], Quota]
    shared: Mapping[str | None, str | None]
    throttle_timeout: float = 600.0

    def quota(self, operation: Operation[Any]) -> Quota | None:
        """Return the quota of an operation as far as it is known, None where none is to be kept."""
        if self.quotas is None:
            return None
        return self.quotas.get((operation.service, operation.name), UNPUBLISHED)

    def seconds_for(self, operation: Operation[Any]) -> float:
        """Return what a call costs of its quota, in seconds; without quotas next to nothing, the same for all."""
        quota = self.quota(operation)
        return _FREE if quota is None else 1 / quota.rate

    def keeper(self, operation: Operation[Any]) -> PaceKeeper:
        """Return what keeps an operation's pace from here on."""
        return PaceKeeper(self.quota(operation), self.ceilings.get((operation.service, operation.name)))


class _Gate(msgspec.Struct, eq=False):
    """The queue of calls of one operation, so that they keep its pace."""

    keeper: PaceKeeper
    turns: Turns


class _Tries(msgspec.Struct, eq=False):
    """The retries of a call: how many requests it has sent, what it has left, since when it is throttled, and its keys.

    A throttle is not a failure: it uses up neither attempts nor ``call_timeout``, and is bounded by time alone.
    """

    policy: Policy
    observed: ObservedCall | None
    requests: int = 0
    failures: int = 0
    spent: float = 0.0
    waited: float = 0.0
    throttled_since: float | None = None
    keys: Frozen | None = None
    were_refused: bool = False

    @property
    def seconds_left(self) -> float:
        return self.policy.call_timeout - self.spent

    def sends(self, connection: Connection, waited: float) -> None:
        """Tell whoever observes that a request goes out."""
        if self.observed is not None:
            self.observed.sends(connection.client.meta.endpoint_url, waited)

    def pause(self, failure: JobRunsError, seconds: float, now: float) -> float | None:
        """Return the seconds to wait before the next request, None where none is to be sent."""
        if isinstance(failure, ThrottledError):
            self.throttled_since = now if self.throttled_since is None else self.throttled_since
            return 0.0 if now - self.throttled_since < self.policy.throttle_timeout else None
        self.throttled_since = None
        self.failures += 1
        pause = backoff(self.failures, pacing.jitter.random())
        self.spent += seconds + pause
        more = self.failures < self.policy.max_attempts and self.spent < self.policy.call_timeout
        return pause if more else None

    def tell(self, failure: JobRunsError, pause: float = 0.0) -> None:
        """Tell observers that another request follows a failure."""
        if self.observed is not None:
            self.observed.retries(failure, pause)


class Transport:
    """Calls operations in any region, with any of the client's sessions."""

    def __init__(
        self, connections: Connections, clock: Clock, policy: Policy, lifetime: Lifetime, observing: Observing
    ) -> None:
        self._observing = observing
        self._connections = connections
        self._clock = clock
        self._policy = policy
        self._gates: dict[tuple[str | None, str | None, str, str], _Gate] = {}
        self._lifetime = lifetime

    async def __aenter__(self) -> Self:
        """Open the transport in this event loop."""
        self._lifetime.begin()
        await self._connections.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close every connection; calls that are under way fail with ClientClosedError."""
        if self._lifetime.is_another_process:
            return
        self._lifetime.end()
        await finished(self._connections.__aexit__(kind, error, trace))

    async def call(
        self,
        operation: Operation[Any],
        params: Mapping[str, object],
        *,
        region: str | None,
        profile: str | None,
        job: "JobRef | None" = None,
    ) -> Reply:
        """Call an operation, again and again as far as that is safe and of use; see ``operation.Call``."""
        self._check_open(operation.service, operation.name)
        told = observed(self._observing, operation, region, profile, job=job, seconds=self._clock.monotonic)
        watched = sending()
        with told or nullcontext(), fit_to_show(), tracked() if watched is None else nullcontext(watched) as call:
            call.told, call.seconds = True, self._clock.monotonic
            try:
                async with self._lifetime.scope():
                    return await self._repeat(call, told, operation, params, region=region, profile=profile)
            except JobRunsError as error:
                if not self._lifetime.has_ended:
                    raise
                text = "the client was closed during the call"
                raise _closed(text, operation.service, operation.name, in_doubt=call.in_doubt) from error

    async def account(self, service: str, region: str | None, profile: str | None) -> str | None:
        """Return a name of a profile's account, as far as its credentials tell; nothing is sent."""
        with fit_to_show(), self._clock.calling(), translated(service, sends=False):
            return await (await self._connect(service, region, profile)).account()

    async def longest_answer(self, service: str, region: str | None, profile: str | None) -> float:
        """Return the seconds after which an answer of a service is not waited for any more; nothing is sent.

        Raises:
            ClientClosedError: The client is not open here.
        """
        self._check_open(service)
        with fit_to_show(), self._clock.calling(), translated(service, sends=False):
            connection = await self._connect(service, region, profile)
        return min(self._policy.call_timeout, connection.read_timeout)

    @property
    def pace(self) -> Mapping[tuple[str | None, str | None, str, str], Pace]:
        """The pace of each operation as it was learnt, by profile, region, service and operation."""
        return {key: gate.keeper.pace for key, gate in self._gates.items()}

    def shared_profile(self, profile: str | None) -> str | None:
        """Return the profile that this one is said to share its account with, itself without such a word."""
        return self._policy.shared.get(profile, profile)

    async def _repeat(
        self,
        call: Sending,
        told: ObservedCall | None,
        operation: Operation[Any],
        params: Mapping[str, object],
        *,
        region: str | None,
        profile: str | None,
    ) -> Reply:
        tries, gate = _Tries(self._policy, told), self._gate(operation, region, profile)
        loop = asyncio.get_running_loop()
        while True:
            connection = await self._connected(operation, region, profile)
            slots = connection.slots(operation.name)
            waited = await self._turn(gate, tries, slots)
            try:
                tries.sends(connection, waited)
                meter().add(requests=1)
                begun, ticket = loop.time(), gate.keeper.sent(self._clock.monotonic(), waited)
                try:
                    answer = await self._request(connection, operation, params, tries)
                    gate.keeper.let_through(ticket, self._clock.monotonic())
                    reply = reply_from(answer, tries.requests, tries.waited)
                    meter().date = reply.date
                    return reply if told is None else told.answered(reply)
                except JobRunsError as error:
                    failure, call.lost_at = error, self._clock.monotonic()
                if isinstance(failure, ThrottledError):
                    gate.keeper.throttled(ticket, self._clock.monotonic(), pacing.jitter.random())
                    meter().add(throttled=1)
                elif failure.http_status is not None:  # refused for what it says, and not for how often it comes
                    gate.keeper.let_through(ticket, self._clock.monotonic())
            finally:
                slots.release()
            # An answer tells whether the service has acted; without one, a request that was written may have.
            call.doubt = failure.in_doubt = call.doubt or failure.in_doubt
            call.written = False
            failure.requests = tries.requests
            if _is_of_keys(failure) and not tries.were_refused:
                tries.were_refused = True
                if await self._has_other_keys(connection, operation, tries.keys):
                    tries.tell(failure)
                    continue
            pause = tries.pause(failure, loop.time() - begun, self._clock.monotonic())
            if pause is None or self._lifetime.has_ended or not _may_repeat(operation, failure):
                if isinstance(failure, TransportError) and not failure.sent:
                    failure.message += connection.doubt_about_region()
                raise failure
            tries.tell(failure, pause)
            if pause:
                await self._clock.sleep(pause)

    async def _has_other_keys(self, connection: Connection, operation: Operation[Any], refused: Frozen | None) -> bool:
        with self._clock.calling(), translated(operation.service, operation.name, sends=False):
            return await connection.has_other_keys(refused)

    async def _connected(self, operation: Operation[Any], region: str | None, profile: str | None) -> Connection:
        service = operation.service
        if (connection := self._connections.made(service, region, profile)) is not None:
            return connection
        with self._clock.calling(), translated(service, operation.name, sends=False):
            return await self._connect(service, region, profile)

    async def _connect(self, service: str, region: str | None, profile: str | None) -> Connection:
        # Whoever gives credentials may wait for a person, or for ever: that is no reason for others to wait with them.
        limit = asyncio.timeout(self._policy.call_timeout)
        try:
            async with limit:
                return await self._connections.get(service, region, profile)
        except TimeoutError as error:
            if not limit.expired():
                raise
            text = f"no credentials and no connection within call_timeout={self._policy.call_timeout:g} s"
            raise CallTimeoutError(text, sent=False) from error

    async def _turn(self, gate: _Gate, tries: _Tries, slots: asyncio.Semaphore) -> float:
        """Wait for the operation's pace and for a free connection, to be released; return for how long for the pace."""
        if gate.keeper.is_open():
            await slots.acquire()
            if gate.keeper.is_open():
                waited = 0.0
            else:  # another call was throttled while this one waited
                slots.release()
                waited = await self._pass(gate, slots, first=False)
        else:
            waited = await self._pass(gate, slots, first=tries.throttled_since is not None)
        tries.waited += waited
        meter().add(waited=waited)
        tries.requests += 1
        return waited

    async def _pass(self, gate: _Gate, slots: asyncio.Semaphore, *, first: bool) -> float:
        """Wait for the pace and then for a free connection, one call after the other; return for how long, if at all.

        Calls that took their share of the quota and were sent much later would come faster than the quota allows.
        """
        began, has_waited = self._clock.monotonic(), gate.turns.locked()
        async with gate.turns.taken(first=first):
            # While one waits for its turn or for a connection, a throttle of another call may put it off.
            while True:
                while pause := gate.keeper.wait(self._clock.monotonic()):
                    has_waited = True
                    await self._clock.sleep(pause)
                # Waiting for a connection is no wait for the quota, and not to be told as one.
                waited = self._clock.monotonic() - began if has_waited else 0.0
                await slots.acquire()
                if not gate.keeper.wait(self._clock.monotonic()):
                    return waited
                slots.release()

    def _gate(self, operation: Operation[Any], region: str | None, profile: str | None) -> _Gate:
        key = (self._policy.shared.get(profile, profile), region, operation.service, operation.name)
        if key not in self._gates:
            self._gates[key] = _Gate(self._policy.keeper(operation), Turns())
        return self._gates[key]

    async def _request(
        self, connection: Connection, operation: Operation[Any], params: Mapping[str, object], tries: _Tries
    ) -> dict[str, Any]:
        method = getattr(connection.client, xform_name(operation.name))
        try:
            async with asyncio.timeout(tries.seconds_left):
                with self._clock.calling(), translated(operation.service, operation.name):
                    tries.keys = await connection.refresh()
                    with signing_with(tries.keys):
                        held = partial(secrets_of, operation, params, tries.keys, connection.proxies)
                        return await answer_of(operation, method(**params), held)
        except TimeoutError as error:
            limit = f"no answer within call_timeout={self._policy.call_timeout:g} s"
            call = sending()
            sent = call is None or call.written
            raise CallTimeoutError(limit, sent=sent, service=operation.service, operation=operation.name) from error

    def _check_open(self, service: str, operation: str | None = None) -> None:
        if not self._lifetime.has_begun:
            raise _closed(f"the client is not open: use it inside `{self._lifetime.opened_by}`", service, operation)
        if (refusal := self._lifetime.refusal()) is not None:
            raise _closed(refusal, service, operation)


def _closed(text: str, service: str, operation: str | None, *, in_doubt: bool = False) -> ClientClosedError:
    error = ClientClosedError(text, service=service, operation=operation)
    error.in_doubt = in_doubt
    return error


def _may_repeat(operation: Operation[Any], failure: JobRunsError) -> bool:
    if isinstance(failure.__cause__, NoCredentialsError):
        return False  # there is nobody to ask, so that a moment later there is not either
    return failure.retryable and (operation.repeatable or not failure.in_doubt)


def _is_of_keys(failure: JobRunsError) -> bool:
    return isinstance(failure, CredentialsError) and failure.http_status is not None
