"""A stream's looks, the offsets that name their batches, and batches that are read again, without Spark."""

import json
import logging
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Any

import attrs
import pytest
import pytest_asyncio

from jobruns_sdk import AccessDeniedError, JobRef, JobRunsClient, LimitExceededError, NotFoundError, PaginationError
from jobruns_sdk.runs.changed import Status
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.unit.values import RUN

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
batches = pytest.importorskip("jobruns_sdk.spark.batches")
offsets = pytest.importorskip("jobruns_sdk.spark.offsets")
options = pytest.importorskip("jobruns_sdk.spark.options")
looks = pytest.importorskip("jobruns_sdk.spark.look")
arrow = pytest.importorskip("jobruns_sdk.arrow")
lines = pytest.importorskip("jobruns_sdk.spark.rows")
rereads = pytest.importorskip("jobruns_sdk.spark.reread")

HOUR = timedelta(hours=1)
GLUE, OTHER, EMR = "glue:etl", "glue:other", "emr-serverless:00f1abcdefgh0909"
REFUSED: dict[str, Any] = {"code": "AccessDeniedException", "status": 400}

Told = list[tuple[str, str, int]]


@pytest.fixture
def local() -> LocalService:
    service = LocalService(auto_advance=False)
    service.add_glue_job("etl", max_retries=1, duration=timedelta(minutes=10), retry_delay=timedelta(minutes=2))
    service.add_glue_job("other")
    service.add_application("00f1abcdefgh0909")
    return service


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    with local:
        async with client_of(local) as client:
            yield client


class Stream:
    """The looks of one stream, each from where the last one has come to."""

    def __init__(self, client: JobRunsClient, local: LocalService, jobs: Iterable[str], **given: str) -> None:
        self._client = client
        self._refs = [client.handle(job).ref for job in jobs]
        self.options = options.read_options({"jobs": " ".join(jobs), **given})
        self.offset = offsets.Offset(begin=local.clock.now() - HOUR)
        self.cursor: str | None = None

    async def look(self) -> Told:
        """Return what the batch of a look holds: name, state and attempt."""
        found = await looks.look(self._client, self._refs, self.offset, self.cursor, self.options)
        self.offset, self.cursor = found.offset, found.cursor
        kept = offsets.Offset.from_dict(json.loads(json.dumps(self.offset.to_dict())))
        assert kept == self.offset
        assert kept.batch == self.offset.batch
        return told(found.rows)

    async def reread(self, **given: str) -> Told:
        """Return what that batch holds when it is read again."""
        parts = {JobRef.parse(job): part for job, part in self.offset.batch.items()}
        chosen = options.read_options({"jobs": "glue:etl", **given}) if given else self.options
        return told(await rereads.reread(self._client, parts, chosen))


def told(found: Iterable[Any]) -> Told:
    return sorted((str(row["name"]), row["state"], row["attempt"]) for batch in found for row in batch.to_pylist())


