"""What the user configures is honoured, but for retries, which are not botocore's here."""

import asyncio
from pathlib import Path

import pytest
from aiobotocore.config import AioConfig
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from jobruns_sdk import InvalidRequestError, JobRef, JobRunsClient, ServiceUnavailableError, TransportError
from jobruns_sdk.testing import LocalService
from tests.transport.clients import CountingSession, client_at
from tests.transport.looptime import LoopTime
from tests.transport.scripted import Request, answer, head, serving, silence

NO_RUNS = b'{"JobRuns":[]}'


@pytest.mark.parametrize("max_attempts", [1, 3])
@pytest.mark.parametrize(
    ("environment", "config"),
    [
        ({}, None),
        ({"AWS_MAX_ATTEMPTS": "7"}, None),
        ({"AWS_RETRY_MODE": "legacy"}, None),
        ({"AWS_RETRY_MODE": "adaptive", "AWS_MAX_ATTEMPTS": "5"}, None),
        ({"AWS_NEW_RETRIES_2026": "true"}, None),
        ({"AWS_NEW_RETRIES_2026": "true", "AWS_RETRY_MODE": "standard", "AWS_MAX_ATTEMPTS": "4"}, None),
        ({}, Config(retries={"max_attempts": 6})),
        ({}, Config(retries={"total_max_attempts": 6, "mode": "legacy"})),
        ({"AWS_DEFAULTS_MODE": "standard"}, AioConfig(retries={"mode": "adaptive"})),
    ],
)
async def test_botocore_makes_one_attempt_whatever_it_is_told(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], config: Config | None, max_attempts: int
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with LocalService() as local:
        local.add_glue_job("etl")
        local.fault("GetJobRuns", "error500", times=None)
        async with client_at(local.url, config=config, max_attempts=max_attempts) as client:
            with pytest.raises(ServiceUnavailableError):
                await client.glue("etl").runs().collect()

        assert local.calls() == max_attempts


@pytest.fixture
def retries_in_the_config_file(no_aws_environment: Path) -> None:
    no_aws_environment.write_text("[default]\nretry_mode = legacy\nmax_attempts = 9\n")


@pytest.mark.usefixtures("retries_in_the_config_file")
async def test_retries_in_the_config_file_and_on_the_session_count_for_nothing() -> None:
    session = CountingSession()
    session.set_default_client_config(AioConfig(retries={"max_attempts": 8, "mode": "legacy"}))
    async with (
        serving(answer(b"", status=500)) as server,
        client_at(server.url, session=session, max_attempts=2) as client,
    ):
        with pytest.raises(ServiceUnavailableError):
            await client.glue("etl").runs().collect()

        assert len(server.requests) == 2


@pytest.mark.parametrize("place", ["client", "session"])
async def test_the_user_agent_tells_of_both(place: str) -> None:
    session, config = CountingSession(), AioConfig(user_agent_extra="nightly/7")
    if place == "session":
        session.set_default_client_config(config)
    async with serving(answer(NO_RUNS)) as server:
        async with client_at(server.url, session=session, config=config if place == "client" else None) as client:
            await client.glue("etl").runs().collect()

        assert server.requests[0].headers["user-agent"].endswith("nightly/7 lib/jobruns_sdk")


async def test_no_more_connections_are_used_than_the_pool_may_hold() -> None:
    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.01)
        writer.write(head(200, len(NO_RUNS)) + NO_RUNS)

    async with (
        serving(slow) as server,
        client_at(server.url, config=Config(max_pool_connections=3)) as client,
    ):
        await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(12)))

        assert (server.most_at_once, len(server.requests)) == (3, 12)


@pytest.mark.parametrize("place", ["client", "session"])
async def test_a_read_timeout_ends_one_attempt(loop_time: LoopTime, place: str) -> None:
    session, config = CountingSession(), AioConfig(read_timeout=20)
    if place == "session":
        session.set_default_client_config(config)
    async with (
        serving(silence) as server,
        client_at(server.url, session=session, config=config if place == "client" else None, max_attempts=2) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(loop_time.forward_at(lambda: len(server.requests), 1, 2, seconds=20))
        with pytest.raises(TransportError) as caught:
            await client.glue("etl").runs().collect()

        assert type(caught.value) is TransportError
        assert isinstance(caught.value.__cause__, ReadTimeoutError)
        assert len(server.requests) == 2


async def test_the_endpoint_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer(NO_RUNS)) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        async with client_at(None) as client:
            assert await client.glue("etl").runs().collect() == []

        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "http://10.0.0.7:4566",
        "http://0.0.0.0:4566",
        "http://localhost.example.com",
        "HTTP://[2001:db8::1]:80",
    ],
)
def test_signed_requests_are_not_sent_to_other_machines_in_the_clear(url: str) -> None:
    with pytest.raises(InvalidRequestError, match="allow_insecure_endpoint=True"):
        JobRunsClient(endpoint_url=url)

    JobRunsClient(endpoint_url=url, allow_insecure_endpoint=True)


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://localhost", "http://", "http://[::1", "http://localhost:99999"]
)
@pytest.mark.parametrize("allow", [False, True])
def test_an_address_that_is_none_is_refused(url: str, allow: bool) -> None:  # noqa: FBT001  # a parameter of the test
    with pytest.raises(InvalidRequestError, match="endpoint_url must be an http or https address"):
        JobRunsClient(endpoint_url=url, allow_insecure_endpoint=allow)


@pytest.mark.parametrize(
    "url", ["http://localhost", "http://127.0.0.1:1", "http://127.8.8.8", "http://[::1]:9", "https://example.com"]
)
def test_loopback_and_https_are_allowed(url: str) -> None:
    JobRunsClient(endpoint_url=url)


def test_an_unknown_profile_is_refused() -> None:
    client = JobRunsClient(region_name="eu-west-1", sessions={"prod": CountingSession(), "dev": CountingSession()})

    with pytest.raises(InvalidRequestError, match=r"'staging' is not among the client's sessions \(dev, prod\)"):
        client.handle(JobRef("glue", "etl", profile="staging"))


@pytest.mark.parametrize(
    "options", [{"max_attempts": 0}, {"call_timeout": 0}, {"call_timeout": -1}, {"call_timeout": float("nan")}]
)
def test_limits_that_leave_no_room_for_a_request_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(InvalidRequestError, match=r"(call_timeout must be a number|max_attempts must be an integer)"):
        client_at(None, **options)
