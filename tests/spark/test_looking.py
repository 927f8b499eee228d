"""A stream's look at its jobs, and the offset that tells its next batch, without Spark."""

import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from jobruns_sdk import AccessDeniedError, InvalidRequestError, JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.unit.values import RUN

pa = pytest.importorskip("pyarrow", reason="the extra engines is not installed")
arrow = pytest.importorskip("jobruns_sdk.arrow")
offsets = pytest.importorskip("jobruns_sdk.spark.offsets")
options = pytest.importorskip("jobruns_sdk.spark.options")
polling = pytest.importorskip("jobruns_sdk.spark.look")

HOUR = timedelta(hours=1)
GLUE, OTHER, EMR = "glue:etl", "glue:other", "emr-serverless:00f1abcdefgh0909"


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
        self._local = local
        self._refs = [client.handle(job).ref for job in jobs]
        self._options = options.read_options({"jobs": "glue:etl", "lag": "0s", **given})
        begin = offsets.micros(local.clock.now() - HOUR)
        self.offset = offsets.Offset(since=begin, until=begin)
        self.busy: frozenset[str] = frozenset()

    async def look(self) -> list[tuple[str, str, int]]:
        """Return the runs that the look tells in rows: job, state and attempt; keeps the rest."""
        looking = polling.Looking(self._client, self.offset, self._options, self._local.clock.now())
        look = await looking.look(self._refs)
        told: list[dict[str, Any]] = [] if look.offset is self.offset else list(look.offset.rows.values())
        self.busy, self.offset = look.busy, look.offset
        json.dumps(self.offset.to_dict())
        assert offsets.Offset.from_dict(json.loads(json.dumps(self.offset.to_dict()))) == self.offset
        return sorted((row["name"], row["state"], row["attempt"]) for row in told)


async def test_a_run_is_told_in_each_state_in_which_it_is_seen(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    run = local.add_run(GLUE)
    local.advance(1)
    assert await stream.look() == [("etl", "STARTING", 1)]
    assert list(stream.offset.followed) == [f"glue:etl/{run}?region=us-east-1"]
    before = stream.offset
    assert await stream.look() == []
    assert stream.offset is before
    local.advance(60)
    assert await stream.look() == [("etl", "RUNNING", 1)]
    local.advance(HOUR)
    assert await stream.look() == [("etl", "SUCCEEDED", 1)]
    assert stream.offset.followed == {}
    assert await stream.look() == []


async def test_runs_that_have_ended_are_left_to_the_tasks(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE, OTHER, EMR])
    local.add_runs(OTHER, 3)
    now = local.clock.now()
    local.add_run(EMR, state="CANCELLED", created_at=now - HOUR / 2)
    local.advance(1)
    assert await stream.look() == []
    assert stream.busy == {"glue:other?region=us-east-1", "emr-serverless:00f1abcdefgh0909?region=us-east-1"}
    begin = offsets.micros(now - HOUR)
    assert stream.offset.window("glue:other?region=us-east-1") == (begin, offsets.micros(now) + 1_000_000)


async def test_windows_follow_each_other_without_a_gap(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [OTHER])
    seen: list[tuple[int, int]] = []
    for _ in range(4):
        local.add_run(OTHER)
        local.advance(60)
        await stream.look()
        seen.append((stream.offset.since, stream.offset.until))
    assert [until for _, until in seen[:-1]] == [since for since, _ in seen[1:]]


async def test_a_window_ends_before_the_present(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [OTHER], lag="30s")
    local.add_run(OTHER)
    local.advance(29)
    assert await stream.look() == []
    local.advance(1.001)
    assert len(await stream.look()) == 1


async def test_a_glue_run_that_failed_is_followed_for_a_retry(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    local.add_run(GLUE, fail_attempts=1)
    local.advance(660)
    assert await stream.look() == [("etl", "FAILED", 1)]
    assert len(stream.offset.followed) == 1
    local.advance(75)
    assert await stream.look() == [("etl", "STARTING", 2)]
    local.advance(HOUR)
    assert await stream.look() == [("etl", "SUCCEEDED", 2)]


async def test_after_the_grace_no_retry_is_waited_for(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [OTHER], retryGrace="5m")
    now = local.clock.now()
    local.add_run(OTHER, state="FAILED", created_at=now - timedelta(minutes=2), ended_at=now)
    local.advance(5)
    assert await stream.look() == [("other", "FAILED", 1)]
    local.advance(timedelta(minutes=4))
    assert await stream.look() == []
    assert len(stream.offset.followed) == 1
    local.advance(timedelta(minutes=4))
    assert await stream.look() == []
    assert stream.offset.followed == {}


async def test_a_job_that_cannot_be_read_is_caught_up_with(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE, OTHER], onError="skip")
    begin = stream.offset.until
    for job in (GLUE, OTHER):
        local.add_runs(job, 1)
        local.add_run(job)
    local.advance(1)
    local.fault("GetJobRuns", "error", times=1, match={"JobName": "etl"}, code="AccessDeniedException", status=400)
    assert await stream.look() == [("other", "STARTING", 1)]
    assert stream.offset.behind == {"glue:etl?region=us-east-1": begin}
    assert stream.offset.window("glue:etl?region=us-east-1") is None
    local.advance(1)
    assert await stream.look() == [("etl", "STARTING", 1)]
    assert stream.offset.behind == {}
    assert stream.offset.window("glue:etl?region=us-east-1") == (begin, stream.offset.until)


async def test_a_job_that_cannot_be_read_ends_the_stream_otherwise(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    local.advance(1)
    local.fault("GetJobRuns", "error", code="AccessDeniedException", status=400)
    with pytest.raises(AccessDeniedError):
        await stream.look()


async def test_a_run_that_has_left_the_history_is_followed_no_more(client: JobRunsClient, local: LocalService) -> None:
    stream = Stream(client, local, [GLUE])
    local.add_run(GLUE)
    local.advance(1)
    await stream.look()
    local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400)
    assert await stream.look() == []
    assert stream.offset.followed == {}


def test_a_row_survives_the_offset(local: LocalService) -> None:
    assert offsets.batch_from_rows([json.loads(json.dumps(offsets.row_of(RUN)))]).equals(arrow.batch_from_runs([RUN]))
    assert offsets.moment(offsets.micros(datetime.max.replace(tzinfo=local.clock.now().tzinfo))).year == 9999


@pytest.mark.parametrize(
    ("data", "message"),
    [({"version": 2, "since": 0, "until": 0}, "version 2"), ({}, "not one of"), ({"version": 1, "x": 0}, "not one of")],
)
def test_a_checkpoint_of_something_else_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        offsets.Offset.from_dict(data)
