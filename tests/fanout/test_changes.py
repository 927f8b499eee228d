"""What is new or different since a cursor: on the local service, case by case. The oracle has the schedules."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final, Literal

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    CursorError,
    InvalidRequestError,
    JobRun,
    JobRunsClient,
    LimitExceededError,
    NotFoundError,
    SourceError,
    Walk,
    WalkReport,
)
from jobruns_sdk.testing import LocalService

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GLUE, EMR, DATAZONE = "glue:etl", "emr-serverless:00f1app", "datazone:dzd_x/job42"
JOBS: Final = (GLUE, EMR, DATAZONE)


@pytest.fixture(autouse=True)
def _jobs(local: LocalService) -> None:
    local.add_glue_job("etl", max_retries=3)
    local.add_application("00f1app", max_concurrent_runs=1000, max_retries=3)
    local.add_datazone_job("dzd_x", "job42")


class Reader:
    """Reads changes of jobs from cursor to cursor, and keeps the last word of each run."""

    def __init__(self, client: JobRunsClient, jobs: Any = JOBS, **options: Any) -> None:  # noqa: ANN401  # as the client has them
        self.client = client
        self.jobs = jobs
        self.options = options
        self.cursor: str | None = None
        self.runs: dict[str, JobRun[Any]] = {}
        self.report = WalkReport((), (), complete=True)

    async def read(self, **options: Any) -> list[tuple[str, str, int]]:  # noqa: ANN401  # as the client has them
        """Return the changes since the last time, by id: state and attempt."""
        walk = self.client.changes(self.jobs, cursor=self.cursor, **self.options, **options).open()
        async with walk:
            runs = [run async for run in walk]
            self.cursor, self.report = walk.cursor, walk.report
        self.runs.update((run.id, run) for run in runs)
        return sorted((run.id, run.state.value, run.attempt) for run in runs)


async def test_a_retry_after_the_look_is_handed_out(local: LocalService, client: JobRunsClient) -> None:
    run = local.add_run(GLUE, attempts=2, duration=10 * MINUTE)
    reader = Reader(client)
    local.advance(10 * MINUTE)
    seen = [await reader.read()]
    while not reader.runs[run].succeeded and len(seen) < 30:
        local.advance(2 * MINUTE)
        seen.append(await reader.read())
    assert reader.runs[run].attempt == 2
    assert reader.runs[run] == await client.run(f"{GLUE}/{run}")


@pytest.mark.parametrize("job", JOBS)
async def test_an_endless_run_is_followed_over_ten_looks_and_holds_nothing_back(
    local: LocalService, client: JobRunsClient, job: str
) -> None:
    run = local.add_run(job, duration=10 * HOUR)
    reader = Reader(client, [job])
    await reader.read()
    for _ in range(10):
        local.advance(40 * MINUTE)
        short = local.add_run(job, duration=MINUTE)
        local.advance(10 * MINUTE)
        found = await reader.read()
        assert short in [run_id for run_id, _, _ in found]
        assert len([run_id for run_id, _, _ in found if run_id == run]) <= 1
    local.advance(2 * HOUR)
    assert (run, "SUCCEEDED", 1) in await reader.read()
    assert not await reader.read()


@pytest.mark.parametrize("job", JOBS)
async def test_a_run_that_is_listed_late_is_handed_out(local: LocalService, client: JobRunsClient, job: str) -> None:
    now = local.clock.now()
    local.add_run(job, state="SUCCEEDED", created_at=now - 5 * MINUTE, duration=MINUTE)
    reader = Reader(client, [job])
    assert len(await reader.read()) == 1
    late = local.add_run(job, state="SUCCEEDED", created_at=now - 25 * MINUTE, duration=MINUTE)
    assert await reader.read() == [(late, "SUCCEEDED", 1)]
    assert not await reader.read()


async def test_a_later_call_with_nothing_going_on_costs_a_call_a_job(
    local: LocalService, client: JobRunsClient
) -> None:
    for job in JOBS:
        local.add_runs(job, 500, until=local.clock.now() - HOUR)
    reader = Reader(client)
    assert len(await reader.read()) == 1500
    before = len(local.requests)
    assert not await reader.read()
    assert len(local.requests) - before == reader.report.calls == len(JOBS)


async def test_failed_runs_are_followed_for_the_grace_by_the_services_time(
    local: LocalService, client: JobRunsClient
) -> None:
    now = local.clock.now()
    local.add_run(GLUE, state="FAILED", created_at=now - 20 * MINUTE, duration=MINUTE)
    reader = Reader(client, [GLUE])
    await reader.read()
    size = len(reader.cursor or "")
    local.advance(HOUR)
    await reader.read()
    assert len(reader.cursor or "") < size


async def test_many_followed_runs_are_looked_up_in_lists(local: LocalService, client: JobRunsClient) -> None:
    for job in JOBS:
        for _ in range(40):
            local.add_run(job, duration=10 * HOUR)
    local.advance(2 * HOUR)
    for job in JOBS:
        local.add_run(job, state="SUCCEEDED", duration=MINUTE)
    reader = Reader(client)
    await reader.read()
    local.advance(10 * MINUTE)
    assert not await reader.read()
    assert reader.report.calls <= 10


@pytest.mark.parametrize("job", JOBS)
async def test_the_limit_of_followed_runs_names_the_job(local: LocalService, client: JobRunsClient, job: str) -> None:
    for _ in range(4):
        local.add_run(job, duration=HOUR)
    reader = Reader(client, [job])
    with pytest.raises(LimitExceededError, match=job.partition(":")[2].partition("/")[2] or "4 runs"):
        await reader.read(limit_open=3)
    assert len(await reader.read(limit_open=4)) == 4


async def test_one_not_found_is_not_gone_and_two_are_told(local: LocalService, client: JobRunsClient) -> None:
    run = local.add_run(EMR, duration=10 * HOUR)
    reader = Reader(client, [EMR])
    local.advance(2 * HOUR)
    local.add_run(EMR, state="SUCCEEDED", duration=MINUTE)
    assert len(await reader.read()) == 2
    gone = {"code": "ResourceNotFoundException", "status": 404, "message": "It is not there."}
    local.fault("GetJobRun", "error", times=1, **gone)  # type: ignore[arg-type]  # of these members
    assert not await reader.read()
    assert not reader.report.failed
    local.clear_faults()
    local.fault("GetJobRun", "error", times=None, **gone)  # type: ignore[arg-type]  # as above
    assert not await reader.read()
    (failure,) = reader.report.failed
    assert failure.run is not None
    assert (failure.run.run_id, type(failure.error)) == (run, NotFoundError)
    local.clear_faults()
    assert not await reader.read()
    assert not reader.report.failed


async def test_a_refused_job_keeps_its_place_and_is_raised_behind_the_others(
    local: LocalService, client: JobRunsClient
) -> None:
    reader = Reader(client)
    await reader.read()
    runs = {job: local.add_run(job, duration=MINUTE) for job in JOBS}
    local.advance(HOUR)
    local.fault("GetJobRuns", "error", times=None, code="AccessDeniedException", status=400, message="No.")
    walk, found = client.changes(JOBS, cursor=reader.cursor).open(), list[str]()
    with pytest.raises(AccessDeniedError) as caught:
        await _read_into(found, walk)
    await walk.aclose()
    assert sorted(found) == sorted([runs[EMR], runs[DATAZONE]])
    reader.cursor = caught.value.cursor
    failures: list[SourceError] = []
    assert not await reader.read(on_error=failures.append)
    assert [str(failure.job).partition("?")[0] for failure in failures] == [GLUE]
    local.clear_faults()
    assert await reader.read() == [(runs[GLUE], "SUCCEEDED", 1)]


async def test_a_deleted_job_is_an_event_and_keeps_its_place(local: LocalService, client: JobRunsClient) -> None:
    reader = Reader(client)
    run = local.add_run(GLUE, duration=10 * HOUR)
    await reader.read()
    local.advance(2 * HOUR)
    other = local.add_run(EMR, state="SUCCEEDED", duration=MINUTE)
    for operation in ("GetJobRuns", "glue:GetJobRun", "GetJob"):
        local.fault(operation, "error", times=None, code="EntityNotFoundException", status=400, message="It is gone.")
    assert await reader.read() == [(other, "SUCCEEDED", 1)]
    assert [(str(one.job).partition("?")[0], one.run and one.run.run_id) for one in reader.report.failed] == [
        (GLUE, None),
        (GLUE, run),
    ]
    local.clear_faults()
    anew = local.add_run(GLUE, state="SUCCEEDED", duration=MINUTE)
    assert (anew, "SUCCEEDED", 1) in await reader.read()


@pytest.mark.parametrize("on_error", ["raise", "skip"])
async def test_a_discovery_that_fails_leaves_what_it_has_found(
    local: LocalService, client: JobRunsClient, on_error: Literal["raise", "skip"]
) -> None:
    async def search() -> AsyncIterator[str]:
        yield GLUE
        raise AccessDeniedError("no")

    run = local.add_run(GLUE, state="SUCCEEDED", duration=MINUTE)
    walk, found = client.changes(search(), on_error=on_error).open(), list[str]()
    if on_error == "raise":
        with pytest.raises(AccessDeniedError):
            await _read_into(found, walk)
    else:
        await _read_into(found, walk)
        assert [str(failure.job) for failure in walk.report.failed] == ["discovery:-"]
    assert found == [run]
    assert not await client.changes([GLUE], cursor=walk.cursor).collect()


async def test_an_unknown_job_is_raised(client: JobRunsClient) -> None:
    with pytest.raises(NotFoundError):
        await client.changes(["glue:nope"]).collect()


async def test_a_new_job_begins_at_created_after_and_a_known_one_where_it_was(
    local: LocalService, client: JobRunsClient
) -> None:
    now = local.clock.now()
    for hours in range(1, 6):
        for job in (GLUE, EMR):
            local.add_run(job, state="SUCCEEDED", created_at=now - hours * HOUR, duration=MINUTE)
    reader = Reader(client, [GLUE])
    assert len(await reader.read(created_after=now - 2.5 * HOUR)) == 2
    reader.jobs = [GLUE, EMR]
    assert len(await reader.read(created_after=now - 3.5 * HOUR)) == 3
    assert not await reader.read(created_after=now)


async def test_cursors_are_checked(client: JobRunsClient) -> None:
    reader = Reader(client, [GLUE])
    await reader.read()
    other = await _cursor_of_runs(client)
    refused: list[Any] = [other, (reader.cursor or "")[:-2], "", 5]
    for cursor in refused:
        with pytest.raises(CursorError):
            client.changes([GLUE], cursor=cursor)
    with pytest.raises(CursorError):
        client.runs([GLUE], cursor=reader.cursor)
    wrongs: list[dict[str, Any]] = [
        {"lag": 5},
        {"limit_open": 0},
        {"on_error": "no"},
        {"concurrency": 0},
        {"retry_grace": -MINUTE},
    ]
    for wrong in wrongs:
        with pytest.raises(InvalidRequestError):
            client.changes([GLUE], **wrong)


async def _read_into(found: list[str], walk: Walk[JobRun[Any]]) -> None:
    while page := await walk.next_page():
        found += [run.id for run in page.items]


async def _cursor_of_runs(client: JobRunsClient) -> str:
    async with client.runs([GLUE]).open() as walk:
        return str(walk.cursor)


async def test_changes_are_pages_like_any_other(local: LocalService, client: JobRunsClient) -> None:
    for job in JOBS:
        local.add_runs(job, 3)
    pages = client.changes(JOBS)
    assert len(await pages.collect()) == len(await pages.collect()) == 9
    assert await pages.first() is not None
    assert len(await pages.to_arrow()) == 9
