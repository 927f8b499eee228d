"""The application's tests: no AWS, no mocks, and no waiting. The fixtures come with ``jobruns_sdk``.

python -m pytest -o asyncio_mode=auto examples/report_app
"""

import asyncio
from datetime import timedelta

import pytest

from examples.report_app.report import make_report
from jobruns_sdk import JobRunsClient, RunFailedError, WaitTimeoutError
from jobruns_sdk.testing import LocalService


async def test_the_report_is_made(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", duration=timedelta(hours=1))
    run_id = await make_report(jobruns_client, "2026-01-05")
    assert jobruns_local.states("glue:report") == {run_id: "SUCCEEDED"}


async def test_two_at_once_make_one_report(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", duration=timedelta(hours=1))
    first, second = await asyncio.gather(*(make_report(jobruns_client, "2026-01-05") for _ in range(2)))
    assert first == second
    assert len(jobruns_local.states("glue:report")) == 1


async def test_a_retry_that_succeeds_is_enough(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", fail_attempts=2, max_retries=2)
    run = await jobruns_client.run(f"glue:report/{await make_report(jobruns_client, '2026-01-05')}")
    assert run.attempt == 3


async def test_a_report_that_fails_is_told(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", outcome="FAILED", message="no space left on device")
    with pytest.raises(RunFailedError, match="no space left"):
        await make_report(jobruns_client, "2026-01-05")


async def test_a_report_that_takes_too_long_is_told(jobruns_local: LocalService, jobruns_client: JobRunsClient) -> None:
    jobruns_local.add_glue_job("report", duration=timedelta(hours=4))
    with pytest.raises(WaitTimeoutError):
        await make_report(jobruns_client, "2026-01-05")
