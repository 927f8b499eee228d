from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.native_application import Application
from jobruns_sdk.services.emr_serverless.translate import (
    STATES,
    AttemptNative,
    attempt_from_native,
    attempt_from_summary,
    job_from_native,
    job_from_summary,
    run_from_native,
    run_from_summary,
)
from tests.unit.values import CANARY, members

APPLICATION: Final = JobRef("emr-serverless", "00f1abc", "eu-west-1")
REF: Final = APPLICATION.run("00frun1")
TIMES: Final = [datetime(2026, 11, 20, 2, 0, second, 313_001, tzinfo=UTC) for second in range(8)]
CREATED, UPDATED, STARTED, ENDED, ATTEMPT_CREATED, ATTEMPT_UPDATED, *_ = TIMES

TABLE: Final = {
    "SUBMITTED": RunState.QUEUED,
    "PENDING": RunState.QUEUED,
    "QUEUED": RunState.QUEUED,
    "SCHEDULED": RunState.STARTING,
    "RUNNING": RunState.RUNNING,
    "CANCELLING": RunState.STOPPING,
    "SUCCESS": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "CANCELLED": RunState.STOPPED,
}
SUMMARY: Final = native.JobRunSummary(
    applicationId="00f1abc",
    id="00frun1",
    name="nightly",
    createdBy="arn:aws:iam::111122223333:user/etl",
    createdAt=CREATED,
    updatedAt=UPDATED,
    state="FAILED",
    stateDetails="it broke",
    attempt=2,
    attemptCreatedAt=ATTEMPT_CREATED,
    attemptUpdatedAt=ATTEMPT_UPDATED,
)
FULL: Final = native.JobRun(
    applicationId="00f1abc",
    jobRunId="00frun1",
    name="nightly",
    createdBy="arn:aws:iam::111122223333:user/etl",
    createdAt=CREATED,
    updatedAt=UPDATED,
    startedAt=STARTED,
    endedAt=ENDED,
    state="FAILED",
    stateDetails="it broke",
    attempt=2,
    attemptCreatedAt=ATTEMPT_CREATED,
    attemptUpdatedAt=ATTEMPT_UPDATED,
    totalResourceUtilization=native.TotalResourceUtilization(vCPUHour=1.0, memoryGBHour=2.0, storageGBHour=3.0),
    billedResourceUtilization=native.ResourceUtilization(vCPUHour=4.0, memoryGBHour=5.0, storageGBHour=0.0),
    jobDriver=native.JobDriver(sparkSubmit=native.SparkSubmit(entryPoint=CANARY, entryPointArguments=(CANARY,))),
)


def got(run: native.JobRun) -> JobRun[native.JobRun]:
    return run_from_native(APPLICATION, "00frun1", run)


def listed(row: native.JobRunSummary) -> JobRun[native.JobRunSummary]:
    return run_from_summary(APPLICATION, "00frun1", row)


def attempt_got(run: native.JobRun) -> Attempt[AttemptNative]:
    return attempt_from_native(REF, run)


def attempt_listed(row: native.JobRunAttemptSummary) -> Attempt[AttemptNative]:
    return attempt_from_summary(REF, row)


def test_the_table_of_states() -> None:
    assert STATES == TABLE


@pytest.mark.parametrize(("name", "state"), [*TABLE.items(), ("DREAMING", RunState.UNKNOWN), ("success", "UNKNOWN")])
def test_states(name: str, state: RunState) -> None:
    run = got(native.JobRun(state=name))
    summary = listed(native.JobRunSummary(state=name))
    attempt = attempt_got(native.JobRun(state=name))
    row = attempt_listed(native.JobRunAttemptSummary(state=name))

    assert {value.state for value in (run, summary, attempt, row)} == {state}
    assert {value.native_state for value in (run, summary, attempt, row)} == {name}


