"""A store of many jobs' runs: what the first sync and a later one take, and how large the file is.

    python -m tests.benchmarks.history [--jobs 300] [--runs 3334] [--latency 0.05] [--page]

The runs are Glue's, of a server in a process of its own, a page of 200 after each latency; no two are alike. Beside
that the same runs are only read. Files beside the store's: DuckDB's, where it is installed, and Parquet's. `--page`
puts the tables into docs/benchmarks.md.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from resource import getpagesize
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRef, JobRunsClient
from jobruns_sdk.history import RunStore
from tests.benchmarks import report
from tests.benchmarks.prepared import calls_so_far, serving

_PAGE: Final = 200
_OLDEST_MINUTES: Final = 60.0 * 24 * 90
_HEADINGS: Final = (
    "",
    "calls",
    "least possible",
    "time",
    "runs a second",
    "processor time a run",
    "memory",
    "at a tenth",
)


def session_of() -> AioSession:
    """Return a session with credentials."""
    session = get_session()
    session.set_credentials("local", "local")
    return session


@attrs.frozen
class Cost:
    """What something took.

    Attributes:
        calls: How many calls.
        least: How many it takes at least.
        seconds: How long.
        processor: How much of a processor's time, in seconds, all threads together.
        memory: By how much the process grew at most, in bytes.
        early: By how much it had grown when a tenth of the time was over.
    """

    calls: int
    least: int
    seconds: float
    processor: float
    memory: int
    early: int

    def cells(self, name: str, runs: int) -> tuple[str, ...]:
        """Return a row of the table, of something that was done with so many runs."""
        return (
            name,
            f"{self.calls:,}",
            f"{self.least:,}",
            f"{self.seconds:.1f} s",
            f"{runs / self.seconds:,.0f}",
            f"{self.processor / runs * 1e6:.1f} us",
            f"{self.memory / 1e6:.0f} MB",
            f"{self.early / 1e6:.0f} MB",
        )


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * getpagesize()


async def _watch(sizes: list[int]) -> None:
    while True:
        sizes.append(_memory())
        await asyncio.sleep(0.1)


async def cost_of(work: Callable[[], Awaitable[object]], url: str, least: int) -> Cost:
    """Do some work, and return what it took."""
    calls, sizes = await calls_so_far(url), [_memory()]
    watching = asyncio.create_task(_watch(sizes))
    began, processor = time.perf_counter(), time.process_time()
    await work()
    seconds, spent = time.perf_counter() - began, time.process_time() - processor
    sizes.append(_memory())
    watching.cancel()
    early = sizes[: max(2, len(sizes) // 10)]
    return Cost(await calls_so_far(url) - calls, least, seconds, spent, max(sizes) - sizes[0], max(early) - sizes[0])


async def measure(url: str, folder: Path, *, jobs: int, runs: int) -> dict[str, Cost]:
    """Read and store the runs of so many jobs; return what each took."""
    refs = [JobRef("glue", (f"job-{number:03}",), "eu-west-1") for number in range(jobs)]
    client = JobRunsClient(session=session_of(), endpoint_url=url, region_name="eu-west-1", quotas=None)
    store, plain = RunStore(folder / "runs.sqlite"), RunStore(folder / "runs without native.sqlite")
    async with client, store, plain:
        await client.runs(refs[0]).first()

        async def read() -> None:
            async for _ in client.runs(refs, order="any"):
                pass

        async def query() -> None:
            async for _ in store.runs(states={"FAILED"}):
                pass

        pages = jobs * -(-runs // _PAGE)
        works: dict[str, tuple[Callable[[], Awaitable[object]], int]] = {
            "only read": (read, pages),
            "first sync": (lambda: store.sync(client, refs), pages),
            "later sync, nothing new": (lambda: store.sync(client, refs), jobs),
            "first sync without `native`": (lambda: plain.sync(client, refs, native=False), pages),
            "looking for what failed in the store": (query, 0),
        }
        costs: dict[str, Cost] = {}
        for name, (work, least) in works.items():
            costs[name] = await cost_of(work, url, least)
            # A benchmark of minutes tells how far it is.
            print("  ".join(costs[name].cells(name, jobs * runs)), file=sys.stderr, flush=True)  # noqa: T201
        return costs


async def write_others(folder: Path) -> None:
    """Write the same rows to other files."""
    with suppress(ImportError):
        duckdb: Any = import_module("duckdb")  # it need not be installed
        for name, native in (("runs", True), ("runs without native", False)):
            with duckdb.connect(str(folder / f"{name}.duckdb")) as database:
                await _fill(database, folder / f"{name}.sqlite", native=native)
                target = folder / f"{name}.parquet"
                database.execute(f"copy runs to '{target}' (format parquet, compression zstd)")


async def _fill(database: Any, path: Path, *, native: bool) -> None:  # noqa: ANN401  # untyped
    async with RunStore(path) as store:
        made = "create table"
        async for batch in store.runs().record_batches(65_536, native=native):
            database.register("batch", batch)
            database.execute(f"{made} runs as from batch" if made else "insert into runs from batch")
            made = ""


def files(folder: Path, runs: int) -> Iterator[tuple[str, str, str]]:
    """Yield a row of the table for each file."""
    for path in sorted(folder.glob("*.*")):
        size = path.stat().st_size
        yield f"`{path.name}`", f"{size / 1e6:,.0f} MB", f"{size / runs:.0f}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--runs", type=int, default=3_334, help="how many runs each job has")
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    total = given.jobs * given.runs
    with (
        serving(given.runs, latency=given.latency, oldest_minutes=_OLDEST_MINUTES, unlike=True) as url,
        TemporaryDirectory() as name,
    ):
        folder = Path(name)
        costs = asyncio.run(measure(url, folder, jobs=given.jobs, runs=given.runs))
        asyncio.run(write_others(folder))
        sizes = report.plain_table(("file", "size", "bytes a run"), files(folder, total))
    told = report.plain_table(_HEADINGS, [cost.cells(name, total) for name, cost in costs.items()])
    text = f"{total:,} runs of {given.jobs} jobs; {report.where()}\n\n{told}\n\n{sizes}"
    print(text)  # noqa: T201  # it tells
    if given.page:
        page = report.with_results(report.PAGE.read_text("utf-8"), text, "history")
        report.PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
