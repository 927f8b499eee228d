"""Credentials that expire: got once for all who need them, whoever gives up, for hours; and what comes of failures."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from botocore.exceptions import ConnectTimeoutError, CredentialRetrievalError

from jobruns_sdk import CredentialsError, JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.dangers.cancellation.books import held_by
from tests.dangers.credentials.kit import HOUR, Provider, session_of
from tests.transport.gated import until

CALLS = 50
FAILURES: list[Exception] = [
    CredentialRetrievalError(provider="test", error_msg="no answer"),
    ConnectTimeoutError(endpoint_url="http://169.254.170.2"),
    aiohttp.ClientConnectionError("cut off"),
    ConnectionResetError("cut off"),
    TimeoutError("no answer in time"),
    RuntimeError("the vault is locked"),
    KeyError("AccessKeyId"),
]


@pytest.fixture
async def local() -> AsyncGenerator[LocalService]:
    async with LocalService() as local:
        local.add_glue_job("etl")
        local.add_runs("glue:etl", 3)
        yield local


def client_of(local: LocalService, provider: object, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's
    return local.client(session=session_of(provider), quotas=None, **options)


def reads(client: JobRunsClient, count: int = CALLS) -> list["asyncio.Task[list[Any]]"]:
    return [asyncio.ensure_future(client.glue("etl").runs().collect()) for _ in range(count)]


def keys(local: LocalService) -> Counter[str | None]:
    return Counter(request.access_key for request in local.requests)


async def test_fifty_calls_get_credentials_once(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client))
        assert (provider.begun, keys(local)) == (0, {"key-0": CALLS})
        local.advance(HOUR)
        await asyncio.gather(*reads(client))

    assert (provider.begun, keys(local)) == (1, {"key-0": CALLS, "key-1": CALLS})


async def test_credentials_that_are_good_for_some_minutes_more_keep_nobody_waiting(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR - timedelta(minutes=12))
        provider.gate.clear()
        tasks = reads(client)
        await until(lambda: local.calls() == CALLS)  # the first one, and all but the one that gets new credentials
        provider.gate.set()
        await asyncio.gather(*tasks)

    assert (provider.begun, keys(local)) == (1, {"key-0": CALLS, "key-1": 1})


async def test_who_gives_up_while_getting_credentials_harms_nobody_else(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR)
        provider.gate.clear()
        tasks = reads(client)
        for count, task in enumerate(tasks[:3], 1):  # calls get credentials in the order in which they were made
            await until(partial(provider.has_begun, count))
            task.cancel()
        await until(partial(provider.has_begun, 4))
        provider.gate.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert held_by(client) == {}

    assert [isinstance(end, asyncio.CancelledError) for end in ended] == [True] * 3 + [False] * (CALLS - 3)
    assert all(len(end) == 3 for end in ended if not isinstance(end, BaseException))
    assert (provider.begun, keys(local)) == (4, {"key-0": 1, "key-1": CALLS - 3})


async def test_a_client_used_for_hours_survives_rotation() -> None:
    async with LocalService() as local:
        local.add_glue_job("etl")
        run = local.add_run("glue:etl", duration=timedelta(hours=8))
        provider = Provider(local)
        async with client_of(local, provider) as client:
            ended = await client.wait(f"glue:etl/{run}", timeout=timedelta(hours=10))
        late = [request for request in local.requests if request.at >= provider.given[request.access_key or ""]]

    assert ended.succeeded
    assert late == []
    # New ones are asked for a quarter of an hour before the old ones expire.
    assert (provider.begun, len(keys(local))) == (10, 11)


async def test_a_failure_while_the_credentials_are_good_is_not_told_to_anybody(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR - timedelta(minutes=12))
        provider.failures = [RuntimeError("not now")] * 2
        for _ in range(4):
            await asyncio.gather(*reads(client, 1))

    assert (provider.begun, keys(local)) == (3, {"key-0": 3, "key-1": 2})


async def test_a_failure_that_passes_is_not_told_to_whoever_reads(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR)
        provider.failures = [RuntimeError("not now")] * 3
        await asyncio.gather(*reads(client, 1))

    assert (provider.begun, keys(local)) == (4, {"key-0": 1, "key-1": 1})


async def test_a_failure_that_stays_is_told_with_nothing_sent(local: LocalService) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR)
        provider.failures = [RuntimeError("not now")] * 4
        with pytest.raises(CredentialsError) as caught:
            await client.glue("etl").run("jr_0")

    assert (caught.value.retryable, caught.value.in_doubt) == (True, False)
    assert (provider.begun, local.calls()) == (4, 1)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_credentials_that_cannot_be_got_are_an_error_with_its_cause(
    local: LocalService, failure: Exception
) -> None:
    provider = Provider(local)
    async with client_of(local, provider) as client:
        await asyncio.gather(*reads(client, 1))
        local.advance(HOUR)
        provider.failures = [failure]
        with pytest.raises(CredentialsError) as caught:
            await client.glue("etl").start()
        assert held_by(client) == {}
        await client.glue("etl").start()

    error = caught.value
    assert (error.service, error.operation, error.retryable, error.in_doubt) == ("glue", "StartJobRun", True, False)
    assert error.__cause__ is failure
    assert str(failure) in error.message
    assert (provider.begun, local.calls("StartJobRun")) == (2, 1)


class Unloadable:
    METHOD = "test"
    CANONICAL_NAME = None

    def __init__(self, failure: Exception) -> None:
        self._failures = [failure]
        self.loaded: AioRefreshableCredentials | None = None

    async def load(self) -> AioRefreshableCredentials | None:
        if self._failures:
            raise self._failures.pop()
        return self.loaded


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_credentials_that_cannot_be_found_are_an_error_with_its_cause(
    local: LocalService, failure: Exception
) -> None:
    provider = Unloadable(failure)
    async with client_of(local, provider) as client:
        with pytest.raises(CredentialsError) as caught:
            await client.glue("etl").start()
        assert held_by(client) == {}
        provider.loaded = await Provider(local).load()
        await client.glue("etl").start()

    error = caught.value
    assert (error.service, error.operation, error.in_doubt) == ("glue", "StartJobRun", False)
    assert error.__cause__ is failure
    assert local.calls() == 1


@pytest.mark.parametrize("status", [400, 403])
async def test_credentials_that_the_service_calls_expired_are_not_tried_again(local: LocalService, status: int) -> None:
    """Whoever signs with them next asks for new ones only if their own clock says so."""
    provider = Provider(local)
    async with client_of(local, provider) as client:
        run = (await client.glue("etl").runs().collect())[0]
        for read in (client.glue("etl").runs().first(), client.wait(run, timeout=HOUR)):
            local.fault("*", "error", code="ExpiredTokenException", status=status)
            with pytest.raises(CredentialsError) as caught:
                await read
            assert (caught.value.code, caught.value.retryable) == ("ExpiredTokenException", False)
        local.advance(HOUR)
        await client.glue("etl").runs().first()

    assert (provider.begun, local.calls(), keys(local)["key-1"]) == (1, 4, 1)
