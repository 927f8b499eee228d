"""Bookmarks of Glue jobs, and dashboards of runs on EMR Serverless."""

import pytest

from jobruns_sdk import JobRunsClient
from jobruns_sdk.errors import InvalidRequestError, NotFoundError
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService
from tests.waiting.kit import HOUR, MINUTE, client_of

ENABLED = {"--job-bookmark-option": "job-bookmark-enable"}


async def test_a_bookmark_is_none_until_a_run_has_written_one_and_moves_with_the_runs(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", default_arguments=ENABLED)
    job = client.glue("etl")
    assert await job.bookmark() is None
    first = await client.wait(await job.start(), timeout=HOUR)
    mark = await job.bookmark()
    assert mark is not None
    assert (mark.JobName, mark.RunId) == ("etl", first.id)
    assert isinstance(mark.JobBookmark, str)
    second = await client.wait(await job.start(), timeout=HOUR)
    moved = await job.bookmark()
    assert moved is not None
    assert moved.RunId == second.id
    assert (moved.Version or 0) > (mark.Version or 0)
    assert moved.JobBookmark != mark.JobBookmark
    of_first = await job.bookmark(first.id)
    assert of_first is not None
    assert of_first.RunId == first.id
    assert local.requests[-1].params == {"JobName": "etl", "RunId": first.id}


async def test_a_bookmark_is_reset_wholly_or_to_a_run(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", default_arguments=ENABLED)
    job = client.glue("etl")
    runs = [await client.wait(await job.start(), timeout=HOUR) for _ in range(2)]
    at_first = await job.reset_bookmark(runs[0].id)
    assert local.requests[-1].params == {"JobName": "etl", "RunId": runs[0].id}
    of_first = await job.bookmark(runs[0].id)
    assert at_first is not None
    assert of_first is not None
    assert at_first.JobBookmark == of_first.JobBookmark
    empty = await job.reset_bookmark()
    assert local.requests[-1].params == {"JobName": "etl"}
    assert empty is not None
    assert empty.JobBookmark != at_first.JobBookmark
    assert (await job.bookmark()) == empty


async def test_what_is_not_there_cannot_be_reset(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    with pytest.raises(NotFoundError):
        await client.glue("etl").reset_bookmark()
    assert await client.glue("missing").bookmark() is None
    for bad in ("", "a\x00b"):
        with pytest.raises(InvalidRequestError):
            await client.glue("etl").bookmark(bad)
        with pytest.raises(InvalidRequestError):
            await client.glue("etl").reset_bookmark(bad)
    assert local.calls("GetJobBookmark") == 1


async def test_a_bookmark_of_a_read_that_is_lost_is_asked_for_again(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", default_arguments=ENABLED)
    await client.wait(await client.glue("etl").start(), timeout=HOUR)
    for operation in ("GetJobBookmark", "ResetJobBookmark"):
        local.fault(operation, "reset_after")
    assert await client.glue("etl").bookmark() is not None
    assert await client.glue("etl").reset_bookmark() is not None


async def test_a_run_has_a_dashboard_once_it_runs(local: LocalService, client: JobRunsClient) -> None:
    app = local.add_application(max_retries=1, fail_attempts=1, duration=HOUR)
    handle = client.emr_serverless(app)
    run_id = local.add_run(f"emr-serverless:{app}")
    with pytest.raises(InvalidRequestError, match="Dashboard cannot be served"):
        await handle.dashboard_url(run_id)
    local.advance(MINUTE)
    url = await handle.dashboard_url(run_id)
    assert url.startswith("https://")
    assert run_id in url
    local.advance(HOUR + MINUTE)
    assert await handle.dashboard_url(run_id, attempt=1) != await handle.dashboard_url(run_id, attempt=2)
    assert local.requests[-1].params["attempt"] == 2


async def test_a_dashboard_that_cannot_be_is_refused(local: LocalService, client: JobRunsClient) -> None:
    handle = client.emr_serverless(local.add_application())
    with pytest.raises(NotFoundError):
        await handle.dashboard_url("00missing")
    calls = local.calls()
    with pytest.raises(InvalidRequestError):
        await handle.dashboard_url("..")
    with pytest.raises(InvalidRequestError):
        await handle.dashboard_url("00run", attempt=0)
    assert local.calls() == calls


async def test_dashboards_keep_to_their_quota(local: LocalService) -> None:
    app = local.add_application()
    run_id = local.add_run(f"emr-serverless:{app}", state="SUCCESS")
    async with client_of(local, quotas=QUOTAS) as client:
        for _ in range(5):
            await client.emr_serverless(app).dashboard_url(run_id)
    assert local.clock.monotonic() == pytest.approx(3)
