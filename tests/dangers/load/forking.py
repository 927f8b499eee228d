"""A program that forks while its client is open and busy.

python -m tests.dangers.load.forking URL WAY
"""

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiobotocore.session import AioSession

from jobruns_sdk import JobRunsClient, JobRunsError

_PAGE: Final = 25


def _client(url: str) -> JobRunsClient:
    session = AioSession()
    session.set_credentials("key", "secret")
    return JobRunsClient(session=session, endpoint_url=url, region_name="us-east-1", quotas=None)


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # tells whoever has started it


async def _read(client: JobRunsClient) -> int:
    return len(await client.glue("etl").runs(page_size=_PAGE).collect())


async def _use(client: JobRunsClient) -> None:
    try:
        _tell(f"child: {await _read(client)} runs")
    except JobRunsError as error:
        _tell(f"child: {type(error).__name__}: {error.message}")
    await client.__aexit__(None, None, None)  # as at the end of its `async with`, and the parent's is open still


async def _use_own(url: str) -> None:
    async with _client(url) as client:
        _tell(f"child: {await _read(client)} runs by a client of its own")


def _child(url: str, client: JobRunsClient, run: Callable[[Coroutine[Any, Any, None]], object]) -> None:
    run(_use(client))
    asyncio.set_event_loop(None)
    asyncio.run(_use_own(url))
    sys.stdout.flush()


async def _fork_by_multiprocessing(url: str, client: JobRunsClient) -> None:
    process = multiprocessing.get_context("fork").Process(target=_child, args=(url, client, asyncio.run))
    process.start()
    await asyncio.to_thread(process.join)
    assert process.exitcode == 0


async def _fork_in_the_loop(url: str, client: JobRunsClient) -> None:
    if child := os.fork():
        await asyncio.to_thread(os.waitpid, child, 0)
        return
    # This coroutine goes on in the child, too, although no loop runs there.
    await _use(client)
    asyncio.run(_use_own(url))
    os._exit(0)


def _fork_between(loop: asyncio.AbstractEventLoop, url: str, client: JobRunsClient) -> None:
    if child := os.fork():
        os.waitpid(child, 0)
        return
    _child(url, client, loop.run_until_complete)
    os._exit(0)


async def _begin(client: JobRunsClient) -> tuple[int, "asyncio.Future[tuple[int, int]]"]:
    """Return what was read, and reads that are under way."""
    return await _read(client), asyncio.gather(_read(client), _read(client))


def main() -> int:
    """Fork, and go on."""
    url, way = sys.argv[1:]
    loop = asyncio.new_event_loop()
    client = loop.run_until_complete(_client(url).__aenter__())
    count, under_way = loop.run_until_complete(_begin(client))
    if way == "multiprocessing":
        loop.run_until_complete(_fork_by_multiprocessing(url, client))
    elif way == "fork-in-the-loop":
        loop.run_until_complete(_fork_in_the_loop(url, client))
    else:
        _fork_between(loop, url, client)

    async def end() -> None:
        _tell(f"parent: {count + sum(await under_way)} runs")
        await client.__aexit__(None, None, None)

    loop.run_until_complete(end())
    loop.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
