"""Options say what is read; what is unknown, malformed or a secret is refused in words, before anything is sent."""

import pickle
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError, JobRef, Quota, RunState, Service
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.spark.access import Role
from jobruns_sdk.spark.options import read_options
from jobruns_sdk.spark.patterns import JobPattern

JOB = {"jobs": "glue:nightly-etl"}
ROLE = "arn:aws:iam::111122223333:role/read"
PAGE = Path(__file__).parents[2] / "docs" / "spark.md"


@pytest.mark.parametrize(
    ("text", "jobs"),
    [
        ("glue:nightly-etl", (JobRef("glue", ("nightly-etl",)),)),
        (
            "glue:a?region=eu-west-1&profile=prod, emr-serverless:00f1\n  datazone:dzd_x/job42",
            (
                JobRef("glue", ("a",), "eu-west-1", "prod"),
                JobRef("emr-serverless", ("00f1",)),
                JobRef("datazone", ("dzd_x", "job42")),
            ),
        ),
        ("glue:a%2Cb%20c%2A", (JobRef("glue", ("a,b c*",)),)),
        (
            "glue:nightly-*?region=eu-west-1 emr-serverless:*",
            (JobPattern(Service.GLUE, "nightly-*", "eu-west-1"), JobPattern(Service.EMR_SERVERLESS, "*")),
        ),
        ("glue:a%5B1%5D%2A*", (JobPattern(Service.GLUE, "a[[]1][*]*"),)),
    ],
)
def test_jobs_are_named_by_their_text_forms_and_patterns(text: str, jobs: tuple[object, ...]) -> None:
    assert read_options({"jobs": text}).jobs == jobs


def test_services_stand_for_all_their_jobs() -> None:
    options = read_options({"services": "glue, EMR-Serverless"})
    assert options.jobs == (JobPattern(Service.GLUE, "*"), JobPattern(Service.EMR_SERVERLESS, "*"))


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("TABLE", "Attempts", "table", "attempts"),
        ("jobsfile", "a.txt, b.txt", "jobs_files", ("a.txt", "b.txt")),
        ("regions", "eu-west-1,eu-central-1", "regions", ("eu-west-1", "eu-central-1")),
        ("profiles", "prod dev", "profiles", ("prod", "dev")),
        ("states", "failed,TIMED_OUT", "states", frozenset({RunState.FAILED, RunState.TIMED_OUT})),
        ("nativeStates", "ABORTED", "native_states", frozenset({"ABORTED"})),
        ("createdAfter", "2026-11-21T01:00:00+01:00", "created_after", datetime(2026, 11, 21, tzinfo=UTC)),
        ("createdBefore", "2026-11-21T00:00:00Z", "created_before", datetime(2026, 11, 21, tzinfo=UTC)),
        ("endedAfter", "2026-11-21T00:00:00Z", "ended_after", datetime(2026, 11, 21, tzinfo=UTC)),
        ("endedBefore", "2026-11-21T00:00:00Z", "ended_before", datetime(2026, 11, 21, tzinfo=UTC)),
        ("activeAfter", "2026-11-21T00:00:00Z", "active_after", datetime(2026, 11, 21, tzinfo=UTC)),
        ("hydrate", "TRUE", "hydrate", True),
        ("native", "true", "native", True),
        ("onError", "skip", "on_error", "skip"),
        ("tasks", "8", "tasks", 8),
        ("batchRows", "100", "batch_rows", 100),
        ("lag", "90s", "lag", timedelta(seconds=90)),
        ("pollInterval", "1.5 m", "poll_interval", timedelta(seconds=90)),
        ("retryGrace", "1h", "retry_grace", timedelta(hours=1)),
        ("limitOpen", "5000", "limit_open", 5000),
        ("onMissing", "skip", "on_missing", "skip"),
    ],
)
def test_options_are_read(name: str, text: str, attribute: str, value: object) -> None:
    assert getattr(read_options({**JOB, name: text}), attribute) == value
    assert getattr(read_options(JOB), attribute) != value