async def test_a_run_is_told_in_each_state_in_which_it_is_seen(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    local.add_run(GLUE)
    local.advance(1)
    assert await stream.look() == [("etl", "STARTING", 1)]
    before = stream.offset
    assert await stream.look() == []
    assert stream.offset is before
    local.advance(60)
    assert await stream.look() == [("etl", "RUNNING", 1)]
    local.advance(HOUR)
    assert await stream.look() == [("etl", "SUCCEEDED", 1)]
    assert await stream.look() == []


async def test_a_retry_after_a_day_is_told(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("late", max_retries=1, duration=timedelta(minutes=10), retry_delay=timedelta(days=1))
    stream = Stream(client, local, ["glue:late"])
    local.add_run("glue:late", fail_attempts=1)
    local.advance(660)
    assert await stream.look() == [("late", "FAILED", 1)]
    for _ in range(5):
        local.advance(timedelta(hours=4))
        assert await stream.look() == []
    local.advance(timedelta(hours=8))
    assert await stream.look() == [("late", "SUCCEEDED", 2)]


async def test_a_run_that_goes_on_for_days_is_told_once(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [EMR, OTHER])
    local.add_run(EMR, mode="STREAMING", duration=None, startup=timedelta(0))
    local.advance(1)
    ((_, state, attempt),) = await stream.look()
    assert (state, attempt) == ("RUNNING", 1)
    for _ in range(10):
        local.add_run(OTHER, state="SUCCEEDED", created_at=local.clock.now())
        local.advance(timedelta(days=1))
        local.forget_requests()
        assert await stream.look() == [("other", "SUCCEEDED", 1)]
        assert local.calls() <= 4


async def test_a_stream_stays_where_nothing_that_it_wants_is_new(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [OTHER], states="FAILED")
    local.advance(1)
    assert await stream.look() == []  # the first batch is made all the same, and tells where the stream has begun
    before, cursor = stream.offset, stream.cursor
    assert before.batch == {}
    now = local.clock.now()
    local.add_run(OTHER, state="SUCCEEDED", created_at=now, ended_at=now)
    local.advance(1)
    assert await stream.look() == []
    assert stream.offset is before
    assert stream.cursor != cursor
    now = local.clock.now()
    local.add_run(OTHER, state="FAILED", created_at=now, ended_at=now)
    local.advance(1)
    assert await stream.look() == [("other", "FAILED", 1)]


async def test_a_job_that_cannot_be_read_keeps_its_place(
    client: JobRunsClient, local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    stream = Stream(client, local, [GLUE, OTHER], onError="skip")
    local.add_run(GLUE)
    local.advance(1)
    assert await stream.look() == [("etl", "STARTING", 1)]
    local.add_run(OTHER)
    local.advance(HOUR)
    local.fault("GetJobRuns", "error", times=1, match={"JobName": "etl"}, **REFUSED)
    assert await stream.look() == [("other", "SUCCEEDED", 1)]
    assert "skipped glue:etl?region=us-east-1: " in caplog.text
    assert await stream.look() == [("etl", "SUCCEEDED", 1)]


async def test_of_a_job_that_fails_midway_nothing_is_told_and_nothing_lost(
    client: JobRunsClient, local: LocalService
) -> None:
    stream = Stream(client, local, [OTHER], onError="skip")
    assert await stream.look() == []
    for _ in range(250):
        local.add_run(OTHER, duration=None)
    local.advance(1)
    local.fault("GetJobRuns", "error", after=1, times=1, **REFUSED)
    assert await stream.look() == []
    assert await stream.look() == [("other", "STARTING", 1)] * 250


async def test_a_new_job_that_cannot_be_read_begins_later(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE, OTHER], onError="skip")
    for job in (GLUE, OTHER):
        local.add_run(job)
    local.advance(timedelta(hours=2))
    local.fault("GetJobRuns", "error", times=1, match={"JobName": "etl"}, **REFUSED)
    assert await stream.look() == [("other", "SUCCEEDED", 1)]
    local.advance(timedelta(days=2))
    assert await stream.look() == [("etl", "SUCCEEDED", 1)]


async def test_a_job_that_cannot_be_read_ends_the_stream_otherwise(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE, OTHER])
    local.fault("GetJobRuns", "error", match={"JobName": "etl"}, **REFUSED)
    with pytest.raises(AccessDeniedError):
        await stream.look()


async def test_a_run_that_is_gone_is_told_in_the_log(
    client: JobRunsClient, local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    stream = Stream(client, local, [GLUE])
    run = local.add_run(GLUE)
    local.advance(1)
    await stream.look()
    local.fault("GetJobRuns", "error", times=None, code="EntityNotFoundException", status=400)
    local.fault("GetJobRun", "error", times=None, code="EntityNotFoundException", status=400)
    assert await stream.look() == []
    gone = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert f"glue:etl/{run}?region=us-east-1 had not ended, or might be retried, and is not there any more" in gone
    caplog.clear()
    assert await stream.look() == []
    assert run not in caplog.text


async def test_more_runs_that_go_on_than_may_are_an_error(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE], limitOpen="2")
    for _ in range(3):
        local.add_run(GLUE)
    local.advance(1)
    with pytest.raises(LimitExceededError, match="limit_open is 2"):
        await stream.look()


@pytest.mark.parametrize("named", [0, 1_000])
async def test_a_batch_that_is_read_again_holds_the_same_runs(
    client: JobRunsClient, local: LocalService, monkeypatch: pytest.MonkeyPatch, named: int
) -> None:
    monkeypatch.setattr(batches, "NAMED", named)
    stream = Stream(client, local, [GLUE, OTHER, EMR])
    stream.offset = offsets.Offset(begin=local.clock.now() - timedelta(days=2))
    for job in (GLUE, OTHER, EMR):
        for hours in range(20):
            at = local.clock.now() - timedelta(hours=hours + 1)
            local.add_run(job, state="SUCCESS" if job == EMR else "SUCCEEDED", created_at=at)
    local.add_run(GLUE)
    local.advance(1)
    before = await stream.look()
    assert len(before) == 61
    assert any(part.settled for part in stream.offset.batch.values()) is (named == 0)
    assert await stream.reread() == before
    local.add_run(GLUE)
    local.advance(HOUR)
    after = await stream.reread()
    assert len(after) == 61
    assert [row for row in after if row not in before] == []
    assert [row for row in before if row not in after] == [("etl", "STARTING", 1)]


@pytest.mark.parametrize("named", [0, 1_000])
async def test_a_batch_that_lacks_a_run_is_an_error_or_goes_on_without(
    client: JobRunsClient,
    local: LocalService,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    named: int,
) -> None:
    monkeypatch.setattr(batches, "NAMED", named)
    stream = Stream(client, local, [GLUE, OTHER])
    stream.offset = offsets.Offset(begin=local.clock.now() - timedelta(days=2))
    local.add_run(GLUE)
    for hours in range(20):
        at = local.clock.now() - timedelta(hours=hours + 1)
        local.add_run(OTHER, state="SUCCEEDED", created_at=at)
    local.advance(1)
    assert len(await stream.look()) == 21
    missing: dict[str, Any] = {"code": "EntityNotFoundException", "status": 400, "match": {"JobName": "other"}}
    for operation in ("GetJobRuns", "GetJobRun"):
        local.fault(operation, "error", times=None, **missing)
    with pytest.raises(NotFoundError, match=r"glue:other\?region=us-east-1: .*; onMissing=skip goes on without them$"):
        await stream.reread()
    assert await stream.reread(onMissing="skip") == [("etl", "STARTING", 1)]
    assert "glue:other?region=us-east-1: " in caplog.text


async def test_a_batch_of_which_a_run_is_told_as_before_is_an_error(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    local.add_run(GLUE)
    local.advance(1)
    await stream.look()
    ((job, part),) = stream.offset.batch.items()
    ((run_id, run),) = part.named.items()
    ahead = batches.Named(Status(2, "r", ""), run.at)
    stream.offset = stream.offset.after(stream.offset.cursor, {job: batches.JobBatch({run_id: ahead})})
    with pytest.raises(PaginationError, match="is told as STARTING by now, and was further"):
        await stream.reread(onMissing="skip")


async def test_full_runs_are_told_where_they_are_asked_for(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [EMR], hydrate="true")
    local.add_run(EMR, state="SUCCESS", created_at=local.clock.now(), ended_at=local.clock.now())
    local.advance(1)
    refs = [client.handle(EMR).ref]
    found = await looks.look(client, refs, stream.offset, None, stream.options)
    (row,) = [row for batch in found.rows for row in batch.to_pylist()]
    assert row["ended_at"] is not None
    parts = {JobRef.parse(job): part for job, part in found.offset.batch.items()}
    (again,) = [row for batch in await rereads.reread(client, parts, stream.options) for row in batch.to_pylist()]
    assert again == row


async def test_a_stream_begins_by_the_clock_of_the_service(client: JobRunsClient, local: LocalService) -> None:
    local.advance(timedelta(days=30))  # this machine's clock knows nothing of that
    refs = [client.handle(job).ref for job in ("glue:nobody", GLUE)]
    assert abs(await looks.service_time(client, refs) - local.clock.now()) < timedelta(seconds=2)


def test_the_last_row_of_each_run_is_kept() -> None:
    rows = [("a", 1), ("b", 1)], [("a", 2), ("c", 1), ("a", 3)], [("b", 1)]
    found = [
        arrow.batch_from_runs([attrs.evolve(RUN, id=name, attempt=attempt) for name, attempt in some]) for some in rows
    ]
    last = [(row["run_id"], row["attempt"]) for batch in lines.last_of(found, "run_id") for row in batch.to_pylist()]
    assert last == [("c", 1), ("a", 3), ("b", 1)]
