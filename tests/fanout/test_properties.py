"""Whatever the jobs, their pages and the places at which reading stopped: each run once, and in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fanout.kit import Job, Run, keeping, keys, memory_client, newest, times_of
from tests.fanout.reading import LIVELY, STEADY, Order, Reader, Step, steps

in_disorder = st.lists(st.integers(-30, 30), max_size=12)
in_order = in_disorder.map(lambda times: sorted(times, reverse=True))
often = settings(max_examples=200)
orders = pytest.mark.parametrize("order", ["newest", "any"])

_STATES: Final = ("RUNNING", "SUCCESS", "FAILED")


@attrs.frozen
class Case:
    """What jobs there are: the times of their runs, the size of their pages and the kind of their tokens."""

    times: Sequence[Sequence[float | None]]
    size: int
    offsets: bool
    concurrency: int

    def jobs(self, states: Sequence[str] = ("",)) -> list[Job]:
        return [
            Job(f"job{index}", rows, size=self.size, offsets=self.offsets, states=states)
            for index, rows in enumerate(self.times)
        ]


def cases(times: st.SearchStrategy[list[int]] | st.SearchStrategy[list[int | None]]) -> st.SearchStrategy[Case]:
    return st.builds(Case, st.lists(times, max_size=5), st.integers(1, 5), st.booleans(), st.integers(1, 4))


def reader(
    jobs: Sequence[Job],
    *,
    order: Order = "newest",
    concurrency: int = 4,
    some: bool = False,
    same_order: bool = False,
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
        lambda: memory_client(jobs),
        [job.ref for job in jobs],
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
@given(cases(in_order), STEADY)
async def test_newest_first_is_sorting_everything(case: Case, steps: list[Step]) -> None:
    jobs = case.jobs()
    seen = await reader(jobs, concurrency=case.concurrency).read(steps)

    assert times_of(seen) == newest(all_runs(jobs))
    assert sorted(keys(seen)) == sorted(keys(all_runs(jobs)))


@often
@given(cases(in_order), STEADY)
async def test_the_states_of_one_job_are_merged_too(case: Case, steps: list[Step]) -> None:
    jobs = case.jobs(_STATES)
    seen = await reader(jobs).read(steps)

    assert times_of(seen) == newest(all_runs(jobs))
    assert sorted(keys(seen)) == sorted(keys(all_runs(jobs)))


@often
@given(cases(in_order), LIVELY)
async def test_runs_added_meanwhile_cost_none_of_the_others(case: Case, steps: list[Step]) -> None:
    jobs = case.jobs()
    before = all_runs(jobs)
    seen = await reader(jobs, concurrency=case.concurrency).read(steps)

    assert times_of(kept(seen)) == newest(before)
    assert sorted(keys(kept(seen))) == sorted(keys(before))
    assert len(set(keys(seen))) == len(seen)


@often
@given(cases(in_disorder), LIVELY)
async def test_as_they_come_each_run_comes_once_and_each_job_in_its_own_order(case: Case, steps: list[Step]) -> None:
    jobs = case.jobs()
    before = [list(job.rows) for job in jobs]
    seen = await reader(jobs, order="any", concurrency=case.concurrency).read(steps)

    assert by_job(kept(seen), jobs) == before
    assert len(set(keys(seen))) == len(seen)


@orders
@often
@given(cases(in_disorder), STEADY)
async def test_jobs_that_are_missing_or_added_lose_nothing(order: Order, case: Case, steps: list[Step]) -> None:
    jobs = case.jobs()
    seen = await reader(jobs, order=order, concurrency=case.concurrency, some=True).read(steps)

    assert by_job(seen, jobs) == [job.rows for job in jobs]


@orders
@often
@given(cases(in_order), steps("move"))
async def test_runs_that_change_their_state_meanwhile_come_once_at_most(
    order: Order, case: Case, steps: list[Step]
) -> None:
    jobs = case.jobs(_STATES)
    client = memory_client(jobs)
    seen: list[Run] = []
    async for run in client.runs([job.ref for job in jobs], order=order, concurrency=case.concurrency):
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
@given(cases(st.lists(st.none() | st.integers(-30, 30), max_size=12)))
async def test_the_report_tells_each_source_and_its_disorder(order: Order, case: Case) -> None:
    jobs = case.jobs()
    pages = memory_client(jobs).runs([job.ref for job in jobs], order=order, concurrency=case.concurrency)
    async with pages.open() as walk:
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


@often
@given(cases(in_disorder), st.integers(1, 3), LIVELY)
async def test_keeping_pages_as_bytes_changes_nothing(case: Case, decoded: int, steps: list[Step]) -> None:
    parked, plain = case.jobs(), case.jobs()
    with keeping(decoded):
        seen = await reader(parked, same_order=True).read(steps)

    assert seen == await reader(plain, same_order=True).read(steps)
    assert [job.asked for job in parked] == [job.asked for job in plain]


@often
@given(cases(in_order), st.integers(1, 3), STEADY)
async def test_newest_first_is_sorting_everything_where_pages_are_kept_as_bytes(
    case: Case, decoded: int, steps: list[Step]
) -> None:
    jobs = case.jobs(_STATES)
    with keeping(decoded):
        seen = await reader(jobs).read(steps)

    assert times_of(seen) == newest(all_runs(jobs))
    assert sorted(keys(seen)) == sorted(keys(all_runs(jobs)))


async def test_a_walk_goes_on_behind_its_place_in_all_jobs_alike() -> None:
    read, unread = Job("read", [5, 4, 3, 2, 1]), Job("unread", [3, 0, -1])
    async with memory_client([read, unread]).runs([read.ref, unread.ref]).open() as walk:
        seen = [await anext(walk), await anext(walk)]
        cursor = walk.cursor
    before = all_runs([read, unread])
    read.add(5)
    unread.add(5)
    rest = await memory_client([read, unread]).runs([unread.ref, read.ref], cursor=cursor).collect()

    assert times_of([*seen, *rest]) == newest(before)
    assert sorted(keys([*seen, *rest])) == sorted(keys(before))
