"""A progress callback is told numbers that are right, and that never fall."""

from itertools import pairwise
from typing import Final

import attrs
import pytest

from jobruns_sdk import AccessDeniedError, Progress, Quota
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import Job, client_of, each, memory_client
from tests.fanout.reading import Order

orders: Final = pytest.mark.parametrize("order", ["newest", "any"])


def never_falls(told: list[Progress]) -> bool:
    rows = [attrs.astuple(progress) for progress in told]
    return all(here <= there for one, other in pairwise(rows) for here, there in zip(one, other, strict=True))


@orders
async def test_it_is_told_after_each_page(order: Order) -> None:
    jobs = [Job(f"job{index}", range(0, -index, -1)) for index in range(12)]
    jobs[5].failures = {"0:job5-2": AccessDeniedError("no")}
    told: list[Progress] = []
    pages = memory_client(jobs).runs(each(jobs), order=order, on_error="skip", concurrency=3, progress=told.append)
    async with pages.open() as walk:
        seen = [run async for run in walk]
        report = walk.report

    assert never_falls(told)
    last = told[-1]
    assert (last.sources, last.sources_done) == (12, 12)
    assert (last.pages, last.runs, last.calls) == (report.pages, report.rows, report.calls)
    assert last.runs == len(seen) == sum(range(12)) - 2
    assert last.pages == sum(len(job.asked) for job in jobs) - 1
    assert len(told) == last.pages + 1  # and once for the job that failed


@orders
async def test_what_the_callback_raises_is_no_failure_of_a_job(order: Order) -> None:
    jobs = [Job(f"job{index}", range(5)) for index in range(3)]

    def raises_at_first(progress: Progress) -> None:
        if progress.pages == 1:
            raise AccessDeniedError("nothing is to be drawn")

    pages = memory_client(jobs).runs(each(jobs), order=order, on_error="skip", progress=raises_at_first)
    async with pages.open() as walk:
        with pytest.raises(AccessDeniedError, match="nothing is to be drawn"):
            await anext(walk)
        assert len([run async for run in walk]) == 15
        assert walk.report.failed == ()


@orders
async def test_each_loop_counts_afresh(order: Order) -> None:
    jobs = [Job(f"job{index}", range(5)) for index in range(3)]
    told: list[Progress] = []
    pages = memory_client(jobs).runs([job.ref for job in jobs], order=order, progress=told.append)
    await pages.collect()
    first, told[:] = told[-1], []
    await pages.collect()
    assert told[-1] == first
    assert told[0].pages == 1


@orders
async def test_waits_for_quotas_are_told(order: Order) -> None:
    with LocalService() as local:
        local.add_glue_job("etl")
        local.add_runs("glue:etl", 50)
        told: list[Progress] = []
        async with client_of(local, quotas={("glue", "GetJobRuns"): Quota(rate=1, burst=1)}) as client:
            await client.runs(["glue:etl"], order=order, page_size=10, progress=told.append).collect()
        assert [progress.waited for progress in told] == pytest.approx([0, 1, 2, 3, 4])
        assert [progress.calls for progress in told] == [1, 2, 3, 4, 5]
        assert [progress.runs for progress in told] == [10, 20, 30, 40, 50]
