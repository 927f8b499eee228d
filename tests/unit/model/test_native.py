import traceback
from datetime import UTC, datetime, timedelta, timezone

import pytest
from msgspec.json import Decoder

from jobruns_sdk.errors import ResponseFormatError
from jobruns_sdk.model.native import Native, Secret, utc
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import Configuration
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.glue.native import GetJobRunResponse
from jobruns_sdk.transport.decoding import decode

CANARY = "correct horse"


def read(body: bytes) -> GetJobRunResponse:
    return decode(glue.GET_JOB_RUN, body, service="glue", operation="GetJobRun", request_id="r-1", http_status=200)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"", "$"),
        (b"null", "$"),
        (b"[]", "$"),
        (b'"text"', "$"),
        (b"<html></html>", "$"),
        (b'{"JobRun": {}} {}', "$"),
        (b"\xef\xbb\xbf{}", "$"),
        (b'{"JobRun": []}', "$.JobRun"),
        (b'{"JobRun": {"Attempt": "first"}}', "$.JobRun.Attempt"),
        (b'{"JobRun": {"Attempt": 0.5}}', "$.JobRun.Attempt"),
        (b'{"JobRun": {"StartedOn": "yesterday"}}', "$.JobRun.StartedOn"),
        (b'{"JobRun": {"StartedOn": 1e20}}', "$.JobRun.StartedOn"),
        (b'{"JobRun": {"PredecessorRuns": [{}, {"RunId": 5}]}}', "$.JobRun.PredecessorRuns[1].RunId"),
        (b'{"JobRun": {"Arguments": {"--a": {}}}}', "$.JobRun.Arguments[...]"),
        (b'{"unknown": ' + b"[" * 100_000, "$"),
        (b'{"unknown": ' + b'{"a":' * 100_000, "$"),
    ],
)
def test_an_answer_that_cannot_be_read_is_named_with_its_place(body: bytes, where: str) -> None:
    with pytest.raises(ResponseFormatError) as raised:
        read(body)

    assert raised.value.where == where
    assert_it_is_told(raised.value)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"JobRun": ', "$.JobRun"),
        (b'{"JobRun": {"MaxCapacity": NaN}}', "$.JobRun.MaxCapacity"),
        (b'{"JobRun": {"StartedOn": 253402300800}}', "$.JobRun.StartedOn"),
        (b'{"JobRun": {"Id": "\xff"}}', "$.JobRun.Id"),
        (b'{"JobRun": {"Id": "\\ud800"}}', "$.JobRun.Id"),
    ],
)
def test_an_answer_that_msgspec_cannot_read_is_named_with_its_place_or_what_is_around_it(
    body: bytes, place: str
) -> None:
    """Releases of msgspec differ in how near they come."""
    with pytest.raises(ResponseFormatError) as raised:
        read(body)

    where = raised.value.where
    assert place == where or place.startswith(f"{where}.")
    assert_it_is_told(raised.value)


def assert_it_is_told(error: ResponseFormatError) -> None:
    assert f"at {error.where}:" in error.message
    assert (error.service, error.operation, error.request_id) == ("glue", "GetJobRun", "r-1")
    assert error.http_status == 200
    assert error.__cause__ is not None
    assert error.retryable is False


@pytest.mark.parametrize("attempt", [2**31, -(2**31) - 1])
@pytest.mark.parametrize(
    ("decoder", "body", "where"),
    [
        (emr.LIST_JOB_RUNS, b'{"jobRuns": [{"attempt": %d}]}', "$.jobRuns[0].attempt"),
        (emr.GET_JOB_RUN, b'{"jobRun": {"attempt": %d}}', "$.jobRun.attempt"),
        (emr.LIST_JOB_RUN_ATTEMPTS, b'{"jobRunAttempts": [{"attempt": %d}]}', "$.jobRunAttempts[0].attempt"),
    ],
)
def test_an_attempt_beyond_32_bits_is_none(decoder: Decoder[Native], body: bytes, where: str, attempt: int) -> None:
    with pytest.raises(ResponseFormatError) as raised:
        decode(decoder, body % attempt, service="emr-serverless", operation="GetJobRun")

    assert raised.value.where == where


