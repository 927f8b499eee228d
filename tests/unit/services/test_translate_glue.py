from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.model.runs import JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.translate import (
    STATES,
    attempt_from_native,
    attempt_id,
    job_from_native,
    may_be_retried,
    root_and_number,
    run_from_attempts,
    run_from_row,
)
from tests.unit.values import CANARY, JOB, members

REF: Final = JOB.run("jr_0")
STARTED, UPDATED, ENDED = (datetime(2026, 11, 20, 2, 0, second, 313_001, tzinfo=UTC) for second in range(3))
HOUR: Final = 3600

TABLE: Final = {
    "WAITING": RunState.QUEUED,
    "STARTING": RunState.STARTING,
    "RUNNING": RunState.RUNNING,
    "STOPPING": RunState.STOPPING,
    "SUCCEEDED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "ERROR": RunState.FAILED,
    "STOPPED": RunState.STOPPED,
    "TIMEOUT": RunState.TIMED_OUT,
    "EXPIRED": RunState.TIMED_OUT,
}


def tried(attempts: Sequence[native.JobRun]) -> JobRun[native.JobRun]:
    return run_from_attempts(JOB, "jr_0", attempts)


def alone(row: native.JobRun) -> JobRun[native.JobRun]:
    return run_from_row(JOB, "jr_0", row, 1)


def retry(number: int, *, hours: float | None = 1.0, estimated: bool = False) -> native.JobRun:
    return native.JobRun(
        Id="jr_0" if number == 0 else f"jr_0_attempt_{number}",
        Attempt=number,
        JobName="nightly-etl",
        JobRunState="FAILED" if number < 2 else "SUCCEEDED",
        StartedOn=STARTED + timedelta(hours=number),
        LastModifiedOn=UPDATED + timedelta(hours=number),
        CompletedOn=ENDED + timedelta(hours=number),
        ErrorMessage=f"it broke {number}" if number < 2 else None,
        DPUSeconds=None if hours is None or estimated else hours * HOUR,
        ExecutionTime=HOUR,
        MaxCapacity=hours if estimated else None,
    )


def usage_of(members: Mapping[str, float | str]) -> Usage | None:
    return alone(msgspec.convert(members, native.JobRun)).usage


def test_the_table_of_states() -> None:
    assert STATES == TABLE


@pytest.mark.parametrize(("name", "state"), [*TABLE.items(), ("DREAMING", RunState.UNKNOWN), ("", RunState.UNKNOWN)])
def test_states(name: str, state: RunState) -> None:
    row = native.JobRun(Id="jr_0", JobRunState=name)
    run, attempt = alone(row), attempt_from_native(REF, row)

    assert run.state == attempt.state == tried([row]).state == state
    assert run.native_state == attempt.native_state == name


def test_a_run_of_one_attempt() -> None:
    row = retry(0)
    run = tried([row])

    assert run == alone(row)
    assert members(run) == {
        "ref": REF,
        "name": "nightly-etl",
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke 0",
        "attempt": 1,
        "created_at": STARTED,
        "started_at": STARTED,
        "updated_at": UPDATED,
        "ended_at": ENDED,
        "created_by": None,
        "usage": Usage(dpu_hours=1.0, basis="consumed"),
        "native": row,
    }


def test_a_run_of_three_attempts_begins_with_the_first_and_ends_with_the_last() -> None:
    rows = [retry(0), retry(1), retry(2)]
    run = tried(rows)

    assert members(run) == {
        "ref": REF,
        "name": "nightly-etl",
        "state": RunState.SUCCEEDED,
        "native_state": "SUCCEEDED",
        "message": None,
        "attempt": 3,
        "created_at": STARTED,
        "started_at": STARTED,
        "updated_at": UPDATED + timedelta(hours=2),
        "ended_at": ENDED + timedelta(hours=2),
        "created_by": None,
        "usage": Usage(dpu_hours=3.0, basis="consumed"),
        "native": rows[2],
    }
    assert run.native is rows[2]


