"""Cancellation at every await: no task, connection, slot or token is lost, and nobody is taken for waiting still."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, get_args

import pytest

from jobruns_sdk.testing import LocalService
from tests.dangers.cancellation.books import Ledger, connections_at, held_by, idle_connections
from tests.dangers.cancellation.counting import Moment, cancelled_at
from tests.dangers.cancellation.public import public_coroutines
from tests.dangers.cancellation.table import EMR, GLUE, TABLE, World, client_at, world_of
from tests.garbage import keep_what_is_there
from tests.transport.gated import until

TURNS = 3  # in which what was cancelled comes to its end
GOES_ON = {"wait_and_stop"}  # a stop that was promised at the timeout is made, whoever is cancelled meanwhile


@pytest.fixture
async def world() -> AsyncGenerator[World]:
    keep_what_is_there()
    with LocalService() as local:
        async with client_at(local) as client:
            yield world_of(local, client)


async def settled(world: World, name: str) -> None:
    """Return when nothing is left of what was cancelled, as the client and as the server sees it."""
    if name in GOES_ON:
        await until(lambda: held_by(world.client) == {})
    for _ in range(TURNS):
        await asyncio.sleep(0)
    assert held_by(world.client) == {}
    await until(lambda: connections_at(world.local) == idle_connections(world.client))


async def begun_anew(world: World) -> None:
    world.local.clear_faults()
    await asyncio.gather(*(world.client.handle(job).runs(limit=1).collect() for job in (GLUE, GLUE, EMR)))


@pytest.mark.parametrize("moment", get_args(Moment))
@pytest.mark.parametrize("name", TABLE)
async def test_nothing_is_left_wherever_it_is_cancelled(
    world: World, name: str, moment: Moment, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(monkeypatch)
    _, work = TABLE[name]
    await begun_anew(world)
    nth, cut = 0, True
    while cut:
        nth += 1
        world.local.fault("*", "error500")
        cut = await cancelled_at(nth, work(world), moment)
        async with asyncio.timeout(60):
            await settled(world, name)
            assert ledger.tokens == ledger.requests, nth
            await begun_anew(world)
    assert nth > 1
    gc.collect()  # an open connection would be a ResourceWarning now


def drive(coroutine: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine that awaits nothing."""
    with pytest.raises(StopIteration):
        coroutine.send(None)


async def test_what_awaits_nothing_cannot_be_cancelled(world: World) -> None:
    run = await world.client.run(f"{EMR}/{world.over[EMR]}")
    walk = world.client.glue("etl").runs().open()
    local = LocalService()
    client, other = client_at(world.local), client_at(world.local)
    await_nothing = {
        "EmrServerlessApplication.is_streaming": world.client.emr_serverless("00app").is_streaming(run),
        "JobRunsClient.__aenter__": client.__aenter__(),
        "JobRunsClient.aclose": client_at(world.local).aclose(),
        "JobRunsClient.open": other.open(),
        "LocalService.__aenter__": local.__aenter__(),
        "LocalService.__aexit__": local.__aexit__(None, None, None),
        "RecordBatches.__aenter__": world.client.glue("etl").runs().record_batches().__aenter__(),
        "Walk.__aenter__": walk.__aenter__(),
        "Watch.aclose": world.client.watch([GLUE], timeout=None).aclose(),
    }
    for coroutine in await_nothing.values():
        drive(coroutine)
    await client.__aexit__(None, None, None)
    await other.aclose()

    assert {name for name, _ in TABLE.values()} | await_nothing.keys() == public_coroutines()
