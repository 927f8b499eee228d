import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import pytest
from botocore.parsers import create_parser

from jobruns_sdk import run_from_response
from jobruns_sdk.errors import InvalidRequestError, ResponseFormatError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.glue import native as glue
from tests.truth.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, Surface
from tests.truth.samples import own, own_body
from tests.unit.values import CANARY

GETS: Final = [
    pytest.param(surface, "GetJobRun", body, id=f"{surface.service}-{case}")
    for surface in (EMR_SERVERLESS, DATAZONE, GLUE)
    for case, body in own(surface.folder, "GetJobRun")
]
LISTS: Final = [
    (EMR_SERVERLESS, "ListJobRuns", "all_states", "jobRuns"),
    (DATAZONE, "ListJobRuns", "all_states", "items"),
    (GLUE, "GetJobRuns", "retried_until_it_succeeded", "JobRuns"),
]
MOMENT: Final = datetime(2026, 11, 20, 2, 0, 4, 313_000, tzinfo=UTC)


@pytest.fixture
def far_from_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets boto3, which gives times in the machine's zone, be in Newfoundland."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/St_Johns")
        time.tzset()
        yield
    time.tzset()


def by_boto3(surface: Surface, operation: str, body: bytes) -> Any:  # noqa: ANN401  # as boto3's answers are
    parser = create_parser(surface.model.metadata["protocol"])
    answer = {"body": body, "headers": {"x-amzn-requestid": "r-1"}, "status_code": 200}
    return parser.parse(answer, surface.answer(operation))


def run_of(sent: Mapping[str, object], **more: object) -> JobRun[Native]:
    return run_from_response("glue", {"Id": "jr_0", "JobName": "nightly-etl", **sent, **more})


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(("surface", "operation", "body"), GETS)
def test_a_run_that_boto3_got(surface: Surface, operation: str, body: bytes) -> None:
    answer = by_boto3(surface, operation, body)
    native = surface.decoders[operation].decode(body)
    run = run_from_response(surface.service, answer, region_name="eu-west-1")

    assert run.native == getattr(native, "jobRun", getattr(native, "JobRun", native))
    assert run.native_state == surface_state(run.native)
    assert run.state == surface.states[run.native_state]
    assert (run.service, run.job.region) == (surface.service, "eu-west-1")
    times = {run.created_at, run.started_at, run.updated_at, run.ended_at} - {None}
    assert {moment.tzinfo for moment in times if moment} == {UTC}


def surface_state(native: object) -> object:
    members = (getattr(native, name, None) for name in ("state", "status", "JobRunState"))
    return next(state for state in members if state is not None)


@pytest.mark.usefixtures("far_from_utc")
@pytest.mark.parametrize(("surface", "operation", "case", "rows"), LISTS)
def test_runs_that_boto3_listed(surface: Surface, operation: str, case: str, rows: str) -> None:
    body = own_body(surface.folder, operation, case)
    natives: tuple[Native, ...] = getattr(surface.decoders[operation].decode(body), rows)
    runs = [run_from_response(surface.service, row) for row in by_boto3(surface, operation, body)[rows]]

    assert [run.native for run in runs] == list(natives)
    assert [run.native_state for run in runs] == list(map(surface_state, natives))


def test_what_an_emr_serverless_run_is() -> None:
    body = own_body("emr_serverless", "GetJobRun", "cancelled_at_its_timeout")
    run = run_from_response("emr-serverless", by_boto3(EMR_SERVERLESS, "GetJobRun", body))

    assert str(run.ref) == "emr-serverless:00f7q2m4k8bvc909/00f8can0000009p9"
    assert (run.state, run.name, run.attempt) == (RunState.STOPPED, "nightly-02", 1)
    assert run.message == "Job run was cancelled since it exceeded the configured timeout of 60 minutes."
    assert run.usage == Usage(vcpu_hours=8.2, memory_gb_hours=32.8, storage_gb_hours=0.0, basis="billed")
    assert run.duration == timedelta(seconds=3592.15)
    assert isinstance(run.native, emr.JobRun)


