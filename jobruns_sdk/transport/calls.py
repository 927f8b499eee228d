"""Calls to AWS: quotas, deadlines, and the one place that retries: botocore makes one attempt a call."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, cast

import msgspec
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError

from jobruns_sdk.errors import CallTimeoutError, ClientClosedError, InvalidRequestError, JobRunsError, ThrottledError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.loop.tasks import finished
from jobruns_sdk.transport import quotas as pacing
from jobruns_sdk.transport.connections import BODY, Connection, Connections
from jobruns_sdk.transport.error_answers import error_from_response
from jobruns_sdk.transport.exceptions import translated
from jobruns_sdk.transport.operation import Operation, Reply
from jobruns_sdk.transport.quotas import UNPUBLISHED, Quota, TokenBucket, backoff

_FREE: Final = 1e-6


class Policy(msgspec.Struct, frozen=True):
    """How calls are made.

    Attributes:
        call_timeout: Seconds for a call with its retries, not counting waits for its quota or for a connection.
        max_attempts: How many requests a call may send.
        quotas: How often each operation may be called; None for as often as anyone likes.
        shared: Profiles whose calls count for the quotas of another profile, which is of the same account.
    """

    call_timeout: float
    max_attempts: int
    quotas: Mapping[tuple[str, str], Quota] | None
    shared: Mapping[str | None, str | None]

    def quota(self, operation: Operation[Any]) -> Quota | None:
        """Return the quota of an operation, None if there is none to keep."""
        if self.quotas is None:
            return None
        return self.quotas.get((operation.service, operation.name), UNPUBLISHED)

    def seconds_for(self, operation: Operation[Any]) -> float:
        """Return what a call costs of its quota, in seconds; without quotas next to nothing, the same for all."""
        quota = self.quota(operation)
        return _FREE if quota is None else 1 / quota.rate


class _UnderWay(msgspec.Struct, eq=False):
    """A call under way, and whether what it asks for may have taken effect."""

    in_doubt: bool = False


class _Gate(msgspec.Struct, eq=False):
    """What calls of an operation go through one by one, so that its quota is kept."""

    bucket: TokenBucket
    turn: asyncio.Lock


class Transport:
    """Calls operations in any region, with any of the client's sessions."""

    def __init__(self, connections: Connections, clock: Clock, policy: Policy, lifetime: Lifetime) -> None:
        """Keep what is needed; nothing is opened yet."""
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
        self, operation: Operation[Any], params: Mapping[str, object], *, region: str | None, profile: str | None
    ) -> Reply:
        """Call an operation, again and again as far as that is safe and of use; see ``ports.Call``."""
        self._check_open(operation)
        call = _UnderWay()
        try:
            async with self._lifetime.scope():
                return await self._repeat(call, operation, params, region, profile)
        except JobRunsError as error:
            if not self._lifetime.has_ended:
                raise
            raise _closed("the client was closed during the call", operation, in_doubt=call.in_doubt) from error

    async def _repeat(
        self,
        call: _UnderWay,
        operation: Operation[Any],
        params: Mapping[str, object],
        region: str | None,
        profile: str | None,
    ) -> Reply:
        requests, spent, waited, loop = 0, 0.0, 0.0, asyncio.get_running_loop()
        while True:
            requests += 1
            async with self._turn(operation, region, profile) as (connection, wait):
                waited += wait
                begun, in_doubt, call.in_doubt = loop.time(), call.in_doubt, True
                try:
                    answer = await self._request(connection, operation, params, self._policy.call_timeout - spent)
                    return _reply(answer, requests, waited)
                except JobRunsError as error:
                    failure = error
            pause = backoff(requests, pacing.jitter.random(), throttled=isinstance(failure, ThrottledError))
            spent += loop.time() - begun + pause
            call.in_doubt = failure.in_doubt = in_doubt or failure.in_doubt
            failure.requests = requests
            if self._lifetime.has_ended or not _may_repeat(operation, failure):
                raise failure
            if requests >= self._policy.max_attempts or spent >= self._policy.call_timeout:
                raise failure
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def _turn(
        self, operation: Operation[Any], region: str | None, profile: str | None
    ) -> AsyncGenerator[tuple[Connection, float]]:
        """Wait for the quota and for a free connection; what is not used of the quota is given back."""
        with self._clock.calling(), translated(operation.service, operation.name, sends=False):
            connection = await self._connections.get(operation.service, region, profile)
        began, gate = self._clock.monotonic(), self._gate(operation, region, profile)
        if gate is None:
            await connection.slots.acquire()
            waited = 0.0
        else:
            waited = await self._pass(gate, connection, began)
        try:
            yield connection, waited
        finally:
            connection.slots.release()

    async def _pass(self, gate: _Gate, connection: Connection, began: float) -> float:
        """Wait for the quota and then for a free connection, one call after the other; return for how long, if at all.

        Calls that took their share of the quota and were sent much later would come faster than the quota allows.
        """
        is_first = not gate.turn.locked()
        async with gate.turn:
            wait = gate.bucket.take(self._clock.monotonic())
            try:
                if wait:
                    await self._clock.sleep(wait)
                waited = 0.0 if is_first and not wait else self._clock.monotonic() - began
                await connection.slots.acquire()
            except BaseException:
                gate.bucket.give_back()
                raise
        return waited

    def _gate(self, operation: Operation[Any], region: str | None, profile: str | None) -> _Gate | None:
        quota = self._policy.quota(operation)
        if quota is None:
            return None
        key = (self._policy.shared.get(profile, profile), region, operation.service, operation.name)
        if key not in self._gates:
            self._gates[key] = _Gate(TokenBucket(quota), asyncio.Lock())
        return self._gates[key]

    async def _request(
        self, connection: Connection, operation: Operation[Any], params: Mapping[str, object], seconds: float
    ) -> dict[str, Any]:
        method = getattr(connection.client, xform_name(operation.name))
        try:
            async with asyncio.timeout(seconds):
                with self._clock.calling(), translated(operation.service, operation.name):
                    await connection.refresh()
                    return await _answer(operation, params, method(**params))
        except TimeoutError as error:
            limit = f"no answer within call_timeout={self._policy.call_timeout:g} s"
            raise CallTimeoutError(limit, service=operation.service, operation=operation.name) from error

    def _check_open(self, operation: Operation[Any]) -> None:
        if not self._lifetime.has_begun:
            raise _closed(f"the client is not open: use it inside `{self._lifetime.opened_by}`", operation)
        if (refusal := self._lifetime.refusal()) is not None:
            raise _closed(refusal, operation)