@pytest.mark.parametrize(
    ("name", "text", "attribute", "value"),
    [
        ("endpoint", "http://127.0.0.1:4566", "endpoint", "http://127.0.0.1:4566"),
        ("allowInsecureEndpoint", "true", "allow_insecure_endpoint", True),
        ("maxAttempts", "2", "max_attempts", 2),
        ("callTimeout", "5s", "call_timeout", 5.0),
        ("roles", f"prod={ROLE}", "roles", (Role("prod", ROLE),)),
        ("shareQuotas", "audit=prod", "share_quotas", (("audit", "prod"),)),
        ("quotas", "none", "quotas", None),
    ],
)
def test_options_say_how_to_reach_aws(name: str, text: str, attribute: str, value: object) -> None:
    assert getattr(read_options({**JOB, name: text}).access, attribute) == value
    assert getattr(read_options(JOB).access, attribute) != value


@pytest.mark.parametrize(
    ("name", "option", "text"),
    [
        ("region", "regions", "eu-west-1"),
        ("PROFILE", "profiles", "prod"),
        ("endpointUrl", "endpoint", "http://127.0.0.1:4566"),
    ],
)
def test_options_go_by_the_names_of_the_clients_arguments_too(name: str, option: str, text: str) -> None:
    assert read_options({**JOB, name: text}) == read_options({**JOB, option: text}) != read_options(JOB)
    with pytest.raises(InvalidRequestError, match=f"option {option} is given twice, the second time as '{option}'"):
        read_options({**JOB, name: text, option: text})


def test_quotas_are_the_published_ones_but_for_those_that_are_named() -> None:
    assert dict(read_options(JOB).access.quotas or ()) == QUOTAS
    access = read_options({**JOB, "quotas": "emr-serverless:ListJobRuns=2.5/50, glue:GetJobRuns=40/200"}).access
    said = {("emr-serverless", "ListJobRuns"): Quota(2.5, 50), ("glue", "GetJobRuns"): Quota(40, 200)}
    assert dict(access.quotas or ()) == {**QUOTAS, **said}


def test_an_external_id_goes_with_its_role() -> None:
    access = read_options({**JOB, "roles": f"prod={ROLE} dev={ROLE}", "externalIds": "prod=x-1"}).access
    assert access.roles == (Role("dev", ROLE), Role("prod", ROLE, "x-1"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say which jobs: option jobs, jobsFile or services"),
        ({"jobs": " , "}, "option jobs: expected at least one name"),
        ({"jobs": "glue"}, "option jobs: 'glue' is not the text form of a job"),
        ({"jobs": "datazone:dzd/*"}, "only jobs of emr-serverless and glue can be found by a pattern"),
        ({"services": "datazone"}, "option services: expected emr-serverless or glue"),
        ({**JOB, "createdFter": "x"}, "unknown option 'createdFter': did you mean createdAfter?"),
        ({**JOB, "color": "x"}, "unknown option 'color': known are table, jobs, "),
        ({**JOB, "path": "x"}, "load() takes no path"),
        ({**JOB, "table": "jobs"}, "option table: expected runs or attempts, got 'jobs'"),
        ({**JOB, "states": "DONE"}, "option states: no state is called DONE; states are QUEUED, "),
        ({**JOB, "createdAfter": "2026-11-21"}, "option createdAfter: expected an ISO time with its zone"),
        ({**JOB, "createdBefore": "yesterday"}, "option createdBefore: expected an ISO time with its zone"),
        (
            {**JOB, "createdAfter": "2026-11-21T00:00:00+02:00", "createdBefore": "2026-11-20T00:00:00Z"},
            "option createdAfter is later than createdBefore: '2026-11-21T00:00:00+02:00' and '2026-11-20T00:00:00Z'",
        ),
        (
            {**JOB, "endedAfter": "2026-11-21T00:00:00Z", "endedBefore": "2026-11-20T00:00:00Z"},
            "option endedAfter is later than endedBefore: '2026-11-21T00:00:00Z' and '2026-11-20T00:00:00Z'",
        ),
        ({**JOB, "reach": "7d"}, "option reach is for endedAfter, endedBefore, activeAfter: give one of them"),
        (
            {**JOB, "reach": "0d", "endedAfter": "2026-11-21T00:00:00Z"},
            "option reach: expected a length of time",
        ),
        ({**JOB, "lag": f"{10**12}d"}, "option lag: expected a length of time of less than a million years"),
        ({**JOB, "limitOpen": "0"}, "option limitOpen: expected a whole number from 1, got '0'"),
        ({**JOB, "onMissing": "ignore"}, "option onMissing: expected raise or skip, got 'ignore'"),
        ({**JOB, "hydrate": "yes"}, "option hydrate: expected true or false, got 'yes'"),
        ({**JOB, "hydrate": "true", "table": "Attempts"}, "option hydrate is for runs, and not for attempts"),
        ({**JOB, "tasks": "0"}, "option tasks: expected a whole number from 1, got '0'"),
        ({**JOB, "lag": "5 minutes"}, "option lag: expected a length of time such as 30s"),
        ({**JOB, "callTimeout": "0s"}, "option callTimeout: expected a length of time of more than 0s"),
        ({**JOB, "quotas": "ListJobRuns=1/25"}, "option quotas: expected service:Operation=rate/burst"),
        (
            {**JOB, "quotas": "glue:Foo=1/1"},
            "option quotas: 'Foo' of 'glue' is never called, known are BatchStopJobRun, ",
        ),
        ({**JOB, "quotas": "glue:GetJobRuns=0/1"}, "option quotas: expected calls a second and how many at once"),
        ({**JOB, "roles": "prod"}, "option roles: expected name=value"),
        ({**JOB, "roles": "prod=admin"}, "option roles: expected profile=arn:aws:iam::"),
        ({**JOB, "externalIds": "prod=x"}, "option externalIds: prod has no role in option roles"),
        ({**JOB, "tasks": 8}, "option tasks: expected a string, got int"),
    ],
)
def test_what_is_unknown_or_malformed_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(message)):
        read_options(options)


