from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import pytest

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.datazone import native
from jobruns_sdk.services.datazone.translate import STATES, attempt_from_run, run_from_native, run_from_summary
from tests.unit.values import members

JOB: Final = JobRef("datazone", ("dzd_x", "job42"), "eu-west-1")
REF: Final = JOB.run("run7")
CREATED, STARTED, ENDED = (datetime(2026, 11, 20, 2, 0, second, 313_001, tzinfo=UTC) for second in range(3))

TABLE: Final = {
    "SCHEDULED": RunState.QUEUED,
    "IN_PROGRESS": RunState.RUNNING,
    "SUCCESS": RunState.SUCCEEDED,
    "PARTIALLY_SUCCEEDED": RunState.PARTIALLY_SUCCEEDED,
    "FAILED": RunState.FAILED,
    "ABORTED": RunState.FAILED,
    "CANCELED": RunState.STOPPED,
    "TIMED_OUT": RunState.TIMED_OUT,
}


def got(run: native.GetJobRunOutput) -> JobRun[native.GetJobRunOutput]:
    return run_from_native(JOB, "run7", run)


def listed(row: native.JobRunSummary) -> JobRun[native.JobRunSummary]:
    return run_from_summary(JOB, "run7", row)


def with_errors(*messages: str, error: str | None = None) -> native.GetJobRunOutput:
    queries = native.LineageSqlQueryRunDetails(numQueriesFailed=len(messages), errorMessages=messages)
    lineage = native.LineageRunDetails(sqlQueryRunDetails=queries)
    return native.GetJobRunOutput(
        details=native.JobRunDetails(lineageRunDetails=lineage),
        error=None if error is None else native.JobRunError(message=error),
    )


def test_the_table_of_states() -> None:
    assert STATES == TABLE


@pytest.mark.parametrize(("name", "state"), [*TABLE.items(), ("DREAMING", RunState.UNKNOWN), ("CANCELLED", "UNKNOWN")])
def test_states(name: str, state: RunState) -> None:
    run = got(native.GetJobRunOutput(status=name))
    summary = listed(native.JobRunSummary(status=name))
    attempt = attempt_from_run(run)

    assert run.state == summary.state == attempt.state == state
    assert run.native_state == summary.native_state == attempt.native_state == name


def test_a_run_and_its_attempt() -> None:
    sent = native.GetJobRunOutput(
        id="run7",
        status="FAILED",
        error=native.JobRunError(message="it broke"),
        createdBy="SYSTEM",
        createdAt=CREATED,
        startTime=STARTED,
        endTime=ENDED,
    )
    run = got(sent)
    attempt = attempt_from_run(run)

    assert members(run) == {
        "ref": REF,
        "name": None,
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke",
        "attempt": 1,
        "created_at": CREATED,
        "started_at": STARTED,
        "updated_at": ENDED,
        "ended_at": ENDED,
        "created_by": "SYSTEM",
        "usage": None,
        "native": sent,
    }
    assert members(attempt) == {
        "run": REF,
        "id": "run7",
        "number": 1,
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "it broke",
        "created_at": CREATED,
        "started_at": STARTED,
        "updated_at": ENDED,
        "ended_at": ENDED,
        "usage": None,
        "native": sent,
    }


def test_a_run_as_it_is_listed() -> None:
    sent = native.JobRunSummary(
        runId="run7",
        status="IN_PROGRESS",
        createdBy="SYSTEM",
        createdAt=CREATED,
        startTime=STARTED,
    )
    run = listed(sent)

    assert members(run) == {
        "ref": REF,
        "name": None,
        "state": RunState.RUNNING,
        "native_state": "IN_PROGRESS",
        "message": None,
        "attempt": 1,
        "created_at": CREATED,
        "started_at": STARTED,
        "updated_at": STARTED,
        "ended_at": None,
        "created_by": "SYSTEM",
        "usage": None,
        "native": sent,
    }


def test_whatever_is_missing_is_none() -> None:
    for run in (got(native.GetJobRunOutput()), listed(native.JobRunSummary())):
        assert (run.ref, run.state, run.native_state, run.attempt) == (REF, RunState.UNKNOWN, "", 1)
        assert {run.name, run.message, run.created_by, run.usage} == {None}
        assert {run.created_at, run.started_at, run.updated_at, run.ended_at} == {None}


def test_a_run_that_ended_without_starting_was_updated_then() -> None:
    run = listed(native.JobRunSummary(createdAt=CREATED, endTime=ENDED))

    assert (run.started_at, run.updated_at, run.ended_at, run.duration) == (None, ENDED, ENDED, None)


@pytest.mark.parametrize(
    ("text", "message"), [("", None), (None, None), ("one\ntwo", "one\ntwo"), ("x" * 10_000, "x" * 10_000)]
)
def test_messages(text: str | None, message: str | None) -> None:
    error = native.JobRunError(message=text)

    assert got(native.GetJobRunOutput(error=error)).message == message
    assert listed(native.JobRunSummary(error=error)).message == message


def test_failed_queries_speak_where_the_run_has_no_error() -> None:
    assert got(with_errors("one", "two")).message == "one\ntwo"
    assert got(with_errors("one", error="the run's own")).message == "the run's own"
    assert got(with_errors("one", error="")).message == "one"
    assert got(with_errors()).message is None


@pytest.mark.parametrize(
    "details",
    [
        native.JobRunDetails(),
        native.JobRunDetails(lineageRunDetails=native.LineageRunDetails()),
        native.JobRunDetails(
            lineageRunDetails=native.LineageRunDetails(sqlQueryRunDetails=native.LineageSqlQueryRunDetails())
        ),
    ],
)
def test_details_of_an_unknown_kind_say_nothing(details: native.JobRunDetails) -> None:
    assert got(native.GetJobRunOutput(details=details)).message is None


@pytest.mark.parametrize(
    "sent",
    [CREATED, CREATED.replace(tzinfo=None), CREATED.astimezone(timezone(timedelta(hours=9)))],
    ids=["utc", "naive", "offset"],
)
def test_times_are_utc_with_their_fraction(sent: datetime) -> None:
    full = got(native.GetJobRunOutput(createdAt=sent, startTime=sent, endTime=sent))
    summary = listed(native.JobRunSummary(createdAt=sent, startTime=sent, endTime=sent))

    times = [
        moment for run in (full, summary) for moment in (run.created_at, run.started_at, run.updated_at, run.ended_at)
    ]
    assert times == [CREATED] * 8
    assert {moment.tzinfo for moment in times if moment is not None} == {UTC}
