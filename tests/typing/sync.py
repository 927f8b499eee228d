"""What type checkers infer of the synchronous face: that of the asynchronous one, without ``await``."""

from collections.abc import Generator, Sequence
from datetime import datetime, timedelta
from typing import assert_type

import pyarrow as pa

from jobruns_sdk import (
    Attempt,
    Job,
    JobRun,
    JobRunsError,
    LogLine,
    LogPlace,
    Page,
    RunRef,
    RunState,
    StateChange,
    StopOutcome,
)
from jobruns_sdk.arrow import JobRunFrame, JobRunStream
from jobruns_sdk.events import SqsEvents
from jobruns_sdk.history import SyncReport
from jobruns_sdk.model.native import Native
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.sync import JobRunsClient, Pages
from jobruns_sdk.sync.history import RunStore


def glue_speaks_of_job_runs(client: JobRunsClient) -> None:
    job = client.glue("x")
    for run in job.runs(limit=3):
        assert_type(run, JobRun[glue.JobRun])
    for attempt in job.attempts("jr_0"):
        assert_type(attempt, Attempt[glue.JobRun])
    assert_type(job.run("jr_0", predecessors=True), JobRun[glue.JobRun])
    assert_type(job.job(), Job[glue.Job])
    assert_type(job.start(arguments={"--day": "1"}), RunRef)
    assert_type(job.stop(["jr_0"]), list[StopOutcome])
    assert_type(job.bookmark(), glue.JobBookmarkEntry | None)
    job.run(3)  # type: ignore[arg-type]
    job.runs(limits=3)  # type: ignore[call-arg]


def hydrated_runs_are_whole(client: JobRunsClient, hydrate: bool) -> None:  # noqa: FBT001  # any bool
    app, job = client.emr_serverless("a"), client.datazone("dzd_x", "job42")
    assert_type(app.runs(mode="BATCH"), Pages[JobRun[emr.JobRunSummary]])
    assert_type(app.runs(hydrate=True), Pages[JobRun[emr.JobRun]])
    assert_type(app.runs(hydrate=hydrate), Pages[JobRun[emr.JobRunSummary | emr.JobRun]])
    assert_type(job.runs(), Pages[JobRun[datazone.JobRunSummary]])
    assert_type(job.runs(hydrate=True), Pages[JobRun[datazone.GetJobRunOutput]])
    assert_type(app.dashboard_url("00f", attempt=2), str)


def pages_keep_the_type_of_their_rows(client: JobRunsClient) -> None:
    pages = client.glue("x").runs()
    assert_type(pages.collect(), Collected[JobRun[glue.JobRun]])
    assert_type(pages.first(), JobRun[glue.JobRun] | None)
    for page in pages.by_page():
        assert_type(page, Page[JobRun[glue.JobRun]])
    with pages.open() as walk:
        for run in walk:
            assert_type(run, JobRun[glue.JobRun])
        assert_type(walk.take(5), Sequence[JobRun[glue.JobRun]])
        assert_type(walk.cursor, str | None)


def logs_are_lines(client: JobRunsClient) -> None:
    for line in client.logs("glue:x/jr_0", follow=True):
        assert_type(line, LogLine)
    assert_type(client.glue("x").logs("jr_0", tail=10).collect(), list[LogLine])
    assert_type(client.log_places("glue:x/jr_0"), list[LogPlace])
    assert_type(client.error_of("glue:x/jr_0"), str | None)


def only_runs_and_attempts_become_arrow_data(client: JobRunsClient) -> None:
    assert_type(client.runs([]).record_batches(), Generator[pa.RecordBatch])
    assert_type(client.glue("x").attempts("jr_0").to_arrow(native=True), JobRunFrame)
    assert_type(client.glue("x").runs().stream(), JobRunStream)
    client.jobs("glue").to_arrow()  # type: ignore[misc]
    client.jobs("glue").stream()  # type: ignore[misc]


def the_client_takes_what_the_asynchronous_one_takes(client: JobRunsClient, flag: bool) -> None:  # noqa: FBT001  # any
    JobRunsClient(region_name="eu-west-1", call_timeout=3.0)
    JobRunsClient(region="eu-west-1")  # type: ignore[call-arg]
    hour = timedelta(hours=1)
    assert_type(client.wait("glue:x/jr_0", timeout=hour), JobRun[Native])
    assert_type(client.wait_all([], timeout=None), list[JobRun[Native]])
    assert_type(client.wait_all([], timeout=hour, return_exceptions=True), list[JobRun[Native] | JobRunsError])
    client.wait_all([], timeout=hour, return_exceptions=flag)
    assert_type(client.wait_all("glue:x/jr_0", timeout=hour), list[JobRun[Native]])
    assert_type(client.stop(client.glue("x").runs(), wait=hour), list[StopOutcome])
    assert_type(client.nudge("glue:x/jr_0"), None)
    with client.listening(SqsEvents("https://sqs.eu-west-1.amazonaws.com/111122223333/q")) as listening:
        assert_type(listening.is_hearing, bool)
    assert_type(client.watch(client.glue("x"), timeout=hour), Generator[StateChange])
    assert_type(client.watch([client.glue("x")], timeout=hour), Generator[StateChange])
    assert_type(client.jobs("glue"), Pages[Job[Native]])
    assert_type(client.job("glue:x"), Job[Native])
    assert_type(client.runs(client.jobs("glue")), Pages[JobRun[Native]])
    assert_type(client.runs([client.glue("x"), client.datazone("dzd_x", "y")]).first(), JobRun[Native] | None)
    assert_type(client.handle("glue:x").ref.path, tuple[str, ...])
    client.wait("glue:x/jr_0")  # type: ignore[call-arg]


def datazone_cannot_start_or_stop(client: JobRunsClient) -> None:
    job = client.datazone("dzd_x", "job42")
    job.start()  # type: ignore[attr-defined]
    job.stop()  # type: ignore[attr-defined]


def a_run_is_one_of_whatever_service(pages: Pages[JobRun[object]], client: JobRunsClient) -> None:
    """The pages are covariant, too."""
    assert_type(list(pages), list[JobRun[object]])
    a_run_is_one_of_whatever_service(client.glue("x").runs(), client)


def states_are_members_or_their_names(client: JobRunsClient) -> None:
    client.glue("x").runs(states={"FAILED"}).collect()
    client.emr_serverless("x").runs(states={"FAILED"}).collect()
    client.datazone("x", "y").runs(states={RunState.FAILED}, hydrate=True).collect()
    client.runs(["glue:x"], states=["FAILED", RunState.RUNNING]).collect()
    client.wait_all(["glue:x/jr_0"], timeout=None, until={"RUNNING"})


def a_store_takes_a_client_and_yields_runs_as_it_does(client: JobRunsClient) -> None:
    with RunStore("runs.sqlite", busy_timeout=5) as store:
        assert_type(store.sync(client, ["glue:x"], on_error="skip"), SyncReport)
        store.sync(client, client.discover(), attempts=True)
        for run in store.runs("glue:x", states={"FAILED"}, limit=3):
            assert_type(run, JobRun[Native | None])
        assert_type(store.attempts().collect(), Collected[Attempt[Native | None]])
        assert_type(store.to_arrow(native=True), JobRunFrame)
        assert_type(store.forget(before=datetime.now().astimezone()), int)
        store.sync(client)  # type: ignore[call-arg]
        store.runs(reach=timedelta(hours=1))  # type: ignore[call-arg]
