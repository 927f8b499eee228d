"""The server underneath: HTTP as clients vary it, threads, and what it may not know."""

import ast
import json
import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

import jobruns_sdk.testing
from jobruns_sdk.testing import LocalService, SpeedClock, VirtualClock
from tests.testing.conftest import emr_at, glue_at

PACKAGE: Final = Path(jobruns_sdk.testing.__file__).parent


@contextmanager
def connected(local: LocalService) -> Generator[socket.socket]:
    with socket.create_connection(("127.0.0.1", int(local.url.rpartition(":")[2])), timeout=60) as connection:
        yield connection


def glue_call(operation: str, body: str, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", f"X-Amz-Target: AWSGlue.{operation}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", body]).encode()


def until_closed(connection: socket.socket) -> bytes:
    answer = b""
    while received := connection.recv(65_536):
        answer += received
    return answer


@pytest.fixture
def jobs(local: LocalService) -> LocalService:
    local.add_glue_job("etl")
    return local


def test_requests_on_one_connection_are_answered_in_order(jobs: LocalService) -> None:
    with connected(jobs) as connection:
        calls = [glue_call("ListJobs", "{}"), glue_call("GetJob", '{"JobName":"etl"}')]
        connection.sendall(b"".join([*calls, glue_call("ListJobs", "{}", "Connection: close")]))
        answer = until_closed(connection)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b'{"JobNames":["etl"]}') < answer.index(b'{"Job":') < answer.rindex(b'{"JobNames":["etl"]}')
    assert [request.operation for request in jobs.requests] == ["ListJobs", "GetJob", "ListJobs"]


def test_a_request_may_come_in_any_pieces(jobs: LocalService) -> None:
    with connected(jobs) as connection:
        for byte in glue_call("GetJob", '{"JobName":"etl"}', "Connection: close"):
            connection.sendall(bytes([byte]))
        assert b"200 OK" in until_closed(connection)


def test_chunked_bodies_are_read(jobs: LocalService) -> None:
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: AWSGlue.GetJob\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    with connected(jobs) as connection:
        connection.sendall(head + b'5\r\n{"Job\r\n')
        connection.sendall(b'c\r\nName":"etl"}\r\n0\r\n\r\n')
        assert b"200 OK" in until_closed(connection)


def test_a_client_that_waits_to_be_told_so_is_told_to_continue(jobs: LocalService) -> None:
    head, _, body = glue_call("GetJob", '{"JobName":"etl"}', "Expect: 100-continue", "Connection: close").partition(
        b"\r\n\r\n"
    )
    with connected(jobs) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(body)
        assert b"200 OK" in until_closed(connection)


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"A" * 70_000],
    ids=["tls", "short", "length", "endless"],
)
def test_what_is_no_request_is_refused_and_nothing_else_is_harmed(jobs: LocalService, garbage: bytes) -> None:
    with connected(jobs) as connection:
        connection.sendall(garbage)
        assert b"400 Bad Request" in connection.recv(1000)
    with glue_at(jobs.url) as glue:
        assert glue.list_jobs()["JobNames"] == ["etl"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("{", "SerializationException"),
        ("[]", "SerializationException"),
        ("null", "SerializationException"),
        pytest.param("[" * 100_000, "SerializationException", id="deep"),
        ('{"JobName":5}', "ValidationException"),
        ("", "ValidationException"),
    ],
)
def test_a_body_that_cannot_be_read_is_an_error_of_the_service(jobs: LocalService, body: str, code: str) -> None:
    with connected(jobs) as connection:
        connection.sendall(glue_call("GetJob", body, "Connection: close"))
        head, _, answer = until_closed(connection).partition(b"\r\n\r\n")
    assert b"400 Bad Request" in head
    assert json.loads(answer)["__type"] == code


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("GET /applications/00f1/jobruns?maxResults=many", "SerializationException"),
        ("GET /applications/00f1/jobruns?createdAtAfter=yesterday", "SerializationException"),
        ("GET /applications/00f1/jobruns/..", "ValidationException"),
        ("GET /applications/%2E%2E", "ValidationException"),
        ("PUT /applications/00f1", "UnknownOperationException"),
        ("GET /v2/domains/dzd_x/dataSourceRuns/r", "UnknownOperationException"),
    ],
)
def test_a_path_that_leads_nowhere_is_an_error_of_the_service(local: LocalService, line: str, code: str) -> None:
    with connected(local) as connection:
        connection.sendall(f"{line} HTTP/1.1\r\nConnection: close\r\n\r\n".encode())
        assert f"x-amzn-errortype: {code}".encode() in until_closed(connection)


def test_an_operation_that_is_not_known_is_told_so(local: LocalService) -> None:
    with connected(local) as connection:
        connection.sendall(glue_call("CreateJob", "{}", "Connection: close"))
        assert b"UnknownOperationException" in until_closed(connection)


def test_tests_may_seed_and_look_from_many_threads(jobs: LocalService) -> None:
    def work() -> None:
        with glue_at(jobs.url) as glue:
            for _ in range(20):
                jobs.add_run("glue:etl", state="SUCCEEDED")
                glue.start_job_run(JobName="etl")
                jobs.advance(1)
                assert jobs.states("glue:etl")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(jobs.states("glue:etl")) == 320
    assert jobs.calls("StartJobRun") == jobs.calls("glue:StartJobRun") == jobs.calls() == 160


