"""Virtual time and a network without sockets, for simulations that are over in milliseconds.

`VirtualLoop` jumps to its next timer whenever nothing is ready, so that deadlines of calls, back-off and polls all go
by one time; where nothing is ready and no timer is left, everybody waits for nobody, and it says so. `transport_to`
makes the HTTP session of aiobotocore that hands each request to a function in the same process.
"""

import asyncio
import contextlib
import selectors
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, Self, TypeVar, TypeVarTuple, cast

from aiobotocore.awsrequest import AioAWSResponse
from aiobotocore.config import AioConfig

Given = TypeVarTuple("Given")
Made = TypeVar("Made")

EPOCH = datetime(2026, 3, 1, 12, tzinfo=UTC)


class StalledError(Exception):
    """Nothing is ready to run and nothing will ever be."""


class _JumpingSelector(selectors.SelectSelector):
    """Takes no time: what it is asked to wait is added to the loop's time."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise StalledError(f"at {self.time:.1f} s everything waits, and nothing is to come")
        self.time += max(0.0, timeout)
        return []  # there is no socket and no thread to hear of


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time moves only by jumping to the next timer."""

    def __init__(self) -> None:
        self.selector = _JumpingSelector()
        super().__init__(self.selector)

    def time(self) -> float:
        return self.selector.time

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Given], Made], *args: *Given
    ) -> asyncio.Future[Made]:
        """Run it at once: a thread would need real time, in which virtual time must not jump."""
        del executor
        future: asyncio.Future[Made] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future


class LoopClock:
    """The client's clock, which goes by the running loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now(self) -> datetime:
        return EPOCH + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def calling(self) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()


class Request(Protocol):
    """What aiobotocore hands to an HTTP session."""

    method: str
    url: str
    headers: Any
    body: Any


class Answer:
    """A status, headers and a body; also the stream that aiobotocore reads the body from."""

    def __init__(self, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.body, self.status, self.headers = body, status, headers or {}

    async def read(self) -> bytes:
        return self.body


def transport_to(answer: Callable[[Request], Awaitable[Answer]]) -> AioConfig:
    """Return a configuration with which aiobotocore's clients send every request to that function."""

    class Session:
        def __init__(self, **_options: object) -> None:
            pass

        async def __aenter__(self) -> Self:
            return self

        async def __aexit__(self, *_exc: object) -> None:
            pass

        async def close(self) -> None:
            pass

        async def send(self, request: Request) -> AioAWSResponse:
            told = await answer(request)
            return AioAWSResponse(request.url, told.status, cast("Any", told.headers), told)

    return AioConfig(http_session_cls=cast("Any", Session))