def test_a_run_as_it_is_listed() -> None:
    run = listed(SUMMARY)

    assert members(run) == {
        "ref": REF,
        "name": "nightly",
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke",
        "attempt": 2,
        "created_at": CREATED,
        "started_at": None,
        "updated_at": UPDATED,
        "ended_at": None,
        "created_by": "arn:aws:iam::111122223333:user/etl",
        "usage": None,
        "native": SUMMARY,
    }


def test_a_run_as_it_is_got() -> None:
    run = got(FULL)

    assert members(run) == {
        "ref": REF,
        "name": "nightly",
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke",
        "attempt": 2,
        "created_at": CREATED,
        "started_at": STARTED,
        "updated_at": UPDATED,
        "ended_at": ENDED,
        "created_by": "arn:aws:iam::111122223333:user/etl",
        "usage": Usage(vcpu_hours=4.0, memory_gb_hours=5.0, storage_gb_hours=0.0, basis="billed"),
        "native": FULL,
    }


def test_an_attempt_as_it_is_listed() -> None:
    row = native.JobRunAttemptSummary(
        id="00frun1",
        jobCreatedAt=CREATED,
        createdAt=ATTEMPT_CREATED,
        updatedAt=ATTEMPT_UPDATED,
        state="SUCCESS",
        stateDetails="",
        attempt=3,
    )
    attempt = attempt_listed(row)

    assert members(attempt) == {
        "run": REF,
        "id": "00frun1",
        "number": 3,
        "state": RunState.SUCCEEDED,
        "native_state": "SUCCESS",
        "message": None,
        "created_at": ATTEMPT_CREATED,
        "started_at": None,
        "updated_at": ATTEMPT_UPDATED,
        "ended_at": None,
        "usage": None,
        "native": row,
    }


def test_an_attempt_as_it_is_got() -> None:
    attempt = attempt_got(FULL)

    assert members(attempt) == {
        "run": REF,
        "id": "00frun1",
        "number": 2,
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke",
        "created_at": ATTEMPT_CREATED,
        "started_at": STARTED,
        "updated_at": ATTEMPT_UPDATED,
        "ended_at": ENDED,
        "usage": Usage(vcpu_hours=4.0, memory_gb_hours=5.0, storage_gb_hours=0.0, basis="billed"),
        "native": FULL,
    }


def test_an_attempt_of_an_older_release_has_the_times_of_its_run() -> None:
    attempt = attempt_got(native.JobRun(createdAt=CREATED, updatedAt=UPDATED))

    assert (attempt.number, attempt.created_at, attempt.updated_at) == (1, CREATED, UPDATED)


def test_whatever_is_missing_is_none() -> None:
    runs = [got(native.JobRun()), listed(native.JobRunSummary())]
    attempts = [
        attempt_got(native.JobRun()),
        attempt_listed(native.JobRunAttemptSummary()),
    ]

    for run in runs:
        assert (run.ref, run.state, run.native_state, run.attempt) == (REF, RunState.UNKNOWN, "", 1)
        assert {run.name, run.message, run.created_by, run.usage} == {None}
        assert {run.created_at, run.started_at, run.updated_at, run.ended_at} == {None}
    for attempt in attempts:
        assert (attempt.run, attempt.id, attempt.number) == (REF, "00frun1", 1)
        assert (attempt.state, attempt.native_state) == (RunState.UNKNOWN, "")
        assert {attempt.message, attempt.usage} == {None}
        assert {attempt.created_at, attempt.started_at, attempt.updated_at, attempt.ended_at} == {None}


@pytest.mark.parametrize(
    ("text", "message"), [("", None), (None, None), ("one\ntwo", "one\ntwo"), ("x" * 10_000, "x" * 10_000), (" ", " ")]
)
def test_messages(text: str | None, message: str | None) -> None:
    run = got(native.JobRun(stateDetails=text))
    summary = listed(native.JobRunSummary(stateDetails=text))
    attempt = attempt_got(native.JobRun(stateDetails=text))
    row = attempt_listed(native.JobRunAttemptSummary(stateDetails=text))

    assert {value.message for value in (run, summary, attempt, row)} == {message}


