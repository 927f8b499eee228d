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
from typing import TYPE_CHECKING

from jobruns_sdk import JobRun, JobRunsClient
from jobruns_sdk.arrow import batch_from_runs
from tests.benchmarks import peers, report
from tests.benchmarks.measuring import medians
from tests.benchmarks.server import serving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_BATCH = 4096
_GOAL = 1 / 10


async def converting(url: str, *, rounds: int, pages: int) -> list[report.Row]:
    """Processor time for each run: from rows to record batches, and a whole stream of pages to rows."""
    found: list[report.Row] = []
    async with peers.sdk_client(url) as client:
        for service in (peers.EMR, peers.GLUE):
            runs = await _runs(client, service, pages)
            for what, native in (("", False), (", native detail as JSON", True)):
                convert = partial(_convert, runs, native=native)
                read = partial(_runs, client, service, pages)
                contest: dict[str, Callable[[], Awaitable[object]]] = {"convert": convert, "read": read}
                times = await medians(contest, rounds, time.process_time)
                name = f"rows to Arrow, {service.name}, pages of {service.page_size}{what}"
                seconds = (times["convert"], times["read"])
                found.append(report.ratio(name, seconds, "reading", None if native else _GOAL, runs=len(runs)))
    return found


async def _runs(client: JobRunsClient, service: peers.Service, pages: int) -> list[JobRun[object]]:
    handle = client.glue(str(pages)) if service is peers.GLUE else client.emr_serverless(str(pages))
    return [run async for run in handle.runs()]


async def _convert(runs: list[JobRun[object]], *, native: bool) -> None:
    for first in range(0, len(runs), _BATCH):
        batch_from_runs(runs[first : first + _BATCH], native=native)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.arrow", description=__doc__)
    parser.add_argument("--smoke", action="store_true")
    smoke: bool = parser.parse_args().smoke
    with serving() as url:
        rows = asyncio.run(converting(url, rounds=2 if smoke else 15, pages=40))
    print(report.table(rows))  # noqa: T201  # a benchmark tells what it has found
    return int(smoke and any(row.is_alarming for row in rows))


if __name__ == "__main__":
    sys.exit(main())
