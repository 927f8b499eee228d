"""A stream that is left, wherever it stands, leaves nothing behind: no task, no request under way, no slot taken."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from jobruns_sdk import JobRef, JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import Job, each, memory_client, other_tasks
from tests.fanout.reading import Order
from tests.garbage import keep_what_is_there

orders: Final = pytest.mark.parametrize("order", ["newest", "any"])
_TURNS: Final = range(60)


@pytest_asyncio.fixture(autouse=True)
async def complaints() -> AsyncIterator[None]:
    """Fail where the event loop complains of something, such as an exception that nobody has retrieved."""
    heard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(str(context)))
    keep_what_is_there()
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert heard == []


def jobs_of(count: int = 5) -> list[Job]:
    return [Job(f"job{index}", range(0, -9, -1), states=("SUCCESS", "FAILED")) for index in range(count)]


@orders
async def test_a_walk_may_be_closed_at_every_turn(order: Order) -> None:
    for turns in _TURNS:
        jobs = jobs_of()
        walk = memory_client(jobs).runs(each(jobs), order=order, concurrency=3).open()
        task = asyncio.ensure_future(_all(walk))
        for _ in range(turns):
            await asyncio.sleep(0)
        await walk.aclose()
        async with asyncio.timeout(60):
            await task
        asked = sum(len(job.asked) for job in jobs)
        assert await other_tasks() == set()
        assert asked == sum(len(job.asked) for job in jobs)
        assert sum(job.under_way for job in jobs) == 0


async def _all(walk: AsyncIterator[object]) -> int:
    count = 0
    async for _ in walk:
        count += 1
    return count


@orders
async def test_a_loop_may_be_left_by_break_after_every_run(order: Order) -> None:
    for count in range(1, 46):
        jobs = jobs_of()
        seen = 0
        async for _ in memory_client(jobs).runs(each(jobs), order=order, concurrency=3):
            seen += 1
            await asyncio.sleep(0)
            if seen == count:
                break
        assert await other_tasks() == set()
        assert sum(job.under_way for job in jobs) == 0


@orders
async def test_a_loop_left_by_break_waits_for_no_silent_job(order: Order) -> None:
    gc.disable()
    try:
        jobs = jobs_of()
        for job in jobs[1:]:
            job.withheld = {None} if order == "any" else {f"0:{job.ref.path[0]}-4"}
        async for _ in memory_client(jobs).runs([job.ref for job in jobs], order=order):
            for _ in range(20):
                await asyncio.sleep(0)
            break
        assert await other_tasks(1) == set()
        assert sum(job.under_way for job in jobs) == 0
    finally:
        gc.enable()


@orders
async def test_a_walk_closed_by_another_task_ends_the_wait_for_a_silent_job(order: Order) -> None:
    jobs = jobs_of()
    for job in jobs:
        job.withheld = {None}

    async def never() -> AsyncIterator[JobRef]:
        async for ref in each(jobs):
            yield ref
        await asyncio.Event().wait()

    walk = memory_client(jobs).runs(never(), order=order).open()
    task = asyncio.ensure_future(_all(walk))
    for _ in range(50):
        await asyncio.sleep(0)
    await walk.aclose()
    async with asyncio.timeout(60):
        assert await task == 0
    assert await other_tasks() == set()


class Discovery:
    """Jobs that are found by a generator of this object's own, which says when it was closed."""

    def __init__(self, jobs: list[Job]) -> None:
        self._jobs = jobs
        self.closed = 0

    async def __aiter__(self) -> AsyncIterator[JobRef]:
        try:
            for job in self._jobs:
                yield job.ref
        finally:
            self.closed += 1


@orders
async def test_what_was_opened_to_find_jobs_is_closed(order: Order) -> None:
    jobs = jobs_of()
    found = Discovery(jobs)
    async with memory_client(jobs).runs(found, order=order, concurrency=1).open() as walk:
        await anext(walk)
    assert found.closed == 1
    assert await other_tasks() == set()


@orders
async def test_a_page_of_jobs_fetched_ahead_is_let_go(local: LocalService, client: JobRunsClient, order: Order) -> None:
    for index in range(6):
        local.add_glue_job(f"etl-{index}")
        local.add_runs(f"glue:etl-{index}", 3)
    if order == "any":
        local.fault("ListJobs", "silence", after=1, times=None)
    async with client.runs(client.jobs("glue", page_size=2), order=order, concurrency=1).open() as walk:
        await anext(walk)
        await asyncio.sleep(0)
    assert await other_tasks(0) == set()
