"""An event loop with virtual time, clocks that are wrong, and an HTTP session without a network.

A schedule is deterministic: nothing real is waited for, so that one seed gives one history. The loop jumps to its next
timer when nothing else is left to do, runs at once what would go to a thread, and ends a schedule that waits for ever.
"""

import asyncio
import contextlib
import json
import selectors
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

EPOCH = datetime(2026, 3, 1, tzinfo=UTC)
READ_TIMEOUT = 60.0
_MOST_TURNS = 400_000

Answer = tuple[int, dict[str, str], bytes]


class StuckError(Exception):
    """Nothing is left to do, or nothing ever ends, and the schedule is not over."""


class _Jumping(selectors.SelectSelector):
    """Nothing is waited for: the time that there is to wait has passed."""

    now = 0.0
    turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.turns += 1
        if timeout is None or self.turns > _MOST_TURNS:
            raise StuckError("nobody will ever wake" if timeout is None else f"{self.turns} turns of the loop")
        if timeout > 0:
            self.now += timeout
        return super().select(0)


class _AtOnce(ThreadPoolExecutor):
    """Runs everything at once: a thread would be something real to wait for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **options: Any) -> Future[Any]:  # noqa: ANN401 - as its base
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **options))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to who waits
            done.set_exception(error)
        return done


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is what its timers wait for."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)
        self.set_default_executor(_AtOnce())

    def time(self) -> float:
        return self._jumping.now


def now() -> float:
    return asyncio.get_running_loop().time()


def moment(at: float) -> datetime:
    """Return the service's time, which is the true one."""
    return EPOCH + timedelta(seconds=at)


def after_turns(turns: int, action: Callable[[], object], context: Context | None = None) -> None:
    """Do something when the loop has turned so often."""
    loop = asyncio.get_running_loop()
    if turns <= 0:
        loop.call_soon(action, context=context)
    else:
        loop.call_soon(after_turns, turns - 1, action, context, context=context)


class SkewedClock:
    """A machine's clock that is so many seconds fast; ``skew`` may change at any time."""

    def __init__(self, skew: float) -> None:
        self.skew = skew

    def now(self) -> datetime:
        return moment(now() + self.skew)

    def monotonic(self) -> float:
        return now()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def calling(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Arrived:
    """An answer whose head has arrived; its body comes whole or breaks off."""

    def __init__(self, url: str, answer: Answer, *, is_cut: bool = False) -> None:
        self.url = url
        self.status, fields, self._body = answer
        self.raw_headers = tuple((name.encode(), value.encode()) for name, value in fields.items())
        self._is_cut = is_cut

    async def read(self) -> bytes:
        if self._is_cut:
            raise aiohttp.ClientPayloadError("the body breaks off")
        return self._body


@dataclass(frozen=True)
class Request:
    """A request as it would go onto the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


def refused(url: str) -> aiohttp.ClientConnectorError:
    """Return the error of a connection that could not be made."""
    host = URL(url).host or ""
    key = ConnectionKey(host, 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    return aiohttp.ClientConnectorError(key, ConnectionRefusedError(111, "refused"))


Serve = Callable[[Request, float], Awaitable[Arrived]]


def config_for(serve: Serve) -> AioConfig:
    """Return a configuration whose requests go to a function instead of a network.

    aiobotocore's own session stays in between, so that what goes wrong arrives in the shape that it gives to it.
    """

    class Wire:
        async def request(self, method: str, url: URL, headers: Mapping[str, str], data: Any, **_: Any) -> Arrived:  # noqa: ANN401 - aiohttp's own
            body = data.encode() if isinstance(data, str) else bytes(data or b"")
            return await serve(Request(method, str(url), headers, body), READ_TIMEOUT)

    class Session(AIOHTTPSession):
        async def _get_session(self, proxy_url: Any) -> Wire:  # noqa: ANN401, ARG002 - aiobotocore's own
            return Wire()

    return AioConfig(http_session_cls=Session, read_timeout=READ_TIMEOUT)


def headers() -> dict[str, str]:
    """Return the headers of an answer, with the service's own time."""
    return {
        "content-type": "application/x-amz-json-1.1",
        "date": format_datetime(moment(now()), usegmt=True),
        "x-amzn-requestid": "11111111-2222-3333-4444-555555555555",
    }


def good(body: dict[str, Any]) -> Answer:
    return 200, headers(), json.dumps(body).encode()


def failed(service: str, status: int, code: str) -> Answer:
    """Return a service's error, in the form that its protocol has."""
    if service == "glue":
        return status, headers(), json.dumps({"__type": code, "Message": "sorry"}).encode()
    return status, {**headers(), "x-amzn-errortype": code}, json.dumps({"message": "sorry"}).encode()
