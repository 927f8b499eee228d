"""What it takes to give runs a cost: one by one, summed by job and day, and as columns of frames.

    python -m tests.benchmarks.costs [--runs 1000000]

The runs are in memory; times are of the processor.
"""

import argparse
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs

from jobruns_sdk.arrow.columns import batch_from_runs
from jobruns_sdk.model.runs import JobRun
from tests.costs.figures import PRICES, emr_run, glue_run

_PART = 10_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def runs(count: int) -> list[JobRun[Any]]:
    """Return so many runs of 300 jobs, half of them of Glue."""
    glue, emr = glue_run({"MaxCapacity": 10.0, "ExecutionTime": 3600}), emr_run(4.25, 17.5, 1.25)
    made: list[JobRun[Any]] = []
    for number in range(count):
        like = (glue, emr)[number % 2]
        job = like.job.sibling(f"job-{number % 300}")
        made.append(
            attrs.evolve(like, id=f"run-{number}", job=job, created_at=_START + timedelta(minutes=number % 50_000))
        )
    return made


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time that something takes."""
    began = time.process_time()
    work()
    return time.process_time() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1_000_000)
    count = parser.parse_args().runs
    some = runs(_PART)
    rounds = max(1, count // _PART)
    print(f"| {rounds * _PART:,} runs | a run | all |\n| --- | --- | --- |")  # noqa: T201  # a benchmark prints
    for name, work in (
        ("`prices.cost(run)`", lambda: [PRICES.cost(run) for run in some]),
        ('`prices.summary(runs, by=("job", "day"))`', lambda: PRICES.summary(some, by=("job", "day"))),
        ("a frame with costs", lambda: batch_from_runs(some, costs=PRICES)),
        ("the same frame without", lambda: batch_from_runs(some)),
    ):
        took = sum(seconds(work) for _ in range(rounds))
        print(f"| {name} | {took / rounds / _PART * 1e6:.1f} us | {took:.1f} s |", flush=True)  # noqa: T201  # as above


if __name__ == "__main__":
    main()
