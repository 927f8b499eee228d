"""Names and runs as other tools have them: ARNs, Step Functions, events of EventBridge, models of pydantic."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from jobruns_sdk import InvalidRequestError, JobRef, ResponseFormatError, RunRef, RunState, run_from_response
from jobruns_sdk.testing import LocalService

APP: Final = "arn:aws:emr-serverless:us-east-1:123456789012:/applications/00f1982r1uukb925"
ARNS: Final[Mapping[str, JobRef | RunRef]] = {
    "arn:aws:glue:us-east-1:123456789012:job/MyJob": JobRef("glue", "MyJob", "us-east-1"),
    "arn:aws-cn:glue:cn-north-1:123456789012:job/a b/c?d": JobRef("glue", "a b/c?d", "cn-north-1"),
    "arn:aws-us-gov:glue:us-gov-west-1:123456789012:job/x": JobRef("glue", "x", "us-gov-west-1"),
    APP: JobRef("emr-serverless", "00f1982r1uukb925", "us-east-1"),
    f"{APP}/jobruns/00f1cbn5g4bb0c01": JobRef("emr-serverless", "00f1982r1uukb925", "us-east-1").run(
        "00f1cbn5g4bb0c01"
    ),
}


@pytest.mark.parametrize(("arn", "ref"), ARNS.items(), ids=str)
def test_arns_are_read_as_references(arn: str, ref: JobRef | RunRef) -> None:
    assert type(ref).parse(arn) == ref


@pytest.mark.parametrize(
    ("kind", "arn", "why"),
    [
        (RunRef, APP, "is not the ARN of a run: it names a job, and no run of it"),
        (JobRef, f"{APP}/jobruns/r", "is not the ARN of a job: it names a run of a job"),
        (JobRef, "arn:aws:glue:us-east-1:123456789012:trigger/x", "known are ARNs of Glue jobs and of EMR"),
        (JobRef, "arn:aws:glue:us-east-1:123456789012:job/", "known are ARNs"),
        (JobRef, "arn:aws:glue:us-east-1:12345:job/x", "known are ARNs"),
        (JobRef, "arn:aws:iam::123456789012:role/x", "known are ARNs"),
        (RunRef, f"{APP}/jobruns/r/attempts/2", "known are ARNs"),
        (JobRef, "arn:", "known are ARNs"),
    ],
)
def test_other_arns_are_refused(kind: type[JobRef | RunRef], arn: str, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why):
        kind.parse(arn)


async def test_a_client_takes_arns(local: LocalService) -> None:
    local.add_glue_job("etl")
    async with local.client() as client:
        assert client.handle("arn:aws:glue:us-east-1:123456789012:job/etl").ref == JobRef("glue", "etl", "us-east-1")
        assert await client.runs("arn:aws:glue:us-east-1:123456789012:job/etl").collect() == []


STEP_FUNCTIONS: Final = {
    "Id": "jr_ab",
    "JobName": "etl",
    "JobRunState": "SUCCEEDED",
    "StartedOn": 1602874075985,
    "CompletedOn": 1602874220685,
    "LastModifiedOn": 1602874220685,
}


def test_step_functions_times_are_milliseconds() -> None:
    run = run_from_response("glue", STEP_FUNCTIONS)

    assert run.created_at == datetime(2020, 10, 16, 18, 47, 55, 985000, UTC)
    assert run.duration == timedelta(seconds=144.7)


@pytest.mark.parametrize("seconds", [-62135596800, 0, 1602874075.985, 253402300799])
def test_every_second_that_there_is_stays_one(seconds: float) -> None:
    run = run_from_response("glue", {**STEP_FUNCTIONS, "StartedOn": seconds})

    assert run.created_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("time", [1e18, float("inf"), -1e15])
def test_what_is_neither_is_refused(time: float) -> None:
    with pytest.raises(ResponseFormatError, match=r"StartedOn"):
        run_from_response("glue", {**STEP_FUNCTIONS, "StartedOn": time})


# From https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html and
# https://docs.aws.amazon.com/eventbridge/latest/ref/events-ref-glue.html.
EVENTS: Final[list[tuple[dict[str, Any], RunState, str | None]]] = [
    (
        {"jobName": "MyJob", "severity": "ERROR", "state": "FAILED", "jobRunId": "jr_0123", "message": "boom"},
        RunState.FAILED,
        "boom",
    ),
    (
        {
            "jobName": "MyJob",
            "severity": "INFO",
            "notificationCondition": {"NotifyDelayAfter": 1.0},
            "state": "STARTING",
            "jobRunId": "jr_0123",
            "message": "Job is in STARTING state",
            "startedOn": "2018-04-24T20:57:34.767Z",
        },
        RunState.STARTING,
        "Job is in STARTING state",
    ),
]


@pytest.mark.parametrize(("detail", "state", "message"), EVENTS)
def test_the_detail_of_an_event_of_glue_is_a_run(detail: dict[str, Any], state: RunState, message: str | None) -> None:
    run = run_from_response("glue", detail, region_name="us-east-1")

    assert (run.ref, run.state) == (RunRef.parse("glue:MyJob/jr_0123?region=us-east-1"), state)
    assert run.message == message
    assert (run.created_at is None) is ("startedOn" not in detail)


def test_an_event_of_a_retry_is_its_run() -> None:
    run = run_from_response("glue", {**EVENTS[0][0], "jobRunId": "jr_0123_attempt_2"})

    assert (run.id, run.attempt) == ("jr_0123", 3)


class Model(BaseModel):
    """As programs have them that store what they have started."""

    job: JobRef
    run: RunRef | None = None
    state: RunState


def test_references_are_strings_in_models_of_pydantic() -> None:
    ref = RunRef.parse("glue:etl/jr_1?region=eu-west-1")
    made = Model(job=ref.job, run=ref, state=RunState.FAILED)
    read = Model.model_validate_json(made.model_dump_json())

    assert (
        made.model_dump_json()
        == '{"job":"glue:etl?region=eu-west-1","run":"glue:etl/jr_1?region=eu-west-1","state":"FAILED"}'
    )
    assert read == made
    assert Model.model_validate({"job": "glue:etl", "state": "FAILED"}).job == JobRef("glue", "etl")
    assert TypeAdapter(list[RunRef]).validate_python([str(ref)]) == [ref]


@pytest.mark.parametrize("job", ["etl", 5, None, "glue:etl/jr_1"])
def test_what_is_no_reference_is_an_error_of_pydantic(job: object) -> None:
    with pytest.raises(ValidationError):
        Model.model_validate({"job": job, "state": "FAILED"})


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_schema_says_string(mode: Any) -> None:  # noqa: ANN401
    assert Model.model_json_schema(mode=mode)["properties"]["job"]["type"] == "string"
