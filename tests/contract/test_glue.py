"""What only Glue does: retries as runs of their own, no filters, names that may hold anything."""

from datetime import timedelta
from typing import Final

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import (
    CursorError,
    InvalidRequestError,
    JobRunsClient,
    NotFoundError,
    RunState,
    Service,
    UnsupportedOperationError,
)
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.testing import LocalService
from tests.contract.cases import GLUE, MINUTE, client_of, ids, seed

RETRIES: Final = "_attempt_"


@pytest.fixture
def etl(local: LocalService, client: JobRunsClient) -> GlueJob:
    """The handle of a job that retries three times."""
    GLUE.prepare(local)
    return client.glue("etl")


@pytest.fixture
def runs(local: LocalService) -> list[str]:
    """Runs with 1 to 4 attempts that overlap in time; their ids, the newest first."""
    now = local.clock.now()
    return [
        local.add_run(
            "glue:etl",
            state="SUCCEEDED",
            attempts=index % 4 + 1,
            created_at=now - (400 + 10 * index) * MINUTE,
            ended_at=now - (300 - index) * MINUTE,
        )
        for index in range(12)
    ]


async def test_retries_are_folded_whatever_the_page(etl: GlueJob, runs: list[str]) -> None:
    whole = await etl.runs().collect()
    assert ids(whole) == runs
    assert [run.attempt for run in whole] == [index % 4 + 1 for index in range(12)]
    assert {run.state for run in whole} == {RunState.SUCCEEDED}
    for page_size in range(1, 8):
        assert await etl.runs(page_size=page_size).collect() == whole


async def test_without_folding_rows_are_as_glue_lists_them(etl: GlueJob, runs: list[str]) -> None:
    rows = await etl.runs(collapse_retries=False, page_size=7).collect()
    times = [run.created_at for run in rows if run.created_at is not None]

    assert len(rows) == len(times) == 30
    assert times == sorted(times, reverse=True)
    assert {run.id.partition(RETRIES)[0] for run in rows} == set(runs)
    assert sum(run.state is RunState.FAILED for run in rows) == 30 - 12
    assert await etl.runs(collapse_retries=True).collect() == await etl.runs().collect()


async def test_a_cursor_may_cut_a_group(
    local: LocalService, etl: GlueJob, runs: list[str], session: AioSession
) -> None:
    whole = await etl.runs().collect()
    cut = 0
    async with etl.runs(page_size=5).open() as walk:
        for consumed in range(1, 12):
            await anext(walk)
            async with client_of(local, session) as other:
                local.forget_requests()
                assert await other.glue("etl").runs(page_size=5, cursor=walk.cursor).collect() == whole[consumed:]
                cut += local.calls("GetJobRun")
    assert cut > 0
    assert "Arguments" not in str(walk.cursor)
    assert len(runs) == 12


async def test_a_cursor_keeps_to_folding_or_not(etl: GlueJob, runs: list[str]) -> None:
    rows = await etl.runs(collapse_retries=False).collect()
    cursor = (await anext(etl.runs(collapse_retries=False, page_size=4).by_page())).cursor
    assert await etl.runs(cursor=cursor).collect() == rows[4:]
    with pytest.raises(CursorError, match="collapse_retries"):
        etl.runs(cursor=cursor, collapse_retries=True)
    assert len(runs) == 12


@pytest.mark.service(glue_retention=timedelta(hours=5))
async def test_a_group_cut_by_the_edge_of_the_history(local: LocalService, etl: GlueJob) -> None:
    now = local.clock.now()

    def add(hours: float, attempts: int, lasting: float) -> str:
        created_at = now - timedelta(hours=hours)
        ended_at = created_at + timedelta(hours=lasting)
        return local.add_run("glue:etl", state="FAILED", attempts=attempts, created_at=created_at, ended_at=ended_at)

    lost, cut, whole = add(9, 1, 1), add(7, 4, 4), add(4, 2, 1)
    found = await etl.runs(page_size=2).collect()

    assert [(run.id, run.attempt) for run in found] == [(whole, 2), (cut, 4)]
    assert found[1].created_at == now - timedelta(hours=5)  # its third attempt is the oldest that is kept
    assert lost not in ids(found)
    assert [attempt.number for attempt in await etl.attempts(f"{cut}_attempt_3").collect()] == [3, 4]
    got = await etl.run(f"{cut}_attempt_3")
    assert (got.id, got.attempt, got.created_at) == (cut, 4, found[1].created_at)


