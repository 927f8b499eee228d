"""No exception underneath an error shows a secret: neither of proxies nor of those who give credentials."""

import asyncio
import json
import logging
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from jobruns_sdk import CredentialsError, JobRunsError, TransportError
from jobruns_sdk.testing import LocalService
from tests.dangers.credentials.kit import Provider, session_of
from tests.dangers.secrets.canaries import CREDENTIALS, WORD, chain_of
from tests.dangers.secrets.service import CanarySession
from tests.transport.clients import client_at

PASSWORDS: Final = {
    "plain": WORD,
    "escaped": f"%40{WORD}%2Fx",
    "with an at sign": f"p@{WORD}",
    "with a colon": f"a:{WORD}",
}
ANSWERS: Final = {
    "407": b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
    "403": b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    "502": b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "nothing": b"",
}


def shows_nothing(error: BaseException, records: list[str]) -> bool:
    text = "\n".join([chain_of(error), *records])
    return WORD not in text.lower() and not any(secret in text for secret in CREDENTIALS)


@asynccontextmanager
async def proxy(answer: bytes) -> AsyncGenerator[str]:
    """Serve a proxy that gives one answer to each request for a tunnel, and ends the connection."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what asyncio and everybody else have logged, those excepted whose debug output is known to tell all."""
    caplog.set_level(logging.DEBUG)
    loud = (logging.getLogger(name) for name in ("botocore", "aiobotocore"))
    for logger in loud:
        caplog.set_level(logging.INFO, logger.name)
    return lambda: [caplog.handler.format(record) for record in caplog.records]


async def failure_of(call: Callable[[], Awaitable[object]]) -> JobRunsError:
    loop = asyncio.get_running_loop()
    loop.set_debug(enabled=True)
    loop.slow_callback_duration = 0
    try:
        with pytest.raises(JobRunsError) as caught:
            await call()
    finally:
        loop.set_debug(enabled=False)
    return caught.value


@pytest.mark.parametrize("place", ["environment", "configuration"])
@pytest.mark.parametrize("password", PASSWORDS.values(), ids=PASSWORDS)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_the_password_of_a_proxy_shows_in_nothing(
    monkeypatch: pytest.MonkeyPatch, records: Callable[[], list[str]], place: str, password: str, answer: bytes
) -> None:
    async with proxy(answer) as address:
        url = f"http://user:{password}@{address}"
        config = None if place == "environment" else AioConfig(proxies={"https": url})
        if config is None:
            monkeypatch.setenv("HTTPS_PROXY", url)
        async with client_at(None, session=CanarySession(), max_attempts=1, config=config) as client:
            for call in (lambda: client.glue("etl").runs().first(), lambda: client.glue("etl").start()):
                assert shows_nothing(await failure_of(call), records())


@pytest.mark.parametrize("address", ["127.0.0.1:9", "no-such-host.invalid:3128", "127.0.0.1:port", "[::1", ""])
async def test_the_password_of_a_proxy_that_is_not_there_shows_in_nothing(
    monkeypatch: pytest.MonkeyPatch, records: Callable[[], list[str]], address: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:{WORD}@{address}")
    async with client_at(None, session=CanarySession(), max_attempts=1) as client:
        failure = await failure_of(lambda: client.glue("etl").run("jr_0"))
    assert isinstance(failure, TransportError)
    assert shows_nothing(failure, records())


async def test_the_words_of_what_happened_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    async with proxy(ANSWERS["407"]) as address:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:{WORD}@{address}")
        async with client_at(None, session=CanarySession(), max_attempts=1) as client:
            failure = await failure_of(lambda: client.glue("etl").run("jr_0"))

    assert address in failure.message
    assert "407, message='Proxy Authentication Required'" in chain_of(failure)


KEYS: Final = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": WORD, "SessionToken": WORD}
FILES: Final[dict[str, str]] = {
    "a line that is none": f"[default]\naws_access_key_id = a\naws_secret_access_key {WORD}\n",
    "a process whose answer is cut": json.dumps(KEYS)[:-1],
    "a process that answers as the wrong version": json.dumps({**KEYS, "Version": 9}),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
async def test_what_was_read_as_credentials_shows_in_nothing(
    no_aws_environment: Path, tmp_path: Path, text: str
) -> None:
    """But asyncio's debug output has the first bytes of what a process prints, whoever reads it."""
    if text.startswith("{"):
        (tmp_path / "said.json").write_text(text)
        program = f"import sys; sys.stdout.write(open('{tmp_path / 'said.json'}').read())"
        text = f'[default]\ncredential_process = {sys.executable} -c "{program}"\n'
    no_aws_environment.write_text(text)  # noqa: ASYNC240  # nothing else goes on yet
    async with client_at("http://127.0.0.1:9", session=AioSession(), max_attempts=1) as client:
        failure = await failure_of(lambda: client.glue("etl").run("jr_0"))
    assert shows_nothing(failure, [])


class _RefusedError(Exception):
    """An exception of somebody's own, which holds what it was made of."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__("no credentials")
        self.answer = answer


OTHERS: Final[list[Exception]] = [
    _RefusedError(KEYS),
    RuntimeError(f"GET https://user:{WORD}@vault/creds"),
    ValueError("no", {"password": WORD, "more": [f"sessionToken={WORD}"]}),
    json.JSONDecodeError("Expecting ',' delimiter", json.dumps(KEYS), 3),
    UnicodeDecodeError("utf-8", WORD.encode(), 0, 1, "invalid start byte"),
    OSError(5, f"cannot open https://{WORD}@vault"),
    ExceptionGroup("several", [RuntimeError(f"password={WORD}")]),
]


@pytest.mark.parametrize("other", OTHERS, ids=lambda other: type(other).__name__)
async def test_what_others_raise_shows_nothing_of_what_it_holds(local: LocalService, other: Exception) -> None:
    provider = Provider(local)
    other.__cause__ = RuntimeError(f"Authorization: Bearer {WORD}")
    provider.failures = [other] * 9
    async with client_at(local.url, session=session_of(provider), clock=local.clock, max_attempts=1) as client:
        local.add_glue_job("etl")
        await client.glue("etl").runs().first()
        local.advance(7200)
        failure = await failure_of(lambda: client.glue("etl").run("jr_0"))

    assert isinstance(failure, CredentialsError)
    assert shows_nothing(failure, [])
    assert type(other).__name__ in chain_of(failure)
    under = failure.__cause__
    assert under is not None
    assert WORD not in repr(vars(under))


async def test_what_the_caller_was_handling_is_still_told(local: LocalService) -> None:
    async with client_at(local.url) as client:
        own = KeyError("the caller's own")
        try:
            raise own
        except KeyError:
            failure = await failure_of(lambda: client.glue("etl").run("jr_0"))

    assert failure.__context__ is own


async def test_what_a_service_has_answered_is_the_whole_story(local: LocalService) -> None:
    async with client_at(local.url) as client:
        failure = await failure_of(lambda: client.glue("etl").run("jr_0"))

    assert (failure.__cause__, failure.__context__) == (None, None)
