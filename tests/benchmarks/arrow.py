"""What it costs to turn runs into Arrow data, against what it costs to read them.

    python -m tests.benchmarks.arrow [--smoke]

It needs pyarrow, of which nothing else here knows. The smoke form fails only if a ratio is worse than half of its
goal each time that it is measured.
"""

import argparse
import asyncio
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from jobruns_sdk import JobRun, JobRunsClient, Pages
from jobruns_sdk.arrow import batch_from_runs
from tests.benchmarks import peers, report
from tests.benchmarks.measuring import medians
from tests.benchmarks.server import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BATCH = 4096
_GOAL = 1 / 10
_LATENCY = 0.05  # seconds, for the rows that go by the clock on the wall


async def converting(url: str, far: str, *, rounds: int, pages: int) -> list[report.Row]:
    """Time for each run: from rows to record batches, and from a stream of pages to rows, from nearby and from afar."""
    found: list[report.Row] = []
    for service in (peers.EMR, peers.GLUE):
        async with peers.sdk_client(url) as client, peers.sdk_client(far) as far_client:
            rows = await _pages(client, service, pages).collect()
            contest: dict[str, Callable[[], Awaitable[object]]] = {
                "read": partial(_read, _pages(client, service, pages)),
                "convert": partial(_convert, rows, native=False),
                "native": partial(_convert, rows, native=True),
            }
            times = await medians(contest, rounds, time.process_time)
            elapsed = await medians({"read": partial(_read, _pages(far_client, service, pages))}, 1, time.perf_counter)
        row = partial(report.ratio, peer="reading", runs=len(rows))
        found += [
            row(f"rows to Arrow, {service.name}, processor time", (times["convert"], times["read"]), goal=_GOAL),
            row("- time, where a page takes 50 ms", (times["convert"], elapsed["read"]), goal=_GOAL),
            row("- native detail as JSON, processor time", (times["native"], times["read"]), goal=None),
        ]
    return found


def _pages(client: JobRunsClient, service: peers.Service, pages: int) -> Pages[JobRun[Any]]:
    handle = client.glue(str(pages)) if service is peers.GLUE else client.emr_serverless(str(pages))
    return handle.runs()


async def _read(pages: Pages[JobRun[Any]]) -> None:
    rows = [run async for run in pages]
    rows.clear()  # letting go of them is part of it


async def _convert(runs: list[JobRun[Any]], *, native: bool) -> None:
    for first in range(0, len(runs), _BATCH):
        batch_from_runs(runs[first : first + _BATCH], native=native)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.arrow", description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    smoke: bool = parser.parse_args().smoke
    with serving() as url, serving(_LATENCY) as far:
        rounds = 2 if smoke else 15

        def measure() -> list[report.Row]:
            return asyncio.run(converting(url, far, rounds=rounds, pages=40))

        rows = report.calm(measure) if smoke else measure()
    print(report.table(rows))  # noqa: T201  # a benchmark tells what it has found
    return int(smoke and any(row.is_alarming for row in rows))


if __name__ == "__main__":
    sys.exit(main())
