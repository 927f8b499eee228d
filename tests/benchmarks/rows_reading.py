"""What it costs to read: processor time for each run, and how long the event loop stands still."""

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from functools import partial
from typing import Any

from jobruns_sdk import JobRunsClient
from tests.benchmarks import decode_translate, peers
from tests.benchmarks.measuring import medians
from tests.benchmarks.report import Row, ratio
from tests.benchmarks.server import EMR_ROWS, GLUE_ROWS, serving
from tests.benchmarks.watching import turns

_LATENCY = 0.05
_WORK = 0.04


async def processor(url: str, *, rounds: int, pages: int) -> list[Row]:
    """One stream: processor time for each run."""
    found: list[Row] = []
    for service, goal in ((peers.EMR, 1.25), (peers.GLUE, 2.2)):
        async with peers.readers(service, url) as readers:
            for read in readers.values():
                assert await read(1) == service.page_size
            contest = {name: partial(read, pages) for name, read in readers.items()}
            times = await medians(contest, rounds, time.process_time)
        what, runs = f"{service.name}, pages of {service.page_size}", pages * service.page_size
        ours = times["jobruns_sdk"]
        found += (
            ratio(f"CPU a run, {what}", (ours, times["floor"]), "no parser", goal, runs=runs),
            ratio("- against aiobotocore", (ours, times["aiobotocore"]), "aiobotocore", None, runs=runs),
            ratio("- against boto3", (ours, times["boto3"]), "boto3", None, runs=runs),
        )
    return found


def decoding(*, rounds: int) -> list[Row]:
    """Bytes to runs, without a network."""
    found: list[Row] = []
    for page, goal in (
        (decode_translate.emr_serverless_page(EMR_ROWS), 1 / 20),
        (decode_translate.glue_page(GLUE_ROWS), 1 / 12),
    ):
        pairs = [(decode_translate.seconds(page.runs), decode_translate.seconds(page.parsed)) for _ in range(rounds)]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        found.append(ratio(f"decode and translate a page, {page.service}", (ours, theirs), "botocore's parser", goal))
    return found


async def blocking(url: str, *, pages: int) -> list[Row]:
    """How long one page keeps the event loop, in processor time, so that other programs do not count."""
    times: dict[str, list[float]] = {}
    async with peers.sdk_client(url) as ours, peers.aiobotocore_client(peers.GLUE, url) as theirs:
        for name, stream in (
            ("ours", partial(_our_pages, ours)),
            ("aiobotocore", partial(_their_pages, theirs)),
        ):
            await anext(stream(1))
            times[name] = await _longest_turns(stream(pages))
    found: list[Row] = []
    for what, part in (("median", 0.5), ("99th percentile", 0.99)):
        mine, other = (sorted(column)[int(part * (len(column) - 1))] for column in times.values())
        name = f"event loop blocked by a page, glue, {what}"
        found.append(ratio(name, (mine, other), "aiobotocore", 1 / 8))
        if what == "median":
            found.append(Row("- in milliseconds", f"{mine * 1e3:.2f} ms", "", mine * 1e3, 3.0, "ms"))
    return found


async def _our_pages(client: JobRunsClient, pages: int) -> AsyncGenerator[None]:
    count = 0
    async for _ in client.glue(str(pages)).runs():
        count += 1
        if count % GLUE_ROWS == 0:
            yield


async def _their_pages(client: Any, pages: int) -> AsyncGenerator[None]:  # noqa: ANN401  # untyped
    paginator = client.get_paginator(peers.GLUE.operation)
    async for page in paginator.paginate(JobName=str(pages), PaginationConfig={"PageSize": GLUE_ROWS}):
        for _ in page["JobRuns"]:
            pass
        yield


async def _longest_turns(stream: AsyncGenerator[None]) -> list[float]:
    """Return for each page the longest time between two turns of a task that waits for nothing."""
    longest: list[float] = []
    async with turns(time.thread_time, 0) as gaps:
        async for _ in stream:
            await asyncio.sleep(0)
            longest.append(max(gaps))
            gaps.clear()
    return longest


async def fetching_ahead(*, pages: int, rounds: int) -> Row:
    """Wall time where both the service and the consumer take their time."""
    with serving(_LATENCY) as url:
        async with peers.sdk_client(url) as ours, peers.aiobotocore_client(peers.EMR, url) as theirs:

            async def our_stream() -> None:
                async for _ in ours.emr_serverless(str(pages)).runs().by_page():
                    await asyncio.sleep(_WORK)

            async def their_stream() -> None:
                paginator = theirs.get_paginator(peers.EMR.operation)
                config = {"PageSize": EMR_ROWS}
                async for _ in paginator.paginate(applicationId=str(pages), PaginationConfig=config):
                    await asyncio.sleep(_WORK)

            contest: dict[str, Callable[[], Awaitable[object]]] = {"ours": our_stream, "theirs": their_stream}
            times = await medians(contest, rounds, time.perf_counter)
    name = "wall time a page, 50 ms latency, 40 ms of work"
    return ratio(name, (times["ours"] / pages, times["theirs"] / pages), "aiobotocore", 0.65)