def test_an_attempt() -> None:
    row = retry(1)

    assert members(attempt_from_native(REF, row)) == {
        "run": REF,
        "id": "jr_0_attempt_1",
        "number": 2,
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke 1",
        "created_at": STARTED + timedelta(hours=1),
        "started_at": STARTED + timedelta(hours=1),
        "updated_at": UPDATED + timedelta(hours=1),
        "ended_at": ENDED + timedelta(hours=1),
        "usage": Usage(dpu_hours=1.0, basis="consumed"),
        "native": row,
    }


def test_a_retry_that_goes_on_has_no_end_yet() -> None:
    last = native.JobRun(Id="jr_0_attempt_1", JobRunState="RUNNING", StartedOn=UPDATED)
    run = tried([retry(0), last])

    assert (run.state, run.attempt, run.started_at, run.ended_at) == (RunState.RUNNING, 2, STARTED, None)


def test_a_run_whose_first_attempt_is_lost_is_dated_by_the_oldest_that_is_known() -> None:
    run = tried([retry(1), retry(2)])

    assert (run.ref, run.attempt, run.created_at) == (REF, 3, STARTED + timedelta(hours=1))


def test_whatever_is_missing_is_none() -> None:
    run = alone(native.JobRun())
    attempt = attempt_from_native(REF, native.JobRun(Id="jr_0"))

    assert (run.ref, run.state, run.native_state, run.attempt) == (REF, RunState.UNKNOWN, "", 1)
    assert {run.name, run.message, run.created_by, run.usage} == {None}
    assert {run.created_at, run.started_at, run.updated_at, run.ended_at} == {None}
    assert (attempt.id, attempt.number, attempt.state) == ("jr_0", 1, RunState.UNKNOWN)
    assert attempt_from_native(REF, native.JobRun()).id == ""
    assert {attempt.message, attempt.usage, attempt.created_at, attempt.ended_at} == {None}


@pytest.mark.parametrize(
    ("error", "detail", "message"),
    [
        (None, None, None),
        ("", "", None),
        ("", "waits for capacity", "waits for capacity"),
        ("it broke", "a detail", "it broke"),
        ("one\ntwo", None, "one\ntwo"),
        ("x" * 10_000, None, "x" * 10_000),
    ],
)
def test_messages(error: str | None, detail: str | None, message: str | None) -> None:
    row = native.JobRun(Id="jr_0", ErrorMessage=error, StateDetail=detail)

    assert alone(row).message == attempt_from_native(REF, row).message == message


@pytest.mark.parametrize(
    ("members", "hours"),
    [
        ({"DPUSeconds": 7200.0}, 2.0),
        ({"DPUSeconds": 0.0, "MaxCapacity": 10.0, "ExecutionTime": HOUR}, 0.0),
        ({"DPUSeconds": 1800.0, "MaxCapacity": 10.0, "ExecutionTime": HOUR}, 0.5),
    ],
)
def test_usage_as_the_service_tells_it(members: dict[str, float | str], hours: float) -> None:
    assert usage_of(members) == Usage(dpu_hours=hours, basis="consumed")


@pytest.mark.parametrize(
    ("members", "hours"),
    [
        ({"MaxCapacity": 10.0}, 10.0),
        ({"MaxCapacity": 0.0625, "AllocatedCapacity": 0}, 0.0625),
        ({"MaxCapacity": 0.0, "AllocatedCapacity": 5}, 0.0),
        ({"MaxCapacity": 10.0, "WorkerType": "G.2X", "NumberOfWorkers": 10}, 10.0),
        ({"AllocatedCapacity": 5}, 5.0),
        ({"AllocatedCapacity": 5, "WorkerType": "G.2X", "NumberOfWorkers": 10}, 20.0),
        ({"AllocatedCapacity": 5, "WorkerType": "G.99X", "NumberOfWorkers": 10}, 5.0),
        ({"AllocatedCapacity": 5, "WorkerType": "G.2X"}, 5.0),
    ],
)
def test_usage_is_estimated_from_capacity_and_time(members: dict[str, float | str], hours: float) -> None:
    assert usage_of({"ExecutionTime": HOUR, **members}) == Usage(dpu_hours=hours, basis="estimated")


