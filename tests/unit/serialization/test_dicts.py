import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jobruns_sdk
from jobruns_sdk import errors, from_dict, to_dict
from jobruns_sdk.errors import (
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.refs import JobRef, RunRef, Service
from jobruns_sdk.model.reports import Progress, SourceError, SourceReport, WalkReport
from jobruns_sdk.model.runs import Job, JobRun, RunFailedError, StopOutcome, Usage, WaitTimeoutError
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.page import Page
from jobruns_sdk.serialization.kinds import ERRORS, kinds_with
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import Application, Configuration
from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.transport.pace import Pace
from jobruns_sdk.transport.quotas import Quota
from tests.truth.differential.values import plain
from tests.truth.drift.surface import SURFACES, Surface
from tests.truth.samples import own
from tests.unit.values import ATTEMPT, CANARY, CREATED, ENDED, JOB, NATIVE, REF, RUN

SOURCE: Final = SourceReport(
    name="glue:a", calls=2, pages=2, rows=300, disorder=1, waited=0.25, ended=True, error=None, throttled=1
)
ANY: Final[JobRun[Any]] = RUN
VALUES: Final = [
    RUN,
    attrs.evolve(ANY, message=None, started_at=None, usage=None, native=None),
    attrs.evolve(RUN, job=JobRef("glue", ("a/b?c",), None, "prod"), id="jr_ü", state=RunState.UNKNOWN),
    attrs.evolve(ANY, native=datazone.GetJobRunOutput(id="run7", error=datazone.JobRunError(message="it broke"))),
    ATTEMPT,
    Job(JOB, "nightly-etl", None, glue.Job(Name="nightly-etl", MaxRetries=2)),
    Job(JobRef("emr-serverless", "00f1abc"), None, "STARTED", Application(tags={"team": "data"})),
    Usage(1.5, 2.0, 0.0, None, "billed"),
    JOB,
    REF,
    RunState.PARTIALLY_SUCCEEDED,
    Service.DATAZONE,
    Page((RUN, attrs.evolve(RUN, id="jr_1")), "1.abc"),
    Page((ATTEMPT,), None),
    Page((Job(JOB, "nightly-etl", None, glue.Job(Name="nightly-etl")),), None),
    Page((), None),
    StateChange(RUN, RunState.RUNNING, RunState.FAILED, 1, ENDED),
    StateChange(RUN, None, RunState.FAILED, 1, ENDED),
    StopOutcome(REF, accepted=True),
    Pace(rate=None, burst=1.0, throttled=0, waited=0.0),
    Pace(rate=9.5, burst=25.0, throttled=3, waited=1.25),
    Quota(rate=0.5, burst=25),
    SOURCE,
    WalkReport((SOURCE,), (), complete=True),
    Progress(sources=3, sources_done=2, pages=7, runs=300, calls=9, waited=0.5, throttled=1),
    SparkSubmit("s3://b/main.py", ["--day", "2026-11-21"], "--conf a=b"),
    HiveQuery("select 1", "s3://b/init.sql", None),
    NATIVE,
]
each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)

KINDS: Final = kinds_with(None)


def json_types(data: object) -> Iterator[type]:
    yield type(data)
    parts: list[object] = []
    if isinstance(data, dict):
        parts = [part for item in cast("dict[object, object]", data).items() for part in item]
    elif isinstance(data, list):
        parts = cast("list[object]", data)
    for part in parts:
        yield from json_types(part)


def through_json(value: object) -> object:
    return from_dict(json.loads(json.dumps(to_dict(value))))


def natives_of(value: object) -> list[object]:
    rows: tuple[object, ...] = getattr(value, "items", (value,))
    return [getattr(row, "native", None) for row in rows]


@each_value
def test_a_value_comes_back(value: object) -> None:
    back = through_json(value)

    assert back == value
    assert type(back) is type(value)
    assert natives_of(back) == natives_of(value)


@each_value
def test_a_dict_holds_what_json_does(value: object) -> None:
    assert set(json_types(to_dict(value))) <= {dict, list, str, int, float, bool, type(None)}


@each_value
def test_a_dict_says_what_it_is(value: object) -> None:
    data = to_dict(value)

    assert list(data)[:2] == ["kind", "version"]
    assert data["version"] == 1
    kind = cast("str", data["kind"])
    assert kind.rpartition(".")[2] == type(value).__name__


def test_the_form_of_a_run() -> None:
    assert to_dict(RUN) == {
        "kind": "JobRun",
        "version": 1,
        "ref": "glue:nightly-etl/jr_0?region=eu-west-1",
        "name": "nightly-etl",
        "state": "FAILED",
        "native_state": "FAILED",
        "message": "it broke",
        "attempt": 1,
        "created_at": "2026-11-20T02:00:04.313000+00:00",
        "started_at": "2026-11-20T02:00:04.313000+00:00",
        "updated_at": "2026-11-20T02:05:04.313000+00:00",
        "ended_at": "2026-11-20T02:05:04.313000+00:00",
        "created_by": None,
        "usage": {
            "vcpu_hours": None,
            "memory_gb_hours": None,
            "storage_gb_hours": None,
            "dpu_hours": 1.5,
            "basis": "consumed",
        },
        "native": {
            "kind": "glue.JobRun",
            "Id": "jr_0",
            "StartedOn": "2026-11-20T02:00:04.313000+00:00",
            "JobRunState": "FAILED",
            "Arguments": {"--password": CANARY},
        },
    }


