"""Waiting for one run: what it costs, what ends it, and what does not."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, Final

import pytest

from jobruns_sdk import UNSUCCESSFUL, JobRun, JobRunsClient, RunState, SparkSubmit
from jobruns_sdk.errors import (
    AccessDeniedError,
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    ThrottledError,
    UnsupportedOperationError,
)
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.services.datazone.translate import STATES as DATAZONE
from jobruns_sdk.services.emr_serverless.translate import STATES as EMR_SERVERLESS
from jobruns_sdk.services.glue.translate import STATES as GLUE
from jobruns_sdk.testing import LocalService, SpeedClock, VirtualClock
from jobruns_sdk.testing.faults import FaultKind
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.waiting.kit import HOUR, MINUTE, ROLE, SECOND, calls_by_operation, client_of, groups_of, others

SPARK: Final = SparkSubmit(entry_point="s3://b/main.py")
TABLES: Final = {"datazone": DATAZONE, "emr-serverless": EMR_SERVERLESS, "glue": GLUE}
STATES: Final = [(service, native, state) for service, table in TABLES.items() for native, state in table.items()]
TERMINAL: Final = [row for row in STATES if row[2].is_terminal]
ACTIVE: Final = [row for row in STATES if not row[2].is_terminal]
JOBS: Final = {"datazone": "datazone:dzd_x/job42", "emr-serverless": "emr-serverless:00app", "glue": "glue:etl"}


def add_jobs(local: LocalService, **options: Any) -> None:  # noqa: ANN401  # those that all services take
    local.add_glue_job("etl", **options)
    local.add_application("00app", **options)
    local.add_datazone_job("dzd_x", "job42", **options)


@pytest.mark.parametrize(("service", "native", "state"), TERMINAL)
async def test_a_run_that_has_ended_takes_one_call(
    local: LocalService, client: JobRunsClient, service: str, native: str, state: RunState
) -> None:
    add_jobs(local)
    run_id = local.add_run(JOBS[service], state=native)
    run = await client.wait(f"{JOBS[service]}/{run_id}", timeout=HOUR)
    assert (run.id, run.native_state, run.state) == (run_id, native, state)
    assert local.clock.monotonic() == 0
    failed_on_glue = service == "glue" and state.is_failure
    assert sum(calls_by_operation(local).values()) == (3 if failed_on_glue else 1)


@pytest.mark.parametrize(("service", "native", "state"), ACTIVE)
async def test_a_run_that_has_not_ended_is_waited_for(
    local: LocalService, client: JobRunsClient, service: str, native: str, state: RunState
) -> None:
    add_jobs(local)
    run_id = local.add_run(JOBS[service], state=native)
    with pytest.raises(WaitTimeoutError) as caught:
        await client.wait(f"{JOBS[service]}/{run_id}", timeout=HOUR)
    assert caught.value.run is not None
    assert (caught.value.run.native_state, caught.value.run.state) == (native, state)
    assert local.clock.monotonic() == 3600
    assert isinstance(caught.value, TimeoutError)


@pytest.mark.parametrize("service", TABLES)
async def test_an_unknown_state_is_no_end(service: str) -> None:
    with LocalService() as local:
        add_jobs(local)
        run_id = local.add_run(JOBS[service], state="PONDERING")
        async with client_of(local) as client:
            with pytest.raises(WaitTimeoutError) as caught:
                await client.wait(f"{JOBS[service]}/{run_id}", timeout=HOUR)
    assert caught.value.run is not None
    assert (caught.value.run.native_state, caught.value.run.state) == ("PONDERING", RunState.UNKNOWN)


@pytest.mark.parametrize("service", TABLES)
@pytest.mark.parametrize("kind", ["throttle", "error500", "html503", "reset_before", "reset_after", "truncate"])
async def test_what_may_pass_does_not_end_a_wait(
    local: LocalService, client: JobRunsClient, service: str, kind: FaultKind
) -> None:
    add_jobs(local)
    run_id = local.add_run(JOBS[service])
    local.fault("GetJobRun", kind, times=30, after=1)
    run = await client.wait(f"{JOBS[service]}/{run_id}", timeout=HOUR)
    assert run.succeeded
    assert local.calls("GetJobRun") > 31


async def test_a_call_that_gets_no_answer_does_not_end_a_wait(local: LocalService, loop_time: LoopTime) -> None:
    add_jobs(local)
    run_id = local.add_run("glue:etl")
    local.fault("GetJobRun", "silence", times=2, after=1)
    async with client_of(local, call_timeout=CALL_TIMEOUT) as client, asyncio.TaskGroup() as tasks:
        tasks.create_task(loop_time.forward_at(partial(local.calls, "GetJobRun"), 2, 3))
        assert (await client.wait(f"glue:etl/{run_id}", timeout=HOUR)).succeeded


async def test_what_does_not_pass_ends_a_wait_when_the_run_was_not_seen_for_so_long(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local)
    ref = local.add_run("glue:etl", duration=24 * HOUR)
    local.fault("GetJobRun", "throttle", times=None, after=1)
    with pytest.raises(ThrottledError) as caught:
        await client.wait(f"glue:etl/{ref}", timeout=24 * HOUR, unseen_for=20 * MINUTE)
    assert 20 * 60 <= local.clock.monotonic() < 30 * 60  # the last call is tried several times
    assert caught.value.run.id == ref
    assert groups_of(client) == 0


async def test_failures_count_only_one_after_the_other(local: LocalService) -> None:
    add_jobs(local)
    run_id = local.add_run("glue:etl", duration=3 * HOUR)
    for nth in range(1, 40):
        local.fault("GetJobRun", "error500", times=1, after=nth * 2)
    async with client_of(local, max_attempts=1) as client:
        assert (await client.wait(f"glue:etl/{run_id}", timeout=24 * HOUR)).succeeded


CODES: Final = {
    "AccessDeniedException": AccessDeniedError,
    "EntityNotFoundException": NotFoundError,
    "ExpiredTokenException": CredentialsError,
    "NewException": InvalidRequestError,
    "ValidationException": InvalidRequestError,
}


@pytest.mark.parametrize("code", CODES)
async def test_no_answer_ends_the_wait_for_a_run_that_was_seen(
    local: LocalService, client: JobRunsClient, code: str
) -> None:
    add_jobs(local)
    run_id = local.add_run("glue:etl")
    failed: list[JobRunsError] = []
    local.fault("GetJobRun", "error", code=code, status=400, times=3, after=2)
    assert (await client.wait(f"glue:etl/{run_id}", timeout=HOUR, on_failed_poll=failed.append)).succeeded
    assert {(type(error), error.run.id) for error in failed} == {(CODES[code], run_id)}


@pytest.mark.parametrize("code", CODES)
async def test_no_answer_ends_the_wait_for_a_run_that_was_started_here(
    local: LocalService, client: JobRunsClient, code: str
) -> None:
    add_jobs(local)
    glue = await client.glue("etl").start()
    emr = await client.emr_serverless("00app").start(SPARK, execution_role_arn=ROLE)
    local.fault("GetJobRun", "error", code=code, status=400, times=4)
    assert all(run.succeeded for run in await client.wait_all([glue, emr], timeout=HOUR))


@pytest.mark.parametrize("code", CODES)
async def test_what_is_refused_before_a_run_was_seen_is_told_at_once(
    local: LocalService, client: JobRunsClient, code: str
) -> None:
    add_jobs(local)
    run_id = local.add_run("glue:etl")
    local.fault("GetJobRun", "error", code=code, status=400)
    with pytest.raises(CODES[code]) as caught:
        await client.wait(f"glue:etl/{run_id}", timeout=HOUR)
    assert (local.clock.monotonic(), caught.value.run) == (0, None)
    assert groups_of(client) == 0


async def test_a_run_that_is_gone_is_told_of_with_what_was_seen(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=9 * HOUR)
    ref = await client.glue("etl").start()
    local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400, times=None, after=20)
    with pytest.raises(NotFoundError) as caught:
        await client.wait(ref, timeout=None)
    assert caught.value.run.state is RunState.RUNNING
    assert 3600 < local.clock.monotonic() < 2 * 3600


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_run_that_is_gone_costs_its_jobs_definition_no_more_than_once(
    local: LocalService, client: JobRunsClient, *, is_told: bool
) -> None:
    add_jobs(local, duration=9 * HOUR)
    refs = [await client.glue("etl").start() for _ in range(3)]
    if not is_told:
        local.fault("GetJob", "error", code="AccessDeniedException", status=400, times=None)
    local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400, times=None)
    local.fault("GetJobRuns", "error", code="AccessDeniedException", status=400, times=None)
    waits = [client.wait(ref, timeout=HOUR) for ref in refs]
    ended = await asyncio.gather(*waits, return_exceptions=True)
    assert {type(error) for error in ended} == {WaitTimeoutError}
    asked = local.calls("GetJob")
    assert asked == 1 if is_told else asked <= HOUR / (5 * MINUTE)


async def test_a_run_that_is_not_there_is_not_waited_for(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    for ref in ("glue:etl/jr_1", "glue:missing/jr_1", "emr-serverless:00app/00run", "datazone:dzd_x/job42/run1"):
        with pytest.raises(NotFoundError):
            await client.wait(ref, timeout=HOUR)
    assert local.clock.monotonic() == 0


async def test_the_time_is_up_on_the_minute_and_the_run_is_left_alone(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local, duration=2 * HOUR)
    ref = await client.glue("etl").start()
    with pytest.raises(WaitTimeoutError, match="RUNNING") as caught:
        await client.wait(ref, timeout=HOUR)
    assert local.clock.monotonic() == 3600
    assert caught.value.run is not None
    assert caught.value.run.ref == ref
    assert local.calls("BatchStopJobRun") == 0
    assert (await client.wait(ref, timeout=2 * HOUR)).succeeded


async def test_a_run_that_was_never_seen_is_not_made_up(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    ref = await client.glue("etl").start()
    local.fault("GetJobRun", "throttle", times=None)
    with pytest.raises(WaitTimeoutError, match="never seen") as caught:
        await client.wait(ref, timeout=MINUTE)
    assert caught.value.run is None


async def test_no_time_at_all_is_over_before_a_look(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    run_id = local.add_run("glue:etl", state="SUCCEEDED")
    with pytest.raises(WaitTimeoutError, match="never seen"):
        await client.wait(f"glue:etl/{run_id}", timeout=0 * HOUR)
    with pytest.raises(WaitTimeoutError):
        await anext(client.watch([f"glue:etl/{run_id}"], timeout=0 * HOUR))


@pytest.mark.parametrize("service", ["emr-serverless", "glue"])
async def test_a_run_whose_time_is_up_may_be_stopped(local: LocalService, client: JobRunsClient, service: str) -> None:
    add_jobs(local, duration=2 * HOUR)
    ref = f"{JOBS[service]}/{local.add_run(JOBS[service])}"
    with pytest.raises(WaitTimeoutError, match="asked to stop"):
        await client.wait(ref, timeout=HOUR, on_timeout="stop")
    assert (await client.wait(ref, timeout=HOUR)).state is RunState.STOPPED


@pytest.mark.parametrize("pause", [MINUTE, 2 * MINUTE, 4 * MINUTE])
async def test_a_retry_that_follows_soon_is_stopped_before_a_wait_tells_that_its_time_is_up(
    local: LocalService, pause: timedelta
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=HOUR, retry_delay=pause)
    async with client_of(local) as client:
        ref = await client.glue("etl").start()
        with pytest.raises(WaitTimeoutError) as caught:
            await client.wait(ref, timeout=HOUR + 30 * SECOND, on_timeout="stop")
    # Nobody goes on to watch for it: the client is closed.
    assert caught.value.outcome is not None
    assert caught.value.outcome.accepted
    local.advance(MINUTE)
    assert set(local.states("glue:etl").values()) == {"STOPPED"}


async def test_a_wait_whose_time_is_up_waits_for_a_retry_no_longer_than_five_minutes(local: LocalService) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, retry_delay=20 * MINUTE)
    async with client_of(local, call_timeout=CALL_TIMEOUT) as client:
        ref = await client.glue("etl").start()
        with pytest.raises(WaitTimeoutError, match="a retry that follows is stopped") as caught:
            await client.wait(ref, timeout=5 * MINUTE, on_timeout="stop")
        late = local.clock.monotonic() - (5 * MINUTE).total_seconds()
        assert 0 <= late <= (5 * MINUTE).total_seconds() + 1
        outcome = caught.value.outcome
        assert outcome is not None
        assert (outcome.accepted, isinstance(outcome.error, JobRunsError) and outcome.error.retryable) == (False, True)
        # The client goes on, and stops the retry when it comes.
        run = await client.wait(ref, timeout=2 * HOUR)
    assert (run.native_state, run.attempt) == ("STOPPED", 2)


async def test_a_run_that_cannot_be_stopped_is_said_to_go_on(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=2 * HOUR)
    ref = await client.glue("etl").start()
    local.fault("BatchStopJobRun", "error", code="AccessDeniedException", status=400)
    with pytest.raises(WaitTimeoutError, match="could not be stopped"):
        await client.wait(ref, timeout=HOUR, on_timeout="stop")


async def test_arguments_that_cannot_be_right_are_refused(local: LocalService, client: JobRunsClient) -> None:
    wrong: list[dict[str, Any]] = [
        {"on_timeout": "kill"},
        {"poll_interval": timedelta(0)},
        {"poll_interval": 2 * MINUTE, "max_poll_interval": MINUTE},
    ]
    for options in wrong:
        with pytest.raises(InvalidRequestError):
            await client.wait("glue:etl/jr_1", timeout=HOUR, **options)
    with pytest.raises(InvalidRequestError):
        await client.wait("glue:etl", timeout=HOUR)
    with pytest.raises(UnsupportedOperationError):
        await client.wait("datazone:dzd_x/job42/run1", timeout=HOUR, on_timeout="stop")
    assert local.calls() == 0


async def test_a_long_interval_needs_no_longer_one(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=HOUR)
    ref = await client.glue("etl").start()
    assert (await client.wait(ref, timeout=2 * HOUR, poll_interval=10 * MINUTE)).succeeded
    assert local.calls("GetJobRun") == 8


async def test_the_intervals_are_the_callers(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=HOUR)
    ref = await client.glue("etl").start()
    await client.wait(ref, timeout=None, poll_interval=30 * SECOND, max_poll_interval=30 * SECOND)
    seen = [request.at for request in local.requests if request.operation == "GetJobRun"]
    assert {(after - before).total_seconds() for before, after in pairwise(seen)} == {30.0}


async def test_intervals_begin_anew_when_something_changes(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", startup=HOUR, duration=HOUR)
    ref = await client.glue("etl").start()
    await client.wait(ref, timeout=None)
    states = [request.at for request in local.requests if request.operation == "GetJobRun"]
    gaps = [(after - before).total_seconds() for before, after in pairwise(states)]
    assert gaps[0] == 10
    assert gaps.count(10.0) >= 2
    assert max(gaps) <= 60


async def test_each_poll_is_told_of(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    seen: list[str] = []
    ref = await client.emr_serverless("00app").start(SPARK, execution_role_arn=ROLE)
    last = await client.wait(ref, timeout=HOUR, on_poll=lambda run: seen.append(run.native_state))
    assert len(seen) == local.calls("GetJobRun")
    assert seen[0] == "SUBMITTED"
    assert seen[-1] == last.native_state == "SUCCESS"


async def test_a_poll_that_failed_tells_nothing(local: LocalService) -> None:
    add_jobs(local)
    seen: list[JobRun[Any]] = []
    async with client_of(local, max_attempts=1) as client:
        ref = await client.glue("etl").start()
        local.fault("GetJobRun", "error500", times=3, after=1)
        await client.wait(ref, timeout=HOUR, on_poll=seen.append)
        assert len(seen) == local.calls("GetJobRun") - 3


async def test_what_is_raised_by_on_poll_ends_the_wait(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    ref = await client.glue("etl").start()

    def stop(run: JobRun[Any]) -> None:
        raise KeyError(run.id)

    with pytest.raises(KeyError, match=ref.run_id):
        await client.wait(ref, timeout=HOUR, on_poll=stop)
    assert groups_of(client) == 0
    assert await others() == set()


async def test_no_timeout_is_refused_for_what_does_not_end(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    local.add_glue_job("stream", streaming=True)
    stream = await client.glue("stream").start()
    with pytest.raises(InvalidRequestError, match="timeout"):
        await client.wait(stream, timeout=None)
    assert local.clock.monotonic() == 0
    with pytest.raises(WaitTimeoutError):
        await client.wait(stream, timeout=MINUTE)
    assert (await client.wait(await client.glue("etl").start(), timeout=None)).succeeded
    batch = await client.emr_serverless("00app").start(SPARK, execution_role_arn=ROLE, mode="BATCH")
    assert (await client.wait(batch, timeout=None)).succeeded


async def test_no_timeout_is_refused_for_a_streaming_run_on_emr_serverless(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local)
    run_id = local.add_run("emr-serverless:00app", mode="STREAMING")
    with pytest.raises(InvalidRequestError, match="timeout"):
        await client.wait(f"emr-serverless:00app/{run_id}", timeout=None)
    assert groups_of(client) == 0


async def test_a_streaming_run_that_has_ended_needs_no_timeout(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("stream", streaming=True)
    run_id = local.add_run("glue:stream", state="STOPPED")
    assert (await client.wait(f"glue:stream/{run_id}", timeout=None)).state is RunState.STOPPED


async def test_not_being_told_of_the_job_does_not_end_a_wait(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    ref = await client.glue("etl").start()
    local.fault("GetJob", "error500", times=6)
    assert (await client.wait(ref, timeout=None)).succeeded
    ref = await client.glue("etl").start()
    local.fault("GetJob", "error", code="AccessDeniedException", status=400)
    assert (await client.wait(ref, timeout=None)).succeeded


async def test_an_attempts_id_means_the_run(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1)
    ref = await client.glue("etl").start()
    local.advance(10 * MINUTE)
    run = await client.wait(f"glue:etl/{ref.run_id}_attempt_1", timeout=HOUR)
    assert run.ref == ref
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 2)


async def test_a_retry_is_followed(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=2, fail_attempts=2)
    seen: list[tuple[RunState, int]] = []
    ref = await client.glue("etl").start()
    run = await client.wait(
        ref,
        timeout=HOUR,
        max_poll_interval=10 * SECOND,
        on_poll=lambda run: seen.append((run.state, run.attempt)),
    )
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 3)
    assert (RunState.FAILED, 1) in seen
    assert local.calls("GetJob") == 1


async def test_retries_that_are_used_up_end_a_wait_at_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=9, duration=MINUTE)
    ref = await client.glue("etl").start()
    run = await client.wait(ref, timeout=HOUR, poll_interval=SECOND, max_poll_interval=SECOND)
    assert (run.state, run.attempt) == (RunState.FAILED, 2)
    assert run.ended_at is not None
    assert local.clock.now() - run.ended_at < 2 * SECOND


async def test_a_retry_may_come_late(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, retry_delay=4 * MINUTE)
    run = await client.wait(await client.glue("etl").start(), timeout=HOUR)
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 2)


async def test_a_retry_that_does_not_come_is_not_waited_for_for_ever(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, retry_delay=40 * MINUTE)
    ref = await client.glue("etl").start()
    run = await client.wait(ref, timeout=HOUR)
    assert (run.state, run.attempt) == (RunState.FAILED, 1)
    assert run.ended_at is not None
    assert 30 * MINUTE <= local.clock.now() - run.ended_at < 31 * MINUTE
    run = await client.wait(ref, timeout=2 * HOUR, retry_grace=HOUR)
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 2)


@pytest.mark.parametrize("code", ["AccessDeniedException", "EntityNotFoundException"])
async def test_without_knowing_the_job_the_grace_decides(local: LocalService, client: JobRunsClient, code: str) -> None:
    local.add_glue_job("etl", max_retries=3, fail_attempts=1)
    local.fault("GetJob", "error", code=code, status=400, times=None)
    run = await client.wait(await client.glue("etl").start(), timeout=HOUR)
    assert (run.state, run.attempt) == (RunState.SUCCEEDED, 2)
    local.add_glue_job("hopeless", fail_attempts=1)
    run = await client.wait(await client.glue("hopeless").start(), timeout=HOUR)
    assert (run.state, run.attempt) == (RunState.FAILED, 1)
    assert run.ended_at is not None
    assert local.clock.now() - run.ended_at >= 5 * MINUTE


async def test_the_job_is_asked_for_again_when_it_could_not_be_told(local: LocalService) -> None:
    local.add_glue_job("etl", fail_attempts=1)
    local.fault("GetJob", "error500", times=2)
    async with client_of(local, max_attempts=1) as client:
        run = await client.wait(await client.glue("etl").start(), timeout=HOUR)
    assert run.state is RunState.FAILED
    assert local.calls("GetJob") == 3
    assert run.ended_at is not None
    assert local.clock.now() - run.ended_at < 5 * MINUTE


@pytest.mark.parametrize("native", ["TIMEOUT", "EXPIRED", "ERROR"])
async def test_other_failures_may_be_tried_again_as_well(
    local: LocalService, client: JobRunsClient, native: str
) -> None:
    local.add_glue_job("etl", max_retries=1)
    run_id = local.add_run("glue:etl", state=native)
    run = await client.wait(f"glue:etl/{run_id}", timeout=HOUR, retry_grace=5 * MINUTE)
    assert run.native_state == native
    assert 5 * 60 <= local.clock.monotonic() < 6 * 60


class WallClock:
    """The time of a service, but for what a clock on the wall was set ahead."""

    def __init__(self, clock: VirtualClock | SpeedClock) -> None:
        self.ahead = timedelta(0)
        self.monotonic, self.sleep, self.calling = clock.monotonic, clock.sleep, clock.calling
        self._clock = clock

    def now(self) -> datetime:
        return self._clock.now() + self.ahead


async def test_a_clock_that_is_set_meanwhile_makes_no_failure_final(local: LocalService) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, retry_delay=4 * MINUTE)
    clock = WallClock(local.clock)

    def set_ahead(run: JobRun[object]) -> None:
        clock.ahead = HOUR if run.state is RunState.RUNNING else clock.ahead

    async with client_of(local, clock=clock) as client:
        ref = await client.glue("etl").start()
        run = await client.wait(ref, timeout=HOUR, on_poll=set_ahead)
    assert (run.state, run.attempt, clock.ahead) == (RunState.SUCCEEDED, 2, HOUR)


async def test_a_failure_of_long_ago_is_final(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=3)
    run_id = local.add_run("glue:etl", state="FAILED", ended_at=local.clock.now() - HOUR)
    assert (await client.wait(f"glue:etl/{run_id}", timeout=HOUR)).state is RunState.FAILED
    assert local.clock.monotonic() == 0
    assert local.calls("GetJob") == 0


@pytest.mark.parametrize("service", ["emr-serverless", "glue"])
async def test_a_wait_ends_in_the_states_that_it_waits_for(
    local: LocalService, client: JobRunsClient, service: str
) -> None:
    add_jobs(local, duration=HOUR, startup=10 * MINUTE)
    ref = f"{JOBS[service]}/{local.add_run(JOBS[service])}"
    run = await client.wait(ref, timeout=2 * HOUR, until={RunState.RUNNING, RunState.STOPPING})
    assert run.state is RunState.RUNNING
    assert local.clock.monotonic() < 12 * 60
    assert (await client.wait(ref, timeout=2 * HOUR, until=["QUEUED"])).succeeded
    with pytest.raises(
        InvalidRequestError, match=r"^until: 'running' is not a RunState, nearest is RUNNING; states are "
    ):
        await client.wait(ref, timeout=HOUR, until={"running"})


async def test_a_streaming_run_may_be_waited_for_until_it_runs(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("stream", streaming=True)
    run = await client.wait(await client.glue("stream").start(), timeout=None, until={RunState.RUNNING})
    assert run.state is RunState.RUNNING


async def test_a_failure_that_is_waited_for_is_an_end_though_a_retry_may_follow(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, retry_delay=20 * MINUTE)
    ref = await client.glue("etl").start()
    run = await client.wait(ref, timeout=HOUR, until=set(UNSUCCESSFUL))
    assert (run.state, run.attempt) == (RunState.FAILED, 1)


async def test_an_outage_is_outlived_and_told_of(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=4 * HOUR)
    ref = await client.glue("etl").start()
    failed: list[float] = []
    local.fault("glue:*", "error500", times=400, after=30)
    wait = client.wait(ref, timeout=8 * HOUR, on_failed_poll=lambda _: failed.append(local.clock.monotonic()))
    assert (await wait).succeeded
    assert failed[-1] - failed[0] > HOUR.total_seconds()
    assert all(after - before < 3 * 60 for before, after in pairwise(failed))


async def test_the_first_look_of_a_wait_is_its_own(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local, duration=20 * MINUTE)
    ref = await client.glue("etl").start()
    slow = asyncio.ensure_future(client.wait(ref, timeout=9 * HOUR, poll_interval=HOUR))
    await local.clock.sleep(25 * 60)
    assert (await client.wait(ref, timeout=9 * HOUR, poll_interval=HOUR)).succeeded
    assert local.clock.monotonic() < 26 * 60
    slow.cancel()
    await asyncio.wait([slow])


@pytest.mark.parametrize("on_poll", [True, False], ids=["a wait", "a watch"])
async def test_a_nudge_lets_a_run_be_polled_now(local: LocalService, client: JobRunsClient, *, on_poll: bool) -> None:
    add_jobs(local, duration=20 * MINUTE)
    ref = await client.glue("etl").start()
    client.nudge(ref)  # nobody waits

    async def last() -> RunState:
        if on_poll:
            return (await client.wait(ref, timeout=9 * HOUR, poll_interval=HOUR)).state
        return [change.after async for change in client.watch(ref, timeout=9 * HOUR, poll_interval=HOUR)][-1]

    waiting = asyncio.ensure_future(last())
    await local.clock.sleep(25 * 60)
    client.nudge(str(ref))
    assert await waiting is RunState.SUCCEEDED
    assert local.clock.monotonic() < 26 * 60


async def test_a_nudge_lets_a_watched_job_be_searched_for_a_run_that_is_new(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local, duration=MINUTE)
    watch = client.watch("glue:etl", timeout=9 * HOUR, poll_interval=HOUR)
    waiting = asyncio.ensure_future(anext(watch))
    await local.clock.sleep(25 * 60)
    ref = await client.glue("etl").start()
    client.nudge(ref)
    assert (await waiting).run.ref == ref
    assert local.clock.monotonic() < 26 * 60
    await watch.aclose()


async def test_a_job_that_cannot_be_read_is_told_of_once(
    local: LocalService, client: JobRunsClient, caplog: pytest.LogCaptureFixture
) -> None:
    local.add_glue_job("etl", max_retries=1, outcome="FAILED")
    local.fault("GetJob", "error", code="AccessDeniedException", status=400, times=None)
    refs = [await client.glue("etl").start() for _ in range(5)]
    with caplog.at_level("WARNING", "jobruns_sdk.polls"):
        await client.wait_all(refs, timeout=HOUR)
    assert ["MaxRetries of glue:etl" in record.message for record in caplog.records] == [True]
    assert local.calls("GetJob") <= 8
