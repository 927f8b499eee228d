"""Polls of one job, by how many wait for its runs at once, over half an hour of virtual time.

    python -m tests.benchmarks.waits [--counts 1 10 100 1000 10000] [--seeds 5]

A round is what is asked at one moment; a Glue list page has 200 runs. Intervals are drawn at random: rounds and calls
are means over so many seeds, the same ones for each number of waits.
"""

import argparse
import asyncio
import resource
import time
from datetime import timedelta
from random import Random
from statistics import fmean

import pytest

from jobruns_sdk import WaitTimeoutError
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport import quotas


async def waited(count: int, seed: int) -> tuple[int, int, float, float]:
    """Return the rounds and calls, the seconds of processor time for each wait, and the peak of memory in MB."""
    with LocalService() as local, pytest.MonkeyPatch.context() as patched:
        patched.setattr(quotas, "jitter", Random(seed))
        local.add_glue_job("etl", max_concurrent_runs=count)
        runs = [local.add_run("glue:etl", duration=timedelta(hours=9)) for _ in range(count)]
        began = time.process_time()
        async with local.client(quotas=None) as client:

            async def wait(run: str) -> None:
                try:
                    await client.wait(f"glue:etl/{run}", timeout=timedelta(minutes=30))
                except WaitTimeoutError:
                    return

            await asyncio.gather(*map(wait, runs))
        spent = (time.process_time() - began) / count
        rounds = len({request.at for request in local.requests})
        return rounds, len(local.requests), spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 10, 100, 1000, 10_000])
    parser.add_argument("--seeds", type=int, default=5)
    options, say = parser.parse_args(), print  # a benchmark prints
    say("| waits | rounds | calls | ms of CPU a wait | peak MB |")
    say("|---|---|---|---|---|")
    for count in options.counts:
        found = [asyncio.run(waited(count, seed)) for seed in range(options.seeds)]
        rounds, calls, spent, peak = map(fmean, zip(*found, strict=True))
        say(f"| {count} | {rounds:.1f} | {calls:.0f} | {1000 * spent:.1f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
