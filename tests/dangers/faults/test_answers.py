"""What is no answer of the operation is not taken for one, and an error's code is found wherever it stands."""

from asyncio import StreamWriter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    JobRunsClient,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    ThrottledError,
)
from tests.dangers.faults.bodies import NO_ANSWERS
from tests.transport.clients import client_at
from tests.transport.scripted import Request, answer, head, serving

Ask = Callable[[JobRunsClient], Awaitable[object]]

ASKED: Final[dict[str, Ask]] = {
    "emr-serverless.ListJobRuns": lambda client: client.emr_serverless("a").runs().collect(),
    "emr-serverless.GetJobRun": lambda client: client.emr_serverless("a").run("r"),
    "emr-serverless.ListJobRunAttempts": lambda client: client.emr_serverless("a").attempts("r").collect(),
    "emr-serverless.GetApplication": lambda client: client.emr_serverless("a").job(),
    "emr-serverless.ListApplications": lambda client: client.jobs("emr-serverless").collect(),
    "emr-serverless.GetDashboardForJobRun": lambda client: client.emr_serverless("a").dashboard_url("r"),
    "datazone.ListJobRuns": lambda client: client.datazone("dzd_x", "j").runs().collect(),
    "datazone.GetJobRun": lambda client: client.datazone("dzd_x", "j").run("r"),
    "glue.GetJobRuns": lambda client: client.glue("j").runs().collect(),
    "glue.GetJobRun": lambda client: client.glue("j").run("r"),
    "glue.GetJob": lambda client: client.glue("j").job(),
    "glue.ListJobs": lambda client: client.jobs("glue").collect(),
}


async def failure_of(operation: str, body: bytes, *, status: int = 200, **headers: str) -> JobRunsError:
    script = answer(body, status=status, headers={name.replace("_", "-"): text for name, text in headers.items()})
    async with (
        serving(script) as server,
        client_at(server.url, max_attempts=2, throttle_timeout=timedelta(0)) as client,
    ):
        with pytest.raises(JobRunsError) as caught:
            await ASKED[operation](client)
    failure = caught.value
    assert f"{failure.service}.{failure.operation}" == operation
    assert failure.request_id == "r-1"
    assert len(server.requests) == (2 if failure.retryable and not isinstance(failure, ThrottledError) else 1)
    return failure


@pytest.mark.parametrize("operation", ["emr-serverless.ListJobRuns", "datazone.GetJobRun", "glue.GetJob"])
async def test_what_is_no_answer_comes_through_the_client_as_such(operation: str) -> None:
    bodies = list(NO_ANSWERS.values())

    async def script(_: Request, writer: StreamWriter) -> None:
        body = bodies[len(server.requests) - 1]
        writer.write(head(200, len(body)) + body)

    async with serving(script) as server, client_at(server.url) as client:
        for body in bodies:
            with pytest.raises(ResponseFormatError, match=f"^{operation}: the answer cannot be read at ") as caught:
                await ASKED[operation](client)
            failure = caught.value
            assert (failure.where, failure.request_id, failure.http_status) == ("$", "r-1", 200), body[:20]

        assert len(server.requests) == len(bodies)


LACKING: Final = {
    "emr-serverless.ListJobRuns": ["$.jobRuns", "$.jobRuns[1].id"],
    "emr-serverless.GetJobRun": ["$.jobRun", "$.jobRun.jobRunId"],
    "emr-serverless.ListJobRunAttempts": ["$.jobRunAttempts"],
    "emr-serverless.GetApplication": ["$.application"],
    "emr-serverless.ListApplications": ["$.applications"],
    "emr-serverless.GetDashboardForJobRun": ["$.url"],
    "datazone.ListJobRuns": ["$.items[1].runId"],
    "datazone.GetJobRun": ["$.id"],
    "glue.GetJobRuns": ["$.JobRuns[1].Id"],
    "glue.GetJobRun": ["$.JobRun", "$.JobRun.Id"],
    "glue.GetJob": ["$.Job"],
}


def body_without(where: str) -> bytes:
    """Return an answer that holds all but the last step of a path."""
    path = where.removeprefix("$.")
    if "[1]." in path:
        name, key = path.split("[1].")
        return f'{{"{name}":[{{"{key}":"r"}},{{}}]}}'.encode()
    return f'{{"{path.split(".")[0]}":{{}}}}'.encode() if "." in path else b"{}"


@pytest.mark.parametrize(
    ("operation", "where"), [(name, place) for name, places in LACKING.items() for place in places]
)
async def test_an_answer_holds_what_it_is_about(operation: str, where: str) -> None:
    failure = await failure_of(operation, body_without(where))

    assert isinstance(failure, ResponseFormatError)
    assert failure.where == where
    assert str(failure).startswith(f"{operation}: the answer lacks {where}")


@pytest.mark.parametrize(
    "operation", sorted(ASKED.keys() - LACKING.keys() | {"glue.GetJobRuns", "datazone.ListJobRuns"})
)
async def test_a_list_that_the_model_lets_be_absent_is_empty(operation: str) -> None:
    async with serving(answer(b"{}")) as server, client_at(server.url) as client:
        assert await ASKED[operation](client) == []


@pytest.mark.parametrize(
    ("operation", "body", "where"),
    [
        ("emr-serverless.ListJobRuns", b'{"jobRuns":[{"id":"a"},{"id":"b","createdAt":[]}]}', "$.jobRuns[1].createdAt"),
        ("emr-serverless.ListJobRuns", b'{"jobRuns":{}}', "$.jobRuns"),
        ("datazone.GetJobRun", b'{"id":"r","error":{"message":7}}', "$.error.message"),
        ("glue.GetJobRuns", b'{"JobRuns":[{"Id":"a","ExecutionTime":"soon"}]}', "$.JobRuns[0].ExecutionTime"),
        ("glue.GetJob", b'{"Job":{"Command":[]}}', "$.Job.Command"),
    ],
)
async def test_the_place_of_what_cannot_be_read_is_named(operation: str, body: bytes, where: str) -> None:
    failure = await failure_of(operation, body)

    assert isinstance(failure, ResponseFormatError)
    assert failure.where == where


@pytest.mark.parametrize("operation", ["emr-serverless.ListJobRuns", "datazone.ListJobRuns", "glue.GetJobRuns"])
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("ThrottlingException", ThrottledError),
        ("AccessDeniedException", AccessDeniedError),
        ("ResourceNotFoundException", NotFoundError),
        ("com.amazonaws.x#ThrottlingException:http://internal.amazon.com/", ThrottledError),
    ],
)
async def test_an_errors_code_is_found_wherever_it_stands(operation: str, code: str, kind: type[JobRunsError]) -> None:
    named = [
        await failure_of(operation, b"", status=400, x_amzn_errortype=code),
        *[
            await failure_of(operation, f'{{"{key}":"{code}"}}'.encode(), status=400)
            for key in ("__type", "code", "Code")
        ],
    ]

    bare = code.partition(":")[0].rpartition("#")[2]
    assert [(type(failure), failure.code, failure.http_status) for failure in named] == [(kind, bare, 400)] * 4
