"""A stream tells each run in each state in which it is seen, each once, and goes on from its checkpoint.

The services' clock stands still but for where a test moves it, so that what a look finds does not depend on when it is.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk.testing import LocalService
from tests.spark.kit import client, throttle

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.streaming import StreamingQuery

pytest.importorskip("pyspark", reason="the extra engines is not installed")

JOBS = ("glue:nightly-etl", "emr-serverless:00f1abcdefgh0909", "datazone:dzd_4p9n6sw4qt9xgn/job42")


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(auto_advance=False) as service:
        service.add_glue_job("nightly-etl", duration=None, startup=timedelta(0))
        service.add_application("00f1abcdefgh0909", duration=None, startup=timedelta(0))
        service.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42", duration=None, startup=timedelta(0))
        yield service
        assert service.problems == []


class Stream:
    """A stream into a folder of parquet files, begun and ended over and over."""

    def __init__(self, spark: "SparkSession", local: LocalService, folder: Path) -> None:
        self._spark = spark
        self._sink, self._checkpoint = str(folder / "runs"), str(folder / "checkpoint")
        self._options = {
            "endpoint": local.url,
            "jobs": " ".join(JOBS),
            "createdAfter": (local.clock.now() - timedelta(days=1)).isoformat(),
            "pollInterval": "0s",
        }

    def start(self) -> "StreamingQuery":
        frame = self._spark.readStream.format("jobruns").options(**self._options).load()
        return frame.writeStream.format("parquet").option("checkpointLocation", self._checkpoint).start(self._sink)

    def told(self) -> Counter[tuple[str, str]]:
        """How often each run was told in each state."""
        frame = self._spark.read.parquet(self._sink).select("run_id", "state")
        return Counter((row["run_id"], row["state"]) for row in frame.collect())

    def tells(self, query: "StreamingQuery", expected: Counter[tuple[str, str]]) -> bool:
        """Whether the stream tells just that, once it has told all of it."""
        # A look that was under way when this was asked for may end that wait, and have seen nothing of late.
        query.processAllAvailable()
        query.processAllAvailable()
        return self.told() == expected


async def test_every_state_is_told_once_across_restarts(
    spark: "SparkSession", local: LocalService, tmp_path: Path
) -> None:
    stream = Stream(spark, local, tmp_path)
    expected = Counter((run, "SUCCEEDED") for job in JOBS for run in local.add_runs(job, 20))
    glue, emr, datazone = (local.add_run(job) for job in JOBS)
    expected.update([(glue, "RUNNING"), (emr, "RUNNING"), (datazone, "RUNNING")])
    local.advance(1)
    query = stream.start()
    assert stream.tells(query, expected)
    query.stop()

    # While nobody looks, one run is stopped and others come.
    async with client(local) as sdk:
        await sdk.stop([f"{JOBS[0]}/{glue}"])
    local.advance(60)
    now = local.clock.now()
    failed = [local.add_run(job, state="FAILED", created_at=now, ended_at=now) for job in JOBS]
    expected.update([(glue, "STOPPED"), (local.add_run(JOBS[2]), "RUNNING"), *((run, "FAILED") for run in failed)])
    local.advance(1)
    throttle(local, one_in=5)
    query = stream.start()
    assert stream.tells(query, expected)

    # While it goes on, so do the runs.
    async with client(local) as sdk:
        await sdk.stop([f"{JOBS[1]}/{emr}"])
    local.advance(60)
    expected.update([(emr, "STOPPED")])
    assert stream.tells(query, expected)
    query.stop()