@pytest.mark.parametrize(
    ("value", "data"),
    [
        (REF, {"kind": "RunRef", "version": 1, "text": "glue:nightly-etl/jr_0?region=eu-west-1"}),
        (JOB, {"kind": "JobRef", "version": 1, "text": "glue:nightly-etl?region=eu-west-1"}),
        (RunState.FAILED, {"kind": "RunState", "version": 1, "text": "FAILED"}),
        (Service.GLUE, {"kind": "Service", "version": 1, "text": "glue"}),
        (
            StopOutcome(REF, accepted=True),
            {"kind": "StopOutcome", "version": 1, "ref": str(REF), "accepted": True, "error": None, "run": None},
        ),
        (
            Page((REF,), None),
            {"kind": "Page", "version": 1, "items": [{"kind": "RunRef", "text": str(REF)}], "cursor": None},
        ),
    ],
)
def test_the_form_of_others(value: object, data: Mapping[str, object]) -> None:
    assert to_dict(value) == data


def test_every_public_value_has_a_kind() -> None:
    public = {value for name in jobruns_sdk.__all__ if isinstance(value := getattr(jobruns_sdk, name), type)}
    handles = {jobruns_sdk.DataZoneJob, jobruns_sdk.EmrServerlessApplication, jobruns_sdk.GlueJob}
    values = {kind for kind in public if attrs.has(kind) or issubclass(kind, (str, JobRunsError))} - handles

    assert values - {RunRef, JobRef} <= {getattr(kind, "__origin__", kind) for kind in KINDS.records.values()} | set(
        KINDS.text_kinds.values()
    ) | set(ERRORS.values())


def test_no_native_member_is_called_as_ours_are() -> None:
    assert {name for kind in KINDS.natives.values() for name in kind.__struct_fields__} & {"kind", "version"} == set()


def test_every_native_structure_has_a_kind() -> None:
    assert KINDS.natives["glue.JobRun"] is glue.JobRun
    assert KINDS.natives["emr-serverless.Application"] is Application
    assert KINDS.natives["datazone.JobRunSummary"] is datazone.JobRunSummary
    assert len(set(KINDS.natives.values())) == len(KINDS.natives) > 50


SAMPLES: Final = [
    pytest.param(surface, operation, body, id=f"{surface.service}-{operation}-{case}")
    for surface in SURFACES
    for operation in surface.decoders
    for case, body in own(surface.folder, operation)
]


@pytest.mark.parametrize(("surface", "operation", "body"), SAMPLES)
def test_every_sample_comes_back(surface: Surface, operation: str, body: bytes) -> None:
    native = surface.decoders[operation].decode(body)
    back = through_json(native)

    assert back == native
    assert plain(back) == plain(native)


@given(
    st.builds(
        Usage,
        *[st.none() | st.floats(0, 1e300)] * 4,
        basis=st.sampled_from(["billed", "consumed", "estimated"]),
    ),
    st.none() | st.text(),
    st.none() | st.datetimes(timezones=st.timezones()),
    st.sampled_from(RunState),
    st.text(),
)
def test_any_run_comes_back(
    usage: Usage, message: str | None, moment: datetime | None, state: RunState, native_state: str
) -> None:
    ended = None if moment is None or not 1 < moment.year < 9999 else moment.astimezone(UTC)
    run = attrs.evolve(RUN, usage=usage, message=message, ended_at=ended, state=state, native_state=native_state)

    assert through_json(run) == run


def test_times_come_back_in_utc() -> None:
    local = ENDED.astimezone(timezone(timedelta(hours=9)))
    data = to_dict(attrs.evolve(RUN, ended_at=local))
    back = from_dict(data)

    assert data["ended_at"] == "2026-11-20T11:05:04.313000+09:00"
    assert isinstance(back, JobRun)
    assert back.ended_at is not None
    assert (back.ended_at, back.ended_at.tzinfo) == (ENDED, UTC)


@pytest.mark.parametrize("moment", [ENDED, ENDED.astimezone(timezone(timedelta(hours=9))), "2026-11-20T02:05:04.313Z"])
def test_times_may_be_times_already(moment: object) -> None:
    assert from_dict({**to_dict(RUN), "ended_at": moment}) == RUN


def test_a_whole_number_is_a_float_where_one_is_wanted() -> None:
    back = from_dict({"kind": "Usage", "dpu_hours": 2, "basis": "billed"})

    assert isinstance(back, Usage)
    assert repr(back.dpu_hours) == "2.0"


