"""Every public coroutine and asynchronous iterator, each in work that can be cancelled at any of its awaits.

Calls go to a local service whose first answer to each piece of work is an error, so that all of them wait for their
quota, for a connection, for an answer, and to try again.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from itertools import count
from typing import Any, Final

import attrs
import pytest
from botocore.config import Config

from jobruns_sdk import ClientClosedError, JobRunsClient, NotFoundError, Pages, Quota, SparkSubmit, WaitTimeoutError
from jobruns_sdk.events import SqsEvents
from jobruns_sdk.logs.operations import QUOTAS as LOG_QUOTAS
from jobruns_sdk.loop.clock import RealClock
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService, SpeedClock, VirtualClock
from tests.dangers.cancellation.counting import uncounted
from tests.transport.clients import CountingSession, settings_of
from tests.transport.gated import until
from tests.waiting.kit import MINUTE, ROLE, SECOND

EVERY: Final = 20 * SECOND
SHORT: Final = timedelta(seconds=30)
ONE_AT_A_TIME: Final = Quota(1, 1)
TIGHT: Final = dict.fromkeys(
    [
        *QUOTAS,
        *LOG_QUOTAS,
        *(("datazone", name) for name in ("GetJobRun", "ListJobRuns")),
        *(("glue", name) for name in ("BatchStopJobRun", "GetJob", "GetJobRun", "GetJobRuns", "ListJobs")),
        *(("glue", name) for name in ("GetJobBookmark", "ResetJobBookmark", "StartJobRun")),
    ],
    ONE_AT_A_TIME,
)
AMPLE: Final = dict.fromkeys(TIGHT, Quota(1_000, 1_000))
TWO_CONNECTIONS: Final = Config(max_pool_connections=2)
GLUE: Final = "glue:etl"
EMR: Final = "emr-serverless:00app"
DATAZONE: Final = "datazone:dzd_x/job42"
_SESSION: Final = CountingSession()  # it keeps the service models that it has loaded
SPARK: Final = SparkSubmit(entry_point="s3://bucket/main.py")


@attrs.frozen
class World:
    """A local service, and a client of it.

    Attributes:
        over: A run of each job that has ended.
        active: A run of each job that goes on for ever.
        keys: Idempotency keys.
    """

    local: LocalService
    client: JobRunsClient
    over: dict[str, str]
    active: dict[str, str]
    keys: "count[int]" = attrs.field(factory=lambda: count(1))


Work = Callable[[World], Coroutine[Any, Any, None]]
TABLE: Final[dict[str, tuple[str, Work]]] = {}
"""Pieces of work by name, and what each of them awaits."""


def awaits(name: str) -> Callable[[Work], Work]:
    def add(work: Work) -> Work:
        TABLE[work.__name__] = (name, work)
        return work

    return add


def world_of(local: LocalService, client: JobRunsClient) -> World:
    """Return a world with jobs of all services, and runs."""
    local.add_glue_job("etl", max_retries=1)
    place = {"s3MonitoringConfiguration": {"logUri": "s3://own-logs/"}}
    local.add_application("00app", max_concurrent_runs=None, native={"monitoringConfiguration": place})
    local.add_datazone_job("dzd_x", "job42")
    over = {job: local.add_run(job, state="SUCCEEDED" if job == GLUE else "SUCCESS") for job in (GLUE, EMR, DATAZONE)}
    for job in over:
        local.add_runs(job, 4)
    for job in (GLUE, EMR):
        local.add_log_lines(f"{job}/{over[job]}", "driver", ["a", "b"])
    active = {GLUE: "RUNNING", EMR: "RUNNING", DATAZONE: "IN_PROGRESS"}
    return World(local, client, over, {job: local.add_run(job, state=state) for job, state in active.items()})


def client_at(local: LocalService, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's own options
    """Return a client, not yet opened, for which everything is scarce."""
    given = {"session": _SESSION, "config": TWO_CONNECTIONS, "quotas": TIGHT, **options}
    return JobRunsClient(**settings_of(local, **given))


# Reading one thing.


@awaits("JobRunsClient.run")
async def get_a_run(world: World) -> None:
    await asyncio.gather(*(world.client.run(f"{job}/{run}") for job, run in world.over.items()))


@awaits("GlueJob.run")
async def get_a_glue_run(world: World) -> None:
    await world.client.glue("etl").run(world.over[GLUE], predecessors=True)


@awaits("EmrServerlessApplication.run")
async def get_an_emr_run(world: World) -> None:
    await world.client.emr_serverless("00app").run(world.over[EMR], attempt=1)


@awaits("DataZoneJob.run")
async def get_a_datazone_run(world: World) -> None:
    await world.client.datazone("dzd_x", "job42").run(world.over[DATAZONE])


@awaits("JobRunsClient.job")
async def get_a_job(world: World) -> None:
    await world.client.job(GLUE)


@awaits("GlueJob.job")
async def get_a_glue_job(world: World) -> None:
    await world.client.glue("etl").job()


@awaits("GlueJob.retry_limit")
async def get_a_retry_limit(world: World) -> None:
    await world.client.glue("etl").retry_limit()


@awaits("GlueJob.is_streaming")
async def ask_whether_a_job_streams(world: World) -> None:
    glue = world.client.glue("etl")
    await glue.is_streaming(await glue.run(world.over[GLUE]))


@awaits("EmrServerlessApplication.job")
async def get_an_application(world: World) -> None:
    await world.client.emr_serverless("00app").job()


@awaits("EmrServerlessApplication.dashboard_url")
async def get_a_dashboard(world: World) -> None:
    await world.client.emr_serverless("00app").dashboard_url(world.active[EMR])


@awaits("GlueJob.find")
async def find_a_key(world: World) -> None:
    await world.client.glue("etl").find("key")


@awaits("GlueJob.bookmark")
async def get_a_bookmark(world: World) -> None:
    await world.client.glue("etl").bookmark()


# Lists.


@awaits("JobRunsClient.jobs")
async def list_jobs(world: World) -> None:
    await world.client.jobs("glue", page_size=1).collect()
    await world.client.jobs("emr-serverless").collect()


@awaits("JobRunsClient.discover")
async def discover_jobs(world: World) -> None:
    await world.client.discover(page_size=1).collect()


@awaits("JobRunsClient.changes")
async def list_changes(world: World) -> None:
    await world.client.changes([GLUE, EMR, DATAZONE]).collect()


@awaits("JobRunsClient.logs")
async def read_logs(world: World) -> None:
    await world.client.logs(f"{GLUE}/{world.over[GLUE]}").collect()


@awaits("LogLines.collect")
async def follow_logs(world: World) -> None:
    await world.client.logs(f"{EMR}/{world.over[EMR]}", follow=True).collect()


@awaits("LogLines.__aiter__")
async def read_last_lines(world: World) -> None:
    async for line in world.client.logs(f"{GLUE}/{world.over[GLUE]}", tail=1):
        assert line.text == "b"


@awaits("GlueJob.logs")
async def read_glue_logs(world: World) -> None:
    await world.client.glue("etl").logs(world.over[GLUE], attempt="all").collect()


@awaits("EmrServerlessApplication.logs")
async def read_emr_logs(world: World) -> None:
    await world.client.emr_serverless("00app").logs(world.over[EMR]).collect()


@awaits("GlueJob.attempt_logs")
async def tell_glue_places(world: World) -> None:
    await world.client.glue("etl").attempt_logs(world.over[GLUE], 1)


@awaits("EmrServerlessApplication.attempt_logs")
async def tell_emr_places(world: World) -> None:
    await world.client.emr_serverless("00app").attempt_logs(world.over[EMR], 1)


@awaits("JobRunsClient.log_places")
async def list_log_places(world: World) -> None:
    await world.client.log_places(f"{EMR}/{world.over[EMR]}")


@awaits("JobRunsClient.error_of")
async def tell_error(world: World) -> None:
    await world.client.error_of(f"{GLUE}/{world.over[GLUE]}")


@awaits("JobRunsClient.attempts")
async def list_attempts(world: World) -> None:
    await world.client.attempts(f"{GLUE}/{world.over[GLUE]}").collect()


@awaits("JobRunsClient.attempts")
async def list_attempts_of_many(world: World) -> None:
    await world.client.attempts([GLUE, EMR, f"{EMR}/{world.over[EMR]}"], page_size=2).collect()


@awaits("JobRunsClient.runs")
async def list_runs_by_their_ends(world: World) -> None:
    await world.client.runs([GLUE, EMR], active_after=world.local.clock.now(), page_size=2).collect()


@awaits("GlueJob.attempts")
async def list_glue_attempts(world: World) -> None:
    await world.client.glue("etl").attempts(world.over[GLUE]).collect()


@awaits("EmrServerlessApplication.attempts")
async def list_emr_attempts(world: World) -> None:
    await world.client.emr_serverless("00app").attempts(world.over[EMR], page_size=1).collect()


@awaits("EmrServerlessApplication.full_attempts")
async def list_full_emr_attempts(world: World) -> None:
    await world.client.emr_serverless("00app").full_attempts(world.over[EMR]).collect()


@awaits("DataZoneJob.attempts")
async def list_datazone_attempts(world: World) -> None:
    await world.client.datazone("dzd_x", "job42").attempts(world.over[DATAZONE]).collect()


@awaits("GlueJob.runs")
async def list_glue_runs(world: World) -> None:
    await world.client.glue("etl").runs(page_size=3, limit=7).collect()


@awaits("EmrServerlessApplication.runs")
async def list_emr_runs_of_two_states(world: World) -> None:
    pages = world.client.emr_serverless("00app").runs(native_states={"SUCCESS", "RUNNING"}, page_size=3, limit=5)
    await pages.collect()


@awaits("DataZoneJob.runs")
async def list_datazone_runs(world: World) -> None:
    await world.client.datazone("dzd_x", "job42").runs(page_size=3).collect()


@awaits("GlueJob.survey")
async def survey_glue(world: World) -> None:
    await world.client.glue("etl").survey(None).first()


@awaits("EmrServerlessApplication.survey")
async def survey_emr(world: World) -> None:
    await world.client.emr_serverless("00app").survey(None).first()


@awaits("DataZoneJob.survey")
async def survey_datazone(world: World) -> None:
    await world.client.datazone("dzd_x", "job42").survey(None).first()


# Ways to walk.


def three_pages(world: World) -> Pages[Any]:
    return world.client.glue("etl").runs(page_size=2, limit=5)


@awaits("Pages.__aiter__")
async def loop(world: World) -> None:
    async for _ in three_pages(world):
        await asyncio.sleep(0)


@awaits("Pages.by_page")
async def loop_by_page(world: World) -> None:
    async for _ in three_pages(world).by_page():
        await asyncio.sleep(0)


@awaits("Pages.collect")
async def collect(world: World) -> None:
    await three_pages(world).collect()


@awaits("Pages.first")
async def first(world: World) -> None:
    await three_pages(world).first()


@awaits("Pages.open")
async def open_a_walk(world: World) -> None:
    async with three_pages(world).open() as walk:
        async for _ in walk:
            await asyncio.sleep(0)


@awaits("Walk.__anext__")
async def go_on(world: World) -> None:
    async with three_pages(world).open() as walk:
        await anext(walk)
        await asyncio.gather(*(anext(walk, None) for _ in range(3)))


@awaits("Walk.next_page")
async def read_pages(world: World) -> None:
    async with three_pages(world).open() as walk:
        while await walk.next_page():
            pass


@awaits("Walk.take")
async def take_some_rows(world: World) -> None:
    async with three_pages(world).open() as walk:
        while await walk.take(2):
            pass


@awaits("Walk.aclose")
async def close_a_walk_whose_page_is_under_way(world: World) -> None:
    world.local.fault("GetJobRuns", "silence", after=2)  # the first one answers with an error
    walk = three_pages(world).open()
    try:
        await anext(walk)
        await asyncio.sleep(0)
    finally:
        await walk.aclose()


@awaits("Walk.__aexit__")
async def leave_a_walk_over_many_jobs(world: World) -> None:
    pages = world.client.runs(world.client.jobs("glue", page_size=1), order="any", page_size=1)
    async with pages.open() as walk:
        await anext(walk)
        await asyncio.sleep(0)


@awaits("ByPage.__anext__")
async def go_on_by_page(world: World) -> None:
    pages = three_pages(world).by_page()
    while await anext(pages, None):
        pass


@awaits("ByPage.aclose")
async def close_pages(world: World) -> None:
    pages = three_pages(world).by_page()
    try:
        await anext(pages)
        await asyncio.sleep(0)
    finally:
        await pages.aclose()


@awaits("Pages.record_batches")
async def loop_by_batch(world: World) -> None:
    async for _ in three_pages(world).record_batches(3):
        await asyncio.sleep(0)


@awaits("Pages.to_arrow")
async def read_a_frame(world: World) -> None:
    await three_pages(world).to_arrow()


@awaits("RecordBatches.__anext__")
async def go_on_by_batch(world: World) -> None:
    batches = three_pages(world).record_batches(3)
    while await anext(batches, None):
        pass


@awaits("RecordBatches.aclose")
async def close_batches(world: World) -> None:
    batches = three_pages(world).record_batches(1)
    try:
        await anext(batches)
        await asyncio.sleep(0)
    finally:
        await batches.aclose()


@awaits("RecordBatches.__aexit__")
async def leave_batches(world: World) -> None:
    async with three_pages(world).record_batches(1) as batches:
        await anext(batches)
        await asyncio.sleep(0)


@awaits("RecordBatches.frame")
async def read_the_rest_as_a_frame(world: World) -> None:
    batches = three_pages(world).record_batches(1)
    await anext(batches)
    await batches.frame()


# Many jobs.


@awaits("JobRunsClient.runs")
async def many_jobs_newest_first(world: World) -> None:
    async for _ in world.client.runs([GLUE, EMR, DATAZONE], page_size=3, concurrency=2):
        await asyncio.sleep(0)


@awaits("JobRunsClient.runs")
async def many_jobs_in_any_order(world: World) -> None:
    async for _ in world.client.runs([GLUE, EMR, DATAZONE], order="any", page_size=3, concurrency=2):
        await asyncio.sleep(0)


@awaits("JobRunsClient.runs")
async def discovered_jobs_newest_first(world: World) -> None:
    await world.client.runs(world.client.jobs("glue"), page_size=3, limit=4).collect()


@awaits("JobRunsClient.runs")
async def discovered_jobs_in_any_order(world: World) -> None:
    await world.client.runs(world.client.jobs("glue"), order="any", page_size=3, limit=4).collect()


@awaits("JobRunsClient.runs")
async def full_runs_newest_first(world: World) -> None:
    await world.client.runs([EMR, DATAZONE], hydrate=True, limit=4).collect()


@awaits("JobRunsClient.runs")
async def full_runs_in_any_order(world: World) -> None:
    await world.client.runs([EMR, DATAZONE], order="any", hydrate=True, limit=4).collect()


# Starting and stopping.


@awaits("GlueJob.start")
async def start_a_glue_run_whose_answer_is_lost(world: World) -> None:
    world.local.fault("StartJobRun", "error500", effect=True)
    await world.client.glue("etl").start(idempotency_key=f"key-{next(world.keys)}")


@awaits("EmrServerlessApplication.start")
async def start_an_emr_run(world: World) -> None:
    await world.client.emr_serverless("00app").start(SPARK, execution_role_arn=ROLE)


@awaits("JobRunsClient.stop")
async def stop_runs(world: World) -> None:
    await world.client.stop([f"{job}/{run}" for job, run in (*world.active.items(), *world.over.items())])


@awaits("JobRunsClient.stop")
async def stop_runs_and_wait(world: World) -> None:
    runs = [f"{job}/{world.local.add_run(job)}" for job in (GLUE, EMR)]
    await world.client.stop(runs, wait=5 * MINUTE)


@awaits("JobRunsClient.stop")
async def stop_a_run_between_two_attempts(world: World) -> None:
    run = world.local.add_run(GLUE, fail_attempts=1, duration=SECOND, startup=SECOND)
    await world.client.wait(f"{GLUE}/{run}", timeout=30 * MINUTE, until={"FAILED"}, poll_interval=SECOND)
    await world.client.stop(f"{GLUE}/{run}")


@awaits("GlueJob.ask_to_stop")
async def ask_glue_to_stop_runs(world: World) -> None:
    await world.client.glue("etl").ask_to_stop([world.active[GLUE], world.over[GLUE]])


@awaits("GlueJob.facts")
async def get_facts_of_a_job(world: World) -> None:
    await world.client.glue("etl").facts()


@awaits("GlueJob.attempt_rows_since")
async def list_attempt_rows_since(world: World) -> None:
    await world.client.glue("etl").attempt_rows_since(None).first()


@awaits("GlueJob.attempt_rows")
async def list_rows_of_attempts(world: World) -> None:
    await world.client.glue("etl").attempt_rows().first()


@awaits("EmrServerlessApplication.active")
async def list_active_emr_runs(world: World) -> None:
    await asyncio.gather(*(pages.first() for pages in world.client.emr_serverless("00app").active()))


@awaits("DataZoneJob.active")
async def list_active_datazone_runs(world: World) -> None:
    await asyncio.gather(*(pages.first() for pages in world.client.datazone("dzd_x", "job42").active()))


@awaits("GlueJob.stop")
async def stop_glue_runs(world: World) -> None:
    await world.client.glue("etl").stop([world.active[GLUE], world.over[GLUE]])


@awaits("EmrServerlessApplication.stop")
async def stop_emr_runs(world: World) -> None:
    await world.client.emr_serverless("00app").stop([world.active[EMR], world.over[EMR]])


@awaits("GlueJob.reset_bookmark")
async def reset_a_bookmark(world: World) -> None:
    with suppress(NotFoundError):  # none was ever written
        await world.client.glue("etl").reset_bookmark()


# Following runs.


@awaits("JobRunsClient.wait")
async def wait_for_a_retried_run(world: World) -> None:
    run = world.local.add_run(GLUE, fail_attempts=1, duration=SHORT)
    await world.client.wait(f"{GLUE}/{run}", timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY)


@awaits("JobRunsClient.wait")
async def wait_and_stop(world: World) -> None:
    run = world.local.add_run(GLUE, duration=30 * MINUTE)
    with pytest.raises(WaitTimeoutError):
        await world.client.wait(
            f"{GLUE}/{run}", timeout=MINUTE, on_timeout="stop", poll_interval=EVERY, max_poll_interval=EVERY
        )


@awaits("JobRunsClient.wait")
async def wait_and_stop_when_cancelled(world: World) -> None:
    run = world.local.add_run(GLUE, duration=SHORT)
    await world.client.wait(
        f"{GLUE}/{run}", timeout=30 * MINUTE, on_cancel="stop", poll_interval=EVERY, max_poll_interval=EVERY
    )


@awaits("JobRunsClient.wait_all")
async def wait_for_many(world: World) -> None:
    runs = [f"{job}/{world.local.add_run(job, duration=SHORT)}" for job in (GLUE, GLUE, EMR, EMR, DATAZONE)]
    await world.client.wait_all(runs, timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY)


@awaits("JobRunsClient.watch")
async def watch_many(world: World) -> None:
    runs = [f"{job}/{world.local.add_run(job, duration=SHORT)}" for job in (GLUE, EMR) for _ in range(2)]
    async for _ in world.client.watch(runs, timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY):
        pass


@awaits("Watch.__anext__")
async def watch_a_job(world: World) -> None:
    run = world.local.add_run(GLUE, duration=SHORT)
    async for change in world.client.watch([GLUE], timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY):
        if change.run.id == run and change.run.is_terminal:
            break


@awaits("Listening.__aenter__")
async def begin_to_listen(world: World) -> None:
    async with world.client.listening(SqsEvents(world.local.add_queue(f"queue-{next(world.keys)}"))):
        pass


@awaits("Listening.__aexit__")
async def wait_and_listen(world: World) -> None:
    async with world.client.listening(SqsEvents(world.local.add_queue(f"queue-{next(world.keys)}"))):
        await world.client.wait(f"{GLUE}/{world.local.add_run(GLUE, duration=SHORT)}", timeout=30 * MINUTE)


# Opening and closing, with a client of its own.


@awaits("JobRunsClient.__aexit__")
async def use_a_client_once(world: World) -> None:
    async with client_at(world.local, session=CountingSession()) as client:
        await client.glue("etl").runs(limit=1).collect()


async def closed_with_calls_under_way(world: World, *, sent: bool) -> None:
    for operation in ("glue:GetJobRuns", "emr-serverless:ListJobRuns"):
        world.local.fault(operation, "silence", times=None)
    calls: list[asyncio.Task[Any]] = []
    try:
        async with client_at(world.local, session=CountingSession(), quotas=AMPLE, clock=RealClock()) as client:
            with uncounted():
                await client.handle(DATAZONE).runs(limit=1).collect()
                before = world.local.calls()
            calls += [asyncio.ensure_future(client.handle(job).runs().collect()) for job in (GLUE, EMR) * 3]
            calls.append(asyncio.ensure_future(client.wait(f"{DATAZONE}/{world.active[DATAZONE]}", timeout=None)))
            with uncounted():
                await (until(lambda: world.local.calls() >= before + 5) if sent else asyncio.sleep(0))
        await asyncio.wait(calls)
        assert {type(call.exception()) for call in calls} == {ClientClosedError}
    finally:
        for call in calls:
            call.cancel()
        if calls:
            await asyncio.wait(calls)


@awaits("JobRunsClient.__aexit__")
async def close_a_client_that_is_busy(world: World) -> None:
    await closed_with_calls_under_way(world, sent=True)


@awaits("JobRunsClient.__aexit__")
async def close_a_client_that_connects(world: World) -> None:
    await closed_with_calls_under_way(world, sent=False)


# Clocks.


@awaits("VirtualClock.sleep")
async def sleep_on_a_virtual_clock(_: World) -> None:
    await VirtualClock().sleep(5)


@awaits("SpeedClock.sleep")
async def sleep_on_a_fast_clock(_: World) -> None:
    await SpeedClock(speed=1_000).sleep(1)
