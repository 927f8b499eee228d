"""What type checkers infer of the public calls: checked by mypy and pyright, never executed.

An ignored error is an assertion too: both checkers complain of an ignore that nothing needs any more.
"""

from typing import assert_type

from jobruns_sdk import Attempt, JobRun, JobRunsClient, Page
from jobruns_sdk.arrow import JobRunFrame, RecordBatches
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.glue import native as glue


async def glue_speaks_of_job_runs(client: JobRunsClient) -> None:
    job = client.glue("x")
    async for run in job.runs():
        assert_type(run, JobRun[glue.JobRun])
    assert_type(await job.runs(hydrate=True).collect(), list[JobRun[glue.JobRun]])
    async for attempt in job.attempts("jr_0"):
        assert_type(attempt, Attempt[glue.JobRun])
    assert_type(await job.run("jr_0"), JobRun[glue.JobRun])


async def emr_serverless_lists_summaries_and_gets_whole_runs(client: JobRunsClient) -> None:
    app = client.emr_serverless("a")
    async for run in app.runs():
        assert_type(run, JobRun[emr.JobRunSummary])
    assert_type(await app.runs(hydrate=True, mode="BATCH").collect(), list[JobRun[emr.JobRun]])
    async for attempt in app.attempts("00f"):
        assert_type(attempt, Attempt[emr.JobRunAttemptSummary | emr.JobRun])
    assert_type(await app.run("00f"), JobRun[emr.JobRun])
    assert_type(await app.run("00f", attempt=2), JobRun[emr.JobRun])


async def datazone_lists_summaries_and_gets_whole_runs(client: JobRunsClient) -> None:
    job = client.datazone("dzd_x", "job42")
    async for run in job.runs():
        assert_type(run, JobRun[datazone.JobRunSummary])
    assert_type(await job.runs(hydrate=True, order="oldest").first(), JobRun[datazone.GetJobRunOutput] | None)
    async for attempt in job.attempts("run7"):
        assert_type(attempt, Attempt[datazone.GetJobRunOutput])
    assert_type(await job.run("run7"), JobRun[datazone.GetJobRunOutput])


async def pages_keep_the_type_of_their_rows(client: JobRunsClient) -> None:
    pages = client.glue("x").runs()
    assert_type(await pages.collect(), list[JobRun[glue.JobRun]])
    assert_type(await pages.first(), JobRun[glue.JobRun] | None)
    async for page in pages.by_page():
        assert_type(page, Page[JobRun[glue.JobRun]])
        assert_type(page.items, tuple[JobRun[glue.JobRun], ...])
        assert_type(page.cursor, str | None)
    async with pages.open() as walk:
        async for run in walk:
            assert_type(run, JobRun[glue.JobRun])
        assert_type(walk.cursor, str | None)


async def a_run_is_one_of_whatever_service(client: JobRunsClient) -> None:
    """The model is covariant: code that needs nothing native takes runs of all services."""
    runs: list[JobRun[object]] = [await client.glue("x").run("jr_0"), await client.emr_serverless("a").run("00f")]
    assert_type(runs[0].raise_for_state(), JobRun[object])


def datazone_cannot_start_or_stop(client: JobRunsClient) -> None:
    job = client.datazone("dzd_x", "job42")
    job.start()  # type: ignore[attr-defined]
    job.stop()  # type: ignore[attr-defined]


async def only_runs_and_attempts_become_arrow_data(client: JobRunsClient) -> None:
    assert_type(client.glue("x").runs().record_batches(), RecordBatches)
    assert_type(await client.glue("x").attempts("jr_0").to_arrow(), JobRunFrame)
    assert_type(await client.runs([]).to_arrow(native=True), JobRunFrame)
    client.jobs("glue").record_batches()  # type: ignore[misc]
    await client.jobs("glue").to_arrow()  # type: ignore[misc]