def test_what_is_nested_says_its_kind_where_that_is_open() -> None:
    page = cast("dict[str, Any]", to_dict(Page((RUN,), None)))

    assert page["items"][0]["kind"] == "JobRun"
    assert from_dict(page["items"][0]) == RUN
    assert from_dict(page["items"][0]["native"]) == NATIVE


def test_unknown_members_of_a_native_structure_are_dropped() -> None:
    assert from_dict({"kind": "glue.JobRun", "Id": "jr_0", "Mood": "good"}) == glue.JobRun(Id="jr_0")


class TestSecrets:
    FULL: Final = [
        RUN,
        ATTEMPT,
        NATIVE,
        Page((RUN,), None),
        StateChange(RUN, None, RunState.FAILED, 1, ENDED),
        attrs.evolve(ANY, native=emr.JobRun(jobDriver=emr.JobDriver(hive=emr.Hive(query=CANARY)))),
        emr.JobRun(
            configurationOverrides=emr.ConfigurationOverrides(
                applicationConfiguration=(
                    Configuration(
                        classification="a",
                        properties={"password": CANARY},
                        configurations=(Configuration(properties={"password": CANARY}),),
                    ),
                )
            )
        ),
        Job(
            JOB,
            "a",
            None,
            glue.Job(
                DefaultArguments={"--password": CANARY},
                SourceControlDetails=glue.SourceControlDetails(AuthToken=CANARY),
            ),
        ),
        SparkSubmit(CANARY, [CANARY], CANARY),
        HiveQuery(CANARY, CANARY, CANARY),
        RunFailedError("it broke", run=RUN),
        StopOutcome(REF, accepted=False, error=WaitTimeoutError("it lasts", run=RUN)),
    ]
    each = pytest.mark.parametrize("value", FULL, ids=lambda value: type(value).__name__)

    @each
    def test_they_are_written(self, value: object) -> None:
        assert CANARY in json.dumps(to_dict(value))

    @each
    def test_they_can_be_left_out(self, value: object) -> None:
        assert CANARY not in json.dumps(to_dict(value, secrets=False))

    def test_a_run_comes_back_without_them(self) -> None:
        back = from_dict(to_dict(RUN, secrets=False))

        assert back == RUN
        assert natives_of(back) == [glue.JobRun(Id="jr_0", JobRunState="FAILED", StartedOn=CREATED)]

    def test_what_stands_beside_them_is_kept(self) -> None:
        run = emr.JobRun(
            state="FAILED",
            configurationOverrides=emr.ConfigurationOverrides(
                applicationConfiguration=(Configuration(classification="a", properties={}),)
            ),
        )

        assert to_dict(run, secrets=False) == {
            "kind": "emr-serverless.JobRun",
            "version": 1,
            "state": "FAILED",
            "configurationOverrides": {"applicationConfiguration": [{"classification": "a"}]},
        }


def facts(error: object) -> dict[str, object]:
    names = ("message", "service", "operation", "code", "request_id", "http_status", "retryable", "in_doubt")
    known = {name: getattr(error, name, "not known") for name in (*names, "requests", "sent", "where", "run")}
    return {"type": type(error), "text": str(error), **known}


class TestErrors:
    @pytest.mark.parametrize("kind", ERRORS.values())
    def test_every_one_comes_back(self, kind: type[JobRunsError]) -> None:
        error = kind(
            "it broke",
            service="glue",
            operation="GetJobRun",
            code="Oops",
            request_id="r-1",
            http_status=400,
            retryable=True,
        )
        back = through_json(error)

        assert facts(back) == facts(error)

    @pytest.mark.parametrize(
        "error",
        [
            TransportError("lost", sent=False),
            ResponseFormatError("odd", where="$.jobRuns[3].state"),
            RunFailedError("it broke", run=RUN),
            WaitTimeoutError("it lasts", run=None),
        ],
    )
    def test_what_some_know_comes_back(self, error: JobRunsError) -> None:
        back = through_json(error)

        assert facts(back) == facts(error)

    @pytest.mark.parametrize("kind", [ThrottledError, ServiceUnavailableError])
    def test_what_became_of_the_call_comes_back(self, kind: type[JobRunsError]) -> None:
        error = kind("not now")
        error.in_doubt, error.requests = not kind.in_doubt, 4

        assert facts(through_json(error)) == facts(error)

    def test_they_come_back_in_what_carries_them(self) -> None:
        outcome = through_json(StopOutcome(REF, accepted=False, error=NotFoundError("no such run", code="E")))
        report = through_json(WalkReport((), (SourceError(JOB, NotFoundError("no such job")),), complete=False))

        assert isinstance(outcome, StopOutcome)
        assert isinstance(outcome.error, NotFoundError)
        assert (outcome.error.message, outcome.error.code) == ("no such run", "E")
        assert isinstance(report, WalkReport)
        assert [(str(failed.job), str(failed.error)) for failed in report.failed] == [(str(JOB), "no such job")]

    def test_private_ones_are_none(self) -> None:
        assert "_RunError" not in ERRORS
        assert all(hasattr(errors, name) for name in ERRORS)
