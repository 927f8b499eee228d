"""Stopping runs: an outcome for each, whatever happens to the others."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Any, Final, cast

import msgspec
import pytest

from jobruns_sdk import JobRef, JobRunsClient, RunRef, RunState, Service
from jobruns_sdk.errors import (
    AccessDeniedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    ServiceUnavailableError,
    UnsupportedOperationError,
)
from jobruns_sdk.model.refs import Runs
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.transport.operation import Operation, Reply
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.waiting.kit import HOUR, MINUTE, SECOND, client_of, groups_of, others, until

BATCH: Final = "glue:BatchStopJobRun"


def batches(local: LocalService) -> list[list[str]]:
    """Return the ids of each request that stops runs."""
    return [
        list(cast("list[str]", request.params["JobRunIds"]))
        for request in local.requests
        if request.operation == "BatchStopJobRun"
    ]


async def test_runs_are_stopped_in_batches_of_25_and_told_of_in_order(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    runs = [local.add_run("glue:etl") for _ in range(60)]
    outcomes = await client.glue("etl").stop(runs)
    assert [outcome.ref.run_id for outcome in outcomes] == runs
    assert all(outcome.accepted and outcome.error is None for outcome in outcomes)
    assert sorted(map(len, batches(local))) == [10, 25, 25]
    local.advance(60)
    assert set(local.states("glue:etl").values()) == {"STOPPED"}


@pytest.mark.parametrize("call", ["stop", "wait_all"])
async def test_pages_that_cannot_be_read_to_their_end_are_gone_on_with_before_their_first_run(
    local: LocalService, client: JobRunsClient, call: str
) -> None:
    local.add_glue_job("etl")
    runs = [local.add_run("glue:etl") for _ in range(6)][::-1]
    pages = client.glue("etl").runs(page_size=2)

    async def cursor_of_failure(given: Runs) -> str | None:
        local.fault("GetJobRuns", "error", code="AccessDeniedException", status=400, after=1)
        with pytest.raises(AccessDeniedError) as caught:
            await (client.stop(given) if call == "stop" else client.wait_all(given, timeout=HOUR))
        return caught.value.cursor

    # Nothing was done with the runs that were read before the failure.
    assert await cursor_of_failure(pages) is None
    walk = pages.open()
    assert (await anext(walk)).id == runs[0]
    rest = await client.glue("etl").runs(cursor=await cursor_of_failure(walk)).collect()
    assert [run.id for run in rest] == runs[1:]


async def test_a_run_that_is_named_twice_is_stopped_once_and_told_of_twice(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    one, two = local.add_run("glue:etl"), local.add_run("glue:etl")
    outcomes = await client.glue("etl").stop([one, two, one, f"{one}_attempt_1"])
    assert [outcome.ref.run_id for outcome in outcomes] == [one, two, one, one]
    assert all(outcome.accepted for outcome in outcomes)
    assert batches(local) == [[one, two]]


async def test_one_run_under_two_names_is_stopped_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    app = local.add_application()
    glue, emr = local.add_run("glue:etl"), local.add_run(f"emr-serverless:{app}")
    outcomes = await client.stop([f"glue:etl/{glue}", f"glue:etl/{glue}?region=us-east-1"])
    outcomes += await client.stop([f"emr-serverless:{app}/{emr}", f"emr-serverless:{app}/{emr}?region=us-east-1"])
    assert all(outcome.accepted for outcome in outcomes)
    assert {outcome.ref.job.region for outcome in outcomes} == {"us-east-1"}
    assert batches(local) == [[glue]]
    assert local.calls("CancelJobRun") == 1


async def test_bad_ids_do_not_hide_the_others(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    over, live = local.add_run("glue:etl", state="SUCCEEDED"), local.add_run("glue:etl")
    outcomes = await client.glue("etl").stop(["jr_missing", over, "bad\x00id", live])
    assert [type(outcome.error) for outcome in outcomes] == [
        NotFoundError,
        InvalidRequestError,
        InvalidRequestError,
        type(None),
    ]
    assert "SUCCEEDED" in str(outcomes[1].error)
    assert batches(local) == [[live]]


async def test_bad_ids_do_not_hide_the_others_on_emr_serverless(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    job = f"emr-serverless:{app}"
    over, live = local.add_run(job, state="SUCCESS"), local.add_run(job)
    outcomes = await client.emr_serverless(app).stop(["00missing", over, "..", "a/b", live, live])
    assert [type(outcome.error) for outcome in outcomes] == [
        NotFoundError,
        InvalidRequestError,
        InvalidRequestError,
        InvalidRequestError,
        type(None),
        type(None),
    ]
    assert local.calls("CancelJobRun") == 3
    assert local.calls() == 3


async def test_the_attempt_that_runs_is_the_one_that_is_stopped(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=2, fail_attempts=1, duration=HOUR)
    ref = await client.glue("etl").start()
    local.advance(HOUR + timedelta(minutes=5))
    (outcome,) = await client.stop([ref])
    assert outcome.accepted
    assert outcome.ref == ref
    assert batches(local) == [[f"{ref.run_id}_attempt_1"]]
    run = await client.wait(ref, timeout=HOUR)
    assert (run.native_state, run.attempt) == ("STOPPED", 2)


async def test_what_the_service_refuses_in_its_answer_is_an_error_of_that_run(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    runs = [local.add_run("glue:etl") for _ in range(5)]
    refused = {"ErrorCode": "AccessDeniedException", "ErrorMessage": "no"}
    answer = {
        "SuccessfulSubmissions": [{"JobRunId": runs[0]}, {"JobRunId": "jr_never_asked_for"}, {}],
        "Errors": [
            {"JobRunId": runs[1], "ErrorDetail": refused},
            {"JobRunId": runs[2], "ErrorDetail": {"ErrorCode": "NewException"}},
            {"JobRunId": runs[3]},
        ],
    }
    body = msgspec.json.encode(answer)
    local.fault(BATCH, "wrong_content", body=body, content_type="application/x-amz-json-1.1")
    outcomes = await client.glue("etl").stop(runs)
    assert [outcome.accepted for outcome in outcomes] == [True, False, False, False, False]
    assert isinstance(outcomes[1].error, AccessDeniedError)
    assert outcomes[2].error is not None
    assert outcomes[2].error.code == "NewException"
    assert type(outcomes[3].error) is JobRunsError
    assert "does not mention" in str(outcomes[4].error)


async def test_a_batch_that_fails_does_not_hide_the_others(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    runs = [local.add_run("glue:etl") for _ in range(30)]
    local.fault(BATCH, "error500", times=None, match={"JobRunIds": runs[:25]})
    outcomes = await client.glue("etl").stop(runs)
    assert [outcome.accepted for outcome in outcomes] == [False] * 25 + [True] * 5
    assert {type(outcome.error) for outcome in outcomes[:25]} == {ServiceUnavailableError}


async def test_an_answer_in_which_a_run_is_in_neither_list_is_an_error() -> None:
    async def call(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        if operation.name == "GetJobRun":
            return Reply(msgspec.json.encode({"JobRun": {"Id": params["RunId"], "JobRunState": "RUNNING"}}))
        return Reply(b"{}")

    (outcome,) = await GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), call).stop(["jr_1"])
    assert not outcome.accepted
    assert isinstance(outcome.error, ResponseFormatError)
    assert outcome.error.in_doubt
    assert "jr_1" in str(outcome.error)


async def test_a_run_that_is_answered_under_another_id_has_an_outcome() -> None:
    async def call(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        del params
        body = b'{"JobRun": {"Id": "jr_2", "JobRunState": "RUNNING"}}' if operation.name == "GetJobRun" else b"{}"
        return Reply(body)

    (outcome,) = await GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), call).stop(["jr_1"])
    assert (outcome.ref.run_id, outcome.accepted) == ("jr_1", False)
    assert "jr_2" in str(outcome.error)


@pytest.mark.parametrize(
    ("then", "state", "asked"),
    [
        ({"jr_1": "FAILED"}, RunState.FAILED, ["jr_1"]),
        ({"jr_1": "FAILED", "jr_1_attempt_1": "STARTING"}, RunState.STARTING, ["jr_1", "jr_1_attempt_1"]),
        ({"jr_1": "RUNNING"}, RunState.RUNNING, ["jr_1"]),
    ],
)
async def test_a_run_whose_attempt_fails_just_before_it_is_stopped_is_looked_at_again(
    then: dict[str, str], state: RunState, asked: list[str]
) -> None:
    rows, stopped = {"jr_1": "RUNNING"}, list[str]()

    async def call(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        if operation.name == "GetJobRun":
            run_id = str(params["RunId"])
            if run_id not in rows:
                raise NotFoundError(f"there is no {run_id}")
            return Reply(msgspec.json.encode({"JobRun": {"Id": run_id, "JobRunState": rows[run_id]}}))
        (run_id,) = cast("list[str]", params["JobRunIds"])
        rows.update(then)
        stopped.append(run_id)
        detail = {"ErrorCode": "JobRunInvalidStateTransitionException", "ErrorMessage": "it cannot be stopped"}
        refused = {"Errors": [{"JobRunId": run_id, "ErrorDetail": detail}]}
        done = {"SuccessfulSubmissions": [{"JobRunId": run_id}]}
        return Reply(msgspec.json.encode(refused if run_id == "jr_1" else done))

    job = GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), call)
    (outcome,) = await job.ask_to_stop(["jr_1"])
    assert (outcome.accepted, stopped) == (len(asked) == 2, asked)
    assert outcome.run is not None
    assert outcome.run.state is state
    assert outcome.accepted or ("has ended" in str(outcome.error)) == (state is RunState.FAILED)


@pytest.mark.parametrize("body", [b"{}", b'{"applicationId": "00f1", "jobRunId": "00fother"}'])
async def test_an_answer_that_does_not_mention_the_run_stops_no_run_of_emr_serverless(
    local: LocalService, client: JobRunsClient, body: bytes
) -> None:
    app = local.add_application(max_concurrent_runs=None, duration=HOUR)
    one, other = (local.add_run(f"emr-serverless:{app}") for _ in range(2))
    local.fault("CancelJobRun", "wrong_content", body=body, content_type="application/json", match={"jobRunId": one})
    outcomes = await client.stop([f"emr-serverless:{app}/{one}", f"emr-serverless:{app}/{other}"])
    assert [outcome.accepted for outcome in outcomes] == [False, True]
    error = outcomes[0].error
    assert isinstance(error, ResponseFormatError)
    assert (error.where, error.in_doubt) == ("$.jobRunId", True)


async def test_a_run_in_an_unknown_state_may_be_stopped() -> None:
    with LocalService() as local:
        local.add_glue_job("etl")
        run = local.add_run("glue:etl", state="PONDERING")
        async with client_of(local) as client:
            await client.glue("etl").stop([run])
        assert batches(local) == [[run]]


async def test_emr_serverless_is_asked_one_by_one_under_its_quota() -> None:
    with LocalService(check=True, quotas=True) as strict:
        app = strict.add_application(max_concurrent_runs=None, duration=HOUR)
        runs = [strict.add_run(f"emr-serverless:{app}") for _ in range(60)]
        async with client_of(strict, quotas=QUOTAS) as client:
            outcomes = await client.emr_serverless(app).stop(runs, grace_period=timedelta(seconds=90))
        assert [outcome.ref.run_id for outcome in outcomes] == runs
        assert all(outcome.accepted for outcome in outcomes)
        cancels = [request for request in strict.requests if request.operation == "CancelJobRun"]
        assert {request.status for request in cancels} == {200}
        assert {request.params["shutdownGracePeriodInSeconds"] for request in cancels} == {90}
        assert 34 < strict.clock.monotonic() < 37
        assert all(before.at <= after.at for before, after in pairwise(cancels))
        assert strict.problems == []


async def test_no_grace_period_is_not_one_of_nothing(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    runs = [local.add_run(f"emr-serverless:{app}", mode="STREAMING") for _ in range(2)]
    await client.emr_serverless(app).stop(runs[:1])
    assert "shutdownGracePeriodInSeconds" not in local.requests[-1].params
    await client.emr_serverless(app).stop(runs[1:], grace_period=timedelta(0))
    assert local.requests[-1].params["shutdownGracePeriodInSeconds"] == 0


@pytest.mark.parametrize("grace_period", [timedelta(seconds=-1), timedelta(milliseconds=1500)])
async def test_a_grace_period_that_cannot_be_is_refused(
    local: LocalService, client: JobRunsClient, grace_period: timedelta
) -> None:
    app = local.add_application()
    run = client.emr_serverless(app).ref.run(local.add_run(f"emr-serverless:{app}"))
    with pytest.raises(InvalidRequestError):
        await client.stop([run], grace_period=grace_period)
    with pytest.raises(InvalidRequestError):
        await client.emr_serverless(app).stop([run.run_id], grace_period=grace_period)
    assert local.calls() == 0


async def test_all_services_at_once_have_their_outcomes_in_order(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.add_glue_job("b/../c?")
    local.add_datazone_job("dzd_x", "job42")
    app = local.add_application()
    refs: list[RunRef | str] = [
        client.datazone("dzd_x", "job42").ref.run(local.add_run("datazone:dzd_x/job42")),
        client.glue("etl").ref.run(local.add_run("glue:etl")),
        f"emr-serverless:{app}/{local.add_run(f'emr-serverless:{app}')}",
        client.glue("b/../c?").ref.run(local.add_run("glue:b/../c?")),
        client.glue("etl").ref.run("jr_missing"),
        client.glue("missing").ref.run("jr_1"),
        client.emr_serverless("00missing").ref.run("00run"),
        client.emr_serverless(app).ref.run(".."),
    ]
    refs += refs[:2]
    outcomes = await client.stop(refs)
    assert [outcome.ref.run_id for outcome in outcomes] == [
        RunRef.parse(ref).run_id if isinstance(ref, str) else ref.run_id for ref in refs
    ]
    unsupported, missing = UnsupportedOperationError, NotFoundError
    assert [type(outcome.error) for outcome in outcomes] == [
        unsupported,
        type(None),
        type(None),
        type(None),
        missing,
        missing,
        missing,
        InvalidRequestError,
        unsupported,
        type(None),
    ]
    assert [outcome.accepted for outcome in outcomes] == [outcome.error is None for outcome in outcomes]


async def test_nothing_to_stop_makes_no_call(local: LocalService, client: JobRunsClient) -> None:
    assert await client.stop([]) == []
    assert await client.glue("etl").stop([]) == []
    with pytest.raises(InvalidRequestError):
        await client.stop(["glue:etl/jr_1", "nonsense"])
    assert local.calls() == 0


async def until_it_failed(local: LocalService, client: JobRunsClient, ref: RunRef) -> None:
    while not (await client.run(ref)).is_terminal:
        await local.clock.sleep(SECOND.total_seconds())


@pytest.mark.parametrize("count", [1, 40])
async def test_a_retry_that_is_still_to_come_is_stopped(local: LocalService, client: JobRunsClient, count: int) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, retry_delay=3 * MINUTE)
    refs = [await client.glue("etl").start() for _ in range(count)]
    await until_it_failed(local, client, refs[-1])
    going = await client.glue("etl").start()
    outcomes = await client.stop([*refs, going])
    assert [outcome.accepted for outcome in outcomes] == [True] * (count + 1)
    assert {outcome.run.attempt for outcome in outcomes[:-1] if outcome.run} == {2}
    runs = await client.wait_all([*refs, going], timeout=HOUR)
    assert {run.native_state for run in runs} == {"STOPPED"}
    assert await others() == set()


async def test_a_handle_stops_a_retry_that_is_still_to_come(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, retry_delay=3 * MINUTE)
    ref = await client.glue("etl").start()
    await until_it_failed(local, client, ref)
    (outcome,) = await client.glue("etl").stop([ref.run_id])
    assert (outcome.accepted, outcome.ref) == (True, ref)
    assert (await client.wait(ref, timeout=HOUR)).native_state == "STOPPED"


async def test_a_run_whose_retry_does_not_come_has_ended(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, retry_delay=HOUR)
    local.add_glue_job("once", fail_attempts=1, duration=MINUTE)
    refs = [await client.glue("etl").start(), await client.glue("once").start()]
    await until_it_failed(local, client, refs[-1])
    before = local.clock.monotonic()
    (once,) = await client.stop(refs[1])
    assert (once.accepted, local.clock.monotonic()) == (False, before)
    (etl,) = await client.stop(refs[0])
    for outcome in (once, etl):
        assert not outcome.accepted
        assert "has ended" in str(outcome.error)
        assert outcome.run is not None
        assert outcome.run.state is RunState.FAILED


async def test_a_stop_that_waits_for_a_retry_keeps_nobody_longer_than_a_call(loop_time: LoopTime) -> None:
    clock = VirtualClock(auto_advance=False)
    with LocalService(check=True, clock=clock) as local:
        local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=MINUTE, startup=timedelta(0))
        async with client_of(local, call_timeout=CALL_TIMEOUT) as client:
            ref = await client.glue("etl").start()
            local.advance(MINUTE)
            async with asyncio.TaskGroup() as tasks:
                stopping = tasks.create_task(client.stop(ref))
                await until(lambda: clock.sleepers > 0)
                loop_time.forward(CALL_TIMEOUT)
                (outcome,) = await stopping
            assert outcome.accepted
            assert outcome.run is not None
            assert outcome.run.state is RunState.FAILED
            local.advance(MINUTE)  # its retry has begun, and is watched for
            await until(lambda: "STOPPING" in local.states("glue:etl").values())
        assert await others() == set()


@pytest.mark.parametrize("job", ["glue:etl", "emr-serverless:00app"])
async def test_a_stop_may_wait_until_the_runs_have_stopped(
    local: LocalService, client: JobRunsClient, job: str
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    local.add_application("00app", duration=HOUR, max_concurrent_runs=None)
    refs = [f"{job}/{local.add_run(job)}" for _ in range(30)]
    outcomes = await client.stop([*refs, f"{job}/00missing"], wait=HOUR)
    assert all(outcome.accepted and outcome.run and outcome.run.state is RunState.STOPPED for outcome in outcomes[:-1])
    assert not outcomes[-1].accepted
    assert set(local.states(job).values()) <= {"STOPPED", "CANCELLED"}


@pytest.mark.parametrize("code", ["AccessDeniedException", "EntityNotFoundException"])
async def test_one_poll_that_is_refused_does_not_end_a_stop_that_waits(
    local: LocalService, client: JobRunsClient, code: str
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    ref = f"glue:etl/{local.add_run('glue:etl')}"  # not started here: only the answer to the stop tells that it exists
    local.fault("GetJobRun", "error", after=1, times=2, code=code, status=400)
    local.fault("GetJobRuns", "error", times=2, code=code, status=400)
    (outcome,) = await client.stop(ref, wait=HOUR)
    assert outcome.run is not None
    assert (outcome.accepted, outcome.run.state) == (True, RunState.STOPPED)


async def test_a_stop_that_has_waited_long_enough_tells_how_far_it_is(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    ref = await client.glue("etl").start()
    (outcome,) = await client.stop(ref, wait=5 * SECOND)
    assert local.clock.monotonic() == 5
    assert outcome.accepted
    assert outcome.run is not None
    assert outcome.run.state is RunState.STOPPING
    assert groups_of(client) == 0
    assert await others() == set()


async def test_a_retry_that_follows_a_stop_is_stopped_while_it_is_waited_for(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1, duration=HOUR, retry_delay=3 * MINUTE)
    ref = await client.glue("etl").start()
    local.advance(HOUR + MINUTE)
    (outcome,) = await client.stop(ref, wait=HOUR)
    assert outcome.run is not None
    assert (outcome.accepted, outcome.run.native_state, outcome.run.attempt) == (True, "STOPPED", 2)
