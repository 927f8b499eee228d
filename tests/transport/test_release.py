"""What a call has taken comes back when it is cancelled, whatever it was waiting for."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from botocore.config import Config

from jobruns_sdk import JobRunsClient, Quota
from jobruns_sdk.testing import LocalService, VirtualClock
from tests.transport.clients import client_at
from tests.transport.gated import GatedSession, until

ONE_A_SECOND = {("glue", "GetJobRuns"): Quota(rate=1, burst=1)}
ONE_CONNECTION = Config(max_pool_connections=1)


@pytest.fixture
async def local() -> AsyncGenerator[LocalService]:
    async with LocalService(auto_advance=False) as local:
        local.add_glue_job("etl")
        yield local


def reading(client: JobRunsClient) -> "asyncio.Task[list[Any]]":
    return asyncio.create_task(client.glue("etl").runs().collect())


async def cancelled(task: "asyncio.Task[list[Any]]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def called(local: LocalService, count: int) -> bool:
    return local.calls() >= count


def sleepers(local: LocalService) -> int:
    assert isinstance(local.clock, VirtualClock)
    return local.clock.sleepers


async def test_a_turn_that_was_waited_for_goes_to_the_next(local: LocalService) -> None:
    async with client_at(local.url, quotas=ONE_A_SECOND, clock=local.clock) as client:
        await reading(client)
        first, second = reading(client), reading(client)
        await until(lambda: sleepers(local) == 2)
        await cancelled(second)
        await cancelled(first)
        third = reading(client)
        await until(lambda: sleepers(local) == 1)
        local.advance(timedelta(seconds=1))

        assert await asyncio.wait_for(third, 10) == []


async def test_a_turn_comes_back_from_who_waits_for_a_connection(local: LocalService) -> None:
    local.fault("GetJobRuns", "silence")
    quotas = {("glue", "GetJobRuns"): Quota(rate=1, burst=2)}
    async with client_at(local.url, quotas=quotas, clock=local.clock, config=ONE_CONNECTION) as client:
        stuck = reading(client)
        await until(lambda: local.calls() == 1)
        waiting = reading(client)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await cancelled(waiting)
        await cancelled(stuck)

        assert await reading(client) == []
        assert sleepers(local) == 0


async def test_a_turn_comes_back_from_who_makes_a_connection_or_waits_for_it(local: LocalService) -> None:
    session = GatedSession()
    quotas = {("glue", "GetJobRuns"): Quota(rate=1, burst=2)}
    async with client_at(local.url, session=session, quotas=quotas, clock=local.clock) as client:
        making, waiting = reading(client), reading(client)
        await until(lambda: session.arrived)
        await cancelled(waiting)
        await cancelled(making)
        session.gate.set()

        assert [await task for task in (reading(client), reading(client))] == [[], []]
        assert sleepers(local) == 0


async def test_a_connection_comes_back_from_a_request(local: LocalService) -> None:
    local.fault("GetJobRuns", "silence", times=3)
    async with client_at(local.url, clock=local.clock, config=ONE_CONNECTION) as client:
        for count in range(1, 4):
            stuck = reading(client)
            await until(partial(called, local, count))
            await cancelled(stuck)

        assert await reading(client) == []


async def test_who_waits_to_repeat_a_call_holds_no_connection(local: LocalService) -> None:
    local.fault("GetJobRuns", "error500")
    async with client_at(local.url, clock=local.clock, config=ONE_CONNECTION) as client:
        failed = reading(client)
        await until(lambda: sleepers(local) == 1)

        assert await reading(client) == []
        await cancelled(failed)
        assert await reading(client) == []


@pytest.mark.parametrize("sent", [False, True])
async def test_a_cancellation_at_any_point_leaves_the_client_usable(local: LocalService, *, sent: bool) -> None:
    """Three calls at a time are cancelled, each time one turn of the event loop later than the time before."""
    local.fault("GetJobRuns", "error500", times=None, after=3, match={"MaxResults": 7})
    async with client_at(local.url, clock=local.clock, config=ONE_CONNECTION) as client:
        for turns in range(30):
            before = local.calls()
            tasks = [asyncio.create_task(client.glue("etl").runs(page_size=7).collect()) for _ in range(3)]
            if sent:
                await until(partial(called, local, before + 1))
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

        assert [await task for task in [reading(client) for _ in range(5)]] == [[]] * 5
        assert sleepers(local) == 0
