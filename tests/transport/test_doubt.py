"""A call is in doubt from the moment at which its request is written, and not while a connection is made for it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession

from jobruns_sdk import CallTimeoutError, JobRunsClient, StartOutcomeUnknownError
from jobruns_sdk.transport.operation import Sending, tracked
from tests.transport.clients import client_at
from tests.transport.gated import until
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.transport.scripted import Request, head, serving, silence


class Mute:
    """A server that takes connections and never says a word, so that no handshake of TLS comes to its end."""

    def __init__(self) -> None:
        self.url = ""
        self.greeted = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if await reader.read(1):
            self.greeted += 1

    def close(self) -> None:
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def mute() -> AsyncGenerator[Mute]:
    server = Mute()
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"https://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        server.close()


class Another(AIOHTTPSession):
    """An HTTP session that is not ours, and does not tell when it writes."""


async def cancelled(client: JobRunsClient, has_come: Callable[[], bool]) -> Sending:
    """Cancel a call when its request has come so far, and return the doubt about it."""
    doubts: list[Sending] = []

    async def call() -> None:
        with tracked() as doubt:
            doubts.append(doubt)
            await client.glue("etl").job()

    task = asyncio.create_task(call())
    await until(has_come)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return doubts[0]


async def test_nothing_was_sent_while_a_connection_is_made() -> None:
    async with mute() as server, client_at(server.url) as client:
        doubt = await cancelled(client, lambda: server.greeted > 0)
    assert doubt.told
    assert not doubt.in_doubt


async def test_a_request_that_was_written_is_in_doubt() -> None:
    async with serving(silence) as server, client_at(server.url) as client:
        doubt = await cancelled(client, lambda: len(server.requests) > 0)
    assert doubt.in_doubt
    assert doubt.sent_at is not None


async def test_whoever_does_not_tell_when_it_writes_is_in_doubt_before() -> None:
    config = AioConfig(http_session_cls=Another)
    async with mute() as server, client_at(server.url, config=config) as client:
        doubt = await cancelled(client, lambda: server.greeted > 0)
    assert doubt.in_doubt


async def test_a_start_for_which_no_connection_was_made_is_known_not_to_be(loop_time: LoopTime) -> None:
    async with mute() as server, client_at(server.url, max_attempts=1) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(loop_time.forward_at(lambda: server.greeted, 1, seconds=CALL_TIMEOUT + 30))
        with pytest.raises(CallTimeoutError) as caught:
            await client.glue("etl").start()
    assert not isinstance(caught.value, StartOutcomeUnknownError)
    assert not caught.value.in_doubt
    assert server.greeted == 1


async def test_a_second_request_on_a_connection_is_in_doubt_as_the_first() -> None:
    body = b'{"Job":{"Name":"etl"}}'

    async def answers_once(_: Request, writer: asyncio.StreamWriter) -> None:
        if len(server.requests) > 1:
            await asyncio.Event().wait()
        writer.write(head(200, len(body)) + body)

    async with serving(answers_once) as server, client_at(server.url) as client:
        await client.glue("etl").job()
        doubt = await cancelled(client, lambda: len(server.requests) > 1)
    assert doubt.in_doubt