@pytest.mark.parametrize(
    ("worker", "dpus"),
    [
        ("Standard", 1),
        ("G.025X", 0.25),
        ("G.1X", 1),
        ("G.2X", 2),
        ("G.4X", 4),
        ("G.8X", 8),
        ("G.12X", 12),
        ("G.16X", 16),
        ("R.1X", 1),
        ("R.2X", 2),
        ("R.4X", 4),
        ("R.8X", 8),
        ("Z.2X", 2),
    ],
)
def test_what_a_worker_counts(worker: str, dpus: float) -> None:
    assert usage_of({"ExecutionTime": HOUR, "WorkerType": worker, "NumberOfWorkers": 10}) == Usage(
        dpu_hours=10 * dpus, basis="estimated"
    )


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"ExecutionTime": HOUR},
        {"MaxCapacity": 10.0},
        {"ExecutionTime": HOUR, "AllocatedCapacity": 0},
        {"ExecutionTime": HOUR, "NumberOfWorkers": 10},
        {"ExecutionTime": HOUR, "NumberOfWorkers": 10, "WorkerType": "G.99X"},
    ],
)
def test_usage_that_nothing_tells(members: dict[str, float | str]) -> None:
    assert usage_of(members) is None


def test_a_run_that_used_nothing_yet() -> None:
    assert usage_of({"ExecutionTime": 0, "MaxCapacity": 10.0}) == Usage(dpu_hours=0.0, basis="estimated")


def test_usage_is_summed_over_attempts() -> None:
    consumed = [retry(0, hours=1.0), retry(1, hours=2.0), retry(2, hours=4.0)]
    mixed = [retry(0, hours=1.0), retry(1, hours=2.0, estimated=True), retry(2, hours=4.0)]
    idle = [retry(0, hours=0.0), retry(1, hours=2.0), retry(2, hours=0.0)]

    assert tried(idle).usage == Usage(dpu_hours=2.0, basis="consumed")
    assert tried(consumed).usage == Usage(dpu_hours=7.0, basis="consumed")
    assert tried(mixed).usage == Usage(dpu_hours=7.0, basis="estimated")


@pytest.mark.parametrize(
    "attempts",
    [
        [retry(1), retry(2)],
        [retry(2)],
        [retry(0), retry(2)],
        [retry(0), retry(1, hours=None), retry(2)],
        [retry(0, hours=None)],
    ],
    ids=["first lost", "only the last", "one between lost", "one does not tell", "none tells"],
)
def test_usage_is_unknown_where_an_attempt_is(attempts: list[native.JobRun]) -> None:
    assert tried(attempts).usage is None


@pytest.mark.parametrize(
    "sent",
    [STARTED, STARTED.replace(tzinfo=None), STARTED.astimezone(timezone(timedelta(hours=9)))],
    ids=["utc", "naive", "offset"],
)
def test_times_are_utc_with_their_fraction(sent: datetime) -> None:
    row = native.JobRun(Id="jr_0", StartedOn=sent, LastModifiedOn=sent, CompletedOn=sent)
    run, attempt = tried([row]), attempt_from_native(REF, row)

    times = [run.created_at, run.started_at, run.updated_at, run.ended_at]
    times += [attempt.created_at, attempt.started_at, attempt.updated_at, attempt.ended_at]
    assert times == [STARTED] * 8
    assert {moment.tzinfo for moment in times if moment is not None} == {UTC}