def test_usage_is_what_is_billed_else_what_was_consumed() -> None:
    total = native.TotalResourceUtilization(vCPUHour=1.0, memoryGBHour=2.0, storageGBHour=3.0)
    billed = native.ResourceUtilization(vCPUHour=4.0)

    assert got(native.JobRun(totalResourceUtilization=total)).usage == Usage(
        vcpu_hours=1.0, memory_gb_hours=2.0, storage_gb_hours=3.0, basis="consumed"
    )
    both = native.JobRun(totalResourceUtilization=total, billedResourceUtilization=billed)
    assert got(both).usage == Usage(vcpu_hours=4.0, basis="billed")
    assert got(native.JobRun()).usage is None


def test_usage_that_tells_nothing_counts_as_absent() -> None:
    total = native.TotalResourceUtilization(vCPUHour=1.0)
    nothing = native.ResourceUtilization()

    run = native.JobRun(totalResourceUtilization=total, billedResourceUtilization=nothing)
    assert got(run).usage == Usage(vcpu_hours=1.0, basis="consumed")
    assert got(native.JobRun(billedResourceUtilization=nothing)).usage is None
    assert got(native.JobRun(totalResourceUtilization=native.TotalResourceUtilization())).usage is None
    free = native.ResourceUtilization(storageGBHour=0.0)
    assert got(native.JobRun(billedResourceUtilization=free)).usage == Usage(storage_gb_hours=0.0, basis="billed")


@pytest.mark.parametrize(
    "sent",
    [
        CREATED,
        CREATED.replace(tzinfo=None),
        CREATED.astimezone(timezone(timedelta(hours=-5, minutes=-30))),
    ],
    ids=["utc", "naive", "offset"],
)
def test_times_are_utc_with_their_fraction(sent: datetime) -> None:
    full = got(native.JobRun(createdAt=sent, startedAt=sent, updatedAt=sent, endedAt=sent))
    summary = listed(native.JobRunSummary(createdAt=sent, updatedAt=sent))
    attempt = attempt_listed(native.JobRunAttemptSummary(createdAt=sent, updatedAt=sent))

    times = [full.created_at, full.started_at, full.updated_at, full.ended_at]
    times += [summary.created_at, summary.updated_at, attempt.created_at, attempt.updated_at]
    assert times == [CREATED] * 8
    assert {moment.tzinfo for moment in times if moment is not None} == {UTC}


def test_no_repr_shows_the_job_driver() -> None:
    run, attempt = got(FULL), attempt_got(FULL)

    assert CANARY not in repr(run) + repr(attempt) + repr(run.native)
    assert "jobDriver=<hidden>" in repr(run.native)


def test_applications() -> None:
    summary = native.ApplicationSummary(id="00f1abc", name="etl", state="STARTED")
    application = Application(applicationId="00f1abc", state="CREATED")

    job = job_from_summary(APPLICATION, summary)
    assert (job.ref, job.name, job.state, job.native) == (APPLICATION, "etl", "STARTED", summary)
    whole = job_from_native(APPLICATION, application)
    assert (whole.ref, whole.name, whole.state, whole.native) == (APPLICATION, None, "CREATED", application)


@pytest.mark.parametrize(
    ("attempt", "attempt_created", "told"),
    [(1, 5, True), (2, 5, False), (2, None, False), (2, 30, True), (None, 5, True)],
)
def test_the_start_of_a_later_attempt_is_not_the_start_of_the_run(
    attempt: int | None, attempt_created: int | None, *, told: bool
) -> None:
    """The attempt was created so many minutes after the run, and whatever started did so after ten."""
    later = None if attempt_created is None else CREATED + timedelta(minutes=attempt_created)
    started = CREATED + timedelta(minutes=10)
    row = native.JobRun(
        jobRunId="r", attempt=attempt, createdAt=CREATED, attemptCreatedAt=later, startedAt=started, endedAt=started
    )
    run = run_from_native(APPLICATION, "r", row)
    assert (run.started_at, run.duration) == ((started, timedelta(0)) if told else (None, None))
    assert run_from_native(APPLICATION, "r", row, of_attempt=True).started_at == started
