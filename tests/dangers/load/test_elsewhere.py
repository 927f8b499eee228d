"""A client is used while it is open, in its event loop and its process; public calls refuse elsewhere."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from jobruns_sdk import ClientClosedError
from jobruns_sdk.loop.clock import RealClock
from jobruns_sdk.testing import LocalService
from tests.dangers.cancellation.books import held_by, other_tasks
from tests.dangers.cancellation.table import GLUE, TABLE, Work, World, client_at, world_of
from tests.transport.gated import until

ROOT: Final = Path(__file__).parents[3]
NEED_NO_CLIENT: Final = {
    "use_a_client_once",
    "close_a_client_that_is_busy",
    "close_a_client_that_connects",
    "sleep_on_a_virtual_clock",
    "sleep_on_a_fast_clock",
}
WORK: Final = {name: work for name, (_, work) in TABLE.items() if name not in NEED_NO_CLIENT}
T = TypeVar("T")


async def outcome(local: LocalService, world: World, work: Work) -> str:
    before = local.calls()
    try:
        await asyncio.wait_for(work(world), 60)
    except ClientClosedError as error:
        assert (local.calls(), other_tasks()) == (before, set())
        return error.message
    return "nothing"


async def outcomes(local: LocalService, world: World) -> dict[str, str]:
    return {name: await outcome(local, world, work) for name, work in WORK.items()}


def everywhere(message: str) -> dict[str, str]:
    return dict.fromkeys(WORK, message)


async def test_before_it_is_opened(local: LocalService) -> None:
    world = world_of(local, client_at(local))
    assert await outcomes(local, world) == everywhere("the client is not open: use it inside `async with`")


async def test_after_it_was_closed(local: LocalService) -> None:
    async with client_at(local) as client:
        world = world_of(local, client)
        await client.handle(GLUE).runs(limit=1).collect()
    assert await outcomes(local, world) == everywhere("the client is closed")


async def in_another_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    return await asyncio.wait_for(asyncio.to_thread(asyncio.run, coroutine), 60)


async def test_in_another_event_loop(local: LocalService) -> None:
    async with client_at(local) as client:
        told = await in_another_loop(outcomes(local, world_of(local, client)))
        assert told == everywhere("the client was opened in another event loop; make one for each loop")


async def test_skipping_jobs_skips_no_closed_client(local: LocalService) -> None:
    async with client_at(local) as client:
        world_of(local, client)
    for hydrate in (False, True):
        with pytest.raises(ClientClosedError):
            await client.runs([GLUE, GLUE], on_error="skip", hydrate=hydrate).collect()
        with pytest.raises(ClientClosedError):
            await client.runs([GLUE], order="any", on_error=print, hydrate=hydrate).collect()


async def test_another_event_loop_disturbs_no_wait_and_no_start(local: LocalService) -> None:
    """A wait for the same job and a start with the same key are under way: both hold locks of this loop."""
    local.fault("GetJobRun", "silence")
    local.fault("StartJobRun", "delay", seconds=0.2)
    async with client_at(local, clock=RealClock(), quotas=None) as client:
        world = world_of(local, client)
        run = f"{GLUE}/{world.over[GLUE]}"
        starting = asyncio.ensure_future(client.glue("etl").start(idempotency_key="key"))
        waiting = asyncio.ensure_future(client.wait(run, timeout=None))
        await until(lambda: local.calls("GetJobRun") and local.calls("StartJobRun"))

        async def elsewhere() -> None:
            with pytest.raises(ClientClosedError, match="another event loop"):
                await client.wait(run, timeout=None)
            with pytest.raises(ClientClosedError, match="another event loop"):
                await client.glue("etl").start(idempotency_key="key")
            with pytest.raises(ClientClosedError, match="another event loop"):
                await client.__aexit__(None, None, None)

        await in_another_loop(elsewhere())
        started = await asyncio.wait_for(starting, 60)
        assert await client.glue("etl").start(idempotency_key="key") == started
        waiting.cancel()
        await asyncio.wait([waiting])
        assert held_by(client) == {}
    assert local.calls("StartJobRun") == 1


async def test_threads_with_a_client_each_do_not_meet(local: LocalService) -> None:
    local.add_glue_job("etl")
    local.add_runs(GLUE, 500)
    counts: list[int] = []

    async def read() -> None:
        async with client_at(local, quotas=None, clock=RealClock()) as client:
            counts.append(len(await client.glue("etl").runs(page_size=50).collect()))

    threads = [threading.Thread(target=asyncio.run, args=(read(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        await asyncio.wait_for(asyncio.to_thread(thread.join), 60)
    assert counts == [500] * 4


@pytest.mark.parametrize("way", ["multiprocessing", "fork-in-the-loop", "fork-between"])
def test_after_a_fork(way: str) -> None:
    with LocalService(speed=1) as local:
        local.add_glue_job("etl")
        local.add_runs(GLUE, 500)
        command = [sys.executable, "-W", "error", "-m", "tests.dangers.load.forking", local.url, way]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)  # noqa: S603  # a module of this folder

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "child: ClientClosedError: the client was opened before this process was forked; make one for each process",
        "child: 500 runs by a client of its own",
        "parent: 1500 runs",
    ]
