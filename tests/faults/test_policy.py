"""What goes wrong, how many requests that costs, and what the caller is told: one table for the three services."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ResponseFormatError,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.transport.clients import client_at

ATTEMPTS = 3
JOBS = {"glue": "glue:etl", "datazone": "datazone:dzd_x/job42", "emr-serverless": "emr-serverless:00f1"}
OPERATIONS = {"glue": "GetJobRuns", "datazone": "ListJobRuns", "emr-serverless": "ListJobRuns"}

BROKEN = {"glue": ATTEMPTS, "datazone": 2 * ATTEMPTS, "emr-serverless": 2 * ATTEMPTS}
"""Requests when the connection breaks: aiohttp itself sends a GET once more before it gives up, and no POST."""


@dataclass(frozen=True)
class Case:
    fault: FaultKind
    requests: int | Mapping[str, int]
    error: type[JobRunsError]
    options: Mapping[str, object] | None = None
    sent: bool | None = None

    def __str__(self) -> str:
        return "-".join([self.fault, *(str(value) for value in (self.options or {}).values())])


def error(code: str, status: int, requests: int, error: type[JobRunsError]) -> Case:
    return Case("error", requests, error, {"code": code, "status": status, "message": "Not now."})


CASES = [
    Case("throttle", ATTEMPTS, ThrottledError),
    Case("error500", ATTEMPTS, ServiceUnavailableError),
    Case("html503", ATTEMPTS, ServiceUnavailableError),
    Case("html503", ATTEMPTS, ServiceUnavailableError, {"body": b""}),
    Case("reset_before", BROKEN, TransportError, sent=True),
    Case("reset_after", BROKEN, TransportError, sent=True),
    Case("truncate", ATTEMPTS, TransportError, sent=True),
    Case("truncate", ATTEMPTS, TransportError, {"at": 0}, sent=True),
    Case("wrong_content", 1, ResponseFormatError),
    error("ThrottlingException", 400, ATTEMPTS, ThrottledError),
    error("TooManyRequestsException", 429, ATTEMPTS, ThrottledError),
    error("RequestLimitExceeded", 503, ATTEMPTS, ThrottledError),
    error("UnheardOfException", 429, ATTEMPTS, ThrottledError),
    error("UnheardOfException", 500, ATTEMPTS, ServiceUnavailableError),
    error("UnheardOfException", 599, ATTEMPTS, ServiceUnavailableError),
    error("UnheardOfException", 400, 1, InvalidRequestError),
    error("ValidationException", 400, 1, InvalidRequestError),
    error("ValidationException", 500, ATTEMPTS, InvalidRequestError),
    error("AccessDeniedException", 403, 1, AccessDeniedError),
    error("UnauthorizedException", 401, 1, AccessDeniedError),
    error("ExpiredTokenException", 400, 1, CredentialsError),
    error("ExpiredTokenException", 403, 1, CredentialsError),
    error("UnrecognizedClientException", 400, 1, CredentialsError),
    error("InvalidSignatureException", 403, 1, CredentialsError),
    error("ResourceNotFoundException", 404, 1, NotFoundError),
    error("ConflictException", 409, 1, ConflictError),
    error("ServiceQuotaExceededException", 402, 1, LimitExceededError),
]


@pytest.fixture
async def local() -> AsyncGenerator[LocalService]:
    async with LocalService() as local:
        local.add_glue_job("etl")
        local.add_datazone_job("dzd_x", "job42")
        local.add_application("00f1")
        yield local


async def outcome(local: LocalService, service: str, case: Case) -> tuple[object, ...]:
    local.clear_faults()
    local.forget_requests()
    options: dict[str, Any] = {**(case.options or {})}
    local.fault(f"{service}:{OPERATIONS[service]}", case.fault, times=None, **options)
    async with client_at(local.url, max_attempts=ATTEMPTS) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.handle(JOBS[service]).runs().collect()
    failure = caught.value
    assert (failure.service, failure.operation) == (service, OPERATIONS[service])
    assert (failure.request_id is None) is isinstance(failure, TransportError)
    assert failure.retryable is (case.requests != 1)
    assert failure.__cause__ is not None
    if "code" in options:
        assert (failure.code, failure.http_status, failure.message) == (options["code"], options["status"], "Not now.")
    return type(failure), local.calls(), getattr(failure, "sent", None)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_fault_that_stays(local: LocalService, case: Case) -> None:
    expected = {
        service: (case.error, case.requests if isinstance(case.requests, int) else case.requests[service], case.sent)
        for service in JOBS
    }

    assert {service: await outcome(local, service, case) for service in JOBS} == expected


@pytest.mark.parametrize("service", JOBS)
@pytest.mark.parametrize("fault", ["throttle", "error500", "html503", "truncate"])
async def test_a_fault_that_passes(local: LocalService, service: str, fault: FaultKind) -> None:
    local.add_run(JOBS[service], state="FAILED")
    local.fault(OPERATIONS[service], fault, times=2)
    async with client_at(local.url, clock=local.clock) as client, client.handle(JOBS[service]).runs().open() as walk:
        assert [run.native_state async for run in walk] == ["FAILED"]

    assert (local.calls(), walk.report.calls) == (3, 3)


async def test_a_throttled_call_waits_longer_than_one_that_failed(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    waited: list[float] = []
    faults: list[FaultKind] = ["throttle", "error500"]
    for fault in faults:
        local.fault("GetJobRuns", fault, times=3)
        before = local.clock.monotonic()
        async with client_at(local.url, clock=local.clock) as client:
            await client.glue("etl").runs().collect()
        waited.append(local.clock.monotonic() - before)

    assert waited == pytest.approx([1 + 2 + 4, 0.1 + 0.2 + 0.4])


async def test_back_off_uses_up_the_deadline(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.random", lambda: 1.0)
    local.fault("GetJobRuns", "throttle", times=None)
    async with client_at(local.url, clock=local.clock, call_timeout=5, max_attempts=50) as client:
        with pytest.raises(ThrottledError):
            await client.glue("etl").runs().collect()

    assert local.calls() == 3  # after 1 + 2 s of waiting the next wait, 4 s, would end too late


async def test_many_calls_that_fail_at_once_leave_no_task_behind(local: LocalService) -> None:
    local.fault("*", "throttle", times=None)
    async with client_at(local.url, max_attempts=2) as client:
        calls = [client.handle(job).runs().collect() for job in JOBS.values() for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    assert {type(end) for end in ended} == {ThrottledError}
    assert local.calls() == 2 * len(ended)
