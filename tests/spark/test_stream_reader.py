"""The reader of a stream as Spark calls it: one read a batch, none by its tasks, and none before it is due."""

import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jobruns_sdk.testing import LocalService

pytest.importorskip("pyspark", reason="the extra engines is not installed")

from jobruns_sdk.spark.source import JobRunsDataSource  # PySpark need not be installed
from jobruns_sdk.spark.streaming import JobRunsStreamReader
from jobruns_sdk.spark.worker import worker

JOB = "glue:etl"


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalService]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with LocalService(auto_advance=False) as service:
        service.add_glue_job("etl")
        yield service
        worker().close()


def reader_of(local: LocalService, **given: str) -> JobRunsStreamReader:
    options = {"endpoint": local.url, "jobs": JOB, "quotas": "none", "pollInterval": "0s", **given}
    source = JobRunsDataSource(options)
    reader: JobRunsStreamReader = pickle.loads(pickle.dumps(source.streamReader(source.schema())))  # noqa: S301  # our own
    return reader


def plain(offset: dict[str, Any]) -> dict[str, Any]:
    """Return an offset as it comes back from Spark's log."""
    kept: dict[str, Any] = json.loads(json.dumps(offset))
    return kept


def rows_of(reader: JobRunsStreamReader, start: dict[str, Any], end: dict[str, Any]) -> list[list[str]]:
    """Return the runs of each task of a batch."""
    parts = [pickle.loads(pickle.dumps(part)) for part in reader.partitions(start, end)]  # noqa: S301  # our own
    return [[row["run_id"] for batch in reader.read(part) for row in batch.to_pylist()] for part in parts]


def test_a_batch_is_read_once_and_its_tasks_call_nobody(local: LocalService) -> None:
    begin = (local.clock.now() - timedelta(days=1)).isoformat()
    reader = reader_of(local, createdAfter=begin, tasks="3", batchRows="2")
    runs = local.add_runs(JOB, 10)
    start = plain(reader.initialOffset())
    assert local.calls() == 0
    end = plain(reader.latestOffset(start, None))
    calls = local.calls()
    tasks = rows_of(reader, start, end)
    assert sorted(run for task in tasks for run in task) == sorted(runs)
    assert [len(task) for task in tasks] == [4, 4, 2]
    assert rows_of(reader, start, end) == tasks
    assert local.calls() == calls

    reader.commit(end)
    assert sorted(run for task in rows_of(reader, start, end) for run in task) == sorted(runs)
    assert local.calls() > calls

    another = reader_of(local, createdAfter=begin)  # after a restart; another number of tasks is no other batch
    (task,) = rows_of(another, start, end)
    assert sorted(task) == sorted(runs)


def test_the_services_are_asked_once_each_poll_interval(local: LocalService) -> None:
    reader = reader_of(local, pollInterval="1h")
    start = plain(reader.initialOffset())
    end = plain(reader.latestOffset(start, None))
    assert end != start
    assert reader.partitions(start, end) == []
    local.add_run(JOB)
    local.advance(1)
    calls = local.calls()
    assert plain(reader.latestOffset(start, None)) == end
    assert plain(reader.latestOffset(end, None)) == end
    assert local.calls() == calls


def test_spark_4_0_says_where_the_stream_is_by_an_empty_batch(local: LocalService) -> None:
    reader = reader_of(local)
    start = plain(reader.initialOffset())
    end = plain(reader.latestOffset())
    assert reader.partitions(start, end) == []
    local.add_run(JOB)
    local.advance(1)
    another = reader_of(local)
    assert another.partitions(end, end) == []
    following = plain(another.latestOffset())
    assert len(rows_of(another, end, following)) == 1
    assert following["begin"] == end["begin"]


@pytest.mark.usefixtures("local")
def test_a_stream_begins_by_the_clock_of_the_services() -> None:
    with LocalService(start=datetime(2020, 5, 4, tzinfo=UTC), auto_advance=False) as past:
        past.add_glue_job("etl")
        past.add_run(JOB, state="SUCCEEDED", created_at=past.clock.now() - timedelta(hours=1))
        reader = reader_of(past)
        start = plain(reader.initialOffset())
        past.add_run(JOB)
        past.advance(1)
        (task,) = rows_of(reader, start, plain(reader.latestOffset(start, None)))
        assert len(task) == 1
        worker().close()


def test_where_no_job_can_be_found_the_stream_goes_on_or_ends(local: LocalService) -> None:
    local.fault("ListJobs", "error", times=None, code="AccessDeniedException", status=400)
    given = {"jobs": f"{JOB} glue:nightly-*", "createdAfter": local.clock.now().isoformat()}
    local.add_run(JOB)
    local.advance(1)
    reader = reader_of(local, **given, onError="skip")
    start = plain(reader.initialOffset())
    assert len(rows_of(reader, start, plain(reader.latestOffset(start, None)))) == 1
    reader = reader_of(local, **given)
    with pytest.raises(Exception, match=r"glue\.ListJobs: AccessDeniedException"):
        reader.latestOffset(start, None)