def _closed(text: str, operation: Operation[Any], *, in_doubt: bool = False) -> ClientClosedError:
    error = ClientClosedError(text, service=operation.service, operation=operation.name)
    error.in_doubt = in_doubt
    return error


def _may_repeat(operation: Operation[Any], failure: JobRunsError) -> bool:
    return failure.retryable and (operation.repeatable or not failure.in_doubt)


async def _answer(
    operation: Operation[Any], params: Mapping[str, object], request: Awaitable[dict[str, Any]]
) -> dict[str, Any]:
    try:
        return await request
    except ParamValidationError as error:
        # It quotes values, which may be secrets, and is no cause of ours for that reason.
        fault = " ".join(str(error).partition(", value:")[0].split())
    except ClientError as error:
        if BODY not in error.response:
            raise
        raise _error_from_answer(operation, params, error) from error
    raise InvalidRequestError(fault, service=operation.service, operation=operation.name)


def _reply(answer: Mapping[str, Any], requests: int, waited: float) -> Reply:
    about: Mapping[str, Any] = answer["ResponseMetadata"]
    request_id: str | None = about["HTTPHeaders"].get("x-amzn-requestid")
    return Reply(answer[BODY], request_id, requests, waited, about["HTTPStatusCode"])


def _error_from_answer(operation: Operation[Any], params: Mapping[str, object], error: ClientError) -> JobRunsError:
    # What the stubs know of an error's answer is not all that ours holds.
    answer = cast("Mapping[str, Any]", error.response)
    return error_from_response(
        service=operation.service,
        operation=operation.name,
        status=answer["ResponseMetadata"]["HTTPStatusCode"],
        headers=answer["ResponseMetadata"]["HTTPHeaders"],
        body=answer[BODY],
        codes=operation.codes,
        secrets=_texts([params.get(name) for name in operation.secret]),
    )


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from _texts([*cast("Mapping[str, object]", value).values()])
        case list() | tuple():
            for item in cast("Sequence[object]", value):
                yield from _texts(item)
        case _:
            pass
