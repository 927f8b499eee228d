"""``order="any"``: any number of jobs from anywhere, none of which keeps the others waiting."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from jobruns_sdk import (
    InvalidRequestError,
    JobRef,
    JobRunsClient,
    PaginationError,
    ThrottledError,
    UnsupportedOperationError,
)
from tests.fanout.kit import Job, each, keys, memory_client, other_tasks, ref_of
from tests.fanout.reading import Order


def jobs_of(count: int, runs: int = 4) -> list[Job]:
    return [Job(f"job{index}", range(0, -runs, -1)) for index in range(count)]


def all_keys(jobs: list[Job]) -> list[tuple[JobRef, str]]:
    return sorted(key for job in jobs for key in keys(job.rows))


async def test_jobs_come_from_a_generator_of_any_length() -> None:
    jobs = jobs_of(3_000, 2)
    client = memory_client(jobs)
    seen = [run async for run in client.runs(each(jobs), order="any")]
    assert sorted(keys(seen)) == all_keys(jobs)


@pytest.mark.parametrize("concurrency", [1, 2, 7])
async def test_no_more_jobs_are_open_than_was_said(concurrency: int) -> None:
    jobs = jobs_of(20)
    most = 0
    async for _ in memory_client(jobs).runs(each(jobs), order="any", concurrency=concurrency):
        begun = [job for job in jobs if job.asked]
        open_now = [job for job in begun if len(job.asked) < 2]
        most = max(most, len(open_now))
        assert sum(job.under_way for job in jobs) <= concurrency
    assert most <= concurrency


async def test_jobs_that_are_silent_or_throttled_stall_no_other() -> None:
    jobs = jobs_of(30)
    jobs[0].withheld = {None}
    jobs[3].withheld = {"0:job3-2"}
    jobs[5].failures = {None: ThrottledError("slow down")}
    rest = [job for index, job in enumerate(jobs) if index not in (0, 3, 5)]
    pages = memory_client(jobs).runs(each(jobs), order="any", concurrency=3, on_error="skip")
    expected = {*all_keys(rest), *keys(jobs[3].rows[:3])}
    async with pages.open() as walk:
        seen = set(keys([await anext(walk) for _ in expected]))
        assert seen == expected
        assert not walk.report.complete or len(walk.report.sources) == 30
    assert await other_tasks() == set()


async def test_a_job_that_answers_at_once_takes_turns_with_the_others() -> None:
    jobs = jobs_of(3, 30)
    seen = [run.job async for run in memory_client(jobs).runs([job.ref for job in jobs], order="any")]
    # A page holds three runs: of the first nine pages each job has its third, or one less since it was opened later.
    assert min(seen[:27].count(job.ref) for job in jobs) >= 6


async def test_a_discovery_that_is_slow_stalls_no_job_that_was_found() -> None:
    jobs = jobs_of(2)

    async def found() -> AsyncIterator[JobRef]:
        for job in jobs:
            yield job.ref
        await asyncio.Event().wait()

    async with memory_client(jobs).runs(found(), order="any").open() as walk:
        seen = [await anext(walk) for _ in range(8)]
        assert sorted(keys(seen)) == all_keys(jobs)
        assert not walk.report.complete
        assert walk.cursor is not None
    assert await other_tasks() == set()


@pytest.mark.parametrize("order", ["any", "newest"])
async def test_a_wait_that_is_cancelled_while_jobs_are_found_costs_no_job(order: Order) -> None:
    jobs = jobs_of(6)
    gate = asyncio.Event()

    async def found() -> AsyncIterator[JobRef]:
        for job in jobs:
            await gate.wait()
            yield job.ref

    async with memory_client(jobs).runs(found(), order=order).open() as walk:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await anext(walk)
        gate.set()
        assert sorted(keys([run async for run in walk])) == all_keys(jobs)


async def test_an_iterator_is_used_up_by_one_loop() -> None:
    jobs = jobs_of(2)
    pages = memory_client(jobs).runs(each(jobs), order="any")
    assert len(await pages.collect()) == 8
    with pytest.raises(InvalidRequestError, match="give a list to read again"):
        await pages.collect()
    with pytest.raises(InvalidRequestError, match="give a list to read again"):
        pages.open()


async def test_a_list_and_what_can_be_iterated_again_can_be_read_again() -> None:
    jobs = jobs_of(2)

    class Found:
        def __aiter__(self) -> AsyncIterator[JobRef]:
            return each(jobs)

    for given in (Found(), (job.ref for job in jobs), {job.ref for job in jobs}):
        pages = memory_client(jobs).runs(given, order="any")
        assert [len(await pages.collect()) for _ in range(2)] == [8, 8]


async def test_one_cursor_goes_on_through_jobs_that_are_found_anew() -> None:
    jobs = jobs_of(9)
    seen: list[tuple[JobRef, str]] = []
    cursor: str | None = None
    for turn in range(100):
        ordered = jobs[turn % 9 :] + jobs[: turn % 9]
        async with memory_client(jobs).runs(each(ordered), order="any", concurrency=2, cursor=cursor).open() as walk:
            async for run in walk:
                seen.append((run.job, run.id))
                if len(seen) % 5 == 0:
                    break
            cursor = walk.cursor
        if cursor is None:
            break
    assert sorted(seen) == all_keys(jobs)


@pytest.mark.parametrize("limit", range(1, 10))
async def test_a_limit_holds_for_all_jobs_together(limit: int) -> None:
    jobs = jobs_of(3)
    pages = memory_client(jobs).runs([job.ref for job in jobs], order="any", limit=limit)
    seen = await pages.collect()
    assert len(set(keys(seen))) == limit


@pytest.mark.parametrize("order", ["newest", "any"])
async def test_a_limit_on_the_first_pages_asks_for_no_others(order: Order) -> None:
    jobs = [Job(f"job{index}", range(0, -60, -1), size=30) for index in range(2)]
    pages = memory_client(jobs).runs([job.ref for job in jobs], order=order, limit=30)
    async with pages.open() as walk:
        assert len([run async for run in walk]) == 30
        await asyncio.sleep(0)
    assert {token for job in jobs for token in job.asked} == {None}


async def test_a_page_that_the_limit_may_make_needless_is_not_fetched_ahead() -> None:
    newer, older = Job("newer", range(100, 90, -1), size=5), Job("older", range(0, -40, -1), size=20)
    refs = [newer.ref, older.ref]
    async with memory_client([newer, older]).runs(refs, limit=25).open() as walk:
        assert keys([run async for run in walk]) == keys([*newer.rows, *older.rows[:15]])
    assert (len(newer.asked), len(older.asked)) == (2, 1)


async def test_pages_without_end_are_an_error_of_their_own_job() -> None:
    jobs = jobs_of(3)
    stuck = jobs[1]
    stuck.cycle = True
    async with memory_client(jobs).runs([job.ref for job in jobs], order="any", on_error="skip").open() as walk:
        assert {run.job async for run in walk} == {job.ref for job in jobs}
        ((job, error),) = [(failed.job, failed.error) for failed in walk.report.failed]
    assert job == stuck.ref
    assert isinstance(error, PaginationError)


def test_newest_first_of_too_many_jobs_is_refused_with_what_to_do_instead() -> None:
    refs = [ref_of(f"job{index}") for index in range(2_001)]
    jobs = [Job(ref.path[0]) for ref in refs]
    with pytest.raises(InvalidRequestError, match="use order='any', or read the jobs in groups"):
        memory_client(jobs).runs(refs)
    memory_client(jobs).runs(refs, order="any")
    memory_client(jobs).runs(refs[:2_000])


async def test_newest_first_of_too_many_jobs_that_are_found_is_refused_when_they_are() -> None:
    jobs = [Job(f"job{index}") for index in range(2_001)]
    pages = memory_client(jobs).runs(each(jobs))
    with pytest.raises(InvalidRequestError, match="use order='any', or read the jobs in groups"):
        await pages.collect()
    assert sum(len(job.asked) for job in jobs) == 0
    assert await memory_client(jobs).runs(each(jobs[:2_000])).collect() == []


def test_the_oldest_first_of_many_jobs_is_unsupported() -> None:
    with pytest.raises(UnsupportedOperationError, match="any"):
        memory_client(jobs_of(1)).runs([ref_of("job0")], order="oldest")  # type: ignore[arg-type]  # as one job has it


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"order": "upwards"}, "order must be 'newest' or 'any'"),
        ({"concurrency": 0}, "concurrency"),
        ({"limit": -1}, "limit"),
        ({"on_error": "ignore"}, "on_error must be 'raise', 'skip' or a callable"),
        ({"native_states": {"NO_SUCH"}}, "no service has the native_states"),
        ({"cursor": "1.x"}, "the cursor is damaged"),
    ],
)
def test_what_cannot_be_right_is_refused_at_the_call(options: dict[str, object], why: str) -> None:
    client: JobRunsClient = memory_client(jobs_of(1))
    with pytest.raises(InvalidRequestError, match=why):
        client.runs([ref_of("job0")], **options)  # type: ignore[arg-type]  # what a program without types may pass
