"""A fourth service: an adapter of fewer than 300 lines outside the package, which the core does not know."""

import ast
import asyncio
import json
from asyncio import StreamWriter
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

import jobruns_sdk
from jobruns_sdk import (
    CursorError,
    InvalidRequestError,
    JobRef,
    JobRunsClient,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    RunRef,
    RunState,
    ServiceUnavailableError,
    ThrottledError,
    UnknownAnswerError,
    UnsupportedOperationError,
    adapters,
    from_dict,
    run_from_response,
    sync,
    to_dict,
)
from tests.adapter.batch import native
from tests.adapter.batch.entry import ENTRY
from tests.adapter.batch.service import BatchQueue
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import Request, Server, answer, head, serving

ADAPTER: Final = Path(__file__).parent / "batch"
QUEUE: Final = JobRef("batch", ("queue",))
QUEUES: Final = ["queue", "nightly-a", "nightly-b"]
START: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
STATES: Final = ["SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED"]


def milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def job(number: int, state: str) -> dict[str, object]:
    created = START + timedelta(hours=number)
    ended = {"stoppedAt": milliseconds(created) + 90_000} if state in {"SUCCEEDED", "FAILED"} else {}
    return {
        "jobId": f"{number:08x}-0000",
        "jobName": f"job {number}",
        "createdAt": milliseconds(created),
        "startedAt": milliseconds(created) + 30_000,
        "status": state,
        "statusReason": "Essential container in task exited" if state == "FAILED" else "",
        "tomorrow": {"new": "member"},
        **ended,
    }


class Batch:
    """The two operations of AWS Batch, over jobs that were created one an hour."""

    def __init__(self) -> None:
        self.jobs = [job(number, STATES[number % len(STATES)]) for number in range(25)]
        self.pages = 0

    async def __call__(self, request: Request, writer: StreamWriter) -> None:
        asked = json.loads(request.body)
        known = {"/v1/listjobs": self.list_jobs, "/v1/describejobs": self.describe_jobs} | {
            "/v1/describejobqueues": self.describe_job_queues
        }
        body = json.dumps(known[request.target](asked)).encode()
        writer.write(head(200, len(body), {"content-type": "application/json"}) + body)

    def list_jobs(self, asked: Mapping[str, Any]) -> dict[str, object]:
        self.pages += 1
        (after,) = asked["filters"]
        assert (asked["jobQueue"] in QUEUES, after["name"]) == (True, "AFTER_CREATED_AT")
        rows = [row for row in reversed(self.jobs) if int(str(row["createdAt"])) > int(after["values"][0])]
        start = int(asked.get("nextToken", 0))
        end = start + asked["maxResults"]
        more = {"nextToken": str(end)} if end < len(rows) else {}
        return {"jobSummaryList": rows[start:end], **more}

    def describe_job_queues(self, asked: Mapping[str, Any]) -> dict[str, object]:
        start, names = int(asked.get("nextToken", 0)), QUEUES
        end = start + asked["maxResults"]
        rows = [{"jobQueueName": name, "state": "ENABLED"} for name in names[start:end]]
        return {"jobQueues": rows, **({"nextToken": str(end)} if end < len(names) else {})}

    def describe_jobs(self, asked: Mapping[str, Any]) -> dict[str, object]:
        return {"jobs": [{**row, "parameters": {"pw": "hush"}} for row in self.jobs if row["jobId"] in asked["jobs"]]}


@pytest.fixture
def service() -> Batch:
    return Batch()


@pytest.fixture
async def server(service: Batch) -> AsyncGenerator[Server]:
    async with serving(service) as server:
        yield server


@pytest.fixture
async def client(server: Server) -> AsyncGenerator[JobRunsClient]:
    async with client_at(server.url, adapters={"batch": ENTRY}) as client:
        yield client


def test_what_adapters_are_made_of_is_declared() -> None:
    assert sorted(adapters.__all__) == adapters.__all__
    # pytest rewrites the assertions of plugins' packages, and leaves names behind that are none of Python's.
    names = (name for name in vars(adapters) if name.isidentifier() and not name.startswith("_"))
    assert sorted(names) == adapters.__all__


