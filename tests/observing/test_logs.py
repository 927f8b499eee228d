"""The loggers: silent unless they are set up, and then structured."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest

from jobruns_sdk import InvalidRequestError, ServiceUnavailableError
from jobruns_sdk.testing import LocalService
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving
from tests.waiting.kit import HOUR, client_of

CALLS: Final = "jobruns_sdk.calls"
POLLS: Final = "jobruns_sdk.polls"
STARTS: Final = "jobruns_sdk.starts"


@pytest.fixture
def debugging(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG, "jobruns_sdk"):
        yield caplog


def records(caplog: pytest.LogCaptureFixture, name: str, level: int) -> list[logging.LogRecord]:
    return [record for record in caplog.records if (record.name, record.levelno) == (name, level)]


def members(record: logging.LogRecord) -> dict[str, Any]:
    """Return what a record holds for machines."""
    return {name: value for name, value in vars(record).items() if name.startswith("jobruns_")}


@pytest.mark.local("glue:etl")
async def test_a_call_is_a_record_at_debug(local: LocalService, debugging: pytest.LogCaptureFixture) -> None:
    async with client_of(local) as client:
        await client.glue("etl").runs().collect()

    call, walk = records(debugging, CALLS, logging.DEBUG)
    assert call.getMessage() == "glue.GetJobRuns of glue:etl?region=us-east-1 has answered after 0.000 s"
    assert members(call) == {
        "jobruns_service": "glue",
        "jobruns_operation": "GetJobRuns",
        "jobruns_region": "us-east-1",
        "jobruns_job": "glue:etl?region=us-east-1",
        "jobruns_seconds": 0.0,
        "jobruns_requests": 1,
        "jobruns_waited": 0.0,
        "jobruns_server": "127.0.0.1",
        "jobruns_request_id": local.requests[0].request_id,
        "jobruns_http_status": 200,
    }
    assert walk.getMessage() == (
        "a walk through runs of glue:etl?region=us-east-1 came to the end: "
        "calls 1, pages 1, rows 0, jobs that have failed 0"
    )


@pytest.mark.local("glue:etl")
async def test_what_goes_wrong_is_a_record_at_info(local: LocalService, debugging: pytest.LogCaptureFixture) -> None:
    local.fault("GetJobRuns", "error500", times=4)
    async with client_of(local) as client:
        with pytest.raises(ServiceUnavailableError) as caught:
            await client.glue("etl").runs().collect()

    *retries, call, walk = records(debugging, CALLS, logging.INFO)
    assert [members(record)["jobruns_requests"] for record in retries] == [1, 2, 3]
    assert all(" is tried again in 0." in record.getMessage() for record in retries)
    assert f"4 requests: InternalServiceException: {caught.value.message}" in call.getMessage()
    told = members(call)
    assert (told["jobruns_error"], told["jobruns_error_kind"]) == (
        "InternalServiceException",
        "ServiceUnavailableError",
    )
    assert (told["jobruns_request_id"], told["jobruns_http_status"]) == (caught.value.request_id, 500)
    assert "failed (InternalServiceException" in walk.getMessage()


@pytest.mark.local("glue:etl")
async def test_a_throttle_and_a_wait_for_the_quota_are_told(
    local: LocalService, debugging: pytest.LogCaptureFixture
) -> None:
    local.fault("GetJobRuns", "throttle", times=1)
    async with client_of(local) as client:
        await client.glue("etl").runs().collect()

    (retry,) = records(debugging, CALLS, logging.INFO)
    assert "is tried again at its next turn: ThrottlingException" in retry.getMessage()
    turn = records(debugging, CALLS, logging.DEBUG)[0]
    assert " for its turn" in turn.getMessage()
    assert members(turn)["jobruns_waited"] > 0


async def test_a_start_and_what_becomes_of_it_are_told(
    local: LocalService, debugging: pytest.LogCaptureFixture
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    async with client_of(local) as client:
        ref = await client.glue("etl").start()
        await client.wait(ref, timeout=HOUR)

    sent, led = records(debugging, STARTS, logging.INFO)
    assert "glue.StartJobRun of glue:etl?region=us-east-1 has answered" in sent.getMessage()
    assert led.getMessage() == f"a start has led to {ref}"
    assert members(led) == {"jobruns_run": str(ref)}
    changes = records(debugging, POLLS, logging.INFO)
    assert changes[0].getMessage() == f"{ref}: STARTING (attempt 1)"
    assert changes[-1].getMessage() == f"{ref}: RUNNING -> SUCCEEDED (attempt 1)"
    assert members(changes[-1])["jobruns_native_state"] == "SUCCEEDED"
    polls = [record.getMessage() for record in records(debugging, POLLS, logging.DEBUG)]
    assert (polls[0], polls[-1]) == (f"a wait for {ref} begins", f"a wait for {ref} is over: SUCCEEDED")
    assert sum(text.startswith("polled glue:etl?region=us-east-1 in 0.") for text in polls) == len(polls) - 2


@pytest.mark.local("glue:etl")
async def test_records_are_plain_values_that_json_takes(
    local: LocalService, debugging: pytest.LogCaptureFixture
) -> None:
    local.fault("GetJobRuns", "throttle", times=1)
    async with client_of(local) as client:
        ref = await client.glue("etl").start()
        await client.wait(ref, timeout=HOUR)
        await client.glue("etl").runs().collect()

    assert len(debugging.records) > 5
    for record in debugging.records:
        assert json.loads(json.dumps(members(record))) == members(record)


@pytest.mark.local("glue:etl")
async def test_loggers_may_be_set_up_while_a_client_is_open(
    local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    async with client_of(local) as client:
        await client.glue("etl").runs().collect()
        assert caplog.records == []
        with caplog.at_level(logging.INFO, STARTS):
            await client.glue("etl").start()
        await client.glue("etl").start()

    assert {record.name for record in caplog.records} == {STARTS}
    assert len(caplog.records) == 2


async def test_control_characters_reach_no_terminal(debugging: pytest.LogCaptureFixture) -> None:
    body = b'{"__type": "InvalidInputException", "message": "\\u001b[2J gone"}'
    async with serving(answer(body, status=400)) as server, client_at(server.url) as client:
        with pytest.raises(InvalidRequestError):
            await client.glue("etl").runs().collect()

    texts = [f"{record.getMessage()} {members(record)}" for record in debugging.records if record.name == CALLS]
    assert all("\\x1b[2J gone" in text for text in texts)
    assert not any("\x1b" in text for text in texts)
    assert len(texts) == 2


def test_nothing_is_printed_by_a_program_that_sets_up_no_logger() -> None:
    script = """
import asyncio, logging
from datetime import timedelta
from jobruns_sdk.testing import LocalService
from jobruns_sdk import Observer

async def main():
    async with LocalService() as local:
        local.add_glue_job("etl")
        async with local.client(observer=Observer(call=lambda _: 1 / 0)) as client:
            await client.glue("etl").runs().collect()

asyncio.run(main())
for name in ("calls", "polls", "starts"):
    logging.getLogger("jobruns_sdk." + name).warning("nobody listens")
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)  # noqa: S603  # ours
    assert (done.stdout, done.stderr) == ("", "")


async def test_a_log_that_is_off_is_asked_and_not_written_to(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    written: list[object] = []

    def write(*told: object, **_: object) -> None:
        written.append(told)

    for name in (CALLS, POLLS, STARTS):
        monkeypatch.setattr(logging.getLogger(name), "log", write)
    async with client_of(local) as client:
        ref = await client.glue("etl").start()
        await asyncio.gather(client.wait(ref, timeout=HOUR), client.glue("etl").runs().collect())

    assert written == []