@pytest.mark.parametrize(("retries", "asked"), [(0, 11), (3, 11), (12, 13)])
async def test_a_run_that_is_gone_is_looked_for_as_far_as_its_job_retries(
    local: LocalService, client: JobRunsClient, retries: int, asked: int
) -> None:
    local.add_glue_job("etl", max_retries=retries)
    etl = client.glue("etl")
    for definitions in (1, 0):  # the job's definition is asked for once a client
        before = local.calls("GetJobRun"), local.calls("GetJob")
        async with etl.attempts("jr_gone").open() as walk:
            with pytest.raises(NotFoundError):
                await anext(walk)
        assert (local.calls("GetJobRun"), local.calls("GetJob")) == (before[0] + asked, before[1] + definitions)
        assert walk.report.calls == asked


async def test_an_id_of_an_attempt_means_its_run(etl: GlueJob, client: JobRunsClient, runs: list[str]) -> None:
    root = runs[3]
    run = await etl.run(root)
    attempts = await etl.attempts(root).collect()

    assert run.attempt == len(attempts) == 4
    for retry in range(1, 4):
        assert await etl.run(f"{root}_attempt_{retry}") == run
        assert await client.run(f"glue:etl/{root}_attempt_{retry}") == run
        assert await etl.attempts(f"{root}_attempt_{retry}").collect() == attempts
    assert run.created_at == attempts[0].created_at
    assert run.ended_at == attempts[-1].ended_at


async def test_reading_stops_after_the_page_that_passes_the_window(local: LocalService, etl: GlueJob) -> None:
    expected = seed(local, GLUE, 300)
    newest = (await etl.run(expected[0])).created_at
    assert newest is not None
    for minutes in (0, 5, 50, 100):
        local.forget_requests()
        window = etl.runs(created_after=newest - minutes * MINUTE, page_size=10)
        assert ids(await window.collect()) == expected[: minutes + 1]
        # The first row more than half an hour older than the window is the last that is needed.
        assert local.calls() == (minutes + 30 + 1) // 10 + 1


async def test_a_run_that_started_late_is_in_its_window(local: LocalService, etl: GlueJob) -> None:
    """A run that waited stands by when it was asked for, 20 minutes at most before it started."""
    now = local.clock.now()
    late = local.add_run(
        "glue:etl", state="FAILED", created_at=now - 80 * MINUTE, native={"StartedOn": (now - 61 * MINUTE).timestamp()}
    )
    between = [local.add_run("glue:etl", state="FAILED", created_at=now - (70 + index) * MINUTE) for index in range(9)]
    async with etl.runs(page_size=1).open() as walk:
        assert ids([run async for run in walk]) == [*between, late]
        assert walk.report.disorder == 1
    assert ids(await etl.runs(created_after=now - 62 * MINUTE, page_size=1).collect()) == [late]


async def test_job_names_may_hold_anything(local: LocalService, client: JobRunsClient) -> None:
    for name in ("..", "a/b", "a?region=x", "%2F", "a b:c", "été \U0001f525", "x" * 255):
        local.add_glue_job(name)
        job = client.glue(name)
        run_id = local.add_run(str(job.ref), state="FAILED")
        (run,) = await job.runs().collect()
        assert run.ref == job.ref.run(run_id)
        assert await client.run(str(run.ref)) == await job.run(run_id)
    for wrong in ("", "x" * 256, "line\nbreak"):
        with pytest.raises(InvalidRequestError, match="job"):
            client.glue(wrong)


async def test_jobs_are_discovered(local: LocalService, client: JobRunsClient, session: AioSession) -> None:
    names = sorted(f"job {index:02}" for index in range(25))
    for name in names:
        local.add_glue_job(name)
    jobs = client.jobs(Service.GLUE, page_size=10)

    assert [job.name for job in await jobs.collect()] == names
    assert [request.params.get("MaxResults") for request in local.requests] == [10, 10, 10]
    assert [job.name for job in await client.jobs("glue", limit=3).collect()] == names[:3]
    assert local.requests[-1].params["MaxResults"] == 1000
    first = await jobs.first()
    assert first is not None
    assert (first.ref, first.state) == (client.glue("job 00").ref, None)
    cursor = (await anext(jobs.by_page())).cursor
    async with client_of(local, session) as other:
        assert [job.name for job in await other.jobs(Service.GLUE, cursor=cursor).collect()] == names[10:]
        with pytest.raises(CursorError):
            other.jobs(Service.EMR_SERVERLESS, cursor=cursor)


async def test_a_job_is_described(etl: GlueJob, client: JobRunsClient) -> None:
    job = await etl.job()
    assert (job.ref, job.name, job.native.MaxRetries) == (etl.ref, "etl", 3)
    assert await client.job("glue:etl") == await client.job(job) == await client.job(etl) == job


async def test_the_oldest_first_is_not_to_be_had(local: LocalService, etl: GlueJob) -> None:
    with pytest.raises(UnsupportedOperationError, match="DataZone"):
        etl.runs(order="oldest")
    assert local.calls() == 0
