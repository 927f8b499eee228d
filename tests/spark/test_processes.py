"""Spark in processes of its own: a stream that is killed and goes on, and executors of a cluster."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk.testing import LocalService
from tests.spark.kit import client, in_order, program, throttle

if TYPE_CHECKING:
    import subprocess

    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra engines is not installed")
arrow = pytest.importorskip("jobruns_sdk.arrow")

KILLS = int(os.environ.get("JOBRUNS_SPARK_KILLS", "1"))
PATIENCE = 600
JOB = "glue:nightly-etl"

Told = set[tuple[str, str]]


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(auto_advance=False) as service:
        service.add_glue_job("nightly-etl", duration=None, startup=timedelta(0))
        yield service
        assert service.problems == []


def wait(until: Callable[[], bool], process: "subprocess.Popen[bytes]", *, pause: float = 0.5) -> None:
    """Wait for something that a process does, looking now and then."""
    deadline = time.monotonic() + PATIENCE
    while not until():
        assert process.poll() is None, "the process has ended"
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(pause)


def kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_pending(folder: Path) -> bool:
    """Whether a batch is planned and not done."""
    offsets, commits = folder / "checkpoint" / "offsets", folder / "checkpoint" / "commits"
    return any(path.name.isdecimal() and not (commits / path.name).exists() for path in offsets.glob("*"))


def told(spark: "SparkSession", folder: Path) -> Told:
    if not any(path.name.isdecimal() for path in (folder / "runs" / "_spark_metadata").glob("*")):
        return set()
    rows = spark.read.parquet(str(folder / "runs")).select("run_id", "state").collect()
    return {(row["run_id"], row["state"]) for row in rows}


def has_told(spark: "SparkSession", folder: Path, expected: Told) -> bool:
    return told(spark, folder) >= expected


async def test_a_stream_that_is_killed_within_a_batch_loses_none_of_its_runs(
    spark: "SparkSession", local: LocalService, tmp_path: Path
) -> None:
    begin = local.clock.now() - timedelta(days=1)
    options = {"endpoint": local.url, "jobs": JOB, "createdAfter": begin.isoformat(), "pollInterval": "0s"}
    hold = tmp_path / "hold"
    expected: Told = {(run, "SUCCEEDED") for run in local.add_runs(JOB, 20)}
    for _ in range(KILLS):
        process = program("stream", tmp_path, options)
        try:
            wait(partial(has_told, spark, tmp_path, expected), process)
            wait(lambda: not is_pending(tmp_path), process)
            hold.touch()
            now = local.clock.now()
            going = local.add_run(JOB, created_at=now)
            ended = local.add_run(JOB, state="FAILED", created_at=now, ended_at=now)
            local.advance(1)
            wait(partial(is_pending, tmp_path), process)
        finally:
            kill(process)
        hold.unlink()
        assert is_pending(tmp_path)
        # What was going on when the batch was planned has ended when it is read again.
        async with client(local) as sdk:
            await sdk.stop([f"{JOB}/{going}"])
        local.advance(60)
        expected |= {(ended, "FAILED"), (going, "STOPPED")}
    process = program("stream", tmp_path, options)
    try:
        wait(partial(has_told, spark, tmp_path, expected), process)
    finally:
        kill(process)
    assert told(spark, tmp_path) - {(run, "RUNNING") for run, state in expected if state == "STOPPED"} == expected


async def test_executors_of_a_cluster_read_what_the_sdk_yields(local: LocalService, tmp_path: Path) -> None:
    jobs = [f"emr-serverless:{local.add_application()}" for _ in range(4)]
    for job in jobs:
        local.add_runs(job, 120)
    async with client(local) as sdk:
        expected = arrow.batch_from_runs(await sdk.runs(jobs).collect()).to_pylist()
    throttle(local, one_in=5)
    process = program("cluster", tmp_path, {"endpoint": local.url, "jobs": " ".join(jobs), "tasks": "4"})
    try:
        assert process.wait(PATIENCE) == 0, (tmp_path / "cluster.log").read_text(encoding="utf-8")[-3000:]
    finally:
        if process.poll() is None:
            kill(process)
    found = json.loads((tmp_path / "rows.json").read_text(encoding="utf-8"))
    assert found == json.loads(json.dumps(in_order(expected), default=str))
    assert len(found) == 4 * 120