@pytest.mark.parametrize("service", ["glue", jobruns_sdk.Service.DATAZONE, 3])
def test_an_adapter_takes_no_service_that_is_known(service: Any) -> None:  # noqa: ANN401  # wrong on purpose
    with pytest.raises(jobruns_sdk.InvalidRequestError, match="is not the name of a custom service"):
        jobruns_sdk.JobRunsClient(adapters={service: BatchQueue})


def test_it_is_short_and_stands_outside() -> None:
    sources = [path.read_text(encoding="utf-8") for path in ADAPTER.glob("*.py")]
    assert sum(len(source.splitlines()) for source in sources) < 300
    imported = {
        (node.module, name.name)
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("jobruns_sdk")
        for name in node.names
    }
    assert {module for module, _ in imported} == {"jobruns_sdk", "jobruns_sdk.adapters"}
    assert {name for module, name in imported if module == "jobruns_sdk"} <= set(jobruns_sdk.__all__)
    assert {name for module, name in imported if module == "jobruns_sdk.adapters"} <= set(adapters.__all__)


@pytest.mark.parametrize(("page_size", "pages"), [(None, 1), (100, 1), (10, 3), (7, 4), (1, 25)])
async def test_runs_are_listed_page_by_page(
    client: JobRunsClient, service: Batch, page_size: int | None, pages: int
) -> None:
    runs = await client.handle(QUEUE).runs(page_size=page_size).collect()

    assert [run.id for run in runs] == [row["jobId"] for row in reversed(service.jobs)]
    assert service.pages == pages


async def test_a_run_is_translated(client: JobRunsClient) -> None:
    newest = await client.handle(QUEUE).runs(states={RunState.FAILED}).first()

    assert newest is not None
    created = START + timedelta(hours=20)
    assert newest.ref == RunRef(JobRef("batch", ("queue",), "us-east-1"), "00000014-0000")
    assert (newest.service, newest.name, newest.native_state) == ("batch", "job 20", "FAILED")
    assert (newest.created_at, newest.started_at) == (created, created + timedelta(seconds=30))
    assert (newest.duration, newest.message) == (timedelta(seconds=60), "Essential container in task exited")


async def test_filters_hold(client: JobRunsClient) -> None:
    queue = client.handle(QUEUE)
    queued = await queue.runs(states={RunState.QUEUED}).collect()
    pending = await queue.runs(native_states={"PENDING"}).collect()
    window = await queue.runs(
        created_after=START + timedelta(hours=3), created_before=START + timedelta(hours=6), page_size=2
    ).collect()
    limited = await queue.runs(limit=4, page_size=3).collect()

    assert {run.native_state for run in queued} == {"SUBMITTED", "PENDING", "RUNNABLE"}
    assert [run.native_state for run in pending] == ["PENDING"] * 4
    assert [run.name for run in window] == ["job 5", "job 4", "job 3"]
    assert [run.name for run in limited] == ["job 24", "job 23", "job 22", "job 21"]


async def test_changes_are_read_by_what_every_handle_has(client: JobRunsClient, service: Batch) -> None:
    walk = client.changes([QUEUE]).open()
    runs = [run async for run in walk]
    assert [run.id for run in runs] == [row["jobId"] for row in reversed(service.jobs)]
    assert not await client.changes([QUEUE], cursor=walk.cursor).collect()


async def test_a_cursor_goes_on_after_its_page(client: JobRunsClient, server: Server) -> None:
    queue = client.handle(QUEUE)
    async for page in queue.runs(page_size=10, states={RunState.FAILED, RunState.SUCCEEDED}).by_page():
        first = page
        break
    else:
        pytest.fail("there is a page")
    async with client_at(server.url, adapters={"batch": BatchQueue}) as another:
        rest = await another.handle(QUEUE).runs(cursor=first.cursor).collect()

    whole = await queue.runs(states={RunState.FAILED, RunState.SUCCEEDED}).collect()
    assert [*first.items, *rest] == whole
    with pytest.raises(CursorError):
        queue.runs(cursor=first.cursor, states={RunState.RUNNING})


async def test_what_it_cannot_do_is_refused(client: JobRunsClient) -> None:
    with pytest.raises(UnsupportedOperationError):
        client.handle(QUEUE).runs(order="oldest")
    with pytest.raises(InvalidRequestError, match="unknown native_states"):
        client.handle(QUEUE).runs(native_states={"DREAMING"})
    with pytest.raises(UnsupportedOperationError, match="batch has no attempts"):
        client.attempts(QUEUE.run("00000001-0000"))
    with pytest.raises(UnsupportedOperationError, match="batch"):
        await client.job(QUEUE)


