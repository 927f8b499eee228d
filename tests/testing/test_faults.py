"""Each fault, as a client that reads the socket itself sees it."""

import json
import socket
from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import ClientError

from jobruns_sdk.testing import FaultKind, LocalService

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient


def post(local: LocalService, operation: str, **members: object) -> bytes:
    """The raw answer to a Glue call, until the connection closes."""
    body = json.dumps(members)
    head = f"POST / HTTP/1.1\r\nx-amz-target: AWSGlue.{operation}\r\nconnection: close\r\ncontent-length: {len(body)}"
    answer = b""
    with socket.create_connection(("127.0.0.1", int(local.url.rpartition(":")[2])), timeout=60) as connection:
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        while received := connection.recv(65_536):
            answer += received
    return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.fixture
def ids(local: LocalService) -> list[str]:
    local.add_glue_job("etl")
    return local.add_runs("glue:etl", 30)


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("throttle", 400, b'"__type": "ThrottlingException", "Message": "Rate exceeded"'),
        ("error500", 500, b"InternalServiceException"),
        ("html503", 503, b"<html>"),
        ("wrong_content", 200, b"<html>"),
    ],
)
def test_a_fault_answers_instead_of_the_operation_once(
    local: LocalService, ids: list[str], kind: FaultKind, status: int, content: bytes
) -> None:
    local.fault("GetJobRuns", kind)
    answer = post(local, "GetJobRuns", JobName="etl")
    assert status_of(answer) == status
    assert content in answer
    assert b"x-amzn-requestid" in answer
    assert ids[0].encode() in post(local, "GetJobRuns", JobName="etl")
    assert [request.fault for request in local.requests] == [kind, None]


