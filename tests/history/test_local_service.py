"""What a store holds of a service that goes on: the last word about each run, also when the service forgets it."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from jobruns_sdk import AccessDeniedError, JobRun, JobRunsClient, NotFoundError, RunState, SourceError
from jobruns_sdk.history import RunStore
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of

ETL = "glue:nightly-etl"
APP = "emr-serverless:00f1abcdefgh0909"
IMPORT = "datazone:dzd_4p9n6sw4qt9xgn/job42"
JOBS = (ETL, APP, IMPORT)
HOUR = timedelta(hours=1)


@pytest.fixture
async def local() -> AsyncIterator[LocalService]:
    async with LocalService(auto_advance=False, check=True) as service:
        service.add_glue_job(
            "nightly-etl", max_retries=2, timeout_minutes=None, duration=10 * HOUR, retry_delay=timedelta(seconds=30)
        )
        service.add_application("00f1abcdefgh0909", duration=10 * HOUR)
        service.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42", duration=10 * HOUR)
        yield service
        assert service.problems == []


@pytest.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[RunStore]:
    async with RunStore(tmp_path / "runs.sqlite") as store:
        yield store


async def _told(client: JobRunsClient) -> list[JobRun[Any]]:
    return sorted(await client.runs(JOBS).collect(), key=lambda run: str(run.ref))


async def _stored(store: RunStore) -> list[JobRun[Any]]:
    return sorted(await store.runs().collect(), key=lambda run: str(run.ref))


def _words(runs: list[JobRun[Any]]) -> list[tuple[object, ...]]:
    """Return what a list tells of runs as well as a get does: EMR Serverless lists no ends."""
    return [(run.ref, run.state, run.attempt, run.created_at, run.message) for run in runs]


async def test_what_is_stored_is_what_the_client_yields(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    for job in JOBS:
        local.add_runs(job, 30, state="SUCCESS" if job != ETL else "SUCCEEDED")
        local.add_run(job, state="FAILED", message="disk full")
        local.add_run(job)
    local.add_run(ETL, state="SUCCEEDED", attempts=3)
    report = await store.sync(client, JOBS)
    told, stored = await _told(client), await _stored(store)
    assert stored == told
    assert report.added == len(told)
    natives = {run.ref: run.native for run in told if run.service != "glue"}  # whose secrets are left out
    assert {run.ref: run.native for run in stored if run.service != "glue"} == natives


async def test_a_retry_after_the_sync(local: LocalService, client: JobRunsClient, store: RunStore) -> None:
    run_id = local.add_run(ETL, duration=HOUR, fail_attempts=1, startup=timedelta(0))
    local.advance(HOUR + timedelta(seconds=10))  # it has failed, and is not tried again yet
    await store.sync(client, JOBS)
    first = await store.runs().first()
    assert first is not None
    assert (first.id, first.state, first.attempt) == (run_id, RunState.FAILED, 1)
    local.advance(10 * HOUR)
    await store.sync(client, JOBS)
    last = await store.runs().first()
    assert last is not None
    assert (last.state, last.attempt) == (RunState.SUCCEEDED, 2)
    assert await _stored(store) == await _told(client)


async def test_a_streaming_run_over_ten_syncs(local: LocalService, client: JobRunsClient, store: RunStore) -> None:
    ids = {local.add_run(job, duration=timedelta(days=5), startup=timedelta(0)) for job in JOBS}
    for number in range(10):
        local.advance(timedelta(hours=11))
        for job in JOBS:
            local.add_run(job, run_id=None, state="SUCCEEDED" if job == ETL else "SUCCESS")
        await store.sync(client, JOBS)
        active = {run.id async for run in store.runs(states={"RUNNING"})}
        assert active == ids, number
    local.advance(timedelta(days=1))
    await store.sync(client, JOBS)
    assert {run.id async for run in store.runs(states={"SUCCEEDED"})} >= ids
    assert _words(await _stored(store)) == _words(await _told(client))


async def test_a_run_that_is_listed_late(local: LocalService, client: JobRunsClient, store: RunStore) -> None:
    for job in JOBS:
        local.add_runs(job, 5, state="SUCCEEDED" if job == ETL else "SUCCESS")
    await store.sync(client, JOBS)
    late = local.clock.now() - timedelta(minutes=10)
    ids = {local.add_run(job, state="FAILED", created_at=late, duration=HOUR / 60) for job in JOBS}
    await store.sync(client, JOBS)
    assert {run.id async for run in store.runs(states={"FAILED"})} == ids
    assert await _stored(store) == await _told(client)


async def test_runs_that_the_service_forgets_stay(tmp_path: Path) -> None:
    async with (
        LocalService(auto_advance=False, glue_retention=timedelta(days=2)) as local,
        client_of(local) as client,
        RunStore(tmp_path / "runs.sqlite") as store,
    ):
        local.add_glue_job("nightly-etl", duration=HOUR)
        for _ in range(5):
            local.add_runs(ETL, 3)
            await store.sync(client, ETL)
            local.advance(timedelta(days=1))
        assert len(await client.runs(ETL).collect()) < 15
        assert len(await store.runs().collect()) == 15


async def test_a_job_that_is_deleted_is_told_and_its_active_runs_are_lost(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    active = local.add_run(ETL)
    ended = local.add_run(ETL, state="FAILED")
    other = local.add_run(APP)
    local.advance(1)
    await store.sync(client, JOBS)
    _delete(local)
    told: list[SourceError] = []
    await store.sync(client, JOBS, on_error=told.append)
    assert any(isinstance(one.error, NotFoundError) for one in told)
    assert {run.id async for run in store.runs()} == {active, ended, other}
    assert {run.id async for run in store.runs(lost=True)} == {active}


def _delete(local: LocalService) -> None:
    local.fault("glue:*", "error", code="EntityNotFoundException", status=400, times=None)


async def test_attempts_are_stored_where_they_are_asked_for(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    local.add_run(ETL, state="SUCCEEDED", attempts=3)
    for job in JOBS:
        local.add_run(job, state="FAILED")
    await store.sync(client, JOBS, attempts=True)
    found, told = await store.attempts().collect(), await client.attempts(JOBS).collect()
    assert sorted(found, key=lambda one: (str(one.run), one.number)) == sorted(
        told, key=lambda one: (str(one.run), one.number)
    )
    assert [attempt.number async for attempt in store.attempts(ETL, states={"SUCCEEDED"})] == [1, 2, 3]
    frame = await store.attempts().to_arrow()
    assert len(frame) == len(told)


async def test_full_runs_are_stored_where_they_are_asked_for(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    for job in JOBS:
        local.add_runs(job, 12, state="SUCCEEDED" if job == ETL else "SUCCESS")
    report = await store.sync(client, JOBS, hydrate=True)
    full = await client.runs(JOBS, hydrate=True).collect()
    assert await _stored(store) == sorted(full, key=lambda run: str(run.ref))
    assert all([run.ended_at is not None async for run in store.runs()])
    await store.sync(client, JOBS)  # what the lists tell takes nothing away
    assert await _stored(store) == sorted(full, key=lambda run: str(run.ref))
    assert report.added == 36


async def test_a_job_that_fails_leaves_what_is_known_of_the_others(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    active = local.add_run(ETL)
    local.add_runs(APP, 3, state="SUCCESS")
    local.advance(1)
    await store.sync(client, [ETL])
    _delete(local)
    local.fault("emr-serverless:ListJobRuns", "error", code="AccessDeniedException", status=400)
    with pytest.raises(AccessDeniedError):
        await store.sync(client, [ETL, APP])
    assert {run.id async for run in store.runs(lost=True)} == {active}
    await store.sync(client, [APP])
    assert len(await store.runs(APP).collect()) == 3


async def test_nothing_new_takes_a_call_for_each_job(
    local: LocalService, client: JobRunsClient, store: RunStore
) -> None:
    for job in JOBS:
        local.add_runs(job, 5, state="SUCCEEDED" if job == ETL else "SUCCESS")
    await store.sync(client, JOBS)
    local.advance(HOUR)
    report = await store.sync(client, JOBS)
    assert (report.added, report.changed, report.walk.calls) == (0, 0, 3)
    report = await store.sync(client, [ETL])
    assert report.walk.calls == 1
