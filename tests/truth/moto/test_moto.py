"""Runs that boto3 started at moto's server, a program nobody here wrote, are seen here as boto3 sees them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from operator import methodcaller
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from moto.glue.models import glue_backends
from moto.server import ThreadedMotoServer

from jobruns_sdk import JobRunsClient, NotFoundError, RunState
from tests.transport.clients import CountingSession

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient

REGION = "us-east-1"
ROLE = "arn:aws:iam::123456789012:role/x"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="module")
def session() -> boto3.Session:
    return boto3.Session("key", "secret", region_name=REGION)


def boto3_client(session: boto3.Session, service: str, url: str) -> object:
    return methodcaller("client", service, endpoint_url=url)(session)


@pytest.fixture
def client(url: str) -> JobRunsClient:
    return JobRunsClient(session=CountingSession("key"), region_name=REGION, endpoint_url=url)


@pytest.fixture(scope="module")
def emr(session: boto3.Session, url: str) -> Iterator["EMRServerlessClient"]:
    with closing(cast("EMRServerlessClient", boto3_client(session, "emr-serverless", url))) as client:
        yield client


@pytest.fixture
def application(emr: "EMRServerlessClient") -> str:
    made = emr.create_application(name="app", releaseLabel="emr-7.1.0", type="SPARK", clientToken="token")
    return made["applicationId"]


@pytest.fixture
def emr_runs(emr: "EMRServerlessClient", application: str) -> list[str]:
    ids = [
        emr.start_job_run(
            applicationId=application,
            clientToken=f"token-{number}",
            executionRoleArn=ROLE,
            name=f"run {number}",
            jobDriver={"sparkSubmit": {"entryPoint": "s3://b/main.py", "entryPointArguments": ["--day", "1"]}},
        )["jobRunId"]
        for number in range(5)
    ]
    emr.cancel_job_run(applicationId=application, jobRunId=ids[1])
    return ids


@pytest.mark.parametrize("page_size", [None, 2])
async def test_emr_serverless_lists_the_same_runs(
    client: JobRunsClient, emr: "EMRServerlessClient", application: str, emr_runs: list[str], page_size: int | None
) -> None:
    """Moto lists in an order of its own (that of creation); one state or none is yielded as the source has it."""
    rows = emr.list_job_runs(applicationId=application)["jobRuns"]
    async with client:
        runs = await client.emr_serverless(application).runs(page_size=page_size).collect()

    assert [run.id for run in runs] == [row["id"] for row in rows] == emr_runs
    assert [run.native_state for run in runs] == [row["state"] for row in rows]
    assert [run.state for run in runs].count(RunState.STOPPED) == 1
    for run, row in zip(runs, rows, strict=True):
        assert (run.created_at, run.updated_at) == (row["createdAt"], row["updatedAt"])
        assert (run.name, run.native.type) == (row.get("name"), row.get("type"))
        assert (run.created_by, run.native.executionRole) == (row.get("createdBy"), row["executionRole"])


async def test_emr_serverless_filters_as_the_server_does(
    client: JobRunsClient, emr: "EMRServerlessClient", application: str, emr_runs: list[str]
) -> None:
    now = datetime.now(UTC)
    async with client:
        app = client.emr_serverless(application)
        stopped = await app.runs(states={RunState.STOPPED}).collect()
        several = await app.runs(states={RunState.STOPPED, RunState.SUCCEEDED}).collect()
        lately = await app.runs(created_after=now - timedelta(days=2), created_before=now + timedelta(days=2)).collect()
        never = await app.runs(created_after=now + timedelta(days=2)).collect()

    assert [run.id for run in stopped] == [emr_runs[1]]
    assert {run.id for run in several} == {run.id for run in lately} == set(emr_runs)
    assert never == []
    assert [row["id"] for row in emr.list_job_runs(applicationId=application, states=["CANCELLED"])["jobRuns"]] == [
        run.id for run in stopped
    ]


async def test_emr_serverless_gets_the_same_run(
    client: JobRunsClient, emr: "EMRServerlessClient", application: str, emr_runs: list[str]
) -> None:
    async with client:
        for run_id in emr_runs:
            run = await client.emr_serverless(application).run(run_id)
            seen = emr.get_job_run(applicationId=application, jobRunId=run_id)["jobRun"]
            assert (run.id, run.native_state, run.name) == (run_id, seen["state"], seen.get("name"))
            assert (run.created_at, run.updated_at) == (seen["createdAt"], seen["updatedAt"])
            assert run.native.jobDriver is not None
            assert run.native.jobDriver.sparkSubmit is not None
            spark = seen["jobDriver"].get("sparkSubmit", {})
            assert run.native.jobDriver.sparkSubmit.entryPoint == spark.get("entryPoint")
            assert list(run.native.jobDriver.sparkSubmit.entryPointArguments or ()) == spark.get("entryPointArguments")


async def test_emr_serverless_knows_no_runs_of_an_application_without_any(
    client: JobRunsClient, application: str
) -> None:
    """Moto takes an application without runs for none at all; AWS would list nothing."""
    async with client:
        with pytest.raises(NotFoundError) as caught:
            await client.emr_serverless(application).runs().collect()

    assert (caught.value.code, caught.value.http_status) == ("ResourceNotFoundException", 400)
    assert application in caught.value.message
    assert caught.value.request_id


async def test_applications_and_jobs_are_the_same(
    client: JobRunsClient, emr: "EMRServerlessClient", glue: "GlueClient", application: str, glue_runs: list[str]
) -> None:
    async with client:
        applications = await client.jobs("emr-serverless").collect()
        jobs = await client.jobs("glue").collect()
        described = await client.emr_serverless(application).job()
        job = await client.glue("etl").job()

    assert glue_runs
    seen = emr.list_applications()["applications"]
    assert [(app.ref.path[0], app.name, app.state) for app in applications] == [
        (app["id"], app.get("name"), app["state"]) for app in seen
    ]
    assert [job.ref.path[0] for job in jobs] == glue.list_jobs()["JobNames"]
    assert described.native.releaseLabel == "emr-7.1.0"
    assert job.native.Role == glue.get_job(JobName="etl")["Job"].get("Role")


@pytest.fixture(scope="module")
def glue(session: boto3.Session, url: str) -> Iterator["GlueClient"]:
    with closing(cast("GlueClient", boto3_client(session, "glue", url))) as client:
        yield client


@pytest.fixture
def glue_runs(glue: "GlueClient") -> Iterator[list[str]]:
    glue.create_job(
        Name="etl",
        Role=ROLE,
        Command={"Name": "glueetl", "ScriptLocation": "s3://b/main.py"},
        ExecutionProperty={"MaxConcurrentRuns": 10},
    )
    yield [glue.start_job_run(JobName="etl", Arguments={"--day": str(day)})["JobRunId"] for day in range(5)]
    glue.delete_job(JobName="etl")


@pytest.mark.parametrize("page_size", [None, 2])
async def test_glue_lists_the_same_runs(
    client: JobRunsClient, glue: "GlueClient", glue_runs: list[str], page_size: int | None
) -> None:
    """Moto lists the oldest run first, where AWS documents the newest.

    Runs are yielded in the source's order, whatever it is; the report counts those that came later than their time
    says.
    """
    rows = glue.get_job_runs(JobName="etl")["JobRuns"]
    async with client, client.glue("etl").runs(page_size=page_size).open() as walk:
        runs = [run async for run in walk]

    assert [run.id for run in runs] == [row.get("Id") for row in rows] == glue_runs
    for run, row in zip(runs, rows, strict=True):
        assert run.native_state == row.get("JobRunState")
        assert run.created_at == run.started_at == row.get("StartedOn")
        assert (run.updated_at, run.ended_at) == (row.get("LastModifiedOn"), row.get("CompletedOn"))
        assert run.native.Arguments == row.get("Arguments")
    assert walk.report.disorder == len({run.created_at for run in runs}) - 1
    assert walk.report.disorder > 0


async def test_glue_gets_the_same_run(client: JobRunsClient, glue: "GlueClient", glue_runs: list[str]) -> None:
    async with client:
        for run_id in glue_runs:
            run = await client.glue("etl").run(run_id)
            seen = glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"]
            assert (run.id, run.native_state, run.attempt) == (run_id, seen.get("JobRunState"), 1)
            assert (run.started_at, run.ended_at) == (seen.get("StartedOn"), seen.get("CompletedOn"))
            assert [attempt.id async for attempt in client.glue("etl").attempts(run_id)] == [run_id]
            assert run.usage is None or run.usage.dpu_hours is not None


async def test_an_early_stop_is_only_as_good_as_the_sources_order(client: JobRunsClient, glue_runs: list[str]) -> None:
    """Reading ends after the page that holds a row older than the window: right for AWS, which lists the newest first.

    Moto's oldest row comes first, so with a page of its own it ends the walk before the newer runs were seen.
    """
    glue_backends["123456789012"][REGION].jobs["etl"].job_runs[0].started_on -= timedelta(hours=2)
    window = datetime.now(UTC) - timedelta(hours=1)
    async with client:
        etl = client.glue("etl")
        on_one_page = await etl.runs(created_after=window).collect()
        on_five_pages = await etl.runs(created_after=window, page_size=1).collect()

    assert [run.id for run in on_one_page] == glue_runs[1:]
    assert on_five_pages == []


async def test_glue_knows_no_such_job_or_run(client: JobRunsClient, glue_runs: list[str]) -> None:
    async with client:
        with pytest.raises(NotFoundError, match="nobody"):
            await client.glue("nobody").runs().collect()
        with pytest.raises(NotFoundError, match="EntityNotFoundException"):
            await client.glue("etl").run(f"{glue_runs[0][:-4]}0000")
