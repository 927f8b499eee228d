"""A Glue start that was certainly not sent leaves no doubt: nobody looks for its run, and it may be made again."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.httpxsession import HttpxSession

from jobruns_sdk import JobRunsError, StartOutcomeUnknownError, TransportError, UnknownAnswerError
from jobruns_sdk.transport.http_session import HttpSession
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving

Serve = Callable[[StreamReader, StreamWriter], Awaitable[None]]

BACKENDS: Final[dict[str, type | None]] = {"ours": None, "aiohttp": AIOHTTPSession, "httpx": HttpxSession}
REFUSALS: Final = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
    "403 with HTML": b"HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>",
    "502": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"\x15\x03\x01\x00\x02\x02\x46",
    "nothing": b"",
}

pytestmark = pytest.mark.filterwarnings("ignore:aiobotocore's httpx backend")


@pytest.fixture(params=[*BACKENDS.values()], ids=[*BACKENDS])
def config(request: pytest.FixtureRequest) -> AioConfig | None:
    return None if request.param is None else AioConfig(http_session_cls=request.param, connect_timeout=0.5)


@asynccontextmanager
async def listening(serve: Serve) -> AsyncGenerator[str]:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


async def failure_of(url: str | None, config: AioConfig | None) -> JobRunsError:
    async with client_at(url, config=config, max_attempts=2, call_timeout=20) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.glue("etl").start()
    failure = caught.value
    assert not isinstance(failure, StartOutcomeUnknownError)
    assert (failure.operation, failure.in_doubt) == ("StartJobRun", False)
    return failure


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
async def test_a_proxy_that_opens_no_tunnel(
    monkeypatch: pytest.MonkeyPatch, config: AioConfig | None, refusal: bytes
) -> None:
    async def refuse(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(refusal)
        await writer.drain()
        writer.close()

    async with listening(refuse) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        failure = await failure_of(None, config)

    assert isinstance(failure, TransportError)
    assert (failure.sent, failure.requests) == (False, 2)


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no-such-host.invalid:3128"])
async def test_a_proxy_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, config: AioConfig | None, address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")

    assert isinstance(await failure_of(None, config), TransportError)


async def test_a_tunnel_that_leads_to_nobody_who_speaks_tls(
    monkeypatch: pytest.MonkeyPatch, config: AioConfig | None
) -> None:
    async def tunnel(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await reader.read(100)
        writer.close()

    async with listening(tunnel) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{address}")
        await failure_of(None, config)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://localhost:9", "https://no-such-host.invalid"])
async def test_an_address_at_which_nobody_listens(config: AioConfig | None, url: str) -> None:
    assert isinstance(await failure_of(url, config), TransportError)


async def test_a_server_that_takes_connections_and_says_nothing_in_tls() -> None:
    async def silent(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with listening(silent) as address, client_at(f"https://{address}", call_timeout=0.5) as client:
        with pytest.raises(TransportError) as caught:
            await client.glue("etl").start()

    assert (caught.value.sent, caught.value.in_doubt) == (False, False)


@pytest.mark.parametrize("status", [401, 403, 404, 407, 409])
async def test_a_gateway_that_refuses_has_not_asked_the_service(config: AioConfig | None, status: int) -> None:
    async with serving(answer(b"<html>no</html>", status=status)) as server:
        failure = await failure_of(server.url, config)

    assert isinstance(failure, UnknownAnswerError)
    assert (failure.http_status, failure.requests) == (status, 1)


@pytest.mark.parametrize("kind", ["cut off", "reset"])
async def test_what_was_written_stays_in_doubt(config: AioConfig | None, kind: str) -> None:
    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if kind == "reset":
            writer.transport.abort()
        writer.close()

    async with listening(take) as address, client_at(f"http://{address}", config=config) as client:
        outcome, *_ = await client.stop(["emr-serverless:00f1/r"])

    assert outcome.error is not None
    assert outcome.error.in_doubt is True


async def test_each_request_is_sent_once_and_counted(config: AioConfig | None) -> None:
    """Reads of EMR Serverless are GETs, which aiohttp sends again by itself when a connection breaks."""
    asked = 0

    async def cut(reader: StreamReader, writer: StreamWriter) -> None:
        nonlocal asked
        await reader.readuntil(b"\r\n\r\n")
        asked += 1
        writer.close()

    async with listening(cut) as address, client_at(f"http://{address}", config=config, max_attempts=3) as client:
        with pytest.raises(TransportError) as caught:
            await client.emr_serverless("00f1").run("r")

    assert (asked, caught.value.requests) == (3, 3)


async def test_a_release_of_aiobotocore_that_cannot_be_watched_leaves_the_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(HttpSession, "_get_session")

    async def take(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    async with listening(take) as address, client_at(f"http://{address}", max_attempts=1) as client:
        with pytest.raises(TransportError) as caught:
            await client.emr_serverless("00f1").run("r")

    assert caught.value.in_doubt is True
