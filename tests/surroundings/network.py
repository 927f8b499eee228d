"""Proxies x answers x HTTP sessions x calls: what a caller is told, and how often the service was really asked.

The service does what it is asked before it answers badly, which is the worst case: whoever asks again does it twice.
"""

import asyncio
import json
import os
import tempfile
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock
from urllib.parse import quote

from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.httpxsession import HttpxSession

from jobruns_sdk import JobRunsClient, JobRunsError, StartOutcomeUnknownError
from jobruns_sdk.testing import VirtualClock
from tests.dangers.secrets.canaries import ACCESS_KEY, ARGUMENTS, SECRET_KEY, SPARK, TOKEN, chain_of, texts_of
from tests.surroundings.certificates import certificate, tls_of
from tests.surroundings.matrix import EVIL, PASSWORD, WORD, Cell, Facts, Part, run_cells
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import Request, head, serving

NAME: Final = "aws.service.test"  # only a proxy knows it
BACKENDS: Final[dict[str, Any]] = {"ours": None, "aiohttp": AIOHTTPSession, "httpx": HttpxSession}
LEADING: Final = ("none", "HTTP", "HTTP with password", "CONNECT", "CONNECT with password")
REFUSALS: Final = {
    "refuses with 403": f"HTTP/1.1 403 {EVIL}No\r\ncontent-type: text/html\r\ncontent-length: 11\r\n\r\n{WORD}",
    "refuses with 407": "HTTP/1.1 407 Who are you\r\ncontent-length: 0\r\n\r\n",
    "refuses with 502": f"HTTP/1.1 502 Bad Gateway\r\nx-id: {EVIL}\r\ncontent-length: 0\r\n\r\n",
    "closes": "",
}
PROXIES: Final = (*LEADING, *REFUSALS, "hangs")
PAGE: Final = "{said}" + "one of many words " * 20 + WORD
HTML: Final = f"<html><h1>{PAGE}</h1></html>"

Call = Callable[[JobRunsClient], Awaitable[object]]


async def _stopped(client: JobRunsClient) -> None:
    [outcome] = await client.stop(["emr-serverless:00f1/r"])
    if outcome.error is not None:
        raise outcome.error


CALLS: Final[Mapping[str, tuple[str, Call]]] = {
    "read": ("GetJobRuns", lambda client: client.glue("etl").runs().collect()),
    "start": ("StartJobRun", lambda client: client.glue("etl").start(arguments=ARGUMENTS)),
    "start with key": (
        "StartJobRun",
        lambda client: client.glue("etl").start(arguments=ARGUMENTS, idempotency_key="key"),
    ),
    "start on EMR": (
        "POST",
        lambda client: client.emr_serverless("00f1").start(
            SPARK, execution_role_arn="arn:aws:iam::111122223333:role/exec"
        ),
    ),
    "stop": ("DELETE", _stopped),
}
"""The operation that goes wrong, and the call that sends it."""


@dataclass(frozen=True)
class Told:
    """What comes of an answer: the error, whether the service may have acted, and whether it is asked again."""

    error: str
    in_doubt: bool
    again: bool = False


ANSWERS: Final[Mapping[str, Told | None]] = {
    "good": None,
    "500 with HTML": Told("ServiceUnavailableError", in_doubt=True, again=True),
    "200 with HTML": Told("ResponseFormatError", in_doubt=True),
    "302": Told("TransportError", in_doubt=True),
    "307": Told("TransportError", in_doubt=True),
    "nothing": Told("ResponseFormatError", in_doubt=True),
    "cut off": Told("TransportError", in_doubt=True, again=True),
    "no JSON": Told("ResponseFormatError", in_doubt=True),
    "404 without code": Told("UnknownAnswerError", in_doubt=False),
}
MOST: Final = 3  # max_attempts