@pytest.mark.parametrize("name", ["secretKey", "aws_secret_access_key", "accessKey", "sessionToken", "password"])
def test_credentials_are_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"option '{name}' is refused: Spark shows options") as caught:
        read_options({**JOB, name: "hunter2"})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["https://me:hunter2@host", "https://host/?key=hunter2", "https://[hunter2"])
def test_an_endpoint_with_a_secret_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(InvalidRequestError, match="option endpoint: expected an address without user") as caught:
        read_options({**JOB, "endpoint": endpoint})
    assert "hunter2" not in str(caught.value)


def test_a_window_of_ends_has_a_reach() -> None:
    options = read_options({**JOB, "activeAfter": "2026-11-21T00:00:00Z", "reach": "14d"})
    assert options.reach == timedelta(days=14)
    assert options.for_batch() is options


@pytest.mark.parametrize(
    ("name", "text"),
    [("lag", "1s"), ("pollInterval", "1s"), ("retryGrace", "1s"), ("limitOpen", "1"), ("onMissing", "skip")],
)
def test_options_of_streams_are_not_for_a_read_that_ends(name: str, text: str) -> None:
    options = read_options({**JOB, name: text})
    assert options.for_stream() is options
    with pytest.raises(InvalidRequestError, match=f"option {name} is for streams"):
        options.for_batch()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, "2026-11-21T00:00:00Z") for name in ("createdBefore", "endedAfter", "endedBefore", "activeAfter")),
        ("native", "true"),
        ("table", "attempts"),
    ],
)
def test_some_options_are_not_for_streams(name: str, text: str) -> None:
    options = read_options({**JOB, name: text})
    assert options.for_batch() is options
    with pytest.raises(InvalidRequestError, match=f"option {name}"):
        options.for_stream()


def test_prices_are_read_once_where_the_options_are(tmp_path: Path) -> None:
    table = PriceTable("USD", {("us-east-1", "ETL-DPU-Hour"): "0.44"})
    table.save(tmp_path / "prices.json")
    options = read_options({**JOB, "prices": str(tmp_path / "prices.json")})
    assert options.prices == table
    assert pickle.loads(pickle.dumps(options)) == options  # noqa: S301  # as Spark does
    assert options.for_batch() is options
    with pytest.raises(InvalidRequestError, match="option prices is not for streams"):
        options.for_stream()

    (tmp_path / "other.json").write_text("[")
    with pytest.raises(InvalidRequestError, match=r"option prices: expected a file as PriceTable\.save writes it"):
        read_options({**JOB, "prices": str(tmp_path / "other.json")})
    with pytest.raises(InvalidRequestError, match=r"option prices: expected a file that can be read.*No such file"):
        read_options({**JOB, "prices": str(tmp_path / "missing.json")})


def test_the_page_has_a_row_for_every_option() -> None:
    with pytest.raises(InvalidRequestError, match="unknown option") as refused:
        read_options({"?": ""})
    known = re.findall(r"\w+", str(refused.value).partition("known are ")[2])
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", PAGE.read_text("utf-8"), re.MULTILINE)

    assert known
    assert sorted(re.findall(r"\w+", " ".join(rows))) == sorted(known)
