"""What a call has taken comes back when it is cancelled, whatever it was waiting for."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from botocore.config import Config

from jobruns_sdk import JobRunsClient, Quota
from jobruns_sdk.testing import LocalService, VirtualClock
from tests.transport.clients import client_at
from tests.transport.gated import until

ONE_A_SECOND = {("glue", "GetJobRuns"): Quota(rate=1, burst=1)}
ONE_CONNECTION = Config(max_pool_connections=1)

pytestmark = pytest.mark.local("glue:etl", auto_advance=False)


def reading(client: JobRunsClient) -> "asyncio.Task[list[Any]]":
    return asyncio.create_task(client.glue("etl").runs().collect())


async def cancelled(task: "asyncio.Task[list[Any]]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def sleepers(local: LocalService) -> int:
    assert isinstance(local.clock, VirtualClock)
    return local.clock.sleepers


async def test_a_turn_that_was_waited_for_goes_to_the_next(local: LocalService) -> None:
    async with client_at(local.url, quotas=ONE_A_SECOND, clock=local.clock) as client:
        await reading(client)
        first, second = reading(client), reading(client)
        await until(lambda: sleepers(local) == 1)  # the second one waits behind the first
        await cancelled(second)
        await cancelled(first)
        third = reading(client)
        await until(lambda: sleepers(local) == 1)
        local.advance(timedelta(seconds=1))

        assert await asyncio.wait_for(third, 60) == []


async def test_who_waits_to_repeat_a_call_holds_no_connection(local: LocalService) -> None:
    local.fault("GetJobRuns", "error500")
    async with client_at(local.url, clock=local.clock, config=ONE_CONNECTION) as client:
        failed = reading(client)
        await until(lambda: sleepers(local) == 1)

        assert await reading(client) == []
        await cancelled(failed)
        assert await reading(client) == []