async def test_a_run_is_got(client: JobRunsClient, service: Batch) -> None:
    for row in service.jobs[-7:]:
        run = await client.handle(QUEUE).run(str(row["jobId"]))
        listed = await client.handle(QUEUE).runs(native_states={str(row["status"])}).first()
        assert run == listed
        assert await client.run(run.ref) == run
        assert "hush" not in repr(run.native)

    with pytest.raises(NotFoundError, match="there is no job ffff"):
        await client.handle(QUEUE).run("ffff")
    with pytest.raises(InvalidRequestError, match="a job id must have the form"):
        await client.handle(QUEUE).run("../secrets")


async def test_a_state_of_tomorrow_is_unknown(client: JobRunsClient, service: Batch) -> None:
    service.jobs.append(job(30, "DREAMING"))
    runs = await client.handle(QUEUE).runs().collect()
    unknown = await client.handle(QUEUE).runs(states={RunState.UNKNOWN}).collect()

    assert (runs[0].state, runs[0].native_state, runs[0].is_terminal) == (RunState.UNKNOWN, "DREAMING", False)
    assert unknown == runs[:1]


@pytest.mark.parametrize(
    ("status", "code", "kind", "requests"),
    [
        (400, "ClientException", InvalidRequestError, 1),
        (500, "ServerException", ServiceUnavailableError, 2),
        (429, "TooManyRequestsException", ThrottledError, 1),
        (400, "ThrottlingException", ThrottledError, 1),
        (404, "", UnknownAnswerError, 1),
    ],
)
async def test_errors_are_mapped(status: int, code: str, kind: type[JobRunsError], requests: int) -> None:
    script = answer(b'{"message":"Not now."}', status=status, headers={"x-amzn-errortype": code})
    async with serving(script) as server:
        async with client_at(
            server.url, adapters={"batch": BatchQueue}, max_attempts=2, throttle_timeout=timedelta(0)
        ) as client:
            with pytest.raises(JobRunsError) as caught:
                await client.handle(QUEUE).runs().collect()

        assert type(caught.value) is kind
        assert (caught.value.service, caught.value.operation, caught.value.code or "") == ("batch", "ListJobs", code)
        assert len(server.requests) == requests


async def test_what_is_no_answer_is_refused() -> None:
    async with serving(answer(b"{}")) as server, client_at(server.url, adapters={"batch": BatchQueue}) as client:
        with pytest.raises(ResponseFormatError, match=r"\$\.jobSummaryList"):
            await client.handle(QUEUE).runs().collect()
        with pytest.raises(ResponseFormatError, match=r"\$\.jobs"):
            await client.handle(QUEUE).run("ffff")


async def test_its_references_are_known_by_their_text(client: JobRunsClient, service: Batch) -> None:
    assert client.handle("batch:queue").ref == client.handle(QUEUE).ref
    run = await client.run(f"batch:queue/{service.jobs[0]['jobId']}")
    assert RunRef.parse(str(run.ref), services=["batch"]) == run.ref
    assert JobRef.parse(str(run.job), services={"batch"}) == run.job
    (outcome,) = await client.stop(str(run.ref))
    assert isinstance(outcome.error, UnsupportedOperationError)
    with pytest.raises(UnsupportedOperationError, match="cannot be followed"):
        client.watch([str(run.ref)], timeout=None)
    with pytest.raises(InvalidRequestError, match="unknown service 'batch'"):
        RunRef.parse(str(run.ref))


async def test_it_takes_the_place_of_no_other(client: JobRunsClient) -> None:
    with pytest.raises(InvalidRequestError, match=r"unknown service 'sagemaker', known are .*batch"):
        client.handle(JobRef("sagemaker", ("queue",)))


async def test_its_queues_are_found(client: JobRunsClient) -> None:
    assert [job.name async for job in client.jobs("batch", page_size=2)] == ["queue", "nightly-a", "nightly-b"]
    found = await client.jobs("batch", name="nightly-*", page_size=1).collect()
    assert [str(job.ref) for job in found] == [
        "batch:nightly-a?region=us-east-1",
        "batch:nightly-b?region=us-east-1",
    ]
    with pytest.raises(UnsupportedOperationError, match="by their names only"):
        client.jobs("batch", states={"ENABLED"})
    with pytest.raises(InvalidRequestError, match="a job of batch is named by a queue's name"):
        client.handle(JobRef("batch", ("a", "b")))