@pytest.mark.parametrize(
    "broken", [b'"Attempt": "correct horse"', b'"Id": "\xff"', b'"StartedOn": "correct horse"', b'"Id": {}', b'"Id": ']
)
def test_an_answer_that_cannot_be_read_tells_no_secret(broken: bytes) -> None:
    with pytest.raises(ResponseFormatError) as raised:
        read(b'{"JobRun": {"Arguments": {"--password": "%b"}, %b}}' % (CANARY.encode(), broken))

    told = "".join(traceback.format_exception(raised.value))
    seen: BaseException | None = raised.value
    while seen is not None:
        told += repr(seen) + repr(seen.args)
        seen = seen.__cause__ or seen.__context__
    assert CANARY not in told


def test_nulls_count_as_absent_wherever_they_stand() -> None:
    run = read(
        b'{"JobRun": {"Id": null, "Arguments": {"--a": null, "--b": "c"}, "PredecessorRuns": [null, {}]}}'
    ).JobRun

    assert run is not None
    assert (run.Id, run.Arguments, run.PredecessorRuns) == (None, {"--b": "c"}, (glue.Predecessor(),))


def test_what_is_new_tomorrow_passes() -> None:
    run = read(b'{"JobRun": {"JobRunState": "DREAMING", "Mood": {"a": [1]}, "WorkerType": "G.99X"}, "More": 1}').JobRun

    assert run == glue.JobRun(JobRunState="DREAMING", WorkerType="G.99X")


def test_a_repr_shows_what_is_there() -> None:
    assert repr(glue.Predecessor(RunId="jr_1")) == "Predecessor(RunId='jr_1')"
    assert repr(glue.GetJobRunResponse(JobRun=glue.JobRun(Attempt=0))) == "GetJobRunResponse(JobRun=JobRun(Attempt=0))"


def test_a_repr_cuts_long_texts_and_long_lists() -> None:
    page = glue.GetJobRunsResponse(JobRuns=tuple(glue.JobRun(ErrorMessage="x" * 5000) for _ in range(200)))

    assert len(repr(page)) < 1000


@pytest.mark.parametrize(
    "native",
    [
        glue.JobRun(Arguments={"--password": CANARY}),
        glue.Job(DefaultArguments={"--password": CANARY}),
        glue.Job(NonOverridableArguments={"--password": CANARY}),
        glue.Job(SourceControlDetails=glue.SourceControlDetails(AuthToken=CANARY)),
        emr.JobRun(jobDriver=emr.JobDriver(hive=emr.Hive(query=CANARY))),
        emr.JobDriver(hive=emr.Hive(query=CANARY, initQueryFile=CANARY, parameters=CANARY)),
        emr.SparkSubmit(entryPoint=CANARY, entryPointArguments=(CANARY,), sparkSubmitParameters=CANARY),
        Configuration(properties={"password": CANARY}),
        Configuration(configurations=(Configuration(properties={"password": CANARY}),)),
        emr.GetDashboardForJobRunResponse(url=CANARY),
    ],
)
def test_secrets_never_show(native: Native) -> None:
    assert CANARY not in repr(native) + str(native) + repr(native.__rich_repr__())
    assert "<hidden>" in repr(native)


def test_a_subclass_hides_what_its_base_hides() -> None:
    class Base(Native, frozen=True, kw_only=True):
        password: Secret[str | None] = None

    class Derived(Base, frozen=True, kw_only=True):
        name: str | None = None

    assert repr(Derived(password=CANARY, name="n")) == f"{Derived.__name__}(password=<hidden>, name='n')"


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 11, 20, 6, 30, 0, 582_001, tzinfo=UTC),
        datetime(2026, 11, 20, 6, 30, 0, 582_001),  # noqa: DTZ001  # a time without a zone is the case
        datetime(2026, 11, 20, 8, 30, 0, 582_001, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_times_become_utc(value: datetime) -> None:
    moment = utc(value)

    assert moment == datetime(2026, 11, 20, 6, 30, 0, 582_001, tzinfo=UTC)
    assert moment is not None
    assert moment.tzinfo is UTC


def test_no_time_stays_none() -> None:
    assert utc(None) is None
