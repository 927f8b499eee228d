"""The network between the processes and the services: what it delays, loses, doubles and breaks.

The seam is below the client's HTTP session: `session_of` makes one whose connections lead here. What goes wrong
arrives in the shape that aiohttp gives to it, and the session says as ever when a request is written. What is on its
way goes on when the process that sent it is killed.
"""

import asyncio
import contextvars
import json
import random
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any, Final, Literal

import aiohttp
from aiobotocore.config import AioConfig
from attrs import define, field
from yarl import URL

from jobruns_sdk.transport.http_session import HttpSession
from jobruns_sdk.transport.operation import sending
from tests.oracle.starting_history import CALL
from tests.oracle.starting_wire import Answer, Arrived, Request, refused
from tests.oracle.waiting_services import Asked, Refusal, read
from tests.oracle.waiting_time import EPOCH
from tests.oracle.waiting_world import ServiceName
from tests.simulation.loop import OWNER, StalledError
from tests.simulation.programs import PROGRAM
from tests.simulation.services import Services, region_of
from tests.simulation.world import Heard, World

FaultName = Literal[
    "refused", "unreachable", "lost", "silence", "reset", "took", "late", "500", "503html", "html", "cut",
    "throttle", "expired", "denied", "slow", "doubled",
]  # fmt: skip
Stale = Literal["stale"]  # a list tells what was so up to a minute ago
READ_TIMEOUT: Final = 30.0
_MOST_REQUESTS: Final = 40_000
# The service does what is asked for.
_ACTS: Final = frozenset({"took", "late", "cut", "slow", "doubled", "stale", "answer"})
_ONCE: Final = frozenset({"StartJobRun"})


@define
class Trouble:
    """A span in which requests of some kind go wrong, with a chance."""

    since: float
    until: float
    kind: FaultName | Stale
    chance: float = 1.0
    service: ServiceName | None = None
    job: str | None = None
    operations: frozenset[str] | None = None
    process: str | None = None

    def strikes(self, now: float, process: str, asked: Asked, rng: random.Random) -> bool:
        return (
            self.since <= now < self.until
            and self.service in {None, asked.service}
            and self.job in {None, asked.name}
            and self.process in {None, process}
            and (self.operations is None or asked.operation in self.operations)
            and rng.random() < self.chance
        )