def test_the_log_tells_who_asked_what_and_when(local: LocalService) -> None:
    app = local.add_application()
    local.advance(timedelta(minutes=1))
    with emr_at(local.url) as emr:
        after = datetime(2026, 1, 1, tzinfo=local.clock.now().tzinfo)
        emr.list_job_runs(applicationId=app, maxResults=5, states=["FAILED"], createdAtAfter=after)
    (request,) = local.requests
    assert (request.service, request.operation, request.status) == ("emr-serverless", "ListJobRuns", 200)
    assert request.params == {"applicationId": app, "maxResults": 5, "states": ["FAILED"], "createdAtAfter": after}
    assert (request.region, request.access_key, request.at) == ("us-east-1", "local", local.clock.now())
    local.forget_requests()
    assert (local.requests, local.calls()) == ([], 0)


def test_a_service_may_be_stopped_twice_and_never_started() -> None:
    LocalService().stop()
    with LocalService() as local:
        local.stop()


def servers() -> int:
    return [thread.name for thread in threading.enumerate()].count("jobruns-local")


def test_a_service_that_serves_is_not_started_again() -> None:
    before = servers()
    with LocalService().start() as local:
        url = local.url
        assert local.start().url == url
        assert servers() == before + 1
    assert servers() == before


def test_an_address_in_use_is_told() -> None:
    with LocalService() as local, pytest.raises(OSError, match="in use"):
        LocalService(port=int(local.url.rpartition(":")[2])).start()


def test_it_runs_on_any_clock() -> None:
    for clock in (VirtualClock(), SpeedClock(speed=1000)):
        with LocalService(clock=clock) as local:
            assert local.clock is clock
    with pytest.raises(ValueError, match="clock is given"):
        LocalService(clock=VirtualClock(), speed=2)


async def test_it_may_be_used_in_async_with() -> None:
    async with LocalService() as local:
        local.add_glue_job("etl")
        with glue_at(local.url) as glue:
            assert glue.list_jobs()["JobNames"] == ["etl"]


@pytest.mark.parametrize("text", ["glue:unknown", "etl", "lambda:x", "datazone:dzd_x/none", "emr-serverless:00f"])
def test_a_job_must_be_there_before_its_runs(local: LocalService, text: str) -> None:
    with pytest.raises(KeyError, match="add it first"):
        local.add_run(text)


def test_what_cannot_have_happened_is_refused(jobs: LocalService) -> None:
    now = jobs.clock.now()
    with pytest.raises(ValueError, match="before it was created"):
        jobs.add_run("glue:etl", state="FAILED", created_at=now, ended_at=now - timedelta(seconds=1))
    with pytest.raises(ValueError, match="capitals"):
        jobs.add_run("glue:etl", state="succeeded")
    jobs.add_run("glue:etl", run_id="jr_1")
    with pytest.raises(ValueError, match="already"):
        jobs.add_run("glue:etl", run_id="jr_1")


def test_the_server_reads_the_wire_by_itself() -> None:
    clients = {"plugin.py", "account.py", *(f"contract/{path.name}" for path in PACKAGE.glob("contract/*.py"))}
    modules = [path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).as_posix() not in clients]
    assert len(modules) > 15
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            own = [
                name
                for name in names
                if name.startswith("jobruns_sdk") and not name.startswith(("jobruns_sdk.testing", "jobruns_sdk.checks"))
            ]  # what a test may say is checked as what a client is told, and nothing of that is on the wire
            assert own == [], path


@pytest.mark.parametrize("target", ["http://127.0.0.1:1/", "HTTP://localhost", "http://[::1]:80/"])
def test_a_target_may_be_in_absolute_form(jobs: LocalService, target: str) -> None:
    """As RFC 9112 wants it of clients that think of a proxy, and aiobotocore's httpx backend sends it to everybody."""
    call = glue_call("ListJobs", "{}", "Connection: close").replace(b"POST / ", f"POST {target} ".encode())
    with connected(jobs) as connection:
        connection.sendall(call)
        assert b'{"JobNames":["etl"]}' in until_closed(connection)


@pytest.mark.parametrize(
    ("host", "is_served"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:4566", True),
        ("localhost:4566", True),
        ("[::1]:4566", True),
        ("[::1]", True),
        ("jobs.localhost", True),
        ("evil.example", False),
        ("evil.example:4566", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1:80", False),
    ],
)
@pytest.mark.parametrize("place", ["header", "target"])
def test_a_host_that_is_not_this_machine_is_refused(
    jobs: LocalService, host: str, place: str, *, is_served: bool
) -> None:
    call = glue_call("ListJobs", "{}", "Connection: close", f"Host: {host if place == 'header' else 'localhost'}")
    if place == "target":
        call = call.replace(b"POST / ", f"POST http://{host}/ ".encode())
    with connected(jobs) as connection:
        connection.sendall(call)
        answer = until_closed(connection)

    assert (b"200 OK" in answer, b"421 Misdirected Request" in answer) == (is_served, not is_served)
    assert jobs.calls() == int(is_served)


def test_a_service_for_other_machines_answers_to_any_host() -> None:
    with LocalService(allow_remote=True) as local, connected(local) as connection:
        connection.sendall(glue_call("ListJobs", "{}", "Connection: close", "Host: jobs.example"))
        assert b"200 OK" in until_closed(connection)


def test_a_body_in_chunks_of_a_byte_is_read_as_it_comes(jobs: LocalService) -> None:
    head = b"POST / HTTP/1.1\r\nX-Amz-Target: AWSGlue.GetJob\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b'{"JobName":"etl"}' + b" " * 300_000
    with connected(jobs) as connection:
        connection.sendall(head + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert b"200 OK" in until_closed(connection)
