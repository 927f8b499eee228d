"""Watching runs and jobs: each change once, in order, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jobruns_sdk import JobRunsClient, RunState, StateChange
from jobruns_sdk.errors import AccessDeniedError, InvalidRequestError, JobRunsError, NotFoundError
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, MINUTE, SECOND, groups_of, others

QUEUED, STARTING, RUNNING = RunState.QUEUED, RunState.STARTING, RunState.RUNNING
SUCCEEDED, FAILED = RunState.SUCCEEDED, RunState.FAILED


def told(changes: list[StateChange], run_id: str) -> list[tuple[RunState | None, RunState, int]]:
    """Return what was told of a run."""
    return [(change.before, change.after, change.attempt) for change in changes if change.run.id == run_id]


async def until_timeout(changes: AsyncIterator[StateChange]) -> list[StateChange]:
    """Return all changes until the time is up."""
    seen: list[StateChange] = []
    with pytest.raises(WaitTimeoutError):
        await _into(seen, changes)
    return seen


async def _into(seen: list[StateChange], changes: AsyncIterator[StateChange]) -> None:
    async for change in changes:
        seen.append(change)  # noqa: PERF401  # what comes before an error is wanted, too


async def test_a_run_is_followed_to_its_end(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    ref = await client.glue("etl").start()
    watch = client.watch([ref], timeout=HOUR, poll_interval=5 * SECOND, max_poll_interval=5 * SECOND)
    changes = [change async for change in watch]
    assert told(changes, ref.run_id) == [(None, STARTING, 1), (STARTING, RUNNING, 1), (RUNNING, SUCCEEDED, 1)]
    assert changes[-1].run.ended_at is not None
    assert timedelta(0) <= changes[-1].at - changes[-1].run.ended_at <= 10 * SECOND
    assert "RUNNING -> SUCCEEDED" in str(changes[-1])
    assert groups_of(client) == 0


async def test_each_run_has_one_first_change_and_all_end(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    local.add_datazone_job("dzd_x", "job42")
    app = local.add_application(duration=10 * MINUTE)
    old = local.add_run("glue:etl", state="SUCCEEDED")
    refs = [f"glue:etl/{old}"]
    refs += [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(20)]
    refs += [f"emr-serverless:{app}/{local.add_run(f'emr-serverless:{app}')}" for _ in range(20)]
    refs.append(f"datazone:dzd_x/job42/{local.add_run('datazone:dzd_x/job42')}")
    changes = [change async for change in client.watch([*refs, refs[3]], timeout=HOUR)]
    assert told(changes, old) == [(None, SUCCEEDED, 1)]
    for ref in refs:
        own = told(changes, ref.rpartition("/")[2])
        assert own[0][0] is None
        assert own[-1][1] is SUCCEEDED
        assert [before for before, _, _ in own[1:]] == [after for _, after, _ in own[:-1]]
        assert all(before is not after for before, after, _ in own)
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    assert groups_of(client) == 0
    assert await others() == set()


async def test_retries_are_changes(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE)
    ref = await client.glue("etl").start()
    changes = [change async for change in client.watch([ref], timeout=HOUR, max_poll_interval=10 * SECOND)]
    assert told(changes, ref.run_id) == [
        (None, STARTING, 1),
        (STARTING, RUNNING, 1),
        (RUNNING, FAILED, 1),
        (FAILED, STARTING, 2),
        (STARTING, RUNNING, 2),
        (RUNNING, SUCCEEDED, 2),
    ]


async def test_retries_on_emr_serverless_are_changes(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application(max_retries=1, fail_attempts=1, duration=MINUTE)
    run_id = local.add_run(f"emr-serverless:{app}")
    watch = client.watch([f"emr-serverless:{app}/{run_id}"], timeout=HOUR, max_poll_interval=10 * SECOND)
    seen = told([change async for change in watch], run_id)
    assert {attempt for _, _, attempt in seen} == {1, 2}
    assert seen[-1][1:] == (SUCCEEDED, 2)
    assert FAILED not in {after for _, after, _ in seen}


async def test_a_jobs_active_and_new_runs_join(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=2 * HOUR)
    over = local.add_run("glue:etl", state="SUCCEEDED")
    long = local.add_run("glue:etl", created_at=local.clock.now() - HOUR)
    active = local.add_run("glue:etl")
    watch = client.watch([client.glue("etl")], timeout=3 * HOUR, poll_interval=MINUTE)
    changes = [await anext(watch) for _ in range(2)]
    new = local.add_run("glue:etl", duration=MINUTE)
    short = local.add_run("glue:etl", duration=SECOND, startup=SECOND)
    changes += await until_timeout(watch)
    assert told(changes, over) == []
    assert told(changes, short) == [(None, SUCCEEDED, 1)]
    for run_id in (long, active, new):
        own = told(changes, run_id)
        assert own[0][0] is None
        assert own[-1][1] is SUCCEEDED
    assert local.clock.monotonic() == 3 * 3600
    assert groups_of(client) == 0


async def test_a_run_that_failed_just_now_joins_if_it_may_be_retried(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, retry_delay=2 * MINUTE)
    local.add_glue_job("once", outcome="FAILED", duration=MINUTE)
    retried, over = local.add_run("glue:etl"), local.add_run("glue:once")
    while not (await client.run(f"glue:etl/{retried}")).is_terminal:
        await local.clock.sleep(SECOND.total_seconds())
    assert (await client.run(f"glue:once/{over}")).state is FAILED
    changes = await until_timeout(client.watch(["glue:etl", "glue:once"], timeout=HOUR, max_poll_interval=10 * SECOND))
    assert told(changes, retried) == [
        (None, FAILED, 1),
        (FAILED, STARTING, 2),
        (STARTING, RUNNING, 2),
        (RUNNING, SUCCEEDED, 2),
    ]
    assert told(changes, over) == []
    assert groups_of(client) == 0


async def test_a_run_that_failed_long_ago_does_not_join_a_watch(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, outcome="FAILED")
    local.add_run("glue:etl", state="FAILED", created_at=local.clock.now() - HOUR)
    assert await until_timeout(client.watch(["glue:etl"], timeout=HOUR)) == []
    assert local.calls("GetJob") == 1  # how long a run may go on, and whether it may be retried


@pytest.mark.parametrize("service", ["emr-serverless", "datazone"])
async def test_jobs_of_the_other_services_are_watched(local: LocalService, client: JobRunsClient, service: str) -> None:
    local.add_datazone_job("dzd_x", "job42", duration=HOUR)
    local.add_application("00app", duration=HOUR)
    job = {"emr-serverless": "emr-serverless:00app", "datazone": "datazone:dzd_x/job42"}[service]
    over = local.add_run(job, state="SUCCEEDED")
    active = local.add_run(job)
    watch = client.watch([job], timeout=2 * HOUR, poll_interval=MINUTE)
    changes = [await anext(watch)]
    short = local.add_run(job, duration=SECOND, startup=SECOND)
    changes += await until_timeout(watch)
    assert told(changes, over) == []
    assert told(changes, short) == [(None, SUCCEEDED, 1)]
    assert told(changes, active)[-1][1] is SUCCEEDED


async def test_a_job_and_a_run_of_it_are_told_of_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    run_id = local.add_run("glue:etl")
    watch = client.watch([f"glue:etl/{run_id}", "glue:etl", client.glue("etl").ref, "glue:etl"], timeout=HOUR)
    seen = told(await until_timeout(watch), run_id)
    assert [before for before, _, _ in seen].count(None) == 1
    assert [after for _, after, _ in seen].count(SUCCEEDED) == 1


async def test_what_may_pass_does_not_end_a_watch(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=10 * MINUTE)
    run_id = local.add_run("glue:etl")
    local.fault("GetJobRuns", "throttle", times=20)
    local.fault("GetJobRun", "error500", times=20)
    seen = told(await until_timeout(client.watch(["glue:etl"], timeout=HOUR)), run_id)
    assert seen[-1][1] is SUCCEEDED


async def test_what_cannot_pass_ends_a_watch_and_leaves_nothing(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=10 * MINUTE)
    good = f"glue:etl/{local.add_run('glue:etl')}"
    watch = client.watch([good, "glue:missing/jr_1"], timeout=HOUR)
    with pytest.raises(NotFoundError):
        await _into([], watch)
    assert groups_of(client) == 0
    with pytest.raises(NotFoundError):
        await _into([], client.watch(["glue:missing"], timeout=HOUR))
    local.fault("GetJobRuns", "error", code="AccessDeniedException", status=400)
    with pytest.raises(AccessDeniedError):
        await _into([], client.watch(["glue:etl"], timeout=HOUR))
    local.fault("GetJobRuns", "error500", times=None)
    with pytest.raises(JobRunsError):
        await _into([], client.watch(["glue:etl"], timeout=None))
    assert await others() == set()


async def test_the_time_is_up_on_the_minute(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=2 * HOUR)
    ref = await client.glue("etl").start()
    watch = client.watch([ref], timeout=HOUR)
    assert local.calls() == 1
    changes = await until_timeout(watch)
    assert local.clock.monotonic() == 3600
    assert told(changes, ref.run_id)[-1][1] is RUNNING
    with pytest.raises(StopAsyncIteration):
        await anext(watch)
    assert groups_of(client) == 0


async def test_a_slow_reader_is_told_of_all_that_was_seen(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    runs = [local.add_run("glue:etl", state="SUCCEEDED") for _ in range(3)]
    watch = client.watch([f"glue:etl/{run}" for run in runs], timeout=MINUTE)
    seen: list[str] = []
    async for change in watch:
        seen.append(change.run.id)
        await local.clock.sleep(HOUR.total_seconds())
    assert seen == runs


async def test_a_watch_goes_on_after_a_reader_lost_patience(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(3)]
    refs.append(f"glue:etl/{local.add_run('glue:etl', state='SUCCEEDED')}")
    watch = client.watch(refs, timeout=HOUR)
    seen: list[StateChange] = []
    for turns in range(200):
        task = asyncio.ensure_future(anext(watch, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        done = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(done, StateChange):
            seen.append(done)
    seen += [change async for change in watch]
    for ref in refs:
        own = told(seen, ref.rpartition("/")[2])
        assert own[0][0] is None
        assert own[-1][1] is SUCCEEDED
        assert [before for before, _, _ in own].count(None) == 1


async def test_a_break_leaves_nothing(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=HOUR)
    local.add_runs("glue:etl", 500)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(20)]
    async for change in client.watch([*refs, "glue:etl"], timeout=HOUR):
        assert change.before is None
        break
    assert groups_of(client) == 0
    assert await others() == set()
    assert (await client.run(refs[0])).state is STARTING
    watch = client.watch(refs, timeout=HOUR)
    await anext(watch)
    await watch.aclose()
    assert groups_of(client) == 0
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def test_nothing_to_watch_is_over_at_once(local: LocalService, client: JobRunsClient) -> None:
    assert [change async for change in client.watch([], timeout=None)] == []
    with pytest.raises(InvalidRequestError):
        client.watch(["nonsense"], timeout=None)
    with pytest.raises(InvalidRequestError):
        client.watch(["glue:etl"], timeout=None, poll_interval=timedelta(0))
    assert local.calls() == 0
