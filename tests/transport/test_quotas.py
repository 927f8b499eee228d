"""Calls keep to the quotas before the service has to say so."""

import asyncio
from datetime import timedelta

import pytest

from jobruns_sdk import JobRef, Quota, ThrottledError, WalkReport
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService
from tests.transport.clients import CountingSession, client_at
from tests.transport.gated import until

ONE_A_SECOND = Quota(rate=1, burst=1)

pytestmark = pytest.mark.local("glue:etl", "emr-serverless:00f1", quotas=True)


async def test_a_quota_that_is_given_is_never_exceeded(local: LocalService) -> None:
    async with local.client(quotas=QUOTAS) as client:
        app = client.emr_serverless("00f1")
        await asyncio.gather(*(app.runs().collect() for _ in range(60)))

    assert [request.status for request in local.requests] == [200] * 60
    assert local.clock.monotonic() == pytest.approx(35)


async def test_the_published_quotas_are_outgrown_while_nothing_is_refused() -> None:
    with LocalService(quotas={"emr-serverless:ListJobRuns": (10, 50)}) as local:
        application = local.add_application()
        async with local.client() as client:
            app = client.emr_serverless(application)
            await asyncio.gather(*(app.runs().collect() for _ in range(200)))
            pace = client.pace[None, "us-east-1", "emr-serverless", "ListJobRuns"]

        assert local.clock.monotonic() <= 1.2 * 15  # what the account allows; 175 s at the published quota
        assert pace.rate is not None
        assert pace.rate > QUOTAS["emr-serverless", "ListJobRuns"].rate
        assert pace.throttled == len(local.requests) - 200 <= 0.05 * 200
        assert pace.waited > 0


async def test_a_report_tells_the_throttles_and_waits_of_its_walk_alone() -> None:
    with LocalService(quotas={"emr-serverless:ListJobRuns": (0.5, 2)}) as local:
        application = local.add_application()
        local.add_runs(f"emr-serverless:{application}", 60)
        async with local.client() as client:
            pages = client.emr_serverless(application).runs(page_size=10)
            reports: list[WalkReport] = []
            for _ in range(2):
                async with pages.open() as walk:
                    assert len([run async for run in walk]) == 60
                    reports.append(walk.report)
            pace = client.pace[None, "us-east-1", "emr-serverless", "ListJobRuns"]

    assert reports[0].throttled > 0
    assert sum(report.throttled for report in reports) == pace.throttled
    assert sum(report.calls for report in reports) == local.calls()
    assert sum(report.waited for report in reports) == pytest.approx(pace.waited)


async def test_a_report_tells_the_throttles_and_waits_of_calls_that_failed() -> None:
    with LocalService(quotas={"glue:GetJobRuns": (0.001, 1)}) as local:
        local.add_glue_job("etl")
        async with local.client(throttle_timeout=timedelta(minutes=1)) as client:
            await client.glue("etl").runs().collect()
            async with client.runs(["glue:etl"], on_error="skip").open() as walk:
                assert [run async for run in walk] == []
            pace = client.pace[None, "us-east-1", "glue", "GetJobRuns"]

    assert isinstance(walk.report.failed[0].error, ThrottledError)
    assert walk.report.throttled == pace.throttled == walk.report.calls > 1
    assert walk.report.waited == pytest.approx(pace.waited)


async def test_a_report_tells_the_waits_of_all_calls_that_a_page_takes() -> None:
    with LocalService() as local:
        application = local.add_application()
        run = local.add_run(f"emr-serverless:{application}")
        quotas = {("emr-serverless", name): ONE_A_SECOND for name in ("ListJobRunAttempts", "GetJobRun")}
        async with local.client(quotas=quotas) as client:
            attempts = client.emr_serverless(application).attempts(run)
            await attempts.collect()
            async with attempts.open() as walk:
                assert len([attempt async for attempt in walk]) == 1
            pace = client.pace

    assert walk.report.waited == pytest.approx(sum(one.waited for one in pace.values()))
    assert walk.report.waited > 0


async def test_without_quotas_the_service_has_to_say_so(local: LocalService) -> None:
    async with local.client(quotas=None, max_attempts=30) as client:
        app = client.emr_serverless("00f1")
        await asyncio.gather(*(app.runs().collect() for _ in range(40)))

    assert [request.status for request in local.requests].count(200) == 40
    assert len(local.requests) > 40


async def test_each_region_profile_and_operation_has_its_own(local: LocalService) -> None:
    quotas = {("glue", "GetJobRuns"): ONE_A_SECOND, ("emr-serverless", "ListJobRuns"): ONE_A_SECOND}
    others = {"other": CountingSession("other-key")}
    async with client_at(local.url, quotas=quotas, clock=local.clock, sessions=others) as client:
        for service, job in (("glue", "etl"), ("emr-serverless", "00f1")):
            for region in ("eu-west-1", "us-east-1"):
                for profile in (None, "other"):
                    await client.handle(JobRef(service, job, region, profile)).runs().collect()
        assert local.clock.monotonic() == 0

        await client.glue("etl").runs().collect()
        assert local.clock.monotonic() == pytest.approx(1)


async def test_every_attempt_draws_on_the_quota(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 0.0)
    local.fault("GetJobRuns", "error500", times=2)
    quotas = {("glue", "GetJobRuns"): ONE_A_SECOND}
    async with client_at(local.url, quotas=quotas, clock=local.clock) as client:
        await client.glue("etl").runs().collect()

    assert local.calls() == 3
    assert local.clock.monotonic() == pytest.approx(2)


async def test_lists_that_hang_keep_no_get_waiting(local: LocalService) -> None:
    run = local.add_run("emr-serverless:00f1")
    local.fault("ListJobRuns", "silence", times=None)
    async with client_at(local.url, quotas=None, clock=local.clock) as client:
        app = client.emr_serverless("00f1")
        hanging = [asyncio.ensure_future(app.runs().collect()) for _ in range(60)]
        await until(lambda: local.calls("ListJobRuns") == 32)  # as many as there are slots
        assert (await app.run(run)).id == run
        for task in hanging:
            task.cancel()
        await asyncio.wait(hanging)


async def test_a_single_call_does_not_stand_behind_those_of_a_walk() -> None:
    with LocalService() as local:
        job = f"emr-serverless:{local.add_application()}"
        local.add_runs(job, 100)
        quotas = {("emr-serverless", "GetJobRun"): ONE_A_SECOND}
        async with local.client(quotas=quotas) as client:
            run = await client.runs(job).first()
            assert run is not None
            reading = asyncio.ensure_future(client.runs(job, hydrate=True).collect())
            while local.calls("GetJobRun") < 5:  # noqa: ASYNC110  # nothing tells of a request
                await asyncio.sleep(0)
            before = local.calls("GetJobRun")
            await client.run(run.ref)
            assert local.calls("GetJobRun") <= before + 3
            assert len(await reading) == 100
