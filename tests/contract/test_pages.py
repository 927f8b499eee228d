"""What services do with pages, and what is left of a walk that is left off."""

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession

from jobruns_sdk import JobRunsClient, PaginationError, ServiceUnavailableError
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import Case, client_of, ids, seed, until_asked


async def test_page_tokens_that_come_again_end_the_walk(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 10)
    for period in (1, 2, 3, 7):
        local.clear_faults()
        local.forget_requests()
        local.fault(case.list_runs, "cyclic_tokens", at=period)
        async with job.runs(page_size=1).open() as walk:
            seen = [(await anext(walk)).id for _ in range(period + 1)]
            with pytest.raises(PaginationError, match="twice") as caught:
                await anext(walk)
        assert seen == expected[: period + 1]
        assert f"{caught.value.service}:{caught.value.operation}" == case.list_runs
        assert local.calls() == period + 1


async def test_a_page_that_names_itself_as_the_next_ends_the_walk(local: LocalService, case: Case, job: Handle) -> None:
    seed(local, case, 6)
    local.fault(case.list_runs, "repeat_token", after=1, times=None)
    with pytest.raises(PaginationError, match="twice"):
        await job.runs(page_size=2).collect()
    assert local.calls() <= 3


async def test_empty_pages_are_not_the_end(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 40)
    local.fault(case.list_runs, "empty_page", times=30)
    async with job.runs(page_size=1).open() as walk:
        assert ids([run async for run in walk]) == expected[30:]
        assert walk.report.pages == walk.report.calls == 40
    local.fault(case.list_runs, "empty_page", times=2)
    first = await job.runs(page_size=1).first()
    assert first is not None
    assert first.id == expected[2]


async def test_a_token_that_expires_in_the_middle_is_replaced(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 12)
    for after in range(1, 4):
        local.fault(case.list_runs, "expired_token", after=after - 1)
        assert ids(await job.runs(page_size=3).collect()) == expected


async def test_tokens_that_are_always_refused_end_the_walk(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 6)
    local.fault(case.list_runs, "expired_token", times=None)
    async with job.runs(page_size=3).open() as walk:
        assert [(await anext(walk)).id for _ in range(3)] == expected[:3]
        with pytest.raises(PaginationError, match="refuses its own") as caught:
            await anext(walk)
    failure = caught.value
    assert f"{failure.service}:{failure.operation} {failure.http_status}" == f"{case.list_runs} 400"
    assert failure.request_id
    assert local.calls() == 4  # two pages and as many refusals


async def test_an_error_comes_at_its_turn_and_the_walk_goes_on(
    local: LocalService, case: Case, session: AioSession
) -> None:
    expected = seed(local, case, 9)
    local.fault(case.list_runs, "error500", after=1)
    async with (
        client_of(local, session, max_attempts=1) as client,
        case.of(client).runs(page_size=3).open() as walk,
    ):
        seen = [await anext(walk) for _ in range(3)]
        with pytest.raises(ServiceUnavailableError):
            await anext(walk)
        cursor = walk.cursor
        assert ids(seen + [run async for run in walk]) == expected
        assert ids(await case.of(client).runs(page_size=3, cursor=cursor).collect()) == expected[3:]


async def test_the_report_counts_retries_as_calls(local: LocalService, case: Case, job: Handle) -> None:
    expected = seed(local, case, 4)
    local.fault(case.list_runs, "throttle", times=2, after=1)
    async with job.runs(page_size=2).open() as walk:
        assert ids([run async for run in walk]) == expected
        assert (walk.report.calls, walk.report.pages, walk.report.rows) == (4, 2, 4)
    assert local.calls() == 4


@pytest_asyncio.fixture
async def narrow(local: LocalService, case: Case, session: AioSession) -> AsyncIterator[Handle]:
    """A handle whose client has a single connection, and a service whose second page never comes."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(str(context)))
    seed(local, case, 6)
    local.fault(case.list_runs, "silence", after=1)
    config = AioConfig(max_pool_connections=1)
    async with client_of(local, session, config=config) as client:
        yield case.of(client)
    gc.collect()
    assert heard == []


async def expect_nothing_left(job: Handle) -> None:
    """No task one turn of the loop later, and the only connection is free."""
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert len(await job.runs(page_size=6).collect()) == 6


@pytest.mark.parametrize("under_way", [False, True])
async def test_a_break_leaves_nothing(local: LocalService, case: Case, narrow: Handle, *, under_way: bool) -> None:
    async for _ in narrow.runs(page_size=2):
        if under_way:
            await until_asked(local, case.list_runs, 2)
        break
    if not under_way:
        local.clear_faults()
    await expect_nothing_left(narrow)


async def test_an_error_in_the_body_leaves_nothing(local: LocalService, case: Case, narrow: Handle) -> None:
    async def consume() -> None:
        async for _ in narrow.runs(page_size=2):
            await until_asked(local, case.list_runs, 2)
            raise KeyError

    with pytest.raises(KeyError):
        await consume()
    await expect_nothing_left(narrow)


async def test_a_cancellation_leaves_nothing(local: LocalService, case: Case, narrow: Handle) -> None:
    task = asyncio.create_task(narrow.runs(page_size=2).collect())
    await until_asked(local, case.list_runs, 2)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await expect_nothing_left(narrow)


async def test_closing_a_walk_leaves_nothing(local: LocalService, case: Case, narrow: Handle) -> None:
    async with narrow.runs(page_size=2).open() as walk:
        await anext(walk)
        await until_asked(local, case.list_runs, 2)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await expect_nothing_left(narrow)


async def test_closing_the_client_ends_a_walk(local: LocalService, case: Case, session: AioSession) -> None:
    seed(local, case, 6)
    local.fault(case.list_runs, "silence", after=1)
    client: JobRunsClient = client_of(local, session)
    async with client:
        walk = case.of(client).runs(page_size=2).open()
        await anext(walk)
        await until_asked(local, case.list_runs, 2)
    await walk.aclose()
    assert asyncio.all_tasks() == {asyncio.current_task()}
