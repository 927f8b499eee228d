import json
from datetime import UTC, datetime
from typing import Final

import pytest
from botocore.validate import ParamValidator

from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.glue import native as glue
from tests.truth.differential.values import by_botocore, by_native
from tests.truth.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, SURFACES, Surface
from tests.truth.samples import own, own_body

CASES: Final = [
    pytest.param(surface, operation, body, id=f"{surface.service}-{operation}-{case}")
    for surface in SURFACES
    for operation in surface.decoders
    for case, body in own(surface.folder, operation)
]

each_sample = pytest.mark.parametrize(("surface", "operation", "body"), CASES)


@each_sample
def test_is_valid_by_the_model(surface: Surface, operation: str, body: bytes) -> None:
    # The service itself sends "" where its model demands a character.
    answer = json.loads(body.replace(b'"stateDetails": ""', b'"stateDetails": "-"'))

    report = ParamValidator().validate(answer, surface.answer(operation))

    assert report.generate_report() == ""


@each_sample
def test_holds_only_members_of_the_model(surface: Surface, operation: str, body: bytes) -> None:
    parsed = json.dumps(by_botocore(surface, operation, body), default=datetime.timestamp)

    assert json.loads(parsed) == json.loads(body)


@each_sample
def test_values_are_those_of_botocore(surface: Surface, operation: str, body: bytes) -> None:
    assert by_native(surface, operation, body) == by_botocore(surface, operation, body)


@pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.service)
def test_there_is_one_for_every_operation(surface: Surface) -> None:
    assert [operation for operation in surface.decoders if not list(own(surface.folder, operation))] == []


@pytest.mark.parametrize(
    ("surface", "operation", "member"),
    [
        (EMR_SERVERLESS, "ListJobRuns", "state"),
        (DATAZONE, "ListJobRuns", "status"),
        (DATAZONE, "GetJobRun", "status"),
        (GLUE, "GetJobRun", "JobRunState"),
    ],
)
def test_there_is_one_for_every_state(surface: Surface, operation: str, member: str) -> None:
    bodies = b"".join(body for _, body in own(surface.folder, operation))
    states = surface.model.shape_for(surface.state_shape).metadata["enum"]

    assert [state for state in states if f'"{member}": "{state}"'.encode() not in bodies] == []


def test_attempts_of_emr_serverless() -> None:
    body = own_body("emr_serverless", "ListJobRunAttempts", "three_attempts")
    attempts = emr.LIST_JOB_RUN_ATTEMPTS.decode(body).jobRunAttempts

    assert attempts is not None
    assert [(attempt.attempt, attempt.id) for attempt in attempts] == [(n, "00f8fai0000008p9") for n in (3, 2, 1)]
    assert {attempt.jobCreatedAt for attempt in attempts} == {datetime(2026, 11, 20, 2, 0, 4, 313_000, tzinfo=UTC)}
    assert attempts[0].createdAt == datetime(2026, 11, 20, 2, 16, 0, 150_000, tzinfo=UTC)


def test_a_second_attempt_of_emr_serverless() -> None:
    run = emr.GET_JOB_RUN.decode(own_body("emr_serverless", "GetJobRun", "second_attempt")).jobRun

    assert run is not None
    assert (run.state, run.attempt, run.queuedDurationMilliseconds) == ("SUCCESS", 2, 1250)
    assert run.startedAt == datetime(2026, 11, 20, 3, 6, 31, 120_000, tzinfo=UTC)
    assert run.retryPolicy is not None
    assert run.retryPolicy.maxAttempts == 3
    assert "correct horse" not in repr(run)


def test_a_partly_successful_run_of_datazone() -> None:
    run = datazone.GET_JOB_RUN.decode(own_body("datazone", "GetJobRun", "partially_succeeded"))

    assert (run.status, run.endTime) == ("PARTIALLY_SUCCEEDED", datetime(2026, 11, 19, 5, 3, tzinfo=UTC))
    assert run.details is not None
    assert run.details.lineageRunDetails is not None
    assert run.details.lineageRunDetails.sqlQueryRunDetails is not None
    assert run.details.lineageRunDetails.sqlQueryRunDetails.numQueriesFailed == 2


@pytest.mark.parametrize(
    ("case", "state", "ended"),
    [
        ("waiting", "WAITING", None),
        ("stopping", "STOPPING", None),
        ("stopped", "STOPPED", datetime(2026, 11, 20, 3, 12, 1, 457_000, tzinfo=UTC)),
        ("timeout", "TIMEOUT", datetime(2026, 11, 19, 2, 0, 31, 250_000, tzinfo=UTC)),
        ("error", "ERROR", datetime(2026, 11, 18, 1, 0, 0, 200_000, tzinfo=UTC)),
        ("expired", "EXPIRED", datetime(2026, 11, 17, 1, 0, 0, 375_000, tzinfo=UTC)),
    ],
)
def test_states_of_glue_that_nobody_published(case: str, state: str, ended: datetime | None) -> None:
    run = glue.GET_JOB_RUN.decode(own_body("glue", "GetJobRun", case)).JobRun

    assert run is not None
    assert (run.JobRunState, run.CompletedOn) == (state, ended)
