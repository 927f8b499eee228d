"""What is sent to this machine goes to no proxy, which is another one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.httpxsession import HttpxSession

from jobruns_sdk import JobRunsClient
from tests.dangers.secrets.service import CanarySession
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving

NO_RUNS: Final = answer(b'{"JobRuns":[]}')


@asynccontextmanager
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[list[bytes]]:
    """Let the environment name a proxy; yield the beginnings of what it is sent."""
    asked: list[bytes] = []

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        writer.write(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
            monkeypatch.setenv(name, url)
        yield asked


async def read(client: JobRunsClient) -> None:
    async with client:
        assert await client.glue("etl").runs().collect() == []


@pytest.mark.filterwarnings("ignore:aiobotocore's httpx backend")
@pytest.mark.parametrize("backend", [None, AIOHTTPSession, HttpxSession])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
async def test_a_request_to_this_machine_does_not_leave_it(
    monkeypatch: pytest.MonkeyPatch, backend: type | None, host: str
) -> None:
    config = None if backend is None else AioConfig(http_session_cls=backend)
    async with proxy(monkeypatch) as asked, serving(NO_RUNS) as server:
        url = server.url.replace("127.0.0.1", host)
        await read(client_at(url, session=CanarySession(), config=config))

        assert (len(server.requests), asked) == (1, [])


@pytest.mark.parametrize("place", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_GLUE", "file"])
async def test_an_address_that_the_surroundings_give_counts_as_well(
    monkeypatch: pytest.MonkeyPatch, no_aws_environment: Path, place: str
) -> None:
    async with proxy(monkeypatch) as asked, serving(NO_RUNS) as server:
        if place == "file":
            no_aws_environment.write_text(f"[default]\nendpoint_url = {server.url}\n")  # noqa: ASYNC240  # nothing else goes on yet
        else:
            monkeypatch.setenv(place, server.url)
        await read(client_at(None, session=CanarySession()))

        assert (len(server.requests), asked) == (1, [])


async def test_a_proxy_that_the_configuration_names_is_not_asked_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(monkeypatch) as asked, serving(NO_RUNS) as server, serving(NO_RUNS) as named:
        config = AioConfig(proxies={"http": named.url, "https": named.url})
        await read(client_at(server.url, session=CanarySession(), config=config))

        assert (len(server.requests), named.requests, asked) == (1, [], [])


async def test_what_goes_to_another_machine_goes_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(monkeypatch) as asked:
        async with client_at(None, session=CanarySession(), max_attempts=1) as client:
            with pytest.raises(Exception, match="proxy"):
                await client.glue("etl").runs().collect()

        assert [line.partition(b"\r\n")[0] for line in asked] == [b"CONNECT glue.us-east-1.amazonaws.com:443 HTTP/1.1"]
