"""Waits and watches by their numbers: what each costs, how soon a watch tells, and how much a week of it holds.

    python -m tests.benchmarks.scale [--waits 1000 3000 10000] [--jobs 300] [--minutes 30] [--watched 1000] [--days 7]

Each figure comes from a process of its own. The local service of waits runs in that process, and is counted in the
figures; the one of watches is another process.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
import time
from datetime import timedelta
from itertools import cycle

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import JobRunsClient, WaitTimeoutError
from jobruns_sdk.testing import LocalService
from tests.benchmarks.measuring import child
from tests.waiting.kit import entries_of

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_LATENCY = 0.05
say = print  # a benchmark prints


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


async def waits(count: int, jobs: int, minutes: int) -> dict[str, float]:
    """Return what each of so many waits takes, for runs of so many jobs, over minutes of virtual time."""
    with LocalService() as local:
        names = [f"etl-{number}" for number in range(min(jobs, count))]
        for name in names:
            local.add_glue_job(name, max_concurrent_runs=count)
        runs = [
            f"glue:{name}/{local.add_run(f'glue:{name}', duration=_DAY)}"
            for _, name in zip(range(count), cycle(names), strict=False)
        ]
        began, before = time.process_time(), _peak()
        async with local.client(quotas=None) as client:

            async def wait(run: str) -> None:
                with pytest.raises(WaitTimeoutError):
                    await client.wait(run, timeout=minutes * _MINUTE)

            await asyncio.gather(*map(wait, runs))
        return {
            "calls": local.calls(),
            "milliseconds": (time.process_time() - began) / count * 1e3,
            "kilobytes": (_peak() - before) / count / 1e3,
        }


def serve(jobs: int, running: int) -> None:
    """Serve so many jobs, of which so many of the last have a run, and answer after 50 ms, until the input ends."""
    with LocalService(speed=1.0) as local:
        for number in range(jobs):
            local.add_glue_job(f"etl-{number}")
            if number >= jobs - running:
                local.add_run(f"glue:etl-{number}", duration=_DAY)
        local.fault("glue:*", "delay", times=None, seconds=_LATENCY)
        say(local.url, flush=True)
        sys.stdin.read()
        say(local.calls())


async def first_change(url: str, jobs: int) -> dict[str, float]:
    """Return how long a watch of so many jobs takes to tell its first change."""
    session = AioSession()
    session.set_credentials("key", "secret")
    async with JobRunsClient(session=session, region_name="us-east-1", endpoint_url=url, quotas=None) as client:
        began, before = time.perf_counter(), time.process_time()
        async for _ in client.watch([f"glue:etl-{number}" for number in range(jobs)], timeout=10 * _MINUTE):
            return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - before}
    raise AssertionError("the watch told nothing")


def served(jobs: int, running: int) -> dict[str, float]:
    """Return what the first change of a watch takes, where so many of the last jobs have one, and the calls for it."""
    command = [sys.executable, "-m", "tests.benchmarks.scale", "--one", "serve", str(jobs), str(running)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as service:  # noqa: S603  # this module
        assert service.stdout
        found = asyncio.run(first_change(service.stdout.readline().strip(), jobs))
        calls, _ = service.communicate("")
    return found | {"calls": int(calls)}


async def week(days: int) -> dict[str, float]:
    """Return the entries that a watch of two jobs and its client hold after each day; each job has a run an hour."""
    held: dict[str, float] = {}
    with LocalService() as local:
        jobs = [f"glue:etl-{number}" for number in range(2)]
        for job in jobs:
            local.add_glue_job(job.partition(":")[2], duration=30 * _MINUTE)
        async with local.client(quotas=None) as client:

            async def start() -> None:
                while True:
                    for job in jobs:
                        local.add_run(job)
                    await local.clock.sleep(3600)

            changes = client.watch(jobs, timeout=days * _DAY, poll_interval=10 * _MINUTE)

            async def watch() -> None:
                try:
                    async for _ in changes:
                        pass
                except WaitTimeoutError:
                    return

            tasks = [asyncio.create_task(start()), asyncio.create_task(watch())]
            for day in range(1, days):
                await local.clock.sleep(86_400)
                held[f"day {day}"] = entries_of(client, changes)
            tasks[0].cancel()
            await tasks[1]
    return held


def main() -> None:
    """Print the tables, or what one of these processes has found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--waits", nargs="*", type=int, default=[1_000, 3_000, 10_000])
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--watched", nargs="*", type=int, default=[40, 300, 1_000])
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        what, first, second = options.one[0], int(options.one[1]), int(options.one[2])
        if what == "serve":
            serve(first, second)
            return
        measured = {
            "waits": lambda: asyncio.run(waits(first, second, options.minutes)),
            "watch": lambda: served(first, second),
            "week": lambda: asyncio.run(week(first)),
        }
        say(json.dumps(measured[what]()))
        return
    say(f"| waits over {options.jobs} jobs | calls | ms of CPU a wait | kB a wait |\n|---|---|---|---|")
    for count in options.waits:
        told = child("scale", "--one", "waits", str(count), str(options.jobs), "--minutes", str(options.minutes))
        say(f"| {count} | {told['calls']} | {told['milliseconds']:.1f} | {told['kilobytes']:.1f} |", flush=True)
    say("\n| jobs watched | first change, all running | only the last | calls then | CPU |\n|---|---|---|---|---|")
    for count in options.watched:
        every, last = (child("scale", "--one", "watch", str(count), str(running)) for running in (count, 1))
        told = f"{every['seconds']:.2f} s | {last['seconds']:.2f} s | {last['calls']} | {last['cpu']:.2f} s"
        say(f"| {count} | {told} |", flush=True)
    if options.days:
        told = child("scale", "--one", "week", str(options.days), "0")
        say("\nentries held by a watch of two jobs: " + ", ".join(f"{day} {size:.0f}" for day, size in told.items()))


if __name__ == "__main__":
    main()