def foreseen(cell: Cell) -> Facts | None:
    """Return what the contract says of a cell."""
    call, told = cell["call"], ANSWERS[cell["answer"]]
    starts = 1 if call.startswith("start") else 0
    if cell["proxy"] not in LEADING:
        if cell["answer"] != "good":
            return None  # nobody comes as far
        kind = "CallTimeoutError" if cell["proxy"] == "hangs" else "TransportError"
        requests = 1 if cell["proxy"] == "hangs" else MOST
        return {"error": kind, "in_doubt": False, "requests": requests, "seen": 0, "starts": 0}
    if told is None:
        return {"error": None, "seen": 1, "starts": starts}
    seen = MOST if told.again and call not in {"start", "start with key"} else 1
    if told.in_doubt and call in {"start", "start with key"}:
        return {"error": None, "seen": 1, "starts": 1}  # the run that was started, which is looked for
    if told.in_doubt and call == "start on EMR":
        return {"error": "StartOutcomeUnknownError", "in_doubt": True, "requests": seen, "seen": seen, "starts": 1}
    return {"error": told.error, "in_doubt": told.in_doubt, "requests": seen, "seen": seen, "starts": starts}


PART: Final = Part(
    "network",
    {"proxy": PROXIES, "answer": [*ANSWERS], "backend": [*BACKENDS], "call": [*CALLS]},
    foreseen,
    apart=["backend"],
    every=7,
    options=["-W", "ignore:aiobotocore's httpx backend"],
)


@dataclass
class Service:
    """Glue and EMR Serverless: does what it is asked, and answers one operation as a cell says.

    Attributes:
        asked: The operations that were asked for, by name or method.
        tokens: One for each run that was started.
    """

    wrong: str
    answer: str
    clock: VirtualClock
    asked: list[str] = field(default_factory=list[str])
    tokens: set[str] = field(default_factory=set[str])
    rows: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    async def __call__(self, request: Request, writer: StreamWriter) -> None:
        name = request.headers.get("x-amz-target", request.method).removeprefix("AWSGlue.")
        self.asked.append(name)
        body = json.dumps(self._done(name, json.loads(request.body or b"{}"))).encode()
        headers = {"date": format_datetime(self.clock.now(), usegmt=True)}
        if name == self.wrong and self.answer != "good":
            self._answer_badly(request, writer, headers, body)
        else:
            writer.write(head(200, len(body), headers) + body)

    def _done(self, name: str, asked: Mapping[str, Any]) -> object:
        match name:
            case "GetJobRuns":
                return {"JobRuns": self.rows}
            case "GetJob":
                return {"Job": {"Name": "etl"}}
            case "StartJobRun":
                run_id = f"jr_{len(self.rows)}"
                row = {"Id": run_id, "JobName": "etl", "JobRunState": "RUNNING", "Arguments": asked["Arguments"]}
                self.rows.insert(0, {**row, "StartedOn": self.clock.now().timestamp()})
                self.tokens.add(run_id)
                return {"JobRunId": run_id}
            case "POST":
                self.tokens.add(asked["clientToken"])
                return {"applicationId": "00f1", "jobRunId": "r", "arn": "a"}
            case _:
                return {"applicationId": "00f1", "jobRunId": "r"}

    def _answer_badly(self, request: Request, writer: StreamWriter, headers: dict[str, str], body: bytes) -> None:
        repeated = ("x-amz-security-token", "proxy-authorization", "authorization")
        said = f"{EVIL} {' '.join(request.headers.get(name, '') for name in repeated)} {request.body.decode()}"
        page = HTML.replace("{said}", said).encode()
        html = {**headers, "content-type": "text/html"}
        match self.answer:
            case "500 with HTML":
                writer.write(head(500, len(page), html) + page)
            case "200 with HTML":
                writer.write(head(200, len(page), html) + page)
            case "302" | "307":
                writer.write(head(int(self.answer), 0, {**headers, "location": f"https://user:{PASSWORD}@else.test/"}))
            case "nothing":
                writer.write(head(200, 0, headers))
            case "cut off":
                writer.write(head(200, len(body) + 9, headers) + body)
                writer.close()
            case "no JSON":
                text = json.dumps([f"{WORD}{EVIL}"]).encode() + body[:-1]
                writer.write(head(200, len(text), headers) + text)
            case _:
                writer.write(head(404, len(page), html) + page)


