"""Logs in moto's server, which nobody here wrote, are found and read beside runs of the local service."""

import gzip
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from operator import methodcaller
from typing import Any, Final, TypeAlias

import boto3
import pytest
from moto.server import ThreadedMotoServer

from jobruns_sdk import JobRunsClient, LogsUnavailableError, SparkSubmit
from jobruns_sdk.testing import LocalService

MINUTE: Final = timedelta(minutes=1)
GROUP: Final = "/aws-glue/jobs"
ROLE: Final = "arn:aws:iam::111122223333:role/exec"
LOGGED: Final = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://emr-logs/"}}}
Boto3: TypeAlias = Any  # no stubs of these services are installed
Events = list[tuple[int, str]]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def moto_client(service: str, url: str) -> Boto3:
    session = boto3.Session("key", "secret", region_name="us-east-1")
    return methodcaller("client", service, endpoint_url=url)(session)


@pytest.fixture
def logs(url: str) -> Iterator[Boto3]:
    client = moto_client("logs", url)
    yield client
    client.close()


@pytest.fixture
def s3(url: str) -> Iterator[Boto3]:
    client = moto_client("s3", url)
    yield client
    client.close()


@pytest.fixture
async def client(local: LocalService, url: str) -> AsyncIterator[JobRunsClient]:
    urls: Mapping[str, str] = {"logs": url, "s3": url}
    async with local.client(endpoint_urls=urls) as client:
        yield client


def write(logs: Boto3, group: str, stream: str, lines: Events) -> None:
    """Put events into a stream, which is made if it is not there, and its group with it."""
    groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if group not in {one["logGroupName"] for one in groups}:
        logs.create_log_group(logGroupName=group)
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]
    if stream not in {one["logStreamName"] for one in streams}:
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": at, "message": text} for at, text in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def stamps(*texts: str, after: int = 0) -> Events:
    """Events of now, a millisecond apart: moto refuses what is two weeks old, as AWS does."""
    now = int(time.time() * 1000) + after
    return [(now + number, text) for number, text in enumerate(texts)]


async def test_attempts_executors_and_groups_are_told_apart(
    local: LocalService, client: JobRunsClient, logs: Boto3
) -> None:
    local.add_glue_job("etl", max_retries=1)
    local.add_run("glue:etl", run_id="jr_apart", state="SUCCEEDED", attempts=2)
    write(logs, f"{GROUP}/output", "jr_apart", stamps("first"))
    write(logs, f"{GROUP}/output", "jr_apart_attempt_1-driver", stamps("second"))
    write(logs, f"{GROUP}/output", "jr_apart_attempt_1-2", stamps("executor 2"))
    write(logs, f"{GROUP}/output", "jr_apart_attempt_10", stamps("somebody else"))
    write(logs, f"{GROUP}/error", "jr_apart", stamps("engine of the first"))
    lines = await client.logs("glue:etl/jr_apart", attempt="all", sources={"driver", "error", "executor"}).collect()
    assert {(line.attempt, line.source, line.text) for line in lines} == {
        (1, "driver", "first"),
        (1, "error", "engine of the first"),
        (2, "driver", "second"),
        (2, "executor", "executor 2"),
    }
    assert [line.text for line in await client.logs("glue:etl/jr_apart").collect()] == ["second"]
    places = await client.log_places("glue:etl/jr_apart", attempt=1)
    assert [(place.group, place.stream) for place in places] == [
        (f"{GROUP}/output", "jr_apart"),
        (f"{GROUP}/error", "jr_apart"),
    ]


async def test_a_long_stream_is_read_whole_from_either_end(
    local: LocalService, client: JobRunsClient, logs: Boto3
) -> None:
    local.add_glue_job("etl")
    local.add_run("glue:etl", run_id="jr_long", state="SUCCEEDED")
    expected = [f"line {number}" for number in range(10_000)]
    for part in range(10):
        write(
            logs,
            f"{GROUP}/output",
            "jr_long-driver",
            stamps(*expected[1000 * part : 1000 * part + 1000], after=2000 * part),
        )
    lines = client.logs("glue:etl/jr_long")
    assert [line.text for line in await lines.collect()] == expected
    last = [line.text for line in await client.logs("glue:etl/jr_long", tail=1500).collect()]
    assert last == expected[-1500:]


async def test_a_group_that_is_made_late_is_found_while_the_run_goes_on(
    local: LocalService, client: JobRunsClient, logs: Boto3
) -> None:
    local.add_glue_job("late", duration=2 * MINUTE)
    run = local.add_run("glue:late", native={"LogGroupName": "/late"}, run_id="jr_late")
    seen: list[str] = []

    async def each() -> AsyncIterator[str]:
        async for line in client.logs(f"glue:late/{run}", follow=True):
            yield line.text

    local.clock.advance(30)
    lines = each()
    with pytest.raises(LogsUnavailableError):  # a run of the same group that has ended, and has none
        await client.logs(f"glue:late/{local.add_run('glue:late', state='FAILED')}", settle=timedelta(0)).collect()
    write(logs, "/late/output", run, stamps("one", "two"))
    seen += [await anext(lines), await anext(lines)]
    write(logs, "/late/output", run, stamps("three"))
    async for text in lines:
        seen.append(text)
        if text == "three":
            local.clock.advance(180)  # it has ended
            write(logs, "/late/output", run, stamps("after the end"))
    assert seen == ["one", "two", "three", "after the end"]


async def test_an_object_is_read_again_as_it_grows(local: LocalService, client: JobRunsClient, s3: Boto3) -> None:
    s3.create_bucket(Bucket="emr-logs")
    local.add_application("00f1abc", duration=5 * MINUTE, native=LOGGED)
    run = await client.emr_serverless("00f1abc").start(SparkSubmit("s3://b/main.py"), execution_role_arn=ROLE)
    key = f"applications/00f1abc/jobs/{run.run_id}/SPARK_DRIVER/stdout.gz"
    expected = [f"line {number}" for number in range(202)]

    def put(count: int, *, cut: int | None = None) -> None:
        members = [gzip.compress(f"{line}\n".encode()) for line in expected[:count]]
        s3.put_object(Bucket="emr-logs", Key=key, Body=b"".join(members)[:cut])

    put(2, cut=-5)
    seen: list[str] = []
    async for line in client.logs(run, follow=True):
        seen.append(line.text)
        if len(seen) == 2:
            put(101, cut=-3)
        if len(seen) == 101:
            put(202)
    assert seen == expected
    # What was uploaded last ends without the end of its line.
    s3.put_object(Bucket="emr-logs", Key=key, Body=gzip.compress(b"one\ntwo without end"))
    assert [line.text for line in await client.logs(run).collect()] == ["one", "two without end"]
    s3.put_object(Bucket="emr-logs", Key=key, Body=b"")
    assert await client.logs(run).collect() == []


async def test_a_bucket_that_is_not_there_is_no_log(local: LocalService, client: JobRunsClient) -> None:
    nowhere = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://nowhere-at-all/x"}}}
    local.add_application("00f1none", native=nowhere)
    run = local.add_run("emr-serverless:00f1none", state="FAILED")
    with pytest.raises(LogsUnavailableError, match="s3://nowhere-at-all/x/applications/00f1none/jobs/"):
        await client.logs(f"emr-serverless:00f1none/{run}", settle=timedelta(0)).collect()
