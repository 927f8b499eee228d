"""The way of a request to its answer: routing, quotas, faults, checks, and the log of requests."""

import json
import re
import threading
import traceback
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from typing import Final, cast
from urllib.parse import unquote

from jobruns_sdk.checks import check_text
from jobruns_sdk.testing.clock import Clock, VirtualClock, milliseconds
from jobruns_sdk.testing.faults import Fault, Faults
from jobruns_sdk.testing.wire import checking
from jobruns_sdk.testing.wire.answers import Answer, Params, ServiceError, validation_error
from jobruns_sdk.testing.wire.http import Reply, Request
from jobruns_sdk.testing.wire.quotas import Quotas
from jobruns_sdk.testing.wire.replies import (
    bad_token,
    broken_reply,
    changed_answer,
    changed_reply,
    error_reply,
    reply_of,
    throttled,
)
from jobruns_sdk.testing.wire.routes import Call, Operation, datazone, emr_serverless, glue, logs, s3, sqs
from jobruns_sdk.testing.world.pages import BadTokenError
from jobruns_sdk.testing.world.world import Signer, World, Worlds

OPERATIONS: Final[Mapping[str, Mapping[str, Operation]]] = {
    "datazone": datazone.OPERATIONS,
    "emr-serverless": emr_serverless.OPERATIONS,
    "glue": glue.OPERATIONS,
    "logs": logs.OPERATIONS,
    "s3": s3.OPERATIONS,
    "sqs": sqs.OPERATIONS,
}
"""Every operation of every service, by AWS's names."""


def check_operation(name: str) -> None:
    """Refuse the name of an operation that there is not: `GetJobRun`, `glue:GetJobRun`, `glue:*` and `*` are right.

    Raises:
        ValueError: Neither this service nor AWS has it.
    """
    check_text("operation", name)
    service, _, operation = name.rpartition(":")
    served = {one: known for one, known in OPERATIONS.items() if service in ("", one)}
    if served and (operation == "*" or any(operation in known for known in served.values())):
        return
    # What AWS has and nobody is served here may be asked for all the same, as by a test that says that nobody did.
    if not any(operation in checking.model(one)["operations"] for one in served):
        names = sorted({one for known in served.values() for one in known})
        raise ValueError(f"there is no operation {name!r}: name one of {', '.join(names)}, as in 'glue:GetJobRun'")


_TARGETS: Final = {"AWSGlue": "glue", "Logs_20140328": "logs", "AmazonSQS": "sqs"}
_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)/\d+/([^/]+)/([^/]+)/")


_TOKEN_NAMES: Final = {"glue": "NextToken", "s3": "ContinuationToken"}


def _path_pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))


