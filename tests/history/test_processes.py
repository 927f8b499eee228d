"""Stores in processes that are killed, and in several at once."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest

from jobruns_sdk import JobRunsClient
from jobruns_sdk.history import RunStore
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of

JOBS: Final = (
    "glue:nightly-etl",
    "glue:hourly",
    "emr-serverless:00f1abcdefgh0909",
    "datazone:dzd_4p9n6sw4qt9xgn/job42",
)
KILLS: Final = int(os.environ.get("JOBRUNS_HISTORY_KILLS", "6"))
HOUR: Final = timedelta(hours=1)


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(auto_advance=False) as service:
        service.add_glue_job("nightly-etl", max_retries=2, duration=HOUR, fail_attempts=1)
        service.add_glue_job("hourly", duration=HOUR)
        service.add_application("00f1abcdefgh0909", duration=HOUR)
        service.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42", duration=HOUR)
        for job in JOBS:
            service.add_runs(job, 250, state="SUCCEEDED" if job.startswith("glue") else "SUCCESS")
        yield service
        assert service.problems == []


class Program:
    """The program that syncs in child processes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def begin(self, order: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{order}\n")
        self._process.stdin.flush()

    def ended(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def sync(self, order: str) -> str:
        self.begin(order)
        return self.ended()


@contextmanager
def program(local: LocalService, path: Path, jobs: Sequence[str] = JOBS) -> Generator[Program]:
    command = [sys.executable, "-m", "tests.history.syncing", local.url, str(path), *jobs]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:  # noqa: S603  # our own
        yield Program(process)  # leaving closes its input, and it ends


def go_on(local: LocalService, random: Random) -> None:
    """Let runs be started, end and be retried."""
    for job in JOBS:
        for _ in range(random.randrange(3)):
            local.add_run(job)
    local.advance(timedelta(minutes=random.randrange(90)))


async def is_up_to_date(local: LocalService, client: JobRunsClient, path: Path) -> bool:
    """Whether a store holds the state of each run that the service knows, and is whole."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
    async with RunStore(path) as store:
        stored = {run.ref: (run.state, run.attempt) async for run in store.runs()}
    told = {run.ref: (run.state, run.attempt) async for run in client.runs(JOBS)}
    assert local.problems == []
    return stored == told


async def test_a_sync_that_is_killed_loses_nothing(local: LocalService, tmp_path: Path) -> None:
    """Set JOBRUNS_HISTORY_KILLS for more kills than these."""
    random, path, ends = Random(7), tmp_path / "runs.sqlite", list[str]()
    with program(local, path) as syncs:
        for number in range(KILLS):
            order = f"steps {random.randrange(1, 1_000)}" if number % 2 == 0 else f"after {random.random() * 0.5}"
            ends.append(syncs.sync(order))
            go_on(local, random)
            if number % 5 == 4:
                ends.append(syncs.sync("end"))
                async with client_of(local) as client:
                    assert await is_up_to_date(local, client, path), ends
                go_on(local, random)
        ends.append(syncs.sync("end"))
    async with client_of(local) as client:
        assert await is_up_to_date(local, client, path), ends
    assert set(ends) == {"ended", "killed"}


async def test_processes_that_sync_at_once_fill_the_same_store(local: LocalService, tmp_path: Path) -> None:
    random, path = Random(11), tmp_path / "runs.sqlite"
    with ExitStack() as stack:
        asked = [JOBS, JOBS[::-1], JOBS[1:]]
        programs = [stack.enter_context(program(local, path, jobs)) for jobs in asked]
        for _ in range(2):
            for one in programs:
                one.begin("end")
            assert [one.ended() for one in programs] == ["ended"] * 3
            async with client_of(local) as client:
                assert await is_up_to_date(local, client, path)
            go_on(local, random)
        programs[0].begin("end")
        assert programs[1].sync("steps 500") in {"killed", "ended"}
        assert programs[0].ended() == "ended"
    async with client_of(local) as client:
        assert await is_up_to_date(local, client, path)
