"""A Glue start without a key whose answer was lost, and runs of other programs that look like its own."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from jobruns_sdk import JobRunsClient, RunRef
from jobruns_sdk.errors import StartOutcomeUnknownError
from jobruns_sdk.services.glue.likeness import Likeness
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.waiting.kit import HOUR, client_of, runs_of

ARGUMENTS = {"--day": "1"}


async def start(client: JobRunsClient) -> RunRef:
    return await client.glue("etl").start(arguments=ARGUMENTS)


def show(local: LocalService, *runs: str, times: int | None = None, **members: object) -> None:
    """Let so many lists show runs that begin now, and that look like those of a start."""
    row = {"JobName": "etl", "JobRunState": "RUNNING", "StartedOn": local.clock.now().timestamp(), **members}
    body = msgspec.json.encode({"JobRuns": [{"Id": run, **row} for run in runs]})
    local.fault("GetJobRuns", "wrong_content", body=body, content_type="application/x-amz-json-1.1", times=times)


@pytest.mark.parametrize("fault", ["reset_before", "error500"])
async def test_a_run_that_began_after_the_connection_broke_is_no_run_of_the_start(
    local: LocalService, client: JobRunsClient, fault: FaultKind
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    async with client_of(local) as other:

        async def later() -> RunRef:
            await local.clock.sleep(20)
            return await start(other)

        local.fault("StartJobRun", fault)
        came, theirs = await asyncio.gather(start(client), later(), return_exceptions=True)
    assert isinstance(came, StartOutcomeUnknownError)
    assert isinstance(theirs, RunRef)
    assert runs_of(local, "glue:etl") == [theirs.run_id]


async def test_a_second_run_that_is_listed_later_makes_the_first_one_doubtful(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_before")
    show(local, "jr_theirs", times=3, Arguments=ARGUMENTS)
    show(local, "jr_ours", "jr_theirs", Arguments=ARGUMENTS)
    with pytest.raises(StartOutcomeUnknownError):
        await start(client)
    assert local.calls("GetJobRuns") == 6


async def test_a_run_is_looked_at_for_half_of_the_settling_time(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_after", times=2)
    ref = await start(client)
    assert runs_of(local, "glue:etl") == [ref.run_id]
    assert local.clock.monotonic() == pytest.approx(31)
    local.advance(HOUR)
    began = local.clock.monotonic()
    await client.glue("etl").start(arguments=ARGUMENTS, settle=timedelta(seconds=4))
    assert local.clock.monotonic() - began == pytest.approx(3)


async def test_a_list_that_was_asked_for_before_half_of_the_settling_time_proves_nothing_however_late_it_comes(
    local: LocalService, client: JobRunsClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Likeness.only

    async def slow(self: Likeness) -> str | None:
        found = await look(self)
        await local.clock.sleep(2)
        return found

    monkeypatch.setattr(Likeness, "only", slow)
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_after")
    ref = await client.glue("etl").start(arguments=ARGUMENTS, settle=timedelta(seconds=4))
    assert runs_of(local, "glue:etl") == [ref.run_id]
    # Asked at 1 s, and answered at 3 s: another program's run may have been the only one that was listed at 1 s.
    assert local.calls("GetJobRuns") == 2


async def test_a_run_that_a_trigger_started_is_no_run_of_a_start(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    local.fault("StartJobRun", "reset_before")
    show(local, "jr_1", TriggerName="nightly", Arguments=ARGUMENTS)
    with pytest.raises(StartOutcomeUnknownError):
        await start(client)
