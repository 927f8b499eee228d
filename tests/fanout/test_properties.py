"""Whatever the jobs, their pages and the places at which reading stopped: each run once, and in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fanout.kit import Job, Run, keys, memory_client, newest, times_of
from tests.fanout.reading import LIVELY, STEADY, Order, Reader, Step, steps

minutes = st.integers(-30, 30)
sizes = st.integers(1, 5)
in_order = st.lists(st.lists(minutes, max_size=12).map(lambda times: sorted(times, reverse=True)), max_size=5)
in_disorder = st.lists(st.lists(minutes, max_size=12), max_size=5)
concurrencies = st.integers(1, 4)
often = settings(max_examples=200)
orders = pytest.mark.parametrize("order", ["newest", "any"])

# Beyond 32 jobs pages are kept as bytes.
_PADDING: Final = [Job(f"empty{index}") for index in range(33)]
_STATES: Final = ("RUNNING", "SUCCESS", "FAILED")


def jobs_of(
    times: Iterable[Sequence[float | None]], size: int, *, offsets: bool, lanes: Sequence[str] = ("",)
) -> list[Job]:
    return [
        Job(f"job{index}", rows, size=size, offsets=offsets, lanes=lanes) for index, rows in enumerate(times)
    ]


def reader(
    jobs: Sequence[Job],
    *,
    order: Order = "newest",
    concurrency: int = 4,
    some: bool = False,
    same_order: bool = False,
    padding: Sequence[Job] = (),
) -> Reader:
    def change(action: str, count: int) -> None:
        for job in jobs:
            if action == "add":
                job.add(count)
            elif action == "expire":
                job.expire()
            elif job.rows:
                job.move(count % len(job.rows), _STATES[count % len(_STATES)])

    return Reader(
        lambda: memory_client([*jobs, *padding]),
        [job.ref for job in (*jobs, *padding)],
        order=order,
        concurrency=concurrency,
        change=change,
        some=some,
        same_order=same_order,
    )


def all_runs(jobs: Iterable[Job]) -> list[Run]:
    return [run for job in jobs for run in job.rows]


def by_job(runs: Iterable[Run], jobs: Iterable[Job]) -> list[list[Run]]:
    found = list(runs)
    return [[run for run in found if run.job == job.ref] for job in jobs]


def kept(runs: Iterable[Run]) -> list[Run]:
    return [run for run in runs if not run.id.startswith("new")]


@often
@given(in_order, sizes, st.booleans(), concurrencies, STEADY)
async def test_newest_first_is_sorting_everything(
    times: list[list[int]], size: int, offsets: bool, concurrency: int, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets)
    seen = await reader(jobs, concurrency=concurrency).read(steps)

    assert times_of(seen) == newest(all_runs(jobs))
    assert sorted(keys(seen)) == sorted(keys(all_runs(jobs)))


@often
@given(in_order, sizes, st.booleans(), STEADY)
async def test_the_states_of_one_job_are_merged_too(
    times: list[list[int]], size: int, offsets: bool, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets, lanes=_STATES)
    seen = await reader(jobs).read(steps)

    assert times_of(seen) == newest(all_runs(jobs))
    assert sorted(keys(seen)) == sorted(keys(all_runs(jobs)))


@often
@given(in_order, sizes, st.booleans(), concurrencies, LIVELY)
async def test_runs_added_meanwhile_cost_none_of_the_others(
    times: list[list[int]], size: int, offsets: bool, concurrency: int, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets)
    before = all_runs(jobs)
    seen = await reader(jobs, concurrency=concurrency).read(steps)

    assert times_of(kept(seen)) == newest(before)
    assert sorted(keys(kept(seen))) == sorted(keys(before))
    assert len(set(keys(seen))) == len(seen)


@often
@given(in_disorder, sizes, st.booleans(), concurrencies, LIVELY)
async def test_as_they_come_each_run_comes_once_and_each_job_in_its_own_order(
    times: list[list[int]], size: int, offsets: bool, concurrency: int, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets)
    before = [list(job.rows) for job in jobs]
    seen = await reader(jobs, order="any", concurrency=concurrency).read(steps)

    assert by_job(kept(seen), jobs) == before
    assert len(set(keys(seen))) == len(seen)


@orders
@often
@given(in_disorder, sizes, st.booleans(), concurrencies, STEADY)
async def test_jobs_that_are_missing_or_added_lose_nothing(
    order: Order, times: list[list[int]], size: int, offsets: bool, concurrency: int, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets)
    seen = await reader(jobs, order=order, concurrency=concurrency, some=True).read(steps)

    assert by_job(seen, jobs) == [job.rows for job in jobs]


@orders
@often
@given(in_order, sizes, st.booleans(), concurrencies, steps("move"))
async def test_runs_that_change_their_state_meanwhile_come_once_at_most(
    order: Order, times: list[list[int]], size: int, offsets: bool, concurrency: int, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    jobs = jobs_of(times, size, offsets=offsets, lanes=_STATES)
    client = memory_client(jobs)
    seen: list[Run] = []
    async for run in client.runs([job.ref for job in jobs], order=order, concurrency=concurrency):
        seen.append(run)
        for action, count in steps[len(seen) - 1 : len(seen)]:
            for job in jobs:
                if action == "move" and job.rows:
                    job.move(count % len(job.rows), _STATES[count % len(_STATES)])

    assert len(set(keys(seen))) == len(seen)


def late(times: Iterable[datetime | None]) -> int:
    """Count the rows that come later than their time says."""
    count, furthest = 0, None
    for at in times:
        if at is None:
            continue
        count += furthest is not None and at > furthest
        furthest = at if furthest is None else min(furthest, at)
    return count


@orders
@often
@given(st.lists(st.lists(st.none() | minutes, max_size=12), max_size=5), sizes, concurrencies)
async def test_the_report_tells_each_source_and_its_disorder(
    order: Order, times: list[list[int | None]], size: int, concurrency: int
) -> None:
    jobs = jobs_of(times, size, offsets=False)
    async with memory_client(jobs).runs([job.ref for job in jobs], order=order, concurrency=concurrency).open() as walk:
        seen = [run async for run in walk]
        report = walk.report

    assert by_job(seen, jobs) == [job.rows for job in jobs]
    told = {source.name: (source.rows, source.disorder, source.calls, source.pages) for source in report.sources}
    assert told == {
        str(job.ref): (len(job.rows), late(times_of(job.rows)), len(job.asked), len(job.asked)) for job in jobs
    }
    assert all(source.ended and source.error is None for source in report.sources)
    assert (report.complete, report.failed) == (True, ())
    assert report.disorder == sum(source.disorder for source in report.sources)


@settings(max_examples=60)
@given(in_disorder, st.integers(1, 7), st.booleans(), LIVELY)
async def test_keeping_pages_as_bytes_changes_nothing(
    times: list[list[int]], size: int, offsets: bool, steps: list[Step]  # noqa: FBT001  # drawn
) -> None:
    parked, plain = (jobs_of(times, size, offsets=offsets) for _ in range(2))

    seen = await reader(parked, padding=_PADDING, same_order=True).read(steps)
    assert seen == await reader(plain, same_order=True).read(steps)
