"""What has ended since yesterday, of many Glue jobs, against the program that one would write on aiobotocore.

    python -m tests.benchmarks.ended [--jobs 300] [--runs 1000] [--latency 0.05] [--page]

A server in a process of its own answers after each latency; each job starts a run every twenty minutes, so that its
history goes back two weeks. No service filters by end: both read back seven days before yesterday, and keep what has
ended since; one way by hand reads all pages, the other breaks off. Each begins with a new session, all in one process,
in turns. `--page` puts the table into docs/benchmarks.md.
"""

import argparse
import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from aiobotocore.config import AioConfig

from jobruns_sdk import JobRef, JobRunsClient
from tests.benchmarks import report
from tests.benchmarks.fan_out import Figures, Way, measure
from tests.benchmarks.history import session_of
from tests.benchmarks.prepared import serving

_AT_ONCE: Final = 32
_REGION: Final = "eu-west-1"
_REACH: Final = timedelta(days=7)
_APART_MINUTES: Final = 20
_HEADINGS: Final = ("", "runs found", "calls", "time", "processor time")


def by_hand(*, breaks_off: bool) -> Way:
    """Return the way of a paginator for each job."""

    async def read(url: str, jobs: Sequence[str], since: datetime) -> int:
        found: list[dict[str, Any]] = []
        slots, config = asyncio.Semaphore(_AT_ONCE), AioConfig(max_pool_connections=_AT_ONCE)
        async with session_of().create_client("glue", endpoint_url=url, region_name=_REGION, config=config) as glue:

            async def read_job(name: str) -> None:
                async with slots:
                    paginator = glue.get_paginator("get_job_runs")
                    async for page in paginator.paginate(JobName=name, PaginationConfig={"PageSize": 200}):
                        runs: list[dict[str, Any]] = page["JobRuns"]
                        recent = [run for run in runs if run["StartedOn"] >= since - _REACH]
                        found.extend(run for run in recent if run["CompletedOn"] >= since)
                        if breaks_off and len(recent) < len(runs):
                            return

            await asyncio.gather(*map(read_job, jobs))
        found.sort(key=lambda run: run["StartedOn"], reverse=True)
        return len(found)

    return read


async def by_client(url: str, jobs: Sequence[str], since: datetime) -> int:
    """Read with this package, newest first."""
    async with JobRunsClient(session=session_of(), endpoint_url=url, region_name=_REGION, quotas=None) as client:
        refs = [JobRef("glue", (name,)) for name in jobs]
        return len(await client.runs(refs, ended_after=since, reach=_REACH, concurrency=_AT_ONCE).collect())


WAYS: Final[dict[str, Way]] = {
    "aiobotocore's paginators, all pages": by_hand(breaks_off=False),
    "aiobotocore's paginators that break off": by_hand(breaks_off=True),
    "`client.runs(ended_after=yesterday)`": by_client,
}


async def compare(jobs: int, runs: int, latency: float) -> dict[str, Figures]:
    """Return what each way takes."""
    names = [f"nightly-{index:03}" for index in range(jobs)]
    with serving(runs, latency=latency, oldest_minutes=_APART_MINUTES * runs, unlike=True) as url:
        since = datetime.now(UTC) - timedelta(days=1)
        await by_client(url, names[:1], since)  # loads what is loaded once
        return {name: await measure(way, url, names, since) for name, way in WAYS.items()}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--latency", type=float, default=0.05)
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args(arguments)
    figures = asyncio.run(compare(given.jobs, given.runs, given.latency))
    told = [
        (name, f"{one.runs:,}", f"{one.calls:,}", f"{one.seconds:.1f} s", f"{one.cpu:.1f} s")
        for name, one in figures.items()
    ]
    text = f"{given.jobs} jobs of {given.runs:,} runs; {report.where()}\n\n{report.plain_table(_HEADINGS, told)}"
    print(text)  # noqa: T201  # a benchmark prints
    if given.page:
        report.PAGE.write_text(report.with_results(report.PAGE.read_text("utf-8"), text, "ended"), "utf-8")


if __name__ == "__main__":
    main()
