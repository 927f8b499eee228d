"""The first page of a process: how long it takes, and how long the event loop stands still meanwhile.

python -m tests.benchmarks.first_page jobruns_sdk|aiobotocore|warmed URL
"""

import asyncio
import json
import sys
import time

from aiobotocore.config import AioConfig

from tests.benchmarks import peers
from tests.benchmarks.watching import turns

_PAUSE = 0.001


async def _ours(url: str) -> None:
    async with peers.sdk_client(url) as client:
        assert (await anext(aiter(client.glue("1").runs()))).id


async def _theirs(url: str, config: AioConfig | None = None) -> None:
    async with peers.aiobotocore_client(peers.GLUE, url, config=config) as client:
        paginator = client.get_paginator(peers.GLUE.operation)
        assert await anext(aiter(paginator.paginate(JobName="1", PaginationConfig={"PageSize": 200})))


async def _measure(who: str, url: str) -> dict[str, float]:
    async with turns(time.perf_counter, _PAUSE) as late:
        began = time.perf_counter()
        match who:
            case "jobruns_sdk":
                await _ours(url)
            case "aiobotocore":
                await _theirs(url)
            case _:
                await _theirs(url, AioConfig(warm_up_loader_caches=True))
        seconds = time.perf_counter() - began
        await asyncio.sleep(_PAUSE)
    return {"seconds": seconds, "blocked": max(late)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(*sys.argv[1:3]))))  # noqa: T201  # tells whoever has started it
