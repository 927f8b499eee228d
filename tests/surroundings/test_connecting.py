"""Connections are made side by side: whoever waits for credentials keeps nobody else waiting, and not for ever."""

import asyncio
from typing import Any

import pytest

from jobruns_sdk import CallTimeoutError, CredentialsError
from jobruns_sdk.testing import LocalService
from tests.surroundings.sessions import Waiting, session_of
from tests.transport.clients import client_at
from tests.transport.gated import until

pytestmark = pytest.mark.local("glue:etl", "emr-serverless:00f1", "datazone:dzd_x/job42")


async def test_who_waits_for_credentials_keeps_nobody_else_waiting(local: LocalService) -> None:
    stuck, good = Waiting(), Waiting(0)
    sessions = {"stuck": session_of(stuck), "good": session_of(good)}
    async with client_at(local.url, sessions=sessions) as client:
        waiting = asyncio.create_task(client.handle("glue:etl?profile=stuck").runs().collect())
        await until(lambda: stuck.asked == 1)
        assert await client.handle("glue:etl?profile=good").runs().collect() == []
        assert not waiting.done()

        stuck.gate.set()
        assert await waiting == []


@pytest.mark.parametrize("start", [False, True], ids=["a read", "a start"])
async def test_no_credentials_within_the_time_of_a_call_are_told_as_not_sent(
    local: LocalService, *, start: bool
) -> None:
    stuck = Waiting()
    async with client_at(local.url, session=session_of(stuck), call_timeout=0.2) as client:
        for count in (1, 2):
            with pytest.raises(
                CallTimeoutError, match=r"no credentials and no connection within call_timeout=0.2 s"
            ) as caught:
                await (client.glue("etl").start() if start else client.glue("etl").run("jr_0"))
            assert (caught.value.sent, caught.value.in_doubt, caught.value.retryable) == (False, False, True)
            await until(lambda: stuck.given_up == stuck.asked)  # what nobody waits for is given up
            assert stuck.asked == count

        stuck.gate.set()
        assert await client.glue("etl").runs().collect() == []
    assert local.calls() == 1


async def test_a_session_looks_for_its_credentials_once_for_all_services_and_regions(local: LocalService) -> None:
    provider = Waiting()
    async with client_at(local.url, session=session_of(provider)) as client:
        jobs = [
            f"{job}?region={region}"
            for job in ("glue:etl", "emr-serverless:00f1", "datazone:dzd_x/job42")
            for region in ("eu-west-1", "us-east-1")
        ]
        reading = [asyncio.create_task(client.handle(job).runs().collect()) for job in jobs]
        await until(lambda: provider.asked == 1)
        reading.pop().cancel()
        provider.gate.set()
        assert await asyncio.gather(*reading) == [[]] * 5

    assert (provider.asked, provider.given_up) == (1, 0)


async def test_many_profiles_are_connected_to_at_once(local: LocalService) -> None:
    providers = {f"p{number}": Waiting() for number in range(20)}
    sessions = {name: session_of(provider) for name, provider in providers.items()}
    async with client_at(local.url, session=session_of(Waiting(0)), sessions=sessions) as client:
        reading = asyncio.create_task(client.runs([f"glue:etl?profile={name}" for name in sessions]).collect())
        await until(lambda: all(provider.asked == 1 for provider in providers.values()))
        for provider in providers.values():
            provider.gate.set()
        assert await reading == []


async def test_a_client_is_closed_while_it_waits_for_credentials(local: LocalService) -> None:
    stuck = Waiting()
    async with client_at(local.url, session=session_of(stuck)) as client:
        reading = asyncio.create_task(client.glue("etl").runs().collect())
        await until(lambda: stuck.asked == 1)
    ended = await asyncio.gather(reading, return_exceptions=True)

    assert [type(end).__name__ for end in ended] == ["ClientClosedError"]
    assert stuck.given_up == 1


async def test_each_who_waited_has_an_error_of_its_own(local: LocalService) -> None:
    class Failing(Waiting):
        async def load(self) -> None:  # type: ignore[override]  # what it finds is not needed here
            await super().load()
            raise RuntimeError("the vault is locked")

    provider = Failing()
    async with client_at(local.url, session=session_of(provider)) as client:
        reading: list[asyncio.Task[Any]] = [
            asyncio.create_task(client.glue("etl").runs().first()),
            asyncio.create_task(client.glue("etl").job()),
        ]
        await until(lambda: provider.asked == 1)
        provider.gate.set()
        first, second = await asyncio.gather(*reading, return_exceptions=True)

    assert isinstance(first, CredentialsError)
    assert isinstance(second, CredentialsError)
    assert (first.operation, second.operation) == ("GetJobRuns", "GetJob")
    assert provider.asked == 1