def test_what_a_datazone_run_is() -> None:
    body = own_body("datazone", "GetJobRun", "partially_succeeded")
    run = run_from_response("datazone", by_boto3(DATAZONE, "GetJobRun", body), region_name="eu-west-1")

    assert str(run.ref) == "datazone:dzd_4p9n6sw4qt9xgn/5hq1j3zv0k2m4x/c1h2m8aq4r0004?region=eu-west-1"
    assert (run.state, run.created_by) == (RunState.PARTIALLY_SUCCEEDED, "SYSTEM")
    assert run.message is not None
    assert run.message.startswith("Query 3391 could not be parsed")
    assert isinstance(run.native, datazone.GetJobRunOutput)


def test_a_retry_of_glue_is_its_run_in_that_attempt() -> None:
    body = own_body("glue", "GetJobRun", "failed_on_its_last_retry")
    run = run_from_response("glue", by_boto3(GLUE, "GetJobRun", body))

    assert run.id == "jr_76f75e6129fe30135bd44d80ab7cc46fdba81907758dc808f3e2517beef2b1e9"
    assert (run.attempt, run.state, run.usage) == (3, RunState.FAILED, None)
    assert isinstance(run.native, glue.JobRun)
    assert run.native.Id == f"{run.id}_attempt_2"


@pytest.mark.parametrize(
    "sent",
    [
        MOMENT,
        MOMENT.astimezone(timezone(timedelta(hours=-3, minutes=-30))),
        "2026-11-20T02:00:04.313Z",
        "2026-11-20T11:00:04.313000+09:00",
        1795140004.313,
        "1795140004.313",
    ],
    ids=lambda sent: f"{type(sent).__name__} {sent}",
)
def test_times_in_any_form(sent: object) -> None:
    run = run_of({}, StartedOn=sent)

    assert run.created_at is not None
    assert (run.created_at, run.created_at.tzinfo) == (MOMENT, UTC)


def test_whole_seconds_and_missing_times() -> None:
    assert run_of({}, StartedOn=1795140004).created_at == MOMENT.replace(microsecond=0)
    assert run_of({}, StartedOn=None).created_at is None
    assert run_of({}).created_at is None


def test_what_is_unknown_or_null_is_dropped() -> None:
    sent: dict[str, Any] = {"Arguments": {"--a": None, "--b": "c"}, "PredecessorRuns": [None, {}]}
    run = run_of(sent, Mood={"a": 1}, ErrorMessage=None, ResponseMetadata={"RequestId": "r-1"})

    assert run.native == glue.JobRun(
        Id="jr_0", JobName="nightly-etl", Arguments={"--b": "c"}, PredecessorRuns=(glue.Predecessor(),)
    )


def test_an_unknown_kind_of_a_union_leaves_its_members_out() -> None:
    body = (
        b'{"jobRun": {"applicationId": "a", "jobRunId": "b", "jobDriver": {"flink": {"entryPoint": "s3://b/j.jar"}}}}'
    )
    run = run_from_response("emr-serverless", by_boto3(EMR_SERVERLESS, "GetJobRun", body))

    assert run.native == emr.JobRun(applicationId="a", jobRunId="b", jobDriver=emr.JobDriver())


def test_a_run_without_its_envelope() -> None:
    run = run_from_response("emr-serverless", {"applicationId": "00f1abc", "jobRunId": "00frun1", "state": "RUNNING"})

    assert str(run.ref) == "emr-serverless:00f1abc/00frun1"


def test_the_answer_stays_as_it_was() -> None:
    answer = by_boto3(GLUE, "GetJobRun", own_body("glue", "GetJobRun", "running"))
    before = repr(answer)
    run_from_response("glue", answer)

    assert repr(answer) == before