@pytest.mark.parametrize(("kind", "runs"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_comes_before_or_after_the_effect(
    local: LocalService, ids: list[str], kind: FaultKind, runs: int
) -> None:
    local.fault("StartJobRun", kind)
    with pytest.raises(ConnectionResetError):
        post(local, "StartJobRun", JobName="etl")
    assert len(local.states("glue:etl")) == len(ids) + runs
    assert local.requests[-1].status == 0


def test_any_fault_may_keep_the_effect_and_none_doubles_it(local: LocalService, ids: list[str]) -> None:
    for kind in cast("list[FaultKind]", ["error500", "html503", "wrong_content", "throttle", "truncate", "drip"]):
        local.fault("StartJobRun", kind, effect=True)
        post(local, "StartJobRun", JobName="etl")
    assert len(local.states("glue:etl")) == len(ids) + 6


@pytest.mark.parametrize("at", [0, 1, 100, None])
def test_a_body_is_cut_where_it_should_be(local: LocalService, ids: list[str], at: int | None) -> None:
    whole = post(local, "GetJobRuns", JobName="etl").partition(b"\r\n\r\n")[2]
    local.fault("GetJobRuns", "truncate", at=at)
    head, _, body = post(local, "GetJobRuns", JobName="etl").partition(b"\r\n\r\n")
    assert f"content-length: {len(whole)}".encode() in head
    assert body == whole[: len(whole) // 2 if at is None else at]
    assert ids


def test_a_dripped_answer_is_the_same_answer(local: LocalService, ids: list[str]) -> None:
    whole = post(local, "GetJobRun", JobName="etl", RunId=ids[0]).partition(b"\r\n\r\n")[2]
    local.fault("GetJobRun", "drip")
    assert post(local, "GetJobRun", JobName="etl", RunId=ids[0]).partition(b"\r\n\r\n")[2] == whole


def test_silence_lasts_until_the_service_stops(local: LocalService, ids: list[str]) -> None:
    local.fault("GetJobRun", "silence")
    body = json.dumps({"JobName": "etl", "RunId": ids[0]})
    with socket.create_connection(("127.0.0.1", int(local.url.rpartition(":")[2])), timeout=0.2) as connection:
        head = f"POST / HTTP/1.1\r\nx-amz-target: AWSGlue.GetJobRun\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall((head + body).encode())
        with pytest.raises(TimeoutError):
            connection.recv(1)
        local.stop()
        connection.settimeout(60)
        with pytest.raises(ConnectionResetError):
            raise_at_end(connection)


def raise_at_end(connection: socket.socket) -> None:
    """A connection that was aborted ends in a reset or in silence; both are its end."""
    if connection.recv(1) == b"":
        raise ConnectionResetError


def test_faults_come_after_so_many_calls_and_so_many_times(local: LocalService, ids: list[str]) -> None:
    local.fault("GetJobRun", "error500", after=1, times=2)
    statuses = [status_of(post(local, "GetJobRun", JobName="etl", RunId=ids[0])) for _ in range(5)]
    assert statuses == [200, 500, 500, 200, 200]


def test_faults_follow_each_other_and_can_be_cleared(local: LocalService, ids: list[str]) -> None:
    local.fault("GetJobRun", "html503")
    local.fault("glue:GetJobRun", "throttle")
    local.fault("emr-serverless:*", "error500")
    local.fault("*", "error500", times=None)
    statuses = [status_of(post(local, "GetJobRun", JobName="etl", RunId=ids[0])) for _ in range(4)]
    assert statuses == [503, 400, 500, 500]
    local.clear_faults()
    assert status_of(post(local, "GetJobRun", JobName="etl", RunId=ids[0])) == 200


def test_a_fault_may_be_meant_for_one_run(local: LocalService, ids: list[str]) -> None:
    local.fault("GetJobRun", "error500", match={"RunId": ids[1]})
    assert [status_of(post(local, "GetJobRun", JobName="etl", RunId=run_id)) for run_id in ids[:3]] == [200, 500, 200]


def test_an_error_of_ones_own(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRun", "error", code="AccessDeniedException", message="no", status=400)
    with pytest.raises(ClientError) as error:
        glue.get_job_run(JobName="etl", RunId=ids[0])
    assert error.value.response.get("Error") == {"Code": "AccessDeniedException", "Message": "no"}


def test_a_kind_that_does_not_exist_is_refused(local: LocalService) -> None:
    with pytest.raises(ValueError, match="reset_before"):
        local.fault("GetJobRun", cast("FaultKind", "typo"))


def pages(glue: "GlueClient", count: int) -> list[tuple[str, str]]:
    """The first id of each page and the token that it gives, following the tokens."""
    seen: list[tuple[str, str]] = []
    token = ""
    for _ in range(count):
        more = {"NextToken": token} if token else {}
        page = glue.get_job_runs(JobName="etl", MaxResults=5, **more)
        token = page.get("NextToken", "")
        seen.append((page["JobRuns"][0].get("Id", "") if page["JobRuns"] else "", token))
    return seen


def test_a_repeated_token_leads_to_the_same_page(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRuns", "repeat_token", after=1)
    (_, first), (second_id, second), (third_id, third) = pages(glue, 3)
    assert (first, second_id) == (second, third_id)
    assert third != second
    assert ids


def test_cyclic_tokens_never_end(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRuns", "cyclic_tokens", at=3)
    seen = pages(glue, 13)
    assert len({token for _, token in seen}) == 3
    assert seen[1:4] == seen[4:7] == seen[7:10]
    assert ids


def test_an_empty_page_is_not_the_end(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRuns", "empty_page", after=1)
    seen = [run_id for run_id, _ in pages(glue, 3)]
    assert (seen[0], seen[1], seen[2]) == (ids[-1], "", ids[-11])


def test_only_a_token_can_expire(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRuns", "expired_token")
    token = glue.get_job_runs(JobName="etl", MaxResults=5).get("NextToken", "")
    with pytest.raises(glue.exceptions.InvalidInputException):
        glue.get_job_runs(JobName="etl", NextToken=token)
    assert glue.get_job_runs(JobName="etl", NextToken=token)["JobRuns"]
    assert ids


def test_a_stale_list_does_not_know_the_newest_yet(
    local: LocalService, glue: "GlueClient", emr: "EMRServerlessClient"
) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=1)
    local.fault("*", "stale_list", times=None, seconds=30)
    glue.start_job_run(JobName="etl")
    local.advance(29)
    assert glue.get_job_runs(JobName="etl")["JobRuns"] == []
    local.advance(1)
    assert [row.get("JobRunState") for row in glue.get_job_runs(JobName="etl")["JobRuns"]] == ["STARTING"]
    app = local.add_application()
    run_id = local.add_run(f"emr-serverless:{app}")
    local.advance(40)
    assert emr.list_job_runs(applicationId=app)["jobRuns"][0]["state"] == "PENDING"
    assert emr.get_job_run(applicationId=app, jobRunId=run_id)["jobRun"]["state"] == "RUNNING"


def test_a_delayed_answer_comes(local: LocalService, glue: "GlueClient", ids: list[str]) -> None:
    local.fault("GetJobRun", "delay", seconds=0.01)
    assert glue.get_job_run(JobName="etl", RunId=ids[0])["JobRun"]
