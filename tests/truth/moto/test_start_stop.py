"""What is started and stopped here is started and stopped at moto's server, as boto3 sees it."""

from collections.abc import Iterator
from contextlib import closing
from operator import methodcaller
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from moto.server import ThreadedMotoServer

from jobruns_sdk import JobRunsClient, RunState, SparkSubmit
from jobruns_sdk.errors import NotFoundError
from tests.transport.clients import CountingSession

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/x"
SPARK = SparkSubmit(entry_point="s3://b/main.py", arguments=["--day", "1"], parameters="--conf a=b")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(url: str) -> JobRunsClient:
    return JobRunsClient(session=CountingSession("key"), region_name=REGION, endpoint_url=url)


def boto3_client(service: str, url: str) -> object:
    return methodcaller("client", service, endpoint_url=url)(boto3.Session("key", "secret", region_name=REGION))


@pytest.fixture(scope="module")
def emr(url: str) -> Iterator["EMRServerlessClient"]:
    with closing(cast("EMRServerlessClient", boto3_client("emr-serverless", url))) as client:
        yield client


@pytest.fixture(scope="module")
def glue(url: str) -> Iterator["GlueClient"]:
    with closing(cast("GlueClient", boto3_client("glue", url))) as client:
        yield client


@pytest.fixture
def application(emr: "EMRServerlessClient") -> str:
    made = emr.create_application(name="app", releaseLabel="emr-7.1.0", type="SPARK", clientToken="token")
    return made["applicationId"]


async def test_a_run_on_emr_serverless_is_started_seen_and_stopped(
    client: JobRunsClient, emr: "EMRServerlessClient", application: str
) -> None:
    async with client:
        app = client.emr_serverless(application)
        refs = [await app.start(SPARK, execution_role_arn=ROLE, name=name, tags={"a": "b"}) for name in ("x", "y")]
        theirs = emr.get_job_run(applicationId=application, jobRunId=refs[0].run_id)["jobRun"]
        assert theirs.get("name") == "x"
        assert theirs.get("tags") == {"a": "b"}
        assert theirs["executionRole"] == ROLE
        assert theirs["jobDriver"] == {
            "sparkSubmit": {
                "entryPoint": "s3://b/main.py",
                "entryPointArguments": ["--day", "1"],
                "sparkSubmitParameters": "--conf a=b",
            }
        }
        ours = await app.run(refs[0].run_id)
        assert (ours.id, ours.name, ours.native_state) == (refs[0].run_id, theirs.get("name"), theirs["state"])
        assert {run.id for run in await app.runs().collect()} == {ref.run_id for ref in refs}
        assert {run["id"] for run in emr.list_job_runs(applicationId=application)["jobRuns"]} == {
            ref.run_id for ref in refs
        }
        outcomes = await client.stop([refs[1], app.ref.run("00f1missing00000")])
        assert outcomes[0].accepted
        assert isinstance(outcomes[1].error, NotFoundError)
        stopped = emr.get_job_run(applicationId=application, jobRunId=refs[1].run_id)["jobRun"]["state"]
        run = await app.run(refs[1].run_id)
        assert run.native_state == stopped
        assert run.state in (RunState.STOPPING, RunState.STOPPED)


async def test_a_glue_run_is_started_and_seen(client: JobRunsClient, glue: "GlueClient") -> None:
    glue.create_job(Name="etl", Role=ROLE, Command={"Name": "glueetl", "ScriptLocation": "s3://b/x.py"})
    async with client:
        job = client.glue("etl")
        ref = await job.start(arguments={"--day": "1"}, worker_type="G.1X", number_of_workers=2)
        theirs = glue.get_job_run(JobName="etl", RunId=ref.run_id)["JobRun"]
        ours = await job.run(ref.run_id)
        assert ours.id == theirs.get("Id") == ref.run_id
        assert ours.native_state == theirs.get("JobRunState")
        assert ours.native.JobRunState == theirs.get("JobRunState")
        assert ours.started_at == theirs.get("StartedOn")
        with pytest.raises(NotFoundError):
            await client.glue("missing").start()
