"""What type checkers infer of the public calls: checked by mypy, pyright and pyrefly, never executed.

An ignored error is an assertion too: the checkers complain of an ignore that nothing needs any more.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import assert_type

from jobruns_sdk import (
    UNSUCCESSFUL,
    Attempt,
    HiveQuery,
    Job,
    JobRef,
    JobRun,
    JobRunsClient,
    JobRunsError,
    LogLine,
    LogLines,
    LogPlace,
    Page,
    Pages,
    RunRef,
    RunState,
    Service,
    SourceError,
    SourceReport,
    SparkSubmit,
    StateChange,
    StopOutcome,
    Usage,
    WaitTimeoutError,
    Walk,
    WalkReport,
    Watch,
)
from jobruns_sdk.arrow import JobRunFrame, RecordBatches
from jobruns_sdk.events import RunEvent, SqsEvents
from jobruns_sdk.history import RunStore, SyncReport
from jobruns_sdk.model.native import Native
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.pictures import Bar, Picture, durations, report, timeline
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import Application
from jobruns_sdk.services.glue import native as glue

HOUR = timedelta(hours=1)


class Quiet:
    def tells_of(self, job: JobRef) -> None: ...
    async def receive(self) -> list[RunEvent]:
        return []

    async def delivered(self) -> None: ...


async def events_come_from_any_source(client: JobRunsClient, refs: list[JobRef]) -> None:
    queue = SqsEvents("https://sqs.eu-west-1.amazonaws.com/111122223333/q", jobs=refs, delete_foreign=True)
    async with client.listening(queue) as listening:
        assert_type(listening.is_hearing, bool)
    async with client.listening(Quiet()):
        pass
    client.listening("https://sqs.eu-west-1.amazonaws.com/111122223333/q")  # type: ignore[arg-type]
    client.listening(client)  # type: ignore[arg-type]


async def glue_speaks_of_job_runs(client: JobRunsClient) -> None:
    job = client.glue("x")
    async for run in job.runs():
        assert_type(run, JobRun[glue.JobRun])
    assert_type(await job.runs(hydrate=True).collect(), Collected[JobRun[glue.JobRun]])
    async for attempt in job.attempts("jr_0"):
        assert_type(attempt, Attempt[glue.JobRun])
    assert_type(await job.run("jr_0"), JobRun[glue.JobRun])
    async for line in job.logs("jr_0", follow=True, attempt="all"):
        assert_type(line, LogLine)


async def emr_serverless_lists_summaries_and_gets_whole_runs(client: JobRunsClient) -> None:
    app = client.emr_serverless("a")
    async for run in app.runs():
        assert_type(run, JobRun[emr.JobRunSummary])
    assert_type(await app.runs(hydrate=True, mode="BATCH").collect(), Collected[JobRun[emr.JobRun]])
    assert_type(
        await app.runs(hydrate=True, on_error="skip").collect(), Collected[JobRun[emr.JobRunSummary | emr.JobRun]]
    )
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
    assert_type(await pages.collect(), Collected[JobRun[glue.JobRun]])
    assert_type((await pages.collect())[1:].timeline(names={"emr-serverless:00f1": "analytics"}), Picture)
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


async def starting_answers_a_reference(client: JobRunsClient) -> None:
    role = "arn:aws:iam::111122223333:role/exec"
    assert_type(await client.glue("x").start(arguments={"--day": "1"}, timeout=HOUR), RunRef)
    assert_type(await client.glue("x").find("key", key_lifetime=HOUR), RunRef | None)
    assert_type(await client.emr_serverless("a").start(SparkSubmit("s3://b/main.py"), execution_role_arn=role), RunRef)
    assert_type(await client.emr_serverless("a").start(HiveQuery("s3://b/q.sql"), execution_role_arn=role), RunRef)


async def waiting_answers_runs_in_order(client: JobRunsClient, refs: list[RunRef]) -> None:
    assert_type(await client.wait(refs[0], timeout=HOUR), JobRun[Native])
    assert_type(await client.wait_all(refs, timeout=None), list[JobRun[Native]])
    either = await client.wait_all(refs, timeout=HOUR, return_exceptions=True)
    assert_type(either, list[JobRun[Native] | JobRunsError])
    async for change in client.watch([*refs, "glue:x", JobRef("glue", ("y",))], timeout=HOUR):
        assert_type(change, StateChange)
        assert_type(change.before, RunState | None)
    await client.wait(refs[0])  # type: ignore[call-arg]
    assert_type(client.nudge(refs[0]), None)
    assert_type(client.watch(refs, timeout=None, unseen_for=HOUR, on_error=lambda failed: failed.run), Watch)


async def a_wait_tells_what_it_sees_and_what_it_does_not(client: JobRunsClient, ref: RunRef) -> None:
    def seen(run: JobRun[Native]) -> None: ...
    def failed(error: JobRunsError) -> None: ...

    active = {RunState.RUNNING}
    run = await client.wait(ref, timeout=None, until=active, unseen_for=HOUR, on_poll=seen, on_failed_poll=failed)
    assert_type(run, JobRun[Native])
    await client.wait_all([ref], timeout=HOUR, until=["RUNNING"], on_cancel="stop", on_timeout="stop")
    await client.wait(ref, timeout=HOUR, on_cancel="later")  # type: ignore[arg-type]
    try:
        await client.wait(ref, timeout=HOUR)
    except WaitTimeoutError as error:
        assert_type(error.outcome, StopOutcome | None)
        assert_type(error.outcomes, tuple[StopOutcome, ...])


async def stopping_answers_outcomes(client: JobRunsClient, refs: list[RunRef]) -> None:
    outcomes = await client.stop([*refs, "glue:x/jr_0"])
    assert_type(outcomes, list[StopOutcome])
    assert_type(outcomes[0].run, JobRun[object] | None)
    assert_type(await client.stop(refs[0], wait=HOUR), list[StopOutcome])
    assert_type(await client.stop(client.glue("x").runs()), list[StopOutcome])
    assert_type(await client.wait_all(outcomes, timeout=HOUR), list[JobRun[Native]])
    assert_type(await client.wait_all("glue:x/jr_0", timeout=HOUR), list[JobRun[Native]])
    assert_type(client.watch(client.glue("x"), timeout=HOUR), Watch)
    await client.stop(client.glue("x"))  # type: ignore[arg-type]
    assert_type(await client.glue("x").stop(["jr_0"]), list[StopOutcome])
    assert_type(await client.emr_serverless("a").stop(["00f"], grace_period=HOUR), list[StopOutcome])


async def what_one_service_alone_has(client: JobRunsClient) -> None:
    assert_type(await client.glue("x").bookmark(), glue.JobBookmarkEntry | None)
    assert_type(await client.glue("x").reset_bookmark("jr_0"), glue.JobBookmarkEntry | None)
    assert_type(await client.emr_serverless("a").dashboard_url("00f", attempt=1), str)
    assert_type(await client.glue("x").job(), Job[glue.Job])
    assert_type(await client.emr_serverless("a").job(), Job[Application])


async def any_service_by_reference(client: JobRunsClient, since: datetime) -> None:
    assert_type(client.jobs(Service.GLUE), Pages[Job[Native]])
    assert_type(await client.job("glue:x"), Job[Native])
    assert_type(await client.run("glue:x/jr_0"), JobRun[Native])
    assert_type(client.attempts(RunRef.parse("glue:x/jr_0")), Pages[Attempt[Native]])
    assert_type(client.attempts(["glue:x", RunRef.parse("glue:y/jr_0")], ended_after=since), Pages[Attempt[Native]])
    assert_type(client.changes(["glue:x"], created_after=since, on_error="skip"), Pages[JobRun[Native]])
    assert_type(client.discover(services={"glue"}, regions=["eu-west-1"]), Pages[Job[Native]])
    pages = client.runs(client.jobs("glue"), states={RunState.FAILED}, created_after=since, on_error=print)
    assert_type(pages, Pages[JobRun[Native]])
    async with pages.open() as walk:
        assert_type(walk, Walk[JobRun[Native]])
        assert_type(await walk.next_page(), Page[JobRun[Native]] | None)
        assert_type(await walk.take(5), Sequence[JobRun[Native]])
        assert_type(walk.report, WalkReport)
        assert_type(walk.report.sources, tuple[SourceReport, ...])
        assert_type(walk.report.failed, tuple[SourceError, ...])


def the_model(run: JobRun[glue.JobRun], attempt: Attempt[emr.JobRun]) -> None:
    assert_type(run.ref, RunRef)
    assert_type(run.job, JobRef)
    assert_type(run.state, RunState)
    assert_type(run.created_at, datetime | None)
    assert_type(run.duration, timedelta | None)
    assert_type(run.usage, Usage | None)
    assert_type(run.native.JobRunState, str | None)
    assert_type(run.raise_for_state(allow_partial=True), JobRun[glue.JobRun])
    assert_type(attempt.number, int)
    assert_type(attempt.native, emr.JobRun)
    assert_type(attempt.run, RunRef)
    assert_type(JobRef.parse("glue:x").run("jr_0"), RunRef)


def datazone_cannot_start_or_stop(client: JobRunsClient) -> None:
    job = client.datazone("dzd_x", "job42")
    job.start()  # type: ignore[attr-defined]
    job.stop()  # type: ignore[attr-defined]


async def logs_are_lines(client: JobRunsClient) -> None:
    async for line in client.logs("glue:x/jr_0", sources={"driver", "error"}):
        assert_type(line, LogLine)
    lines = client.emr_serverless("a").logs("00f", tail=10)
    assert_type(lines, LogLines)
    assert_type(await lines.collect(), list[LogLine])
    assert_type(await client.log_places("glue:x/jr_0", attempt=2), list[LogPlace])
    assert_type(await client.error_of("glue:x/jr_0"), str | None)
    client.logs("glue:x/jr_0", sources={"stdout"})  # type: ignore[arg-type]
    client.logs("glue:x/jr_0", attempt="last")  # type: ignore[arg-type]


async def only_runs_and_attempts_become_arrow_data(client: JobRunsClient) -> None:
    assert_type(client.glue("x").runs().record_batches(), RecordBatches)
    assert_type(await client.glue("x").attempts("jr_0").to_arrow(), JobRunFrame)
    assert_type(await client.runs([]).to_arrow(native=True), JobRunFrame)
    client.jobs("glue").record_batches()  # type: ignore[misc]
    await client.jobs("glue").to_arrow()  # type: ignore[misc]


async def states_are_members_or_their_names(client: JobRunsClient, names: frozenset[str]) -> None:
    await client.glue("x").runs(states={"FAILED"}).collect()
    (await client.jobs("glue").collect()).timeline()  # type: ignore[misc]  # jobs have no times
    await client.glue("x").runs(states=UNSUCCESSFUL).collect()
    await client.emr_serverless("x").runs(states=["FAILED", RunState.RUNNING], hydrate=True).collect()
    await client.datazone("x", "y").runs(states={RunState.FAILED}).collect()
    await client.runs(["glue:x"], states=names).collect()
    await client.handle("glue:x").runs(states={"FAILED"}).collect()
    await client.wait("glue:x/jr_0", timeout=None, until={"RUNNING"})
    await client.wait_all(["glue:x/jr_0"], timeout=HOUR, until=["RUNNING", RunState.STOPPING])
    client.glue("x").runs(states={3})  # type: ignore[arg-type]


async def first_mistakes_stay_mistakes(client: JobRunsClient, run: JobRun[glue.JobRun]) -> None:
    pages = client.glue("x").runs()
    for _ in pages:  # type: ignore[attr-defined]
        pass
    len(pages)  # type: ignore[arg-type]
    pages[0]  # type: ignore[index]
    await pages  # type: ignore[misc]
    run["state"]  # type: ignore[index]
    _ = run.status  # type: ignore[attr-defined]
    _ = client.emr  # type: ignore[attr-defined]
    _ = Service.EMR  # type: ignore[attr-defined]
    JobRunsClient(region="eu-west-1")  # type: ignore[call-arg]


async def a_store_takes_a_client_and_yields_runs_as_it_does(client: JobRunsClient) -> None:
    async with RunStore("runs.sqlite") as store:
        assert_type(store, RunStore)
        assert_type(await store.sync(client, ["glue:x"], on_error="skip"), SyncReport)
        await store.sync(client, client.discover(), created_after=datetime.now().astimezone(), attempts=True)
        assert_type(
            store.runs(states={"FAILED"}, ended_after=datetime.now().astimezone()), Pages[JobRun[Native | None]]
        )
        assert_type(await store.attempts("glue:x").first(), Attempt[Native | None] | None)
        assert_type(await store.to_arrow(native=True, lost=True), JobRunFrame)
        assert_type(await store.forget(before=datetime.now().astimezone()), int)
        store.runs(reach=HOUR)  # type: ignore[call-arg]
        await store.sync(3, ["glue:x"])  # type: ignore[arg-type]


def pictures_of_runs_of_any_service(runs: list[JobRun[glue.JobRun]], attempts: list[Attempt[Native]]) -> None:
    names = {JobRef("glue", ("x",)): "nightly"}
    picture = timeline(runs, attempts=attempts, lane=lambda run: run.name or run.service, names=names)
    assert_type(picture, Picture)
    assert_type(picture.rows(), list[Bar])
    assert_type(picture.svg(theme="dark"), str)
    assert_type(durations(runs, last=9, lane="name"), Picture)
    assert_type(report(runs, attempts=attempts, names={"glue:x": "nightly"}), str)
    timeline(runs, lane="service")  # type: ignore[arg-type]
    picture.svg(theme="pink")  # type: ignore[arg-type]
