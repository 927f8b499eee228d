"""Many Glue jobs as one stream, against the program that a good engineer would write on aiobotocore; and its memory.

    python -m tests.benchmarks.fan_out [--jobs 300] [--runs 1000] [--memory-jobs 1000] [--memory-runs 3000]

A server in a process of its own gives prepared answers after 50 ms. All ways read the runs of the last tenth of the
history, with the same connections and the same number of jobs at once; (a) reads all pages and drops what is too old,
(b) breaks off by hand at the first run that is too old. Each begins with a new session, and all in one process, in
turns. Memory is what a child process has at its peak above what it had before it began to read.

Its law for newest first: each source holds its page as bytes (Glue's of 200 runs: 153 kB) and 50 000 / sources of its
rows decoded, 50 at least (2.5 kB each); up to 32 sources hold the page after it too, and 1 000 rows are under way. With
``order="any"`` it is 32 pages, decoded one at a time, whatever the number of jobs.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import attrs
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRunsClient
from tests.benchmarks.prepared import calls_so_far, serving

_AT_ONCE: Final = 32
_OLDEST_MINUTES: Final = 14_400.0
_REGION: Final = "eu-west-1"
_MEGABYTE: Final = 1 << 20

Order = Literal["newest", "any"]
Way = Callable[[str, Sequence[str], datetime], Awaitable[int]]


def _session() -> AioSession:
    session = get_session()
    session.set_credentials("local", "local")
    return session


async def by_paginator(url: str, jobs: Sequence[str], since: datetime) -> int:
    """Read all pages of all jobs, and drop what is too old."""
    return await _gathered(url, jobs, since, breaks_off=False)


async def by_paginator_that_breaks_off(url: str, jobs: Sequence[str], since: datetime) -> int:
    """Read the pages of each job up to the first run that is too old."""
    return await _gathered(url, jobs, since, breaks_off=True)


async def _gathered(url: str, jobs: Sequence[str], since: datetime, *, breaks_off: bool) -> int:
    found: list[dict[str, Any]] = []
    slots = asyncio.Semaphore(_AT_ONCE)
    config = AioConfig(max_pool_connections=_AT_ONCE)
    async with _session().create_client("glue", endpoint_url=url, region_name=_REGION, config=config) as glue:

        async def read(name: str) -> None:
            async with slots:
                paginator = glue.get_paginator("get_job_runs")
                async for page in paginator.paginate(JobName=name, PaginationConfig={"PageSize": 200}):
                    runs: list[dict[str, Any]] = page["JobRuns"]
                    found.extend(run for run in runs if run["StartedOn"] >= since)
                    if breaks_off and any(run["StartedOn"] < since for run in runs):
                        return

        await asyncio.gather(*map(read, jobs))
    found.sort(key=lambda run: run["StartedOn"], reverse=True)
    return len(found)


def by_client(order: Order) -> Way:
    """Return the way of this package."""

    async def read(url: str, jobs: Sequence[str], since: datetime) -> int:
        count = 0
        async with JobRunsClient(session=_session(), endpoint_url=url, region_name=_REGION, quotas=None) as client:
            refs = [JobRef("glue", (name,)) for name in jobs]
            async for _ in client.runs(refs, created_after=since, order=order, concurrency=_AT_ONCE):
                count += 1
        return count

    return read


_WAYS: Final[dict[str, Way]] = {
    "(a) paginators, all pages": by_paginator,
    "(b) paginators that break off": by_paginator_that_breaks_off,
    "client.runs, newest first": by_client("newest"),
    "client.runs, order='any'": by_client("any"),
}


@attrs.frozen
class Figures:
    """What it took."""

    runs: int
    calls: int
    seconds: float
    cpu: float


async def measure(way: Way, url: str, jobs: Sequence[str], since: datetime) -> Figures:
    """Return what one way takes."""
    calls, began, cpu = await calls_so_far(url), time.perf_counter(), time.process_time()
    runs = await way(url, jobs, since)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Figures(runs, await calls_so_far(url) - calls, seconds, cpu)


async def compare(jobs: int, runs: int, latency: float) -> dict[str, Figures]:
    """Return what each way takes."""
    names = [f"nightly-{index}" for index in range(jobs)]
    with serving(runs, latency=latency, oldest_minutes=_OLDEST_MINUTES) as url:
        since = datetime.now(UTC) - timedelta(minutes=_OLDEST_MINUTES / 10)
        await by_client("any")(url, names[:1], since)  # loads what is loaded once
        return {name: await measure(way, url, names, since) for name, way in _WAYS.items()}


def show_comparison(figures: dict[str, Figures]) -> None:
    """Print the table; ratios are those to (a) and to (b)."""
    slow, quick = list(figures.values())[:2]
    _print(f"{'':<32}{'runs':>8}{'calls':>7}{'s':>8}{'CPU s':>8}{'calls/a':>9}{'time/a':>8}{'time/b':>8}")
    for name, one in figures.items():
        ratios = f"{one.calls / slow.calls:>9.3f}{one.seconds / slow.seconds:>8.3f}{one.seconds / quick.seconds:>8.3f}"
        _print(f"{name:<32}{one.runs:>8,}{one.calls:>7,}{one.seconds:>8.2f}{one.cpu:>8.2f}{ratios}")


def resident() -> int:
    """Return the bytes of memory that this process has now."""
    return _of_status("VmRSS")


def _of_status(name: str) -> int:
    # getrusage's peak is also that of the process from which this one was forked.
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))


async def stream(url: str, order: Order, jobs: int, runs: int) -> None:
    """Read everything, and print what it took as JSON; run in a process of its own."""
    readings: list[int] = []
    count, tenth = 0, max(1, jobs * runs // 10)
    async with JobRunsClient(session=_session(), endpoint_url=url, region_name=_REGION, quotas=None) as client:
        await client.glue("first").runs(limit=1).collect()  # loads what is loaded once
        base, began = resident(), time.perf_counter()
        refs = [JobRef("glue", (f"job-{index}",)) for index in range(jobs)]
        async for _ in client.runs(refs, order=order, concurrency=_AT_ONCE):
            count += 1
            if count % tenth == 0:
                readings.append(resident() - base)
        seconds = time.perf_counter() - began
    peak = _of_status("VmHWM") - base
    assert count == jobs * runs
    _print(json.dumps({"peak": peak, "readings": readings, "seconds": seconds}))


def memory(order: Order, jobs: int, runs: int) -> str:
    """Return a line on the memory of one stream."""
    with serving(runs, latency=0.0, oldest_minutes=_OLDEST_MINUTES) as url:
        command = [sys.executable, "-m", "tests.benchmarks.fan_out", "--stream", url, order, str(jobs), str(runs)]
        printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603  # this very file
    told = json.loads(printed)
    readings = " ".join(f"{reading / _MEGABYTE:.0f}" for reading in told["readings"])
    peak = told["peak"] / _MEGABYTE
    each = f", {told['peak'] / jobs / 1000:.0f} kB a source" if order == "newest" else ""
    figures = f"peak {peak:.0f} MB{each}; {told['seconds']:.0f} s; by tenths: {readings}"
    return f"{jobs:,} jobs of {runs:,} runs, {order}: {figures}"


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # a benchmark prints


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--memory-jobs", type=int, default=1_000, help="0 measures no memory")
    parser.add_argument("--memory-runs", type=int, default=3_000)
    parser.add_argument("--stream", nargs=4, metavar=("URL", "ORDER", "JOBS", "RUNS"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.stream:
        url, order, jobs, runs = options.stream
        asyncio.run(stream(url, order, int(jobs), int(runs)))
        return
    if options.jobs:
        show_comparison(asyncio.run(compare(options.jobs, options.runs, options.latency)))
    if options.memory_jobs:
        _print(memory("any", options.memory_jobs, options.memory_runs))
        for jobs in (options.memory_jobs // 4, options.memory_jobs):
            _print(memory("newest", jobs, options.memory_runs))


if __name__ == "__main__":
    main()
