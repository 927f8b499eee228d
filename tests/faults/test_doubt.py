"""What may not happen twice is sent again only if it is certain that it has not happened."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from jobruns_sdk import (
    CallTimeoutError,
    ClientClosedError,
    JobRunsError,
    Quota,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.ports import Operation
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.errors import CODES
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.testing.faults import FaultKind
from tests.transport.clients import CountingSession, call_of
from tests.transport.gated import GatedSession, until
from tests.transport.scripted import answer, serving

START: Final = Operation("glue", "StartJobRun", native.START_JOB_RUN, CODES, repeatable=False)
ETL: Final = {"JobName": "etl"}


@pytest.fixture
async def local() -> AsyncGenerator[LocalService]:
    async with LocalService(auto_advance=False) as local:
        local.add_glue_job("etl")
        yield local


@dataclass(frozen=True)
class Case:
    fault: FaultKind
    requests: int
    runs: int
    error: type[JobRunsError] | None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


EFFECT: Final = {"effect": True}
CASES: Final = [
    Case("throttle", 3, 0, ThrottledError, {"times": None}),
    Case("throttle", 3, 1, None, {"times": 2}),
    Case("reset_before", 1, 0, TransportError),
    Case("reset_after", 1, 1, TransportError),
    Case("truncate", 1, 1, TransportError),
    Case("error500", 1, 0, ServiceUnavailableError),
    Case("error500", 1, 1, ServiceUnavailableError, EFFECT),
    Case("html503", 1, 1, ServiceUnavailableError, EFFECT),
    Case("silence", 1, 1, CallTimeoutError, EFFECT),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.fault}-{case.runs}")
async def test_a_start_is_not_repeated_while_it_is_in_doubt(local: LocalService, case: Case) -> None:
    local.fault("StartJobRun", case.fault, **case.options)
    failure: JobRunsError | None = None
    client, call = call_of(url=local.url, max_attempts=3, call_timeout=0.5 if case.fault == "silence" else 60)
    async with client:
        try:
            START.read(await call(START, ETL))
        except JobRunsError as error:
            failure = error

    assert (local.calls(), len(local.states("glue:etl"))) == (case.requests, case.runs)
    assert (type(failure) if failure else None) is case.error
    assert failure is None or failure.in_doubt is (case.error is not ThrottledError)


async def test_a_doubt_stays_when_the_next_attempt_says_something_else(local: LocalService) -> None:
    """A repeatable call: its first attempt may have taken effect, whatever the second one is told."""
    repeatable = Operation("glue", "StartJobRun", native.START_JOB_RUN, CODES)
    local.fault("StartJobRun", "reset_after")
    local.fault("StartJobRun", "error", code="InvalidInputException", status=400)
    client, call = call_of(url=local.url)
    async with client:
        with pytest.raises(JobRunsError) as caught:
            await call(repeatable, ETL)

    assert (caught.value.code, caught.value.in_doubt, local.calls()) == ("InvalidInputException", True, 2)


async def test_a_start_that_found_nobody_is_tried_again() -> None:
    async with serving(answer(b"{}")) as server:
        url = server.url
    session = CountingSession()
    client, call = call_of(url=url, session=session, max_attempts=3)
    async with client:
        with pytest.raises(TransportError) as caught:
            await call(START, ETL)

    assert (caught.value.sent, caught.value.in_doubt, session.sent) == (False, False, 3)


async def closed_during(local: LocalService, stage: str) -> ClientClosedError:
    session = GatedSession()
    quotas = {("glue", "StartJobRun"): Quota(rate=1, burst=1)}
    client, call = call_of(url=local.url, session=session, clock=local.clock, quotas=quotas)
    assert isinstance(local.clock, VirtualClock)
    clock = local.clock
    await client.__aenter__()
    if stage != "connecting":
        session.gate.set()
    if stage == "quota":
        await call(START, ETL)
    task = asyncio.create_task(call(START, ETL))
    await until(
        {"request": lambda: local.calls() == 1, "connecting": lambda: session.arrived}.get(
            stage, lambda: clock.sleepers
        )
    )
    await client.__aexit__(None, None, None)
    with pytest.raises(ClientClosedError) as caught:
        await task
    return caught.value


@pytest.mark.parametrize(
    ("stage", "fault", "in_doubt"),
    [
        ("quota", None, False),
        ("connecting", None, False),
        ("request", "silence", True),
        ("back-off", "throttle", False),
    ],
)
async def test_closing_says_whether_a_start_is_in_doubt(
    local: LocalService, stage: str, fault: FaultKind | None, *, in_doubt: bool
) -> None:
    if fault:
        local.fault("StartJobRun", fault)

    assert (await closed_during(local, stage)).in_doubt is in_doubt
