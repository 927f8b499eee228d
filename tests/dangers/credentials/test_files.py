"""Keys in a file that somebody else writes anew each hour: read again once, when the service refuses the old ones."""

import asyncio
import json
from asyncio import StreamWriter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import CredentialsError
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import Request, head, serving

NO_RUNS: Final = b'{"JobRuns":[]}'


class Service:
    """Answers those whose access key is good, and remembers which keys came."""

    def __init__(self, code: str = "ExpiredTokenException") -> None:
        self.good = "AKIA1"
        self.keys: list[str] = []
        self._code = code

    async def __call__(self, request: Request, writer: StreamWriter) -> None:
        key = request.headers["authorization"].partition("Credential=")[2].partition("/")[0]
        self.keys.append(key)
        refusal = json.dumps({"__type": self._code, "message": "The security token is expired"}).encode()
        status, body = (200, NO_RUNS) if key == self.good else (400, refusal)
        writer.write(head(status, len(body)) + body)


@pytest.fixture
def keys_file(no_aws_environment: Path) -> Callable[[str], object]:
    path = no_aws_environment.with_name(no_aws_environment.name.replace("config", "credentials"))

    def write(key: str) -> None:
        path.write_text(f"[default]\naws_access_key_id={key}\naws_secret_access_key=x\naws_session_token=t\n")

    write("AKIA1")
    return write


@pytest.mark.parametrize("code", ["ExpiredTokenException", "UnrecognizedClientException", "InvalidClientTokenId"])
async def test_keys_that_others_rotate_are_read_again(keys_file: Callable[[str], object], code: str) -> None:
    service = Service(code)
    async with serving(service) as server, client_at(server.url, session=AioSession()) as client:
        assert await client.glue("etl").runs().collect() == []
        service.good = "AKIA2"
        keys_file("AKIA2")
        assert await client.glue("etl").runs().collect() == []
        assert await client.glue("etl").runs().collect() == []

    assert service.keys == ["AKIA1", "AKIA1", "AKIA2", "AKIA2"]


async def test_all_that_are_under_way_go_on_with_the_new_keys(keys_file: Callable[[str], object]) -> None:
    service = Service()
    async with serving(service) as server, client_at(server.url, session=AioSession()) as client:
        await client.glue("etl").runs().collect()
        service.good = "AKIA2"
        keys_file("AKIA2")
        read = await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(20)))

    assert read == [[]] * 20
    assert service.keys.count("AKIA2") == 20


async def test_keys_that_are_still_the_same_are_an_error_at_once(keys_file: Callable[[str], object]) -> None:
    del keys_file
    service = Service()
    service.good = "AKIA2"
    async with serving(service) as server, client_at(server.url, session=AioSession()) as client:
        with pytest.raises(CredentialsError) as caught:
            await client.glue("etl").runs().collect()

    assert (caught.value.code, caught.value.requests, service.keys) == ("ExpiredTokenException", 1, ["AKIA1"])


async def test_new_keys_that_are_refused_too_are_tried_once(keys_file: Callable[[str], object]) -> None:
    service = Service()
    service.good = "AKIA9"
    async with serving(service) as server, client_at(server.url, session=AioSession()) as client:
        with pytest.raises(CredentialsError):
            await client.glue("etl").job()
        keys_file("AKIA2")
        with pytest.raises(CredentialsError):
            await client.glue("etl").job()

    assert service.keys == ["AKIA1", "AKIA1", "AKIA2"]


async def test_a_file_that_is_gone_leaves_the_error_of_the_service(
    keys_file: Callable[[str], object], no_aws_environment: Path
) -> None:
    del keys_file
    service = Service()
    service.good = "AKIA2"
    async with serving(service) as server, client_at(server.url, session=AioSession()) as client:
        with pytest.raises(CredentialsError):
            await client.glue("etl").job()
        no_aws_environment.with_name(no_aws_environment.name.replace("config", "credentials")).unlink()
        with pytest.raises(CredentialsError) as caught:
            await client.glue("etl").job()

    assert caught.value.code == "ExpiredTokenException"


async def test_keys_that_a_program_sets_anew_on_its_session_are_taken() -> None:
    service, session = Service(), CountingSession("AKIA1")
    async with serving(service) as server, client_at(server.url, session=session) as client:
        await client.glue("etl").runs().collect()
        service.good = "AKIA2"
        session.set_credentials("AKIA2", "secret")
        assert await client.glue("etl").runs().collect() == []

    assert service.keys == ["AKIA1", "AKIA1", "AKIA2"]
