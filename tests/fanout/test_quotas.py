"""With the published quotas enforced, a read takes as long as the quotas alone dictate, and is never throttled."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

import pytest

from jobruns_sdk import JobRunsClient, Quota
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.fanout.reading import Order

_LIST_RUNS = (1, 25)
_GET_RUN = (10, 50)
_GLUE = (5, 20)
_QUOTAS: Mapping[str, tuple[float, float]] = {
    "emr-serverless:ListJobRuns": _LIST_RUNS,
    "emr-serverless:GetJobRun": _GET_RUN,
    "glue:GetJobRuns": _GLUE,
}


def seconds(calls: int, quota: tuple[float, float]) -> float:
    """Return how long so many calls take if nothing but their quota holds them up."""
    rate, burst = quota
    return max(0.0, (calls - burst) / rate)


def seed(local: LocalService, *, applications: int, glue_jobs: int, runs: int) -> list[str]:
    jobs: list[str] = []
    for index in range(applications):
        jobs.append(f"emr-serverless:{local.add_application()}")
        local.add_runs(jobs[-1], runs, every=timedelta(minutes=1 + index % 5))
    for index in range(glue_jobs):
        local.add_glue_job(f"etl-{index}")
        jobs.append(f"glue:etl-{index}")
        local.add_runs(jobs[-1], 2 * runs, every=timedelta(minutes=1 + index % 7))
    return jobs


def client_with_quotas(local: LocalService) -> JobRunsClient:
    return client_of(local, quotas={**QUOTAS, ("glue", "GetJobRuns"): Quota(rate=_GLUE[0], burst=_GLUE[1])})


def check(local: LocalService, *, within: float = 1.05) -> None:
    """Nothing was throttled, and it took as long as the slowest quota dictates."""
    assert {request.status for request in local.requests} == {200}
    calls = Counter(f"{request.service}:{request.operation}" for request in local.requests)
    dictated = max(seconds(count, _QUOTAS[name]) for name, count in calls.items())
    assert dictated > 10
    assert dictated <= local.clock.monotonic() <= within * dictated


@pytest.mark.parametrize("order", ["newest", "any"])
async def test_reading_forty_applications_takes_what_their_quota_dictates(order: Order) -> None:
    with LocalService(quotas=_QUOTAS) as local:
        jobs = seed(local, applications=40, glue_jobs=60, runs=200)
        async with client_with_quotas(local) as client, client.runs(jobs, order=order).open() as walk:
            count = 0
            async for _ in walk:
                count += 1
            report = walk.report
        assert count == 40 * 200 + 60 * 400
        assert report.calls == local.calls()
        assert report.waited > 0
        check(local)


@pytest.mark.parametrize("order", ["newest", "any"])
async def test_full_runs_are_got_under_the_quota_of_gets(order: Order) -> None:
    with LocalService(quotas=_QUOTAS) as local:
        jobs = seed(local, applications=4, glue_jobs=2, runs=150)
        async with client_with_quotas(local) as client:
            runs = await client.runs(jobs, order=order, hydrate=True).collect()
        assert local.calls("emr-serverless:GetJobRun") == 4 * 150
        assert all(run.ended_at is not None for run in runs)
        check(local)