@define(eq=False)
class Network:
    """Takes requests to the services and answers back, as well as its troubles let it."""

    world: World
    services: Services
    rng: random.Random
    troubles: list[Trouble] = field(factory=list[Trouble])
    latency: float = 0.1
    is_closed: bool = False
    watchers: list[Callable[[str, Heard], None]] = field(factory=list[Callable[[str, Heard], None]])
    pending: int = 0

    def config_for(self, process: str, account: str) -> AioConfig:
        """Return a configuration with which a process of that account sends its requests here."""
        network = self

        class Wire:
            async def request(self, method: str, url: URL, headers: Any, data: Any, **_: Any) -> Arrived:  # noqa: ANN401 - aiohttp's own
                body = data.encode() if isinstance(data, str) else bytes(data or b"")
                return await network.carry(process, account, Request(method, str(url), headers, body))

        class Session(HttpSession):
            _is_watched = True

            async def _get_session(self, proxy_url: str | None) -> Any:  # noqa: ANN401 - as its base
                del proxy_url
                return Wire()

        return AioConfig(http_session_cls=Session)

    async def carry(self, process: str, account: str, request: Request) -> Arrived:
        """Carry a request to its service, and bring the answer."""
        loop, rng = asyncio.get_running_loop(), self.rng
        if self.is_closed:
            raise refused(request.url)
        if "://sts." in request.url:
            return Arrived(request.url, _identity(account))
        asked = _read(request)
        region = region_of(request.url)
        job = self.services.job_of(asked, account, region)
        given = asked.given if asked.service == "glue" or not request.body else json.loads(request.body)
        heard = Heard(process, asked.service, asked.operation, job, CALL.get(), loop.time(), asked.run, given)
        heard.program = PROGRAM.get()
        heard.kind = next((t.kind for t in self.troubles if t.strikes(loop.time(), process, asked, rng)), "answer")
        if heard.kind == "doubled" and asked.operation in _ONCE and asked.service == "glue":
            heard.kind = "answer"  # two runs, and nobody could help it
        if heard.kind == "stale":
            heard.behind = rng.uniform(0, 60)
        self.world.heard.append(heard)
        if len(self.world.heard) > _MOST_REQUESTS:
            raise StalledError(f"{_MOST_REQUESTS} requests, and no end")
        if heard.call is not None:
            heard.call.requests += 1
        self._tell("sent", heard)
        try:
            return await self._carry(heard, asked, account, region, request.url)
        finally:
            heard.over_at = loop.time()

    async def _carry(self, heard: Heard, asked: Asked, account: str, region: str, url: str) -> Arrived:
        loop, rng = asyncio.get_running_loop(), self.rng
        await self._turns()
        if heard.kind in {"refused", "unreachable"}:
            await asyncio.sleep(0.01 if heard.kind == "refused" else 10.0)
            raise refused(url)
        if (call := sending()) is not None:
            call.write()
        heard.is_written = True
        arrived: asyncio.Future[Answer] = loop.create_future()
        there = self._there(heard.kind)
        # The service's own work belongs to no process, and is done whether anybody waits for it or not.
        context = _nobody()
        if heard.kind in _ACTS:
            loop.call_later(there, self._act, heard, asked, account, region, arrived, context=context)
        if heard.kind == "doubled":
            again = there + rng.uniform(0.01, 20)
            loop.call_later(again, self._act, heard, asked, account, region, None, context=context)
        try:
            async with asyncio.timeout(READ_TIMEOUT):
                answer = await self._come(heard, asked, arrived, there)
        except TimeoutError as error:
            raise aiohttp.SocketTimeoutError("Timeout on reading data from socket") from error
        finally:
            arrived.cancel()
        await self._turns()
        heard.status = answer[0]
        if heard.kind == "cut":
            return Arrived(url, answer, is_cut=True)
        heard.answered_at = loop.time()
        self._tell("answered", heard)
        return Arrived(url, answer)

    async def _turns(self) -> None:
        """Let others go first, or not."""
        for _ in range(self.rng.choice((0, 0, 1, 3))):
            await asyncio.sleep(0)

    def _there(self, kind: str) -> float:
        """Return how long a request takes to its service."""
        rng = self.rng
        if kind == "late":
            return rng.choice((rng.uniform(1, 20), rng.uniform(20, 100)))
        return rng.uniform(0.2, 1.0) * self.latency + (rng.uniform(2, 25) if kind == "slow" else 0.0)

    async def _come(self, heard: Heard, asked: Asked, arrived: "asyncio.Future[Answer]", there: float) -> Answer:
        """Wait for what comes: an answer, or what there is in its place."""
        rng, service = self.rng, asked.service
        match heard.kind:
            case "lost" | "late" | "reset" | "took":
                await asyncio.sleep(min(there, 1.0) + rng.uniform(0.0, 0.3) + (0.0 if heard.kind != "took" else there))
                raise aiohttp.ServerDisconnectedError if rng.random() < 0.5 else aiohttp.ClientOSError(104, "reset")
            case "silence":
                await asyncio.sleep(4 * READ_TIMEOUT)
            case "answer" | "slow" | "doubled" | "stale" | "cut":
                return await arrived
            case _:
                pass
        await asyncio.sleep(there)
        heard.result = {"throttle": "ThrottlingException"}.get(heard.kind, heard.kind)
        match heard.kind:
            case "html" | "503html":
                status = 503 if heard.kind == "503html" else 200
                return status, {**_headers(), "content-type": "text/html"}, b"<html>sorry</html>"
            case "throttle":
                return _refused(service, Refusal("ThrottlingException", "Rate exceeded", _of(service, 400, 429)))
            case "expired":
                return _refused(
                    service, Refusal("ExpiredTokenException", "The token is expired", _of(service, 400, 403))
                )
            case "denied":
                return _refused(service, Refusal("AccessDeniedException", "not authorized", _of(service, 400, 403)))
            case _:
                code = "InternalServiceException" if service == "glue" else "InternalServerException"
                return _refused(service, Refusal(code, "internal", 500))

    def _act(
        self, heard: Heard, asked: Asked, account: str, region: str, arrived: "asyncio.Future[Answer] | None"
    ) -> None:
        """Do what is asked for; its answer comes later, if anybody still waits for it."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        first, rows = heard.acted_at is None, heard.rows
        heard.acted_at = now if first else heard.acted_at
        try:
            body = self.services.answer(heard, asked, account, region, now)
            answer: Answer = 200, _headers(), json.dumps(body).encode()
            result = "ok"
        except Refusal as refusal:
            answer, result = _refused(asked.service, refusal), refusal.code
        if first:
            heard.result = result
        else:
            heard.rows = rows  # nobody hears of the second answer
        self._tell("acted", heard)
        if arrived is not None:
            for row_id, _ in heard.rows:
                self.world.shown.setdefault((heard.process, row_id.partition("_attempt_")[0]), now)
            back = self.rng.uniform(0.2, 1.0) * self.latency
            loop.call_later(back, _arrive, arrived, answer, context=_nobody())

    def _tell(self, what: str, heard: Heard) -> None:
        for watcher in self.watchers:
            watcher(what, heard)


class _Parsed:
    """A request as the reader of the services' protocols wants it."""

    def __init__(self, request: Request) -> None:
        self.method, self.url, self.headers, self.body = request.method, request.url, request.headers, request.body


def _read(request: Request) -> Asked:
    url = URL(request.url)
    if url.path == "/applications":
        return Asked("emr-serverless", "ListApplications", "", given={name: [said] for name, said in url.query.items()})
    return read(_Parsed(request))


def _nobody() -> Any:  # noqa: ANN401 - a context
    context = contextvars.copy_context()
    context.run(OWNER.set, None)
    return context


def _arrive(arrived: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not arrived.done():
        arrived.set_result(answer)


def _of(service: str, glue: int, other: int) -> int:
    return glue if service == "glue" else other


def _headers() -> dict[str, str]:
    now = EPOCH + timedelta(seconds=asyncio.get_running_loop().time())
    return {
        "content-type": "application/x-amz-json-1.1",
        "date": format_datetime(now, usegmt=True),
        "x-amzn-requestid": "11111111-2222-3333-4444-555555555555",
    }


def _refused(service: str, refusal: Refusal) -> Answer:
    if service == "glue":
        body = {"__type": refusal.code, "Message": refusal.text}
        return refusal.status, _headers(), json.dumps(body).encode()
    body = {"message": refusal.text}
    return refusal.status, _headers() | {"x-amzn-errortype": refusal.code}, json.dumps(body).encode()


def _identity(account: str) -> Answer:
    arn = f"<Arn>arn:aws:iam::{account}:user/x</Arn><UserId>AIDA</UserId><Account>{account}</Account>"
    space = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"'
    result = f"<GetCallerIdentityResult>{arn}</GetCallerIdentityResult>"
    body = f"<GetCallerIdentityResponse {space}>{result}</GetCallerIdentityResponse>"
    return 200, {**_headers(), "content-type": "text/xml"}, body.encode()
