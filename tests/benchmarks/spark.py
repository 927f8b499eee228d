"""How fast Spark reads, against as many bare processes that do the same.

    python -m tests.benchmarks.spark [--rounds 7] [--pages 100]

It needs PySpark and Java. Both sides are warm, read the same pages into record batches, and share the machine with the
server. Times vary by a fifth and more from round to round: medians of rates are compared, and their spread is told.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks import peers, report
from tests.benchmarks.measuring import alternately
from tests.benchmarks.server import EMR_ROWS, serving
from tests.spark.kit import environment, session

PROCESSES = 2
_JOBS = 8
_GOAL = 1 / 0.75


async def _count(url: str, jobs: Sequence[str]) -> int:
    async with peers.sdk_client(url) as client:
        return sum([batch.num_rows async for batch in client.runs(jobs, order="any").record_batches()])


def bare(url: str, jobs: Sequence[str]) -> int:
    """Read jobs in this process, and count the runs."""
    return asyncio.run(_count(url, jobs))


def timed(read: Callable[[], int], runs: int) -> float:
    """Return how many runs a second were read."""
    began = time.perf_counter()
    assert read() == runs
    return runs / (time.perf_counter() - began)


def measure(url: str, rounds: int, pages: int) -> dict[str, list[float]]:
    """Return the rates of Spark and of bare processes, round by round."""
    jobs = [f"emr-serverless:{pages + number}" for number in range(_JOBS)]
    runs = sum(pages + number for number in range(_JOBS)) * EMR_ROWS
    with (
        TemporaryDirectory() as folder,
        ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool,
    ):
        os.environ |= environment(Path(folder), url)
        spark = session(f"local[{PROCESSES}]", Path(folder))
        options = {"jobs": " ".join(jobs), "endpoint": url, "quotas": "none", "tasks": str(PROCESSES)}
        frame = spark.read.format("jobruns").options(**options).load()
        shares = [jobs[first::PROCESSES] for first in range(PROCESSES)]
        contest = {
            "spark": partial(timed, frame.count, runs),
            "bare": partial(timed, lambda: sum(pool.map(partial(bare, url), shares)), runs),
        }
        alternately(contest, 2)
        rates = alternately(contest, rounds)
        spark.stop()
    return rates


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.spark", description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--pages", type=int, default=100)
    given = parser.parse_args()
    with serving() as url:
        rates = measure(url, given.rounds, given.pages)
    ours, theirs = (statistics.median(rates[name]) for name in ("spark", "bare"))
    name = f"Spark local[{PROCESSES}], warm, EMR Serverless"
    row = report.ratio(name, (1 / ours, 1 / theirs), f"{PROCESSES} bare processes", _GOAL, runs=1)
    print(report.table([row]))  # noqa: T201  # a benchmark tells what it has found
    for side, found in rates.items():
        print(f"{side}: {min(found):,.0f} to {max(found):,.0f} runs/s, median {statistics.median(found):,.0f}")  # noqa: T201
    print(f"Spark reads at {ours / theirs:.2f} of the bare processes' rate")  # noqa: T201


if __name__ == "__main__":
    main()