@pytest.mark.parametrize(
    ("service", "data", "where"),
    [
        ("glue", None, "$"),
        ("glue", [], "$"),
        ("glue", "text", "$"),
        ("glue", {}, "$.Id"),
        ("glue", {"JobRuns": []}, "$.Id"),
        ("glue", {"JobRun": None}, "$.Id"),
        ("glue", {"JobRun": []}, "$.JobRun"),
        ("glue", {"JobRun": {}}, "$.JobRun.Id"),
        ("glue", {"JobRun": {"Id": ""}}, "$.JobRun.Id"),
        ("glue", {"JobRun": {"Id": 5}}, "$.JobRun.Id"),
        ("glue", {"JobRun": {"Id": "jr_0"}}, "$.JobRun.JobName"),
        ("glue", {"JobRun": {"Id": "jr_0", "JobName": "a", "StartedOn": "yesterday"}}, "$.JobRun.StartedOn"),
        (
            "glue",
            {"JobRun": {"Id": "jr_0", "JobName": "a", "StartedOn": MOMENT.replace(tzinfo=None)}},
            "$.JobRun.StartedOn",
        ),
        ("glue", {"Id": "jr_0", "JobName": "a", "CompletedOn": "2026-11-20T02:00:04"}, "$.CompletedOn"),
        ("emr-serverless", {"applicationId": "a", "id": "b", "updatedAt": MOMENT.replace(tzinfo=None)}, "$.updatedAt"),
        ("datazone", {"domainId": "d", "jobId": "j", "id": "r", "endTime": MOMENT.replace(tzinfo=None)}, "$.endTime"),
        ("glue", {"JobRun": {"Id": "jr_0", "JobName": "a", "Attempt": 0.5}}, "$.JobRun.Attempt"),
        ("glue", {"Id": "jr_0", "JobName": "a", "PredecessorRuns": [{}, {"RunId": 5}]}, "$.PredecessorRuns[1].RunId"),
        ("emr-serverless", {}, "$.applicationId"),
        ("emr-serverless", {"jobRun": {"applicationId": "a"}}, "$.jobRun.jobRunId"),
        ("emr-serverless", {"applicationId": "a", "id": ""}, "$.id"),
        ("emr-serverless", {"applicationId": "a", "id": "b", "createdAt": []}, "$.createdAt"),
        ("emr-serverless", {"jobRun": {"applicationId": "a", "jobRunId": "b", "tags": 5}}, "$.jobRun.tags"),
        ("datazone", {"domainId": "d"}, "$.jobId"),
        ("datazone", {"domainId": "d", "jobId": "j"}, "$.id"),
        ("datazone", {"domainId": "d", "jobId": "j", "runId": None}, "$.runId"),
        ("datazone", {"domainId": "d", "jobId": "j", "id": "r", "error": {"message": 5}}, "$.error.message"),
    ],
)
def test_what_is_no_such_answer(service: str, data: Any, where: str) -> None:  # noqa: ANN401  # what boto3 hands out
    with pytest.raises(ResponseFormatError) as raised:
        run_from_response(service, data)

    assert raised.value.where == where
    assert f"at {where}:" in raised.value.message
    assert raised.value.service == service


def test_a_fault_tells_no_secret() -> None:
    sent: dict[str, Any] = {"Arguments": {"--password": CANARY, "--more": {}}, "ErrorMessage": [CANARY]}

    with pytest.raises(ResponseFormatError) as raised:
        run_of(sent)
    assert CANARY not in json.dumps([str(raised.value), repr(raised.value.__cause__)])


@pytest.mark.parametrize(
    ("service", "told"),
    [
        ("athena", "known are emr-serverless, datazone, glue"),
        ("Glue", "known are emr-serverless, datazone, glue"),
        ("", "service must be a string"),
        (None, "service must be a string"),
    ],
)
def test_an_unknown_service(service: Any, told: str) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError, match=told):
        run_from_response(service, {})


def test_a_region_that_is_none() -> None:
    with pytest.raises(InvalidRequestError, match="region"):
        run_from_response("glue", {"Id": "jr_0", "JobName": "a"}, region_name="eu west")
