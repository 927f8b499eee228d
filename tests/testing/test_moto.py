"""moto and this service, given the same starts, agree on the shapes of what both implement."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import pytest
from moto.server import ThreadedMotoServer

from jobruns_sdk.testing import LocalService
from tests.testing.conftest import emr_at, glue_at

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient

Answers: TypeAlias = "dict[str, object]"

ACCOUNT: Final = "123456789012"  # moto's
ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/exec"
OPERATIONS: Final = (
    "StartJobRun",
    "GetJobRun",
    "GetJobRuns",
    "ListJobs",
    "GetJob",
    "EmrStartJobRun",
    "EmrGetJobRun",
    "EmrListJobRuns",
    "EmrListApplications",
    "EmrGetApplication",
)


def make_jobs(glue: "GlueClient", emr: "EMRServerlessClient") -> str:
    """Make in moto what `LocalService` is given by its own methods, and answer the application's id."""
    glue.create_job(
        Name="etl",
        Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": "s3://code/main.py"},
        WorkerType="G.1X",
        NumberOfWorkers=10,
        GlueVersion="5.0",
        Timeout=2880,
        MaxRetries=1,
    )
    made = emr.create_application(name="app", releaseLabel="emr-7.9.0", type="SPARK", clientToken="t")
    return made["applicationId"]


def start(glue: "GlueClient", emr: "EMRServerlessClient", app: str) -> Answers:
    """Start a run in each service, the same in both worlds."""
    emr_start = emr.start_job_run(
        applicationId=app,
        clientToken="t",
        executionRoleArn=ROLE,
        jobDriver={"sparkSubmit": {"entryPoint": "s3://code/main.py"}},
        name="nightly",
        tags={"a": "b"},
    )
    return {"StartJobRun": glue.start_job_run(JobName="etl", Arguments={"--a": "b"}), "EmrStartJobRun": emr_start}


def look(glue: "GlueClient", emr: "EMRServerlessClient", app: str, started: Answers) -> Answers:
    """Look at the runs, which have ended by now, with every operation that both worlds have."""
    run_id = cast("dict[str, str]", started["StartJobRun"])["JobRunId"]
    emr_run_id = cast("dict[str, str]", started["EmrStartJobRun"])["jobRunId"]
    return {
        **started,
        "GetJobRun": glue.get_job_run(JobName="etl", RunId=run_id),
        "GetJobRuns": glue.get_job_runs(JobName="etl"),
        "ListJobs": glue.list_jobs(),
        "GetJob": glue.get_job(JobName="etl"),
        "EmrGetJobRun": emr.get_job_run(applicationId=app, jobRunId=emr_run_id),
        "EmrListJobRuns": emr.list_job_runs(applicationId=app),
        "EmrListApplications": emr.list_applications(),
        "EmrGetApplication": emr.get_application(applicationId=app),
    }


@pytest.fixture(scope="module")
def moto_answers() -> Iterator[Answers]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with glue_at(url) as glue, emr_at(url) as emr:
        app = make_jobs(glue, emr)
        yield look(glue, emr, app, start(glue, emr, app))
    server.stop()


@pytest.fixture(scope="module")
def our_answers() -> Iterator[Answers]:
    with (
        LocalService(check=True, auto_advance=False, account_id=ACCOUNT) as local,
        glue_at(local.url) as glue,
        emr_at(local.url) as emr,
    ):
        local.add_glue_job("etl", max_retries=1)
        app = local.add_application(name="app")
        started = start(glue, emr, app)
        local.advance(timedelta(hours=1))
        yield look(glue, emr, app, started)


def places(value: object, path: str = "") -> dict[str, str]:
    """Every place in an answer, and the kind of what stands there."""
    found = {path: "structure" if isinstance(value, Mapping) else "list"}
    if isinstance(value, Mapping):
        for name, item in cast("Mapping[str, object]", value).items():
            if name != "ResponseMetadata":
                found |= places(item, f"{path}.{name}")
        return found
    if isinstance(value, list):
        for item in cast("list[object]", value)[:1]:
            found |= places(item, f"{path}[]")
        return found
    kinds = {"datetime": "time", "int": "number", "float": "number", "str": "text", "bool": "truth"}
    return {path: kinds[type(value).__name__]}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_moto_answers_is_answered_here_in_the_same_shape(
    moto_answers: Answers, our_answers: Answers, operation: str
) -> None:
    theirs, ours = places(moto_answers[operation]), places(our_answers[operation])
    assert len(theirs) > 1
    assert theirs.items() <= ours.items()


def test_both_worlds_use_the_same_words(moto_answers: Answers, our_answers: Answers) -> None:
    for answers in (moto_answers, our_answers):
        run = cast("dict[str, dict[str, object]]", answers["GetJobRun"])["JobRun"]
        emr_run = cast("dict[str, dict[str, object]]", answers["EmrGetJobRun"])["jobRun"]
        assert (run["JobRunState"], emr_run["state"]) == ("SUCCEEDED", "SUCCESS")
        application = cast("dict[str, dict[str, object]]", answers["EmrGetApplication"])["application"]
        assert (application["type"], application["state"]) == ("Spark", "STARTED")
        assert str(emr_run["arn"]).startswith(f"arn:aws:emr-serverless:us-east-1:{ACCOUNT}:/applications/")
        assert len(str(run["Id"])) == len("jr_") + 64
