"""A program that leaves iterators unfinished in every way, and ends.

python -X dev -W error -m tests.dangers.cancellation.leaving URL
"""

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

from aiobotocore.session import AioSession
from botocore.loaders import Loader

from jobruns_sdk import JobRef, JobRunsClient
from jobruns_sdk.testing import LocalService

JOBS: Final = ("glue:etl", "glue:other", "emr-serverless:00app")
_LOADER: Final = Loader()
_KEPT: Final[list[object]] = []

Iterators = AsyncIterator[Any]


async def _found() -> AsyncIterator[JobRef]:
    for job in JOBS:
        await asyncio.sleep(0)
        yield JobRef.parse(job)


def _watch(client: JobRunsClient) -> Iterators:
    return aiter(client.watch([JOBS[0]], timeout=None, poll_interval=timedelta(seconds=0.05)))


ITERATORS: Final[dict[str, Callable[[JobRunsClient], Iterators]]] = {
    "Walk": lambda client: aiter(client.glue("etl").runs(page_size=2)),
    "ByPage": lambda client: aiter(client.glue("etl").runs(page_size=2).by_page()),
    "hydrating": lambda client: aiter(client.emr_serverless("00app").runs(page_size=2, hydrate=True)),
    "Watch": _watch,
    "newest": lambda client: aiter(client.runs(JOBS, page_size=2)),
    "any": lambda client: aiter(client.runs(JOBS, order="any", page_size=2)),
    "newest, found": lambda client: aiter(client.runs(_found(), page_size=2)),
    "any, found": lambda client: aiter(client.runs(_found(), order="any", page_size=2, concurrency=1)),
    "any, listed": lambda client: aiter(client.runs(client.jobs("glue", page_size=1), order="any", concurrency=1)),
}


async def by_break(iterator: Iterators) -> None:
    async for _ in iterator:
        break


async def by_break_later(iterator: Iterators) -> None:
    async for _ in iterator:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        break


async def by_aclose(iterator: Any) -> None:  # noqa: ANN401  # AsyncIterator has no aclose
    await anext(iterator)
    await iterator.aclose()


async def by_garbage(iterator: Iterators) -> None:
    circle: list[object] = [iterator]
    circle.append(circle)
    await anext(iterator)
    del iterator, circle
    gc.collect()


async def by_cancellation(iterator: Iterators) -> None:
    task = asyncio.ensure_future(anext(iterator))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def unstarted(iterator: Iterators) -> None:
    del iterator


async def kept(iterator: Iterators) -> None:
    await anext(iterator)
    _KEPT.append(iterator)


WAYS: Final[dict[str, Callable[[Any], Awaitable[None]]]] = {
    way.__name__: way for way in (by_break, by_break_later, by_aclose, by_garbage, by_cancellation, unstarted, kept)
}


def _client(url: str) -> JobRunsClient:
    session = AioSession()
    session.register_component("data_loader", _LOADER)
    session.set_credentials("key", "secret")
    return JobRunsClient(session=session, endpoint_url=url, region_name="us-east-1", quotas=None)


async def _leave(client: JobRunsClient) -> None:
    for name, begin in ITERATORS.items():
        for way, leave in WAYS.items():
            await leave(begin(client))
            print(name, way)  # noqa: T201  # tells whoever has started it


async def while_the_client_goes_on(url: str) -> None:
    """Leave them, and let the client be used some more."""
    async with _client(url) as client:
        await _leave(client)
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert await client.glue("etl").runs(limit=1).first()


async def when_the_client_is_closed(url: str) -> None:
    """Leave them, and close the client at once."""
    async with _client(url) as client:
        await _leave(client)


async def when_the_loop_ends(url: str) -> None:
    """Let iterators outlive their client, and the loop."""
    client = await _client(url).__aenter__()
    await _leave(client)
    for begin in ITERATORS.values():
        iterator = begin(client)
        await anext(iterator)
        _KEPT.append(iterator)
    await client.__aexit__(None, None, None)


def seed(local: LocalService) -> None:
    """Add the jobs."""
    for name in ("etl", "other"):
        local.add_glue_job(name)
        local.add_runs(f"glue:{name}", 9)
        local.add_run(f"glue:{name}", state="RUNNING")
    local.add_application("00app")
    local.add_runs("emr-serverless:00app", 9)


def main() -> int:
    """Leave iterators; what is kept ends with Python."""
    os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_CONFIG_FILE=os.devnull)
    for ending in (while_the_client_goes_on, when_the_client_is_closed, when_the_loop_ends):
        loop = asyncio.new_event_loop()
        loop.slow_callback_duration = 60  # of that, not of what is left, a debugging loop would complain
        # As programs do that know no asyncio.run: nobody cancels what is left, or lets generators end.
        loop.run_until_complete(ending(sys.argv[1]))
        loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
