"""Watching runs and jobs: each change once, in order, and nothing left behind."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jobruns_sdk import JobRun, JobRunsClient, RunRef, RunState, SourceError, StateChange
from jobruns_sdk.errors import AccessDeniedError, InvalidRequestError, JobRunsError, NotFoundError
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.testing import LocalService, SpeedClock, VirtualClock
from tests.waiting.kit import HOUR, MINUTE, SECOND, client_of, entries_of, groups_of, others

if TYPE_CHECKING:
    from jobruns_sdk.model.reports import OnSourceError

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


async def test_a_watch_of_days_holds_no_more_than_one_of_a_day(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    watch = client.watch(["glue:etl"], timeout=timedelta(days=4, hours=3), poll_interval=HOUR)
    reading = asyncio.create_task(until_timeout(watch))
    runs: list[str] = []
    held: list[int] = []
    for _ in range(4):
        for _ in range(24):
            await local.clock.sleep(HOUR.total_seconds() - 1)
            runs.append(local.add_run("glue:etl", startup=SECOND))
            await local.clock.sleep(1)
        held.append(entries_of(client, watch))
    changes = await reading
    assert [change.run.id for change in changes if change.after is SUCCEEDED] == runs
    assert held[0] > 24
    assert held[2:] == [held[1]] * 2


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


async def test_a_run_that_goes_on_joins_from_behind_the_first_page(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=9 * HOUR)
    long = local.add_run("glue:etl", created_at=local.clock.now() - 8 * HOUR)
    local.add_runs("glue:etl", 250, state="SUCCEEDED")
    change = await anext(client.watch(["glue:etl"], timeout=HOUR))
    assert (change.run.id, change.after) == (long, RUNNING)
    assert local.calls("GetJob") == 1  # how long a run may go on


async def test_a_run_that_failed_long_ago_does_not_join_a_watch(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, outcome="FAILED")
    local.add_run("glue:etl", state="FAILED", created_at=local.clock.now() - HOUR)
    assert await until_timeout(client.watch(["glue:etl"], timeout=HOUR)) == []
    assert local.calls("GetJob") == 0  # neither how long a run may go on nor whether it may be retried is in question


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


@pytest.mark.parametrize("job", ["glue:etl", "emr-serverless:00app", "datazone:dzd_x/job42"])
async def test_a_run_that_goes_on_behind_pages_of_ended_ones_joins(
    local: LocalService, client: JobRunsClient, job: str
) -> None:
    local.add_datazone_job("dzd_x", "job42", duration=40 * HOUR)
    local.add_application("00app", duration=40 * HOUR)
    local.add_glue_job("etl", duration=40 * HOUR)
    long = local.add_run(job)
    local.advance(30 * HOUR)
    now = local.clock.now()
    for ago in range(1000):
        at = now - (1000 - ago) * MINUTE
        local.add_run(job, state="SUCCEEDED" if job == "glue:etl" else "SUCCESS", created_at=at, ended_at=at + SECOND)
    changes = await until_timeout(client.watch([job], timeout=20 * HOUR, poll_interval=HOUR))
    assert told(changes, long) == [(None, RUNNING, 1), (RUNNING, SUCCEEDED, 1)]
    assert {change.run.id for change in changes} == {long}


async def test_a_watch_reads_back_no_further_than_a_run_may_live(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    local.add_runs("glue:etl", 3000, every=10 * MINUTE)
    watch = client.watch(["glue:etl"], timeout=MINUTE)
    await until_timeout(watch)
    assert local.calls("GetJobRuns") <= 3 + 6  # 48 hours are 288 runs, and then one page each ten seconds


async def test_a_retry_of_a_run_that_began_longer_ago_than_a_run_may_live_joins(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=47 * HOUR)
    run = local.add_run("glue:etl")
    local.advance(60 * HOUR)
    local.add_runs("glue:etl", 300, every=10 * MINUTE)
    change = await anext(client.watch(["glue:etl"], timeout=HOUR))
    while change.run.id != run:
        change = await anext(client.watch(["glue:etl"], timeout=HOUR))
    assert (change.after, change.attempt) == (RUNNING, 2)


async def test_runs_that_begin_before_the_first_look_at_their_job_are_told_of(local: LocalService) -> None:
    apps = [local.add_application(duration=9 * HOUR) for _ in range(40)]
    for app in apps:
        local.add_run(f"emr-serverless:{app}")
    started: list[str] = []

    async def start() -> None:
        for app in apps[::-5]:
            await local.clock.sleep(8)
            started.append(local.add_run(f"emr-serverless:{app}", duration=3 * SECOND, startup=SECOND))

    async with client_of(local) as client:
        starting = asyncio.ensure_future(start())
        changes = await until_timeout(client.watch([f"emr-serverless:{app}" for app in apps], timeout=20 * MINUTE))
        await starting
    assert len(started) == 8
    assert set(started) <= {change.run.id for change in changes}
    assert len({change.run.id for change in changes}) == 48


async def test_runs_of_hours_that_end_before_the_first_look_at_their_job_are_told_of(local: LocalService) -> None:
    apps = [f"emr-serverless:{local.add_application()}" for _ in range(60)]
    ends = local.add_run(apps[-1], duration=3 * HOUR + 10 * SECOND)
    local.advance(HOUR)
    over = {local.add_run(apps[-1], duration=MINUTE) for _ in range(60)}  # more than a page of them
    local.advance(2 * HOUR)
    newest = local.add_run(apps[-1], duration=9 * HOUR)
    async with client_of(local) as client:
        told = {change.run.id for change in await until_timeout(client.watch(apps, timeout=10 * MINUTE))}
    assert told == {ends, newest}
    assert not told & over


async def test_a_change_says_when_a_list_has_shown_it_however_long_the_others_take(
    local: LocalService, client: JobRunsClient
) -> None:
    app = f"emr-serverless:{local.add_application(duration=HOUR)}"
    local.add_run(app)
    local.advance(10 * MINUTE)
    began = local.clock.now()
    local.fault("ListJobRuns", "throttle", after=1, times=8)
    watch = client.watch([app], timeout=HOUR)
    change = await anext(watch)
    assert (change.after, change.at) == (RUNNING, began)
    assert local.clock.now() > began + SECOND
    await watch.aclose()


async def test_a_slow_job_keeps_no_other_waiting(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("slow", duration=HOUR)
    local.add_glue_job("quick", duration=HOUR)
    runs = {job: local.add_run(f"glue:{job}") for job in ("slow", "quick")}
    local.fault("GetJobRuns", "silence", match={"JobName": "slow"}, times=None)
    watch = client.watch(["glue:slow", "glue:quick"], timeout=2 * HOUR)
    assert (await anext(watch)).run.id == runs["quick"]
    await watch.aclose()
    assert await others() == set()


async def test_what_was_seen_is_told_before_the_error_that_ends_a_watch(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(5)]
    seen: list[StateChange] = []
    with pytest.raises(NotFoundError):
        await _into(seen, client.watch([*refs, "glue:etl/jr_gone", "glue:gone/jr_gone"], timeout=HOUR))
    assert [str(change.run.ref).partition("?")[0] for change in seen] == refs


@pytest.mark.parametrize("skip", [True, False])
async def test_a_watch_goes_on_without_what_cannot_be_followed(
    local: LocalService, client: JobRunsClient, *, skip: bool
) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    ref = await client.glue("etl").start()
    failed: list[SourceError] = []
    on_error: OnSourceError = "skip" if skip else failed.append
    targets: list[RunRef | str] = [ref, "glue:etl/jr_gone", "glue:gone", "glue:other/jr_1"]
    seen = [change async for change in client.watch(targets, timeout=HOUR, on_error=on_error)]
    assert told(seen, ref.run_id)[-1][1] is SUCCEEDED
    gone = client.glue("etl").ref.run("jr_gone"), None, client.glue("other").ref.run("jr_1")
    assert {failure.run for failure in failed} == set(() if skip else gone)
    assert {failure.job for failure in failed} == (
        set() if skip else {client.glue(name).ref for name in ("etl", "gone", "other")}
    )


async def test_a_job_that_was_read_is_watched_through_any_answer(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    watch = client.watch(["glue:etl"], timeout=3 * HOUR)
    local.fault("glue:*", "error", code="EntityNotFoundException", status=400, times=100, after=5)
    late = asyncio.ensure_future(until_timeout(watch))
    await local.clock.sleep(2 * HOUR.total_seconds())
    run = local.add_run("glue:etl")
    assert told(await late, run)[-1][1] is SUCCEEDED


class Skewed:
    """The time of a service, on a machine whose clock is wrong by hours."""

    def __init__(self, clock: VirtualClock | SpeedClock, ahead: timedelta) -> None:
        self.monotonic, self.sleep, self.calling = clock.monotonic, clock.sleep, clock.calling
        self._clock, self._ahead = clock, ahead

    def now(self) -> datetime:
        return self._clock.now() + self._ahead


@pytest.mark.parametrize("ahead", [2 * HOUR, -2 * HOUR])
@pytest.mark.parametrize("job", ["glue:etl", "emr-serverless:00app", "datazone:dzd_x/job42"])
async def test_a_wrong_clock_hides_no_new_run(local: LocalService, job: str, ahead: timedelta) -> None:
    local.add_datazone_job("dzd_x", "job42", duration=MINUTE)
    local.add_application("00app", duration=MINUTE)
    local.add_glue_job("etl", duration=MINUTE)
    old = local.add_run(job, created_at=local.clock.now() - HOUR, duration=MINUTE)
    async with client_of(local, clock=Skewed(local.clock, ahead)) as client:
        watch = client.watch([job], timeout=HOUR)
        following = asyncio.ensure_future(until_timeout(watch))
        new: list[str] = []
        for _ in range(3):
            await local.clock.sleep(600)
            new.append(local.add_run(job))
        changes = await following
    assert [told(changes, run)[-1][1] for run in new] == [SUCCEEDED] * 3
    assert told(changes, old) == []


@pytest.mark.parametrize("job", ["glue:etl", "emr-serverless:00app", "datazone:dzd_x/job42"])
async def test_a_run_that_ends_just_before_the_first_look_at_its_job_is_told_of(local: LocalService, job: str) -> None:
    local.add_datazone_job("dzd_x", "job42")
    local.add_application("00app")
    local.add_glue_job("etl")
    over = local.add_run(job, duration=SECOND, startup=SECOND)
    run = local.add_run(job, duration=MINUTE, startup=SECOND)
    # By this machine's clock, which is fast, it had ended long ago: only the service can say when the watch began.
    async with client_of(local, clock=Skewed(local.clock, 4 * MINUTE)) as client:
        local.advance(timedelta(seconds=60))
        following = asyncio.ensure_future(until_timeout(client.watch([job], timeout=5 * MINUTE)))
        await asyncio.sleep(0)  # the watch has begun, and there is no connection yet
        assert local.calls() == 0
        local.advance(timedelta(seconds=2))
        changes = await following
    assert told(changes, run) == [(None, SUCCEEDED, 1)]
    assert told(changes, over) == []


@pytest.mark.parametrize("job", ["glue:etl", "emr-serverless:00app", "datazone:dzd_x/job42"])
async def test_a_run_that_is_listed_late_and_ended_before_the_watch_began_is_not_told_of(
    local: LocalService, client: JobRunsClient, job: str
) -> None:
    local.add_datazone_job("dzd_x", "job42")
    local.add_application("00app")
    local.add_glue_job("etl")
    over = local.add_run(job, duration=SECOND, startup=SECOND)
    local.advance(5 * SECOND)
    local.fault("*", "stale_list", seconds=10, times=None)
    watch = client.watch([job], timeout=HOUR)
    following = asyncio.ensure_future(until_timeout(watch))
    await local.clock.sleep(5)
    new = local.add_run(job, duration=MINUTE)
    changes = await following
    assert told(changes, over) == []
    assert told(changes, new)[-1][1] is SUCCEEDED


async def test_waits_that_come_and_go_beside_a_watch_end_nothing(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=HOUR, max_retries=1)
    over = local.add_run("glue:etl", state="SUCCEEDED")
    local.add_run("glue:etl", state="FAILED")
    ref = await client.glue("etl").start()
    watch = asyncio.ensure_future(until_timeout(client.watch(["glue:etl"], timeout=2 * HOUR)))
    waits: list[asyncio.Future[JobRun[Any]]] = []
    for turns in range(40):
        waits.append(asyncio.ensure_future(client.wait(f"glue:etl/{over}", timeout=HOUR)))
        waits.append(asyncio.ensure_future(client.wait(ref, timeout=3 * HOUR)))
        for _ in range(turns):
            await asyncio.sleep(0)
        waits.pop(-1 if turns % 2 else 0).cancel()
    assert all(run.succeeded for run in await asyncio.gather(*waits))
    assert told(await watch, ref.run_id)[-1][1] is SUCCEEDED
    assert groups_of(client) == 0


async def test_a_job_that_is_gone_is_told_of_and_looked_for_all_the_same(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    failed: list[SourceError] = []
    watch = client.watch(["glue:etl"], timeout=3 * HOUR, on_error=failed.append)
    local.fault("GetJobRuns", "error", code="EntityNotFoundException", status=400, times=100, after=5)
    late = asyncio.ensure_future(until_timeout(watch))
    await local.clock.sleep(2 * HOUR.total_seconds())
    assert [(type(failure.error), failure.job, failure.run) for failure in failed] == [
        (NotFoundError, client.glue("etl").ref, None)
    ]
    run = local.add_run("glue:etl")
    assert told(await late, run)[-1][1] is SUCCEEDED


async def test_a_run_that_was_listed_in_its_retry_is_watched_through_any_answer(
    local: LocalService, client: JobRunsClient
) -> None:
    app = local.add_application(duration=5 * SECOND, startup=SECOND, fail_attempts=1, max_retries=1)
    watch = client.watch([f"emr-serverless:{app}"], timeout=HOUR, poll_interval=MINUTE, on_error="skip")
    changes = asyncio.ensure_future(until_timeout(watch))
    await local.clock.sleep(MINUTE.total_seconds() / 2)
    run = local.add_run(f"emr-serverless:{app}")
    local.fault("GetJobRun", "error", code="InvalidSignatureException", status=403, times=1)
    assert told(await changes, run)


async def test_that_a_job_is_gone_is_confirmed_before_an_hour_has_passed(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    failed: list[tuple[float, SourceError]] = []
    local.fault("GetJobRuns", "error", code="EntityNotFoundException", status=400, times=None, after=1)
    watch = client.watch(
        ["glue:etl"],
        timeout=3 * HOUR,
        poll_interval=HOUR,
        on_error=lambda failure: failed.append((local.clock.monotonic(), failure)),
    )
    await until_timeout(watch)
    assert [at < (HOUR + 2 * MINUTE).total_seconds() for at, _ in failed] == [True]


async def test_a_list_that_lags_behind_does_not_hide_an_end_that_another_watch_has_seen(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_datazone_job("dzd_x", "job42", duration=MINUTE)
    run = local.add_run("datazone:dzd_x/job42")
    ref = f"datazone:dzd_x/job42/{run}"
    slow = asyncio.ensure_future(until_timeout(client.watch([ref, "datazone:dzd_x/job42"], timeout=HOUR)))
    assert (await client.wait(ref, timeout=HOUR)).succeeded
    local.fault("ListJobRuns", "stale_list", times=3, seconds=120)
    await until_timeout(client.watch(["datazone:dzd_x/job42"], timeout=MINUTE))
    assert [after for _, after, _ in told(await slow, run)][-1] is SUCCEEDED


async def test_a_watch_that_goes_on_after_a_cancellation_takes_no_run_back(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_datazone_job("dzd_x", "job42", duration=HOUR, startup=MINUTE)
    local.add_run("datazone:dzd_x/job42")
    local.add_run("datazone:dzd_x/job42")
    watch = client.watch(["datazone:dzd_x/job42"], timeout=10 * MINUTE)
    before = [(await anext(watch)).after for _ in range(4)]
    assert before == [RunState.QUEUED, RunState.QUEUED, RunState.RUNNING, RunState.RUNNING]
    impatient = asyncio.ensure_future(anext(watch))
    await local.clock.sleep(1)
    impatient.cancel()
    await asyncio.wait([impatient])
    local.fault("ListJobRuns", "stale_list", times=None, seconds=55)
    assert await until_timeout(watch) == []


async def test_a_watch_that_goes_on_after_a_cancellation_takes_no_row_from_before_it_for_new(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", startup=timedelta(0), duration=10 * SECOND)
    ref = f"glue:etl/{local.add_run('glue:etl')}"
    began = local.clock.now()
    watch = client.watch([ref, "glue:etl"], timeout=HOUR, poll_interval=5 * MINUTE, max_poll_interval=5 * MINUTE)
    assert (await anext(watch)).after is RunState.RUNNING
    impatient = asyncio.ensure_future(anext(watch))
    await local.clock.sleep(60)
    impatient.cancel()
    await asyncio.wait([impatient])
    change = await anext(watch)
    assert change.after is SUCCEEDED
    assert change.at - began < 6 * MINUTE
