"""What may not happen twice is sent again only if it is certain that it has not happened."""

import asyncio
from typing import Final

import pytest

from jobruns_sdk import (
    ClientClosedError,
    JobRunsError,
    Quota,
)
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.operations import CODES
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.testing.faults import FaultKind
from jobruns_sdk.transport.operation import Operation
from tests.transport.clients import call_of
from tests.transport.gated import GatedSession, until

START: Final = Operation("glue", "StartJobRun", native.START_JOB_RUN, CODES, repeatable=False)
ETL: Final = {"JobName": "etl"}

pytestmark = pytest.mark.local("glue:etl", auto_advance=False)


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
