"""Cancellation: at how many awaits each public coroutine was cut, and what ten thousand cancellations leave behind."""

import asyncio
from collections import Counter

from jobruns_sdk.testing import LocalService
from tests.benchmarks.report import circumstances
from tests.dangers.cancellation.counting import awaits_in
from tests.dangers.cancellation.marathon import marathon
from tests.dangers.cancellation.table import TABLE, client_at, world_of

EXACT = False
COUNT = 10_000


async def _awaits() -> Counter[str]:
    awaits: Counter[str] = Counter()
    with LocalService() as local:
        async with client_at(local) as client:
            world = world_of(local, client)
            for name, work in TABLE.values():
                local.clear_faults()
                local.fault("*", "error500")
                awaits[name] += await awaits_in(work(world))
    return awaits


def render() -> str:
    awaits = asyncio.run(_awaits())
    before, after = asyncio.run(marathon(COUNT))
    assert before.held == after.held == {}
    assert before.objects == after.objects
    rows = "\n".join(f"| `{name}` | {count} |" for name, count in sorted(awaits.items()))
    measured = circumstances()
    return f"""| awaited | awaits |
| --- | ---: |
{rows}
| all {len(awaits)} | {awaits.total()} |

{COUNT:,} cancellations in a row on one client:

| | before | after |
| --- | ---: | ---: |
| tasks, slots, connections in use, sleepers, waits | {sum(before.held.values())} | {sum(after.held.values())} |
| objects of the package's classes | {before.objects.total()} | {after.objects.total()} |
| open sockets of client and server | {before.sockets} | {after.sockets} |
| a call, median, in ms | {before.seconds * 1e3:.2f} | {after.seconds * 1e3:.2f} |

A call takes {after.seconds / before.seconds:.2f} times as long as before. Measured {measured["date"]}: Python
{measured["python"]}, aiobotocore {measured["aiobotocore"]}, aiohttp {measured["aiohttp"]}; {measured["machine"]},
shared (load {measured["load"]})."""
