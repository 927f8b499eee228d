"""The documentation's example: an application that starts a Glue job and waits for it, tested without AWS."""

from datetime import timedelta

import pytest

from jobruns_sdk import JobRunsClient, RunFailedError
from jobruns_sdk.testing import LocalService


async def make_report(client: JobRunsClient, day: str) -> str:
    """The application: run the report of a day to its end, and answer the id of the run."""
    ref = await client.glue("report").start(arguments={"--day": day})
    run = await client.wait(ref, timeout=timedelta(hours=3))
    return run.raise_for_state().id


async def test_the_report_is_made(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", duration=timedelta(hours=1))
    run_id = await make_report(jobruns_client, "2026-01-05")
    assert jobruns_local.states("glue:report") == {run_id: "SUCCEEDED"}


async def test_a_report_that_fails_is_told(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", outcome="FAILED", message="no space left on device")
    with pytest.raises(RunFailedError, match="no space left"):
        await make_report(jobruns_client, "2026-01-05")