async def test_many_queues_are_filtered_in_their_own_words(client: JobRunsClient) -> None:
    pending = await client.runs([QUEUE], native_states={"PENDING"}).collect()
    assert [run.native_state for run in pending] == ["PENDING"] * 4
    assert await client.runs([QUEUE], native_states={"IN_PROGRESS"}).collect() == []
    with pytest.raises(InvalidRequestError, match="no service has the native_states"):
        client.runs([QUEUE], native_states={"DREAMING"})


async def test_its_values_go_through_json(client: JobRunsClient) -> None:
    given = {"batch": ENTRY}
    run = await client.handle(QUEUE).runs().first()
    (job, *_) = await client.jobs("batch").collect()
    assert run is not None
    for value in (run, job, run.native, run.ref, run.job):
        data = json.loads(json.dumps(to_dict(value, adapters=given)))
        assert from_dict(data, adapters=given) == value
    assert to_dict(run.native, adapters=given)["kind"] == "batch.JobSummary"
    got = await client.run(run.ref)
    assert "hush" in str(to_dict(got, adapters=given))
    assert "hush" not in str(to_dict(got, adapters=given, secrets=False))
    with pytest.raises(InvalidRequestError, match="only values of this package"):
        to_dict(run)
    with pytest.raises(InvalidRequestError, match="unknown service 'batch'"):
        from_dict(to_dict(run.ref, adapters=given))


def test_what_boto3_returned_is_a_run() -> None:
    data = {"jobQueue": "queue", "jobId": "ab-1", "status": "FAILED", "parameters": {"pw": "hush"}}
    run = run_from_response("batch", data, region_name="eu-west-1", adapters={"batch": ENTRY})
    assert (str(run.ref), run.state) == ("batch:queue/ab-1?region=eu-west-1", RunState.FAILED)
    assert isinstance(run.native, native.JobDetail)
    with pytest.raises(InvalidRequestError, match="unknown service 'batch'"):
        run_from_response("batch", data, adapters={"batch": BatchQueue})


async def test_a_class_alone_reads_jobs_that_are_named(server: Server) -> None:
    async with client_at(server.url, adapters={"batch": BatchQueue}) as client:
        assert len(await client.runs(["batch:queue"], native_states={"FAILED"}).collect()) == 3
        with pytest.raises(UnsupportedOperationError, match=r"batch cannot list its jobs: .* JobRef\('batch', path\)"):
            client.jobs("batch")


async def test_a_program_without_an_event_loop_has_the_same(server: Server) -> None:
    def read() -> tuple[int, list[str | None], Any]:
        options: dict[str, Any] = {"endpoint_url": server.url, "region_name": "eu-west-1", "quotas": None}
        with sync.JobRunsClient(session=CountingSession(), adapters={"batch": ENTRY}, **options) as client:
            named = [job.name for job in client.jobs("batch", name="nightly-*")]
            return len(client.handle(QUEUE).runs().collect()), named, client.handle(QUEUE)

    count, named, handle = await asyncio.to_thread(read)
    assert (count, named) == (25, ["nightly-a", "nightly-b"])
    assert isinstance(handle, sync.Handle)


class NoHandle:
    def __init__(self, ref: JobRef, _: object) -> None:
        self.ref = ref


def test_what_makes_no_handles_is_refused_when_it_is_given() -> None:
    wrong: Any = NoHandle
    with pytest.raises(InvalidRequestError, match="NoHandle is not a handle: it lacks runs and run"):
        jobruns_sdk.JobRunsClient(adapters={"batch": wrong})
    with pytest.raises(InvalidRequestError, match="NoHandle is not a handle"):
        adapters.Entry(handle=wrong)


async def test_what_a_function_makes_is_judged_when_it_is_made(server: Server) -> None:
    def wrong(ref: JobRef, call: object) -> Any:  # noqa: ANN401  # wrong on purpose
        return NoHandle(ref, call)

    async with client_at(server.url, adapters={"batch": wrong}) as client:
        with pytest.raises(InvalidRequestError, match=r"adapter of batch made, a NoHandle, .* lacks runs and run"):
            client.handle(QUEUE)
    assert server.requests == []
