"""A store of many jobs' runs: what the first sync and a later one take, and how large the file is.

    python -m tests.benchmarks.history [--jobs 300] [--runs 1000] [--latency 0.05]

The runs are Glue's, of a server in a process of its own, a page of 200 after each latency; beside that the same runs
are only read. Files beside the store's: DuckDB's, where it is installed, and Parquet's.
"""

import argparse
import asyncio
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRunsClient
from jobruns_sdk.history import RunStore
from tests.benchmarks.prepared import calls_so_far, serving

_PAGE: Final = 200
_OLDEST_MINUTES: Final = 60.0 * 24 * 90


def _session() -> AioSession:
    session = get_session()
    session.set_credentials("local", "local")
    return session


@attrs.frozen
class Cost:
    """What something took."""

    seconds: float
    processor: float
    calls: int
    memory: float  # MB, of the process at most so far

    def __str__(self) -> str:
        return (
            f"{self.seconds:.1f} s, {self.processor:.1f} s of processor time, {self.calls} calls, {self.memory:.0f} MB"
        )


async def cost_of(work: Callable[[], Awaitable[object]], url: str) -> Cost:
    """Do some work, and return what it took."""
    calls, began, processor = await calls_so_far(url), time.perf_counter(), time.process_time()
    await work()
    seconds, spent = time.perf_counter() - began, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(seconds, spent, await calls_so_far(url) - calls, peak)


async def measure(url: str, folder: Path, *, jobs: int, runs: int) -> None:
    """Read and store the runs of so many jobs, and tell."""
    refs = [JobRef("glue", (f"job-{number:03}",), "eu-west-1") for number in range(jobs)]
    client = JobRunsClient(session=_session(), endpoint_url=url, region_name="eu-west-1", quotas=None)
    path = folder / "runs.sqlite"
    async with client, RunStore(path) as store, RunStore(folder / "plain.sqlite") as plain:
        await client.runs(refs[0]).first()

        async def read() -> None:
            async for _ in client.runs(refs, order="any"):
                pass

        async def query() -> None:
            await store.runs(states={"FAILED"}).collect()

        pages = -(-runs // _PAGE)
        told = {
            "only read": await cost_of(read, url),
            "first sync": await cost_of(lambda: store.sync(client, refs), url),
            "later sync": await cost_of(lambda: store.sync(client, refs), url),
            "first sync without native": await cost_of(lambda: plain.sync(client, refs, native=False), url),
            "what failed, read from the store": await cost_of(query, url),
            "all as one frame": await cost_of(store.to_arrow, url),
        }
    total = jobs * runs
    print(f"{total:,} runs of {jobs} jobs; the least calls possible are {jobs * pages:,}, then {jobs}")  # noqa: T201  # it tells
    for name, cost in told.items():
        print(f"{name}: {cost}, {total / cost.seconds:,.0f} rows a second")  # noqa: T201  # as above
    async with RunStore(path) as store:
        await write_others(store, folder)


async def write_others(store: RunStore, folder: Path) -> None:
    """Write the same rows to other files."""
    with suppress(ImportError):
        duckdb: Any = import_module("duckdb")  # it need not be installed
        with duckdb.connect(str(folder / "runs.duckdb")) as database:
            frame = await store.to_arrow(native=True)
            database.register("frame", frame)
            database.execute("create table runs as from frame")
            database.execute(f"copy runs to '{folder / 'runs.parquet'}' (format parquet, compression zstd)")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=0.05)
    given = parser.parse_args()
    with (
        serving(given.runs, latency=given.latency, oldest_minutes=_OLDEST_MINUTES) as url,
        TemporaryDirectory() as folder,
    ):
        asyncio.run(measure(url, Path(folder), jobs=given.jobs, runs=given.runs))
        for path in sorted(Path(folder).glob("*.*")):
            print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")  # noqa: T201  # as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
