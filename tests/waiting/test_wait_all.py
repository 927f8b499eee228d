"""Waiting for many runs: their order, their errors, and what is left behind."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal

import pytest

from jobruns_sdk import JobRun, JobRunsClient, RunState
from jobruns_sdk.errors import (
    AccessDeniedError,
    ClientClosedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    UnsupportedOperationError,
)
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.testing import LocalService
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.waiting.kit import HOUR, MINUTE, client_of, groups_of, others, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jobruns_sdk.model.native import Native


async def test_runs_come_back_in_the_order_of_their_references(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=MINUTE)
    local.add_datazone_job("dzd_x", "job42", outcome="PARTIALLY_SUCCEEDED")
    app = local.add_application(duration=HOUR)
    refs = [
        f"emr-serverless:{app}/{local.add_run(f'emr-serverless:{app}')}",
        f"glue:etl/{local.add_run('glue:etl')}",
        f"datazone:dzd_x/job42/{local.add_run('datazone:dzd_x/job42')}",
    ]
    refs.append(refs[0])
    runs = await client.wait_all(refs, timeout=2 * HOUR)
    assert [str(run.ref).partition("?")[0] for run in runs] == refs
    assert [run.state for run in runs] == [
        RunState.SUCCEEDED,
        RunState.SUCCEEDED,
        RunState.PARTIALLY_SUCCEEDED,
        RunState.SUCCEEDED,
    ]


async def test_no_runs_make_no_call(local: LocalService, client: JobRunsClient) -> None:
    assert await client.wait_all([], timeout=HOUR) == []
    assert local.calls() == 0


async def test_a_run_that_is_named_twice_is_asked_for_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    run_id = local.add_run("glue:etl", state="SUCCEEDED")
    runs = await client.wait_all([f"glue:etl/{run_id}", f"glue:etl/{run_id}_attempt_1"] * 5, timeout=HOUR)
    assert {run.id for run in runs} == {run_id}
    assert local.calls("GetJobRun") == 1


async def test_errors_take_the_places_of_runs_that_cannot_be_followed(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    local.add_glue_job("long", duration=9 * HOUR)
    good, long = local.add_run("glue:etl"), local.add_run("glue:long")
    refs = [f"glue:etl/{good}", "glue:etl/jr_missing", "nonsense", f"glue:long/{long}", f"glue:etl/{good}"]
    done = await client.wait_all(refs, timeout=HOUR, return_exceptions=True)
    assert [type(one).__name__ for one in done] == [
        "JobRun",
        "NotFoundError",
        "InvalidRequestError",
        "WaitTimeoutError",
        "JobRun",
    ]
    last = done[3]
    assert isinstance(last, WaitTimeoutError)
    assert last.run is not None
    assert last.run.id == long
    assert groups_of(client) == 0


async def test_the_first_error_ends_the_call_and_leaves_nothing_behind(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    app = local.add_application()
    refs = [f"emr-serverless:{app}/{local.add_run(f'emr-serverless:{app}')}" for _ in range(20)]
    with pytest.raises(NotFoundError):
        await client.wait_all([*refs, "glue:etl/jr_missing"], timeout=HOUR)
    assert local.clock.monotonic() == 0
    assert groups_of(client) == 0
    assert await others() == set()
    with pytest.raises(InvalidRequestError):
        await client.wait_all([*refs, "nonsense"], timeout=HOUR)
    assert groups_of(client) == 0
    assert await others() == set()


async def test_a_client_that_is_closed_is_no_error_of_a_runs(local: LocalService) -> None:
    local.add_glue_job("etl", duration=timedelta(days=3650))
    refs = [f"glue:etl/{local.add_run('glue:etl')}", "nonsense"]
    polled = asyncio.Event()
    async with client_of(local) as client:
        waits = client.wait_all(refs, timeout=None, return_exceptions=True, on_poll=lambda _: polled.set())
        waiting = asyncio.ensure_future(waits)
        await polled.wait()
    with pytest.raises(ClientClosedError, match=r"the client (is|was) closed"):
        await waiting
    with pytest.raises(ClientClosedError, match="the client is closed"):
        await client.wait_all(refs, timeout=None, return_exceptions=True)
    assert groups_of(client) == 0
    assert await others() == set()


async def test_runs_of_one_job_that_cannot_be_listed_are_got(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(5)]
    local.fault("GetJobRuns", "error", code="AccessDeniedException", status=400, times=None)
    runs = await client.wait_all(refs, timeout=HOUR)
    assert all(run.succeeded for run in runs)
    assert local.calls("GetJobRuns") <= 4


async def test_a_list_that_fails_for_a_while_does_not_end_the_waits(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(5)]
    local.fault("GetJobRuns", "throttle", times=12, after=1)
    runs = await client.wait_all(refs, timeout=HOUR)
    assert all(run.succeeded for run in runs)
    assert local.calls("GetJobRuns") > 13
    assert local.calls("GetJobRun") == 0


async def test_runs_that_fail_together_ask_for_their_job_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", outcome="FAILED")
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(50)]
    runs = await client.wait_all(refs, timeout=HOUR)
    assert {run.state for run in runs} == {RunState.FAILED}
    assert local.calls("GetJob") == 1


async def test_runs_that_a_list_shows_late_are_listed_again(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", duration=HOUR)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(20)]
    local.fault("GetJobRuns", "stale_list", times=2, seconds=600)
    runs = await client.wait_all(refs, timeout=2 * HOUR)
    assert all(run.succeeded for run in runs)
    assert local.calls("GetJobRun") <= 20 * 20
    assert local.calls("GetJobRuns") > 50


JOBS: Final = ("glue:etl", "emr-serverless:00app")


def add_jobs(local: LocalService) -> None:
    local.add_glue_job("etl", duration=9 * HOUR)
    local.add_application("00app", duration=9 * HOUR, max_concurrent_runs=None)


@pytest.mark.parametrize("errors", [False, True])
@pytest.mark.parametrize("job", JOBS)
async def test_each_of_many_runs_whose_time_is_up_is_stopped(
    local: LocalService, client: JobRunsClient, job: str, *, errors: bool
) -> None:
    add_jobs(local)
    runs = [local.add_run(job) for _ in range(40)]
    refs = [f"{job}/{run}" for run in runs]
    over = f"{job}/{local.add_run(job, duration=MINUTE)}"
    done: Sequence[JobRun[Native] | JobRunsError]
    try:
        done = await client.wait_all([over, *refs], timeout=HOUR, on_timeout="stop", return_exceptions=errors)
    except WaitTimeoutError as caught:
        done = [caught] * 41
    assert isinstance(done[0], JobRun) is errors
    for place, error in enumerate(done[1:]):
        assert isinstance(error, WaitTimeoutError)
        assert error.outcome == error.outcomes[place if errors else 0]
        assert [str(outcome.ref).partition("?")[0] for outcome in error.outcomes] == refs
        assert all(outcome.accepted for outcome in error.outcomes)
        assert [outcome.run.id for outcome in error.outcomes if outcome.run] == runs
        assert str(error).endswith(
            f"/{runs[place if errors else 0]}?region=us-east-1 had not ended within 1:00:00: it was RUNNING; "
            "it was asked to stop; 39 more had not ended and were asked to stop, too (see error.outcomes)"
        )
    local.advance(HOUR)
    assert Counter(local.states(job).values()).most_common(1)[0][1] == 40
    assert "RUNNING" not in local.states(job).values()
    assert await others() == set()


async def test_what_cannot_be_stopped_keeps_no_other_from_being_stopped(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local)
    refs = [f"{job}/{local.add_run(job)}" for job in JOBS for _ in range(3)]
    local.fault("BatchStopJobRun", "error", code="AccessDeniedException", status=400)
    with pytest.raises(WaitTimeoutError) as caught:
        await client.wait_all(refs, timeout=HOUR, on_timeout="stop")
    first, second, third = [f"{ref}?region=us-east-1" for ref in refs[:3]]
    assert f"{first} had not ended within 1:00:00: it was RUNNING; it could not be stopped: " in str(caught.value)
    assert str(caught.value).endswith(
        f"; 5 more had not ended, 3 asked to stop, 2 not stopped: {second}, {third} (see error.outcomes)"
    )
    assert [outcome.accepted for outcome in caught.value.outcomes] == [False] * 3 + [True] * 3
    assert isinstance(caught.value.outcomes[1].error, AccessDeniedError)


async def test_an_error_names_a_few_of_many_runs_that_are_not_stopped(
    local: LocalService, client: JobRunsClient
) -> None:
    add_jobs(local)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(6)]
    local.fault("BatchStopJobRun", "error", code="AccessDeniedException", status=400)
    with pytest.raises(WaitTimeoutError) as caught:
        await client.wait_all(refs, timeout=HOUR, on_timeout="stop")
    named = ", ".join(f"{ref}?region=us-east-1" for ref in refs[1:4])
    assert str(caught.value).endswith(f"; 5 more had not ended, 5 not stopped: {named} and 2 more (see error.outcomes)")
    with pytest.raises(WaitTimeoutError, match=r"; 1 more had not ended$") as caught:
        await client.wait_all(refs[:2], timeout=HOUR)
    assert caught.value.outcomes == ()


@pytest.mark.parametrize("on_cancel", ["leave", "stop"])
@pytest.mark.parametrize("job", JOBS)
async def test_a_wait_that_is_cancelled_stops_each_run_if_it_was_told_so(
    local: LocalService, client: JobRunsClient, job: str, on_cancel: Literal["leave", "stop"]
) -> None:
    add_jobs(local)
    refs = [f"{job}/{local.add_run(job)}" for _ in range(30)]
    polled = asyncio.Event()
    wait = client.wait_all(refs, timeout=None, on_cancel=on_cancel, on_poll=lambda _: polled.set())
    waiting = asyncio.ensure_future(wait)
    await polled.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
    local.advance(HOUR)
    assert len({"RUNNING"} & set(local.states(job).values())) == (on_cancel == "leave")
    assert groups_of(client) == 0
    assert await others() == set()


async def test_a_cancellation_waits_no_longer_than_a_call_for_a_stop(local: LocalService, loop_time: LoopTime) -> None:
    add_jobs(local)
    ref = f"glue:etl/{local.add_run('glue:etl')}"
    polled = asyncio.Event()
    async with client_of(local, call_timeout=CALL_TIMEOUT) as client:
        waiting = asyncio.ensure_future(
            client.wait(ref, timeout=None, on_cancel="stop", on_poll=lambda _: polled.set())
        )
        await polled.wait()
        local.fault("BatchStopJobRun", "silence", times=None)
        waiting.cancel()
        await until(lambda: local.calls("BatchStopJobRun") == 1)
        waiting.cancel()
        loop_time.forward(CALL_TIMEOUT)
        await asyncio.wait([waiting])
        assert waiting.cancelled()
    assert await others() == set()


async def test_an_error_of_one_run_does_not_stop_the_others(local: LocalService, client: JobRunsClient) -> None:
    add_jobs(local)
    refs = [f"glue:etl/{local.add_run('glue:etl')}", "glue:etl/jr_missing"]
    with pytest.raises(NotFoundError):
        await client.wait_all(refs, timeout=HOUR, on_cancel="stop", on_timeout="stop")
    assert local.calls("BatchStopJobRun") == 0


async def test_a_service_that_cannot_stop_is_not_asked_to_when_a_wait_is_cancelled(
    local: LocalService, client: JobRunsClient
) -> None:
    with pytest.raises(UnsupportedOperationError, match="use on_cancel='leave'"):
        await client.wait("datazone:dzd_x/job42/run1", timeout=HOUR, on_cancel="stop")
    assert local.calls() == 0
