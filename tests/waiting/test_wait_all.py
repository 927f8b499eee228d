"""Waiting for many runs: their order, their errors, and what is left behind."""

import asyncio
from datetime import timedelta

import pytest

from jobruns_sdk import JobRunsClient, RunState
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, NotFoundError
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, MINUTE, client_of, groups_of, others


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
    assert local.calls("GetJobRuns") > 100