_ROUTES: Final = [
    (service, method, _path_pattern(path), operation)
    for service, paths in (("emr-serverless", emr_serverless.PATHS), ("datazone", datazone.PATHS))
    for method, path, operation in paths
]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request as the service understood it, and how it answered.

    Attributes:
        service: The service, such as ``"glue"``.
        operation: AWS's name of the operation, such as ``"GetJobRuns"``.
        params: The input members that came.
        status: The HTTP status that was answered; 0 where the connection broke, or nothing was answered.
        at: When it came, on the service's clock (aware UTC).
        request_id: The id that the answer had.
        region: The region that the request was signed for, if it was signed.
        access_key: The access key that it was signed with, if it was signed.
        fault: The kind of fault that it met, None for none.
        account_id: The account whose jobs were meant.
    """

    service: str
    operation: str
    params: Mapping[str, object]
    status: int
    at: datetime
    request_id: str
    region: str | None
    access_key: str | None
    fault: str | None
    account_id: str = ""


@dataclass(slots=True)
class _Exchange:
    """One request on its way to its answer."""

    http: Request
    service: str
    operation: str
    path: Mapping[str, str]
    members: dict[str, object] = field(default_factory=dict[str, object])
    fault: Fault | None = None

    @property
    def signer(self) -> Signer:
        found = _signed(self.http)
        return (found[1], found[2]) if found else (None, None)

    @property
    def token_name(self) -> str:
        return _TOKEN_NAMES.get(self.service, "nextToken")

    @property
    def token(self) -> str | None:
        token = self.members.get(self.token_name)
        return token if isinstance(token, str) else None


@dataclass(slots=True)
class Dispatcher:
    """Answers requests; what it does is guarded by `lock`, since tests seed and inspect from their own thread."""

    worlds: Worlds
    clock: Clock
    quotas: Quotas
    check: bool
    log: deque[ReceivedRequest]
    lock: threading.RLock = field(default_factory=threading.RLock)
    faults: Faults = field(default_factory=Faults)
    counts: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])
    _received: int = 0

    def handle(self, request: Request) -> Reply:
        """Answer one request."""
        with self.lock:
            self._received += 1
            request_id = f"{self._received:08x}-0000-4000-8000-{self._received:012x}"
            exchange = _routed(request)
            at = self.clock.now()
            world = self.worlds.of(exchange.signer)
            try:
                reply = self._reply(exchange, world, milliseconds(at))
            except ServiceError as error:
                error.message += self._elsewhere(exchange, error, world)
                reply = error_reply(exchange.service, error)
            except Exception:  # noqa: BLE001  # a bug of ours must not leave a client without an answer
                self.problems.append(traceback.format_exc())
                failure = ServiceError("InternalFailure", f"The local service failed: {self.problems[-1]}", 500)
                reply = error_reply(exchange.service, failure)
            reply.headers["x-amz-request-id" if exchange.service == "s3" else "x-amzn-requestid"] = request_id
            reply.headers["date"] = format_datetime(at, usegmt=True)
            self._record(exchange, world, reply.status, at, request_id)
            return reply

    def _elsewhere(self, exchange: _Exchange, error: ServiceError, world: World) -> str:
        """Say where there is a job that the service was told to look for in the wrong region or account."""
        if not error.code.endswith("NotFoundException"):
            return ""
        names = (exchange.members.get(member) for member in ("JobName", "applicationId", "domainIdentifier"))
        name = next((name for name in names if isinstance(name, str)), "")
        others = [] if world.has(name) else self.worlds.others_with(name, world)
        places = " and ".join(f"{other.region} of {other.account}" for other in others)
        return f" (This local service has {name} in {places}, not in {world.region} of {world.account}.)" * bool(places)

    def _reply(self, exchange: _Exchange, world: World, now: int) -> Reply:
        service, operation = exchange.service, exchange.operation
        if operation not in OPERATIONS[service]:
            raise ServiceError("UnknownOperationException", f"The operation {operation} is not known here.", 404)
        exchange.members = _read_members(exchange)
        if not self.quotas.allows(service, operation, world, now):
            raise throttled(service)
        fault = exchange.fault = self.faults.next(service, operation, exchange.members, exchange.token)
        broken = None if fault is None else self._broken(exchange, fault, world, now)
        if broken is not None:
            return broken
        answer = self._answer(exchange, world, now)
        if fault is None:
            reply = reply_of(service, operation, answer)
            if (until := self._waits_until(exchange, answer, now)) > now:
                reply.again = partial(self._awaited, exchange, world, until)
            return reply
        answer = changed_answer(fault, answer, exchange.token, exchange.token_name)
        return changed_reply(fault, reply_of(service, operation, answer))

    def _waits_until(self, exchange: _Exchange, answer: Answer, now: int) -> int:
        """Return how long there may be no answer yet, since the one there is would be empty."""
        # A virtual clock stands still during calls.
        if exchange.operation != "ReceiveMessage" or answer or isinstance(self.clock, VirtualClock):
            return now
        return now + int(sqs.waits_for(Params(exchange.members)) * 1000)

    def _awaited(self, exchange: _Exchange, world: World, until: int) -> Reply | None:
        with self.lock:
            now = milliseconds(self.clock.now())
            answer = self._answer(exchange, world, now)
            return reply_of(exchange.service, exchange.operation, answer) if answer or now >= until else None

    def _broken(self, exchange: _Exchange, fault: Fault, world: World, now: int) -> Reply | None:
        """Return the reply in the answer's place; the operation takes effect first where the fault keeps its effect."""
        if fault.keeps_effect:
            self._answer(exchange, world, now)
        return broken_reply(exchange.service, fault)

    def _answer(self, exchange: _Exchange, world: World, now: int) -> Answer:
        service, operation = exchange.service, exchange.operation
        if problems := checking.problems_of_request(service, operation, exchange.members):
            raise validation_error(checking.message_from(problems))
        stale = exchange.fault is not None and exchange.fault.kind == "stale_list"
        seen = now - int(exchange.fault.seconds * 1000) if stale and exchange.fault is not None else now
        try:
            answer = OPERATIONS[service][operation](Call(world, Params(exchange.members), now, seen))
        except BadTokenError as error:
            raise bad_token(service, str(error)) from error
        if self.check and (problems := checking.problems_of_answer(service, operation, answer)):
            raise AssertionError(checking.message_from(problems))
        return answer

    def _record(self, exchange: _Exchange, world: World, status: int, at: datetime, request_id: str) -> None:
        self.counts[exchange.operation] += 1
        self.counts[f"{exchange.service}:{exchange.operation}"] += 1
        access_key, region = exchange.signer
        self.log.append(
            ReceivedRequest(
                exchange.service,
                exchange.operation,
                exchange.members,
                status,
                at,
                request_id,
                region=region,
                access_key=access_key,
                fault=exchange.fault.kind if exchange.fault else None,
                account_id=world.account,
            )
        )


def _signed(request: Request) -> re.Match[str] | None:
    return _CREDENTIAL.search(request.headers.get("authorization", ""))


def _routed(request: Request) -> _Exchange:
    # A bucket may be called applications: only the signature tells S3 from the others.
    if (signed := _signed(request)) is not None and signed[3] == "s3":
        operation, members = s3.read_request(request)
        return _Exchange(request, "s3", operation, {}, members)
    if request.path == "/":
        target = request.headers.get("x-amz-target", "")
        start, _, operation = target.partition(".")
        return _Exchange(request, _TARGETS.get(start, "glue"), operation if start in _TARGETS else target, {})
    for service, method, pattern, operation in _ROUTES:
        found = pattern.fullmatch(request.path)
        if found is not None and method == request.method:
            return _Exchange(
                request, service, operation, {name: unquote(text) for name, text in found.groupdict().items()}
            )
    service = "datazone" if request.path.startswith("/v2/") else "emr-serverless"
    return _Exchange(request, service, f"{request.method} {request.path}", {})


def _json_object(body: object) -> dict[str, object]:
    if not isinstance(body, dict):
        raise checking.SerializationError("The body is not a JSON object")
    return cast("dict[str, object]", body)


def _read_members(exchange: _Exchange) -> dict[str, object]:
    if exchange.service == "s3":
        return exchange.members
    try:
        body: object = json.loads(exchange.http.body) if exchange.http.body else {}
        given = _json_object(body)
        if exchange.service in _TARGETS.values():
            return given
        return checking.members_from_rest(
            exchange.service, exchange.operation, path=exchange.path, query=exchange.http.query, body=given
        )
    except (checking.SerializationError, ValueError, RecursionError) as error:
        raise ServiceError("SerializationException", str(error)) from error
