"""An hour of many waits against a service that enforces the quotas that AWS publishes."""

import asyncio
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk import JobRun, JobRunsClient
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, SECOND, calls_by_operation, client_of, tell

if TYPE_CHECKING:
    from jobruns_sdk.model.native import Native


async def test_200_waiters_are_never_throttled_and_notice_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    interval = 30 * SECOND
    chance = Random(4)
    late: list[float] = []

    async def waiter(client: JobRunsClient, local: LocalService, job: str, until: datetime) -> None:
        await local.clock.sleep(chance.uniform(0, 60))
        while (left := (until - local.clock.now()).total_seconds()) > 0:
            run_id = local.add_run(job, duration=timedelta(seconds=chance.uniform(0.2, 1) * left))
            run: JobRun[Native] = await client.wait(
                f"{job}/{run_id}", timeout=2 * HOUR, poll_interval=interval, max_poll_interval=interval
            )
            assert run.succeeded
            assert run.ended_at is not None
            late.append((local.clock.now() - run.ended_at).total_seconds())

    with LocalService(quotas=True) as local:
        jobs = [f"emr-serverless:{local.add_application(max_concurrent_runs=None)}" for _ in range(4)]
        until = local.clock.now() + HOUR
        async with client_of(local, quotas=QUOTAS) as client, asyncio.TaskGroup() as tasks:
            for number in range(200):
                tasks.create_task(waiter(client, local, jobs[number % 4], until))
        statuses = {request.status for request in local.requests}
        calls = calls_by_operation(local)
        hours = local.clock.monotonic() / 3600
    said = f"{len(late)} runs, {dict(calls)}, noticed after {max(late):.1f} s at most"
    tell(capsys, f"200 waiters, {hours:.2f} h, interval {interval}: {said}")
    assert statuses == {200}
    assert max(late) <= 2 * interval.total_seconds()
