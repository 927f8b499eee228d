"""What codes and statuses mean, in all three services, and how a call that fails goes on."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ServiceUnavailableError,
    ThrottledError,
)
from jobruns_sdk.testing import LocalService
from tests.transport.clients import client_at

ATTEMPTS = 3
JOBS = {"glue": "glue:etl", "datazone": "datazone:dzd_x/job42", "emr-serverless": "emr-serverless:00f1"}
OPERATIONS = {"glue": "GetJobRuns", "datazone": "ListJobRuns", "emr-serverless": "ListJobRuns"}

pytestmark = pytest.mark.local("glue:etl", "datazone:dzd_x/job42", "emr-serverless:00f1")


@dataclass(frozen=True)
class Case:
    code: str
    status: int
    requests: int
    error: type[JobRunsError]

    def __str__(self) -> str:
        return f"{self.code}-{self.status}"


CASES = [
    Case("ThrottlingException", 400, ATTEMPTS, ThrottledError),
    Case("TooManyRequestsException", 429, ATTEMPTS, ThrottledError),
    Case("RequestLimitExceeded", 503, ATTEMPTS, ThrottledError),
    Case("UnheardOfException", 429, ATTEMPTS, ThrottledError),
    Case("UnheardOfException", 500, ATTEMPTS, ServiceUnavailableError),
    Case("UnheardOfException", 599, ATTEMPTS, ServiceUnavailableError),
    Case("UnheardOfException", 400, 1, InvalidRequestError),
    Case("ValidationException", 400, 1, InvalidRequestError),
    Case("ValidationException", 500, ATTEMPTS, InvalidRequestError),
    Case("AccessDeniedException", 403, 1, AccessDeniedError),
    Case("UnauthorizedException", 401, 1, AccessDeniedError),
    Case("ExpiredTokenException", 403, 1, CredentialsError),
    Case("UnrecognizedClientException", 400, 1, CredentialsError),
    Case("InvalidSignatureException", 403, 1, CredentialsError),
    Case("ResourceNotFoundException", 404, 1, NotFoundError),
    Case("ConflictException", 409, 1, ConflictError),
    Case("ServiceQuotaExceededException", 402, 1, LimitExceededError),
]


async def outcome(local: LocalService, service: str, case: Case) -> tuple[object, ...]:
    local.clear_faults()
    local.forget_requests()
    operation = OPERATIONS[service]
    local.fault(f"{service}:{operation}", "error", times=None, code=case.code, status=case.status, message="Not now.")
    async with client_at(local.url, max_attempts=ATTEMPTS) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.handle(JOBS[service]).runs().collect()
    failure = caught.value
    requests = local.calls()
    assert failure.requests == requests
    if isinstance(failure, ThrottledError):  # it uses up no attempt: time alone bounds it
        assert requests > ATTEMPTS
        requests = ATTEMPTS
    assert (failure.service, failure.operation) == (service, operation)
    assert failure.retryable is (case.requests != 1)
    assert failure.__cause__ is failure.__context__ is None  # the service has said it all
    assert (failure.code, failure.http_status, failure.message) == (case.code, case.status, "Not now.")
    return type(failure), requests


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_an_error_that_stays(local: LocalService, case: Case) -> None:
    expected = dict.fromkeys(JOBS, (case.error, case.requests))

    assert {service: await outcome(local, service, case) for service in JOBS} == expected


async def test_a_throttled_call_waits_longer_than_one_that_failed(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 1.0)
    waited: list[float] = []
    for code, status in (("ThrottlingException", 400), ("InternalServiceException", 500)):
        local.fault("GetJobRuns", "error", code=code, status=status, times=3)
        before = local.clock.monotonic()
        async with client_at(local.url, clock=local.clock) as client:
            await client.glue("etl").runs().collect()
        waited.append(local.clock.monotonic() - before)

    assert waited[0] > 2 * waited[1] == pytest.approx(2 * (0.1 + 0.2 + 0.4))


async def test_back_off_uses_up_the_deadline(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 1.0)
    local.fault("GetJobRuns", "error500", times=None)
    async with client_at(local.url, clock=local.clock, call_timeout=0.5, max_attempts=50) as client:
        with pytest.raises(ServiceUnavailableError):
            await client.glue("etl").runs().collect()

    assert local.calls() <= 3  # after 0.1 + 0.2 s of waiting the next wait, 0.4 s, would end too late


async def test_a_throttle_uses_up_no_attempt_and_no_deadline(local: LocalService) -> None:
    local.fault("GetJobRuns", "throttle", times=20)
    async with client_at(local.url, clock=local.clock, call_timeout=0.5, max_attempts=1) as client:
        await client.glue("etl").runs().collect()

    assert local.calls() == 21


@pytest.mark.parametrize("bound", [timedelta(0), timedelta(seconds=5), timedelta(minutes=10)])
async def test_throttles_are_bounded_by_time(local: LocalService, bound: timedelta) -> None:
    local.fault("GetJobRuns", "throttle", times=None)
    async with client_at(local.url, clock=local.clock, throttle_timeout=bound) as client:
        with pytest.raises(ThrottledError):
            await client.glue("etl").runs().collect()

    assert bound.total_seconds() <= local.clock.monotonic() <= bound.total_seconds() + 20
    assert bound or local.calls() == 1


async def test_forty_calls_that_are_throttled_at_once_slow_the_operation_once(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 1.0)
    async with client_at(local.url, clock=local.clock) as client:
        await client.glue("etl").runs().collect()  # a connection is made, so that 32 calls go out in one turn
        local.fault("GetJobRuns", "throttle", times=32)
        await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(40)))

    assert local.clock.monotonic() < 10  # 1 s, and 40 calls that come ever faster
    assert local.calls() == 73


async def test_many_calls_that_fail_at_once_leave_no_task_behind(local: LocalService) -> None:
    local.fault("*", "throttle", times=None)
    async with client_at(local.url, throttle_timeout=timedelta(0)) as client:
        calls = [client.handle(job).runs().collect() for job in JOBS.values() for _ in range(20)]
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    assert {type(end) for end in ended} == {ThrottledError}
    assert local.calls() == len(ended)
