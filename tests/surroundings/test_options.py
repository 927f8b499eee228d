"""The options of a client about where requests go and whom it trusts, and opening it by hand."""

import ssl
from pathlib import Path
from typing import Any, Final

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import ClientClosedError, InvalidRequestError, JobRunsClient, TransportError, sync
from jobruns_sdk.testing import LocalService
from tests.surroundings.certificates import certificate as certificate_in
from tests.surroundings.certificates import tls_of
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import answer, serving

NO_RUNS: Final = answer(b'{"JobRuns":[],"jobRuns":[]}')


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return certificate_in(tmp_path / "local.pem")


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    return tls_of(certificate)


@pytest.mark.parametrize("how", ["path", "text", "nobody"])
async def test_certificates_are_trusted_as_verify_says(certificate: Path, tls: ssl.SSLContext, how: str) -> None:
    verify: Any = {"path": certificate, "text": str(certificate), "nobody": False}[how]
    async with serving(NO_RUNS, tls=tls) as server:
        async with client_at(server.url, verify=verify) as client:
            assert await client.glue("etl").runs().collect() == []
        async with client_at(server.url) as client:
            with pytest.raises(TransportError) as caught:
                await client.glue("etl").start()

    assert (caught.value.retryable, caught.value.in_doubt, len(server.requests)) == (False, False, 1)


async def test_a_file_that_is_not_there_is_told_with_nothing_sent(tmp_path: Path) -> None:
    async with serving(NO_RUNS) as server, client_at(server.url, verify=tmp_path / "none.pem") as client:
        with pytest.raises(TransportError, match="certificates cannot be read") as caught:
            await client.glue("etl").start()

    assert (caught.value.in_doubt, server.requests) == (False, [])


@pytest.mark.parametrize("verify", [None, 1, "", b"x.pem"])
def test_what_says_nothing_about_certificates_is_refused(verify: Any) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequestError, match="verify must be True, False or the path of a file of certificates"):
        client_at(None, verify=verify)


async def test_each_service_may_have_an_address_of_its_own() -> None:
    async with serving(NO_RUNS) as glue, serving(NO_RUNS) as others:
        urls = {"glue": glue.url, "logs": "https://logs.example"}
        async with client_at(others.url, endpoint_urls=urls) as client:
            assert await client.glue("etl").runs().collect() == []
            assert await client.emr_serverless("00f1").runs().collect() == []

    assert ([one.target for one in glue.requests], len(others.requests)) == (["/"], 1)


async def test_an_address_of_one_service_leaves_the_others_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(NO_RUNS) as glue, serving(NO_RUNS) as others:
        monkeypatch.setenv("AWS_ENDPOINT_URL", others.url)
        async with client_at(None, endpoint_urls={"glue": glue.url}) as client:
            assert await client.glue("etl").runs().collect() == []
            assert await client.emr_serverless("00f1").runs().collect() == []

    assert (len(glue.requests), len(others.requests)) == (1, 1)


@pytest.mark.parametrize(
    ("urls", "why"),
    [
        ({"gleu": "https://x"}, "endpoint_urls names 'gleu', known are datazone, emr-serverless, glue, logs, s3"),
        ({"glue": "http://elsewhere.example"}, "would send signed requests over plain http to another machine"),
        ({"s3": "ftp://x"}, "must be an http or https address"),
        ({"glue": None}, "must be an http or https address"),
        (["glue"], "endpoint_urls must be a mapping of services to addresses"),
    ],
)
def test_addresses_that_cannot_be_used_are_refused(urls: Any, why: str) -> None:  # noqa: ANN401
    with pytest.raises(InvalidRequestError, match=why):
        client_at(None, endpoint_urls=urls)


@pytest.fixture
def profile(no_aws_environment: Path) -> None:
    no_aws_environment.write_text("[profile dev]\nservices = here\naws_access_key_id = a\naws_secret_access_key = b\n")


@pytest.mark.usefixtures("profile")
async def test_a_section_of_addresses_that_is_not_there_is_told() -> None:
    async with client_at(None, session=AioSession(profile="dev")) as client:
        with pytest.raises(
            InvalidRequestError, match=r'"here" services configuration does not exist. .* \[services NAME\]'
        ):
            await client.glue("etl").start()


async def test_a_client_is_opened_and_closed_by_hand(local: LocalService) -> None:
    local.add_glue_job("etl")
    client = client_at(local.url)
    await client.aclose()  # nothing is open yet
    assert await client.open() is client
    assert await client.glue("etl").runs().collect() == []
    await client.aclose()
    await client.aclose()

    with pytest.raises(ClientClosedError, match="the client is closed"):
        await client.glue("etl").runs().collect()
    with pytest.raises(ClientClosedError, match="opened once"):
        await client.open()


def test_a_synchronous_client_is_opened_and_closed_by_hand(local: LocalService) -> None:
    local.add_glue_job("etl")
    client = sync.JobRunsClient(session=CountingSession(), endpoint_url=local.url, region_name="us-east-1")
    assert client.open() is client
    assert client.glue("etl").runs().collect() == []
    client.close()
    client.close()

    with pytest.raises(ClientClosedError):
        client.glue("etl").runs().collect()


async def test_a_client_that_is_left_open_is_closed_in_its_own_loop_only(local: LocalService) -> None:
    client: JobRunsClient = await client_at(local.url).open()
    assert "open" in repr(client)
    await client.aclose()
    assert "closed" in repr(client)
