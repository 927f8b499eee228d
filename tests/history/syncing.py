"""A program that syncs a store over and over, each time in a child process that may be killed.

    python -m tests.history.syncing URL PATH JOB...

It reads lines: how the child is to end. ``end``: by itself; ``steps N``: SQLite kills it in its N-th hundred steps;
``after S``: it is killed S seconds after it was begun. It answers each with how the child has ended.
"""

import asyncio
import os
import signal
import sqlite3
import sys
import threading
from collections.abc import Callable
from functools import partial
from unittest.mock import patch

from jobruns_sdk import JobRunsClient
from jobruns_sdk.history import RunStore
from tests.fanout.kit import session_of


def die() -> None:
    """End at once, and let nothing be done before."""
    os.kill(os.getpid(), signal.SIGKILL)


def counted(steps: int) -> Callable[..., sqlite3.Connection]:
    """Return what connects to a file, whose use is deadly after so many hundred steps."""
    connect: Callable[..., sqlite3.Connection] = sqlite3.connect
    left = [steps]

    def step() -> int:
        left[0] -= 1
        if left[0] <= 0:
            die()
        return 0

    def connected(*args: object, **options: object) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_progress_handler(step, 100)
        return connection

    return connected


_SESSION = session_of()


async def warm_up(url: str, jobs: list[str]) -> None:
    """Load what children would load, each for itself."""
    async with client_of(url) as client:
        for job in jobs:
            await client.runs(job).first()


def client_of(url: str) -> JobRunsClient:
    """Return a client, not yet opened."""
    return JobRunsClient(endpoint_url=url, region_name="us-east-1", session=_SESSION, quotas=None)


async def sync(url: str, path: str, jobs: list[str]) -> None:
    """Sync once."""
    async with client_of(url) as client, RunStore(path) as store:
        await store.sync(client, jobs)


def child(order: str, syncs: Callable[[], None]) -> None:
    """Sync, and be killed if that is the order."""
    kind, _, amount = order.partition(" ")
    if kind == "steps":
        with patch("sqlite3.connect", counted(int(amount))):
            syncs()
    elif kind == "after":
        timer = threading.Timer(float(amount), die)
        timer.daemon = True
        timer.start()
        syncs()
    else:
        syncs()


def main(url: str, path: str, *jobs: str) -> None:
    """Obey."""
    asyncio.run(warm_up(url, list(jobs)))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            failed = 1
            try:
                child(line.strip(), partial(asyncio.run, sync(url, path, list(jobs))))
                failed = 0
            finally:
                os._exit(failed)
        _, status = os.waitpid(pid, 0)
        print({0: "ended", signal.SIGKILL: "killed"}.get(status, f"failed {status}"), flush=True)  # noqa: T201  # its answer


if __name__ == "__main__":
    main(*sys.argv[1:])
