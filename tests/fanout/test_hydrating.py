"""``hydrate=True``: full runs where the list tells less, in order; errors as ``on_error`` says."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest

from jobruns_sdk import AccessDeniedError, JobRunsClient, NotFoundError, SourceError
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import Run, newest, times_of
from tests.fanout.reading import Order

orders: Final = pytest.mark.parametrize("order", ["newest", "any"])


def seed(local: LocalService, runs: int = 30) -> list[str]:
    local.add_glue_job("etl")
    local.add_datazone_job("dzd_x", "job42")
    jobs = ["glue:etl", "datazone:dzd_x/job42", *(f"emr-serverless:{local.add_application()}" for _ in range(2))]
    for index, job in enumerate(jobs):
        local.add_runs(job, runs, every=timedelta(minutes=1 + index))
    return jobs


@orders
async def test_full_runs_take_the_place_of_listed_ones_in_order(
    local: LocalService, client: JobRunsClient, order: Order
) -> None:
    jobs = seed(local, 130)
    listed = await client.runs(jobs, order=order).collect()
    local.forget_requests()
    full = await client.runs(jobs, order=order, hydrate=True).collect()

    assert {run.ref for run in full} == {run.ref for run in listed}
    if order == "newest":
        assert [run.ref for run in full] == [run.ref for run in listed]
        assert times_of(full) == newest(full)
    for run in full:
        if run.service == "emr-serverless":
            assert isinstance(run.native, native.JobRun)
            assert run.usage is not None
            assert run.started_at is not None
    assert local.calls("emr-serverless:GetJobRun") == 2 * 130
    assert local.calls("glue:GetJobRun") == 0  # its list tells all


async def test_one_job_is_hydrated_too(local: LocalService, client: JobRunsClient) -> None:
    job = seed(local)[-1]
    runs = await client.runs(job, hydrate=True, limit=3).collect()
    assert [run.usage is not None for run in runs] == [True] * 3
    assert local.calls("GetJobRun") == 3


async def test_a_limit_and_a_cursor_count_hydrated_runs_once(local: LocalService, client: JobRunsClient) -> None:
    jobs = seed(local, 70)
    expected = [run.ref for run in await client.runs(jobs).collect()]
    local.forget_requests()
    seen: list[Run] = []
    cursor: str | None = None
    while True:
        async with client.runs(jobs, hydrate=True, limit=77, cursor=cursor).open() as walk:
            page = await walk.next_page()
            seen += list(page.items) if page else []
            for _ in range(5):
                run = await anext(walk, None)
                seen += [run] if run is not None else []
            cursor = walk.cursor
        if cursor is None:
            break
    assert [run.ref for run in seen] == expected


@pytest.fixture
def broken(local: LocalService) -> tuple[list[str], str]:
    """Return jobs, and the id of a run that can be listed and not got."""
    jobs = seed(local)
    run = list(local.states(jobs[-1]))[10]
    local.fault("GetJobRun", "error", times=None, code="AccessDeniedException", status=403, match={"jobRunId": run})
    return jobs, run


async def until_an_error(walk: AsyncIterator[Run]) -> list[str]:
    """Return what came before the walk was refused."""
    seen: list[str] = []
    while True:
        try:
            seen.append((await anext(walk)).id)
        except AccessDeniedError:
            return seen


@orders
async def test_a_run_that_cannot_be_got_raises(
    client: JobRunsClient, broken: tuple[list[str], str], order: Order
) -> None:
    jobs, run = broken
    async with client.runs(jobs, order=order, hydrate=True).open() as walk:
        seen = await until_an_error(walk)
        cursor = walk.cursor
    assert run not in seen
    # The cursor stands before the runs that were not handed out.
    rest = [found.id for found in await client.runs(jobs, order=order, cursor=cursor).collect()]
    assert run in rest
    assert len({*seen, *rest}) == len(seen) + len(rest) == 4 * 30


@orders
async def test_a_run_that_cannot_be_got_is_yielded_as_it_was_listed(
    client: JobRunsClient, broken: tuple[list[str], str], order: Order
) -> None:
    jobs, run = broken
    told: list[SourceError] = []
    found = await client.runs(jobs, order=order, hydrate=True, on_error=told.append).collect()
    assert len(found) == 4 * 30
    assert [type(source.error) for source in told] == [AccessDeniedError]
    assert [row.usage for row in found if row.id == run] == [None]

    skipped = await client.runs(jobs, order=order, hydrate=True, on_error="skip").collect()
    assert {row.ref for row in skipped} == {row.ref for row in found}


async def test_a_run_that_is_gone_when_it_is_got_is_told(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application()
    run = local.add_run(f"emr-serverless:{app}", state="SUCCESS")
    local.fault("GetJobRun", "error", code="ResourceNotFoundException", status=404)
    told: list[SourceError] = []
    (found,) = await client.runs(f"emr-serverless:{app}", hydrate=True, on_error=told.append).collect()
    assert found.id == run
    assert isinstance(told[0].error, NotFoundError)


@orders
async def test_the_report_names_what_could_not_be_got(
    client: JobRunsClient, broken: tuple[list[str], str], order: Order
) -> None:
    jobs, run = broken
    told: list[SourceError] = []
    assert len(await client.runs(jobs, order=order, hydrate=True, on_error=told.append).collect()) == 4 * 30
    async with client.runs(jobs, order=order, hydrate=True, on_error="skip").open() as walk:
        assert len([row async for row in walk]) == 4 * 30
        (failed,) = walk.report.failed
    assert failed.run is not None
    assert (failed.run.run_id, failed.job, type(failed.error)) == (run, failed.run.job, AccessDeniedError)
    assert [(source.job, source.run) for source in told] == [(failed.job, failed.run)]
