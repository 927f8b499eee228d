"""What it costs to wait for many runs of one job."""

import asyncio
from collections import Counter
from datetime import timedelta

from jobruns_sdk.testing import LocalService
from tests.benchmarks.report import Row

_WAITS = 500
_SPAN = timedelta(minutes=2)


async def waiting() -> Row:
    """Count the calls of a polling round, as a client sends them that shares its polls, and one by one."""
    with LocalService() as local:
        local.add_glue_job("etl", duration=_SPAN)
        refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(_WAITS)]
        async with local.client(quotas=None) as client:
            await asyncio.gather(*map(client.run, refs))
            apart = len(local.requests)
            began = local.clock.now()
            await asyncio.gather(*(client.wait(ref, timeout=9 * _SPAN) for ref in refs))
        # The clock stands still during calls, so that those of a round came at the same moment.
        rounds = Counter(request.at for request in local.requests[apart:])
        assert local.clock.now() > began
        assert len(rounds) > 1
    together = sum(rounds.values()) / len(rounds)
    ours = f"{together:.1f} calls in {len(rounds)} rounds"
    return Row(f"calls a polling round, {_WAITS} waits, glue", ours, f"one by one {apart}", together / apart, 1 / 100)
