"""Thousands of cancellations in a row on one client, and what it holds and how quick it is before and afterwards."""

import asyncio
import gc
import time
from collections import Counter
from itertools import cycle
from pathlib import Path

import attrs

from jobruns_sdk.testing import LocalService
from tests.dangers.cancellation.books import connections_at, held_by, idle_connections
from tests.dangers.cancellation.counting import cancelled_at
from tests.dangers.cancellation.table import AMPLE, EMR, GLUE, TABLE, World, client_at, world_of
from tests.transport.gated import until

_PIECES = (
    "get_a_glue_run",
    "get_an_emr_run",
    "collect",
    "loop",
    "open_a_walk",
    "many_jobs_newest_first",
    "many_jobs_in_any_order",
    "full_runs_in_any_order",
    "list_jobs",
    "watch_many",
    "wait_for_many",
)
_DEEPEST = 12  # awaits
_CALLS = 300


@attrs.frozen
class Holding:
    """What a client holds while nothing is under way.

    Attributes:
        held: What it should not hold: tasks, slots, connections in use, sleepers.
        objects: How many objects there are of each class of the package.
        sockets: How many sockets are open in the process.
        seconds: How long a call takes, the median of many.
    """

    held: dict[str, int]
    objects: Counter[str]
    sockets: int
    seconds: float


def _objects() -> Counter[str]:
    gc.collect()
    kinds = Counter(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
    ours = {kind for kind in kinds if kind.startswith("jobruns_sdk.") and not kind.startswith("jobruns_sdk.testing.")}
    return Counter({kind: kinds[kind] for kind in ours})


def _sockets() -> int:
    return sum(path.is_socket() for path in Path("/proc/self/fd").iterdir())


async def _holding(world: World) -> Holding:
    client, local = world.client, world.local
    await asyncio.gather(*(client.handle(job).runs(limit=1).collect() for job in (GLUE, EMR) * 2))
    times: list[float] = []
    for _ in range(_CALLS):
        began = time.perf_counter()
        await client.run(f"{EMR}/{world.over[EMR]}")
        times.append(time.perf_counter() - began)
    await until(lambda: connections_at(local) == idle_connections(client))
    return Holding(held_by(client), _objects(), _sockets(), sorted(times)[len(times) // 2])


async def marathon(count: int) -> tuple[Holding, Holding]:
    """Cancel that often, at the first await, the second and so on; return what the client held before and after."""
    with LocalService() as local:
        async with client_at(local, quotas=AMPLE) as client:
            world = world_of(local, client)
            for name in _PIECES:
                await TABLE[name][1](world)
            before = await _holding(world)
            await _cancel(world, count)
            return before, await _holding(world)


async def _cancel(world: World, count: int) -> None:
    done = 0
    for nth in cycle((1, 2, 1, 2, 3, 1, 2, 4, 1, 2, 3, _DEEPEST)):
        for name in _PIECES:
            done += await cancelled_at(nth, TABLE[name][1](world))
            if done == count:
                return
