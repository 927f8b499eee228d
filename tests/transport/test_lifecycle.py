"""A client works between opening and closing, in one event loop; closing ends what is under way."""

import asyncio
import gc
import threading
from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config

from jobruns_sdk import ClientClosedError, JobRunsClient, Quota
from jobruns_sdk.testing import LocalService, VirtualClock
from tests.transport.clients import CountingSession, client_at
from tests.transport.gated import GatedSession, until

pytestmark = pytest.mark.local("glue:etl", auto_advance=False)


def reading(client: JobRunsClient) -> "asyncio.Task[list[Any]]":
    return asyncio.create_task(client.glue("etl").runs().collect())


async def refused(client: JobRunsClient, why: str) -> None:
    with pytest.raises(ClientClosedError, match=why) as caught:
        await client.glue("etl").runs().collect()
    assert (caught.value.service, caught.value.operation) == ("glue", "GetJobRuns")


async def test_a_client_is_used_while_it_is_open(local: LocalService) -> None:
    client = client_at(local.url)
    await refused(client, "not open: use it inside `async with`")
    async with client:
        assert await reading(client) == []
    await refused(client, "the client is closed")
    assert local.calls() == 1


async def test_a_client_is_opened_once(local: LocalService) -> None:
    client = client_at(local.url)
    async with client:
        with pytest.raises(ClientClosedError, match="opened once"):
            await client.__aenter__()
        assert await reading(client) == []
    with pytest.raises(ClientClosedError, match="opened once"):
        await client.__aenter__()


async def test_a_client_belongs_to_one_event_loop(local: LocalService) -> None:
    async with client_at(local.url) as client:
        thread = threading.Thread(target=asyncio.run, args=(refused(client, "in another event loop"),))
        thread.start()
        await asyncio.to_thread(thread.join)
    assert local.calls() == 0


async def test_a_client_that_nobody_used_made_no_connection(local: LocalService) -> None:
    session = CountingSession()
    async with client_at(local.url, session=session) as client:
        client.glue("etl").runs()
    assert session.clients == []


def sleepers(local: LocalService) -> int:
    assert isinstance(local.clock, VirtualClock)
    return local.clock.sleepers


async def closed_while(client: JobRunsClient, condition: Callable[[], object], calls: int) -> None:
    """Close the client as soon as its calls have come that far, and look for what is left."""
    tasks = [reading(client) for _ in range(calls)]
    await until(condition)
    await client.__aexit__(None, None, None)
    done, pending = await asyncio.wait(tasks, timeout=60)
    assert not pending
    assert [type(task.exception()) for task in done] == [ClientClosedError] * calls
    assert asyncio.all_tasks() == {asyncio.current_task()}
    del tasks, done
    gc.collect()  # an open connection would be a ResourceWarning now


async def test_calls_that_wait_for_their_quota_end(local: LocalService) -> None:
    quotas = {("glue", "GetJobRuns"): Quota(rate=1, burst=1)}
    client = await client_at(local.url, clock=local.clock, quotas=quotas).__aenter__()
    assert await reading(client) == []

    await closed_while(client, lambda: sleepers(local) == 1, calls=3)
    assert local.calls() == 1


async def test_calls_that_wait_for_a_client_end(local: LocalService) -> None:
    session = GatedSession()
    client = await client_at(local.url, session=session).__aenter__()

    await closed_while(client, lambda: session.arrived, calls=3)
    session.gate.set()
    await asyncio.sleep(0)
    assert (session.clients, local.calls()) == ([], 0)


async def test_a_client_that_is_finished_while_closing_is_closed_too(local: LocalService) -> None:
    session = GatedSession()
    session.stubborn = True
    client = await client_at(local.url, session=session).__aenter__()
    task = reading(client)
    await until(lambda: session.arrived)
    closing = asyncio.create_task(client.__aexit__(None, None, None))
    for _ in range(5):
        await asyncio.sleep(0)
    session.gate.set()
    await closing

    with pytest.raises(ClientClosedError):
        await task
    assert local.calls() == 0


async def test_calls_that_wait_for_an_answer_or_a_connection_end(local: LocalService) -> None:
    local.fault("GetJobRuns", "silence", times=None)
    client = await client_at(local.url, config=Config(max_pool_connections=2)).__aenter__()

    await closed_while(client, lambda: local.calls() == 2, calls=5)
    assert local.calls() == 2


async def test_calls_that_are_to_be_repeated_end(local: LocalService) -> None:
    local.fault("GetJobRuns", "error500", times=None)
    client = await client_at(local.url, clock=local.clock).__aenter__()

    await closed_while(client, lambda: sleepers(local) == 2, calls=2)
    assert local.calls() == 2


async def test_closing_spoils_no_answer_that_has_come(local: LocalService) -> None:
    client = await client_at(local.url).__aenter__()
    answered = reading(client)
    await answered
    await client.__aexit__(None, None, None)

    assert answered.result() == []


async def test_a_loop_that_was_left_early_leaves_nothing(local: LocalService) -> None:
    local.add_runs("glue:etl", 30)
    async with client_at(local.url) as client:
        async for _ in client.glue("etl").runs(page_size=10):
            break
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_who_cancels_a_call_while_it_closes_is_heeded(local: LocalService) -> None:
    local.fault("GetJobRuns", "silence", times=None)
    client = await client_at(local.url).__aenter__()
    task = reading(client)
    await until(lambda: local.calls() == 1)
    task.cancel()
    await client.__aexit__(None, None, None)

    with pytest.raises(asyncio.CancelledError):
        await task
