"""A redirect is not followed: who is named there is asked for nothing, and the redirect is no answer."""

from asyncio import StreamWriter
from typing import Final

import pytest

from jobruns_sdk import JobRunsError, TransportError
from tests.dangers.faults.operations import OPERATIONS
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import Request, Script, answer, head, serving

STATUSES: Final = (301, 302, 303, 307, 308)


def redirect(status: int, location: str) -> Script:
    return answer(b"", status=status, headers={"location": location})


async def failure_at(url: str, name: str) -> JobRunsError:
    session = CountingSession()
    async with client_at(url, session=session, max_attempts=3) as client:
        with pytest.raises(JobRunsError) as caught:
            await OPERATIONS[name].ask(client, "r")
    failure = caught.value
    assert f"{failure.service}:{failure.operation}" == name
    assert (failure.retryable, failure.in_doubt, session.sent) == (False, True, 1)
    return failure


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("name", ["glue:GetJobRuns", "glue:GetJob", "emr-serverless:ListJobRuns", "datazone:GetJobRun"])
async def test_what_another_address_answers_is_no_answer(name: str, status: int) -> None:
    body = b'{"JobRuns":[],"Job":{"Name":"etl"},"jobRuns":[],"id":"r"}'
    async with serving(answer(body)) as other, serving(redirect(status, f"{other.url}/x")) as server:
        failure = await failure_at(server.url, name)

        assert isinstance(failure, TransportError)
        assert str(failure).endswith(f"the request was redirected: to {other.url}/x")
        assert (len(server.requests), len(other.requests)) == (1, 0)


async def test_a_redirect_to_the_same_address_is_no_answer_either() -> None:
    async def script(request: Request, writer: StreamWriter) -> None:
        if request.target == "/elsewhere":
            writer.write(head(200, 2) + b"{}")
        else:
            writer.write(head(307, 0, {"location": "/elsewhere"}))

    async with serving(script) as server:
        assert isinstance(await failure_at(server.url, "glue:GetJobRuns"), TransportError)
        assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["/", "ftp://elsewhere/", "http://[", "http:///"])
async def test_a_redirect_that_leads_nowhere_is_not_tried_again(location: str) -> None:
    async with serving(redirect(307, location)) as server:
        failure = await failure_at(server.url, "glue:GetJobRuns")

        assert isinstance(failure, TransportError)
        assert "the request was redirected" in str(failure)
        assert len(server.requests) == 1


async def test_a_redirect_to_no_address_is_no_answer_either() -> None:
    async with serving(answer(b"{}", status=307)) as server:
        assert isinstance(await failure_at(server.url, "glue:GetJobRuns"), TransportError)
        assert len(server.requests) == 1