@pytest.mark.parametrize(
    ("sent", "moment"),
    [
        ("1795140004.313", STARTED.replace(second=4, microsecond=313_000)),
        ("1795140004", STARTED.replace(second=4, microsecond=0)),
        ("1795140004.313001", STARTED.replace(second=4, microsecond=313_001)),
        ("1.795140004313e9", STARTED.replace(second=4, microsecond=313_000)),
        ('"1795140004.313"', STARTED.replace(second=4, microsecond=313_000)),
        ('"2026-11-20T02:00:04.313001Z"', STARTED.replace(second=4)),
        ('"2026-11-20T11:00:04.313001+09:00"', STARTED.replace(second=4)),
        ('"2026-11-19T22:30:04.313001-03:30"', STARTED.replace(second=4)),
        ('"2026-11-20T02:00:04.313001"', STARTED.replace(second=4)),
        ('"2026-11-20 02:00:04.313001"', STARTED.replace(second=4)),
        ('"0001-01-01T00:00:00+14:00"', datetime.min.replace(tzinfo=UTC)),
        ('"9999-12-31T23:59:59-12:00"', datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_times_on_the_wire(sent: str, moment: datetime) -> None:
    row = native.GET_JOB_RUN.decode(f'{{"JobRun": {{"Id": "jr_0", "StartedOn": {sent}}}}}').JobRun

    assert row is not None
    started = alone(row).started_at
    assert started is not None
    assert (started, started.tzinfo) == (moment, UTC)


@pytest.mark.parametrize(
    ("run_id", "root", "number"),
    [
        ("jr_0", "jr_0", 1),
        ("jr_0_attempt_1", "jr_0", 2),
        ("jr_0_attempt_10", "jr_0", 11),
        ("jr_0_attempt_0", "jr_0_attempt_0", 1),
        ("jr_0_attempt_01", "jr_0_attempt_01", 1),
        ("jr_0_attempt_", "jr_0_attempt_", 1),
        ("jr_0_attempt_x", "jr_0_attempt_x", 1),
        ("jr_0_attempt_-1", "jr_0_attempt_-1", 1),
        ("jr_0_attempt_1 ", "jr_0_attempt_1 ", 1),
        ("jr_0_attempt_1\n", "jr_0_attempt_1\n", 1),
        ("jr_0_attempt_²", "jr_0_attempt_²", 1),
        ("jr_0_attempt_9999999999", "jr_0_attempt_9999999999", 1),
        ("_attempt_1", "_attempt_1", 1),
        ("jr_0_attempt_1_attempt_2", "jr_0_attempt_1", 3),
        ("", "", 1),
    ],
)
def test_ids_of_retries(run_id: str, root: str, number: int) -> None:
    assert root_and_number(run_id) == (root, number)


@given(st.from_regex(r"jr_[0-9a-f]{1,64}", fullmatch=True), st.integers(1, 10**9))
def test_an_attempt_is_found_again_by_its_id(root: str, number: int) -> None:
    assert root_and_number(attempt_id(root, number)) == (root, number)


def test_what_may_be_retried() -> None:
    assert {state for state in RunState if may_be_retried(state)} == {
        RunState.FAILED,
        RunState.TIMED_OUT,
        RunState.UNKNOWN,
    }


def test_no_repr_shows_the_arguments() -> None:
    row = native.JobRun(Id="jr_0", Arguments={"--password": CANARY})
    run, attempt = tried([row]), attempt_from_native(REF, row)

    assert CANARY not in repr(run) + repr(attempt) + repr(run.native)
    assert "Arguments=<hidden>" in repr(run.native)


def test_a_job() -> None:
    sent = native.Job(Name="nightly-etl", MaxRetries=2)
    job = job_from_native(JOB, sent)

    assert (job.ref, job.name, job.state, job.native) == (JOB, "nightly-etl", None, sent)


@pytest.mark.parametrize(("seconds", "billed"), [(0, 0), (1, 60), (59, 60), (60, 60), (61, 61)])
def test_an_estimate_has_the_minute_that_is_billed_at_least(seconds: int, billed: int) -> None:
    members: dict[str, float | str] = {"JobRunState": "SUCCEEDED", "MaxCapacity": 6.0, "ExecutionTime": seconds}
    assert usage_of(members) == Usage(dpu_hours=6.0 * billed / HOUR, basis="estimated")


@pytest.mark.parametrize("state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_a_run_that_goes_on_has_used_what_is_told_or_nobody_knows_what(state: str) -> None:
    going: dict[str, float | str] = {"JobRunState": state, "MaxCapacity": 2.0, "ExecutionTime": 0}
    assert usage_of(going) is None
    assert usage_of({**going, "DPUSeconds": 0.0}) is None
    assert usage_of({**going, "DPUSeconds": 1800.0}) == Usage(dpu_hours=0.5, basis="consumed")
    assert usage_of({**going, "ExecutionTime": HOUR}) == Usage(dpu_hours=2.0, basis="estimated")