@asynccontextmanager
async def tunnel(refusal: str | None, target: str) -> AsyncGenerator[str]:
    """Serve a proxy that opens tunnels to an address, or refuses with these bytes; without either it hangs."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readuntil(b"\r\n\r\n")
            if refusal is not None:
                writer.write(refusal.encode())
                await writer.drain()
            elif target:
                await _piped(reader, writer, target)
            else:
                await asyncio.Event().wait()
        connections.discard(task)
        writer.transport.abort()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    finally:
        listener.close()
        for task in tuple(connections):
            task.cancel()
        await asyncio.gather(*connections)


async def _piped(reader: StreamReader, writer: StreamWriter, target: str) -> None:
    host, _, port = target.rpartition("//")[2].partition(":")
    there, out = await asyncio.open_connection(host, int(port))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def copy(source: StreamReader, sink: StreamWriter) -> None:
        while data := await source.read(65536):
            sink.write(data)
        sink.close()

    try:
        await asyncio.gather(copy(reader, out), copy(there, writer))
    finally:
        out.transport.abort()


@asynccontextmanager
async def surroundings(cell: Cell, service: Service, home: Path) -> AsyncGenerator[dict[str, Any]]:
    """Let the environment have the cell's proxy; yield the options of a client that the service is behind."""
    proxy = cell["proxy"]
    user = f"user:{quote(PASSWORD)}@" if "password" in proxy else ""
    file = home / "local.pem"
    if proxy == "none":
        async with serving(service) as server:
            yield {"url": server.url, "verify": file}
    elif proxy.startswith("HTTP"):
        async with serving(service) as server:
            with mock.patch.dict(os.environ, {"HTTP_PROXY": server.url.replace("//", f"//{user}")}):
                yield {"url": f"http://{NAME}", "verify": file, "allow_insecure_endpoint": True}
    else:
        leads = proxy in LEADING
        async with (
            serving(service, tls=tls_of(file)) as server,
            tunnel(REFUSALS.get(proxy), server.url if leads else "") as address,
        ):
            with mock.patch.dict(os.environ, {"HTTPS_PROXY": f"http://{user}{address}"}):
                yield {"url": f"https://{NAME}", "verify": file}


async def brought_about(cell: Cell, home: Path) -> tuple[Facts, list[str]]:
    """Make the cell's call, and return what the caller and the service have seen, and all texts."""
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 0  # every step is slow, and logged with what it runs
    wrong, call = CALLS[cell["call"]]
    clock = VirtualClock()
    service = Service(wrong, cell["answer"], clock)
    backend = BACKENDS[cell["backend"]]
    config = None if backend is None else AioConfig(http_session_cls=backend)
    session = CountingSession()
    session.set_credentials(ACCESS_KEY, SECRET_KEY, TOKEN)
    failure: Exception | None = None
    async with surroundings(cell, service, home) as options:
        options |= {"call_timeout": 5 if cell["proxy"] == "hangs" else 20, "max_attempts": MOST}
        async with client_at(**options, session=session, config=config, clock=clock) as client:
            try:
                await call(client)
            except Exception as error:  # noqa: BLE001  # the judge looks at it
                failure = error
    facts: dict[str, object] = {"seen": service.asked.count(wrong), "starts": len(service.tokens), "error": None}
    if failure is None:
        return facts, []
    first = failure.__cause__ if isinstance(failure, StartOutcomeUnknownError) else failure
    facts |= {"error": type(failure).__name__, "in_doubt": getattr(failure, "in_doubt", None)}
    facts |= {"requests": first.requests if isinstance(first, JobRunsError) else None}
    return facts, [chain_of(failure), texts_of(failure)]


def perform(home: Path) -> Callable[[Cell], tuple[Facts, list[str]]]:
    certificate(home / "local.pem", NAME)
    return lambda cell: asyncio.run(brought_about(cell, home))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        run_cells(perform(Path(folder)))
