"""What becomes of jobs that cannot be read: the others are, and the report, the caller and the cursor know of them."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Final, Literal
from unittest.mock import patch

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    CallTimeoutError,
    CredentialsError,
    InvalidRequestError,
    JobRef,
    JobRunsClient,
    JobRunsError,
    NotFoundError,
    PaginationError,
    ResponseFormatError,
    ServiceUnavailableError,
    SourceError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.paging.pages import Walk
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import Job, Run, client_of, each, keys, memory_client, newest, other_tasks, times_of
from tests.fanout.reading import Order

orders: Final = pytest.mark.parametrize("order", ["newest", "any"])


def jobs_of(count: int, runs: int = 7) -> list[Job]:
    return [Job(f"job{index}", range(0, -runs, -1)) for index in range(count)]


@orders
async def test_an_error_ends_the_walk_unless_told_otherwise(order: Order) -> None:
    jobs = jobs_of(5)
    jobs[2].failures = {None: AccessDeniedError("no")}
    async with memory_client(jobs).runs([job.ref for job in jobs], order=order).open() as walk:
        with pytest.raises(AccessDeniedError, match="no"):
            [run async for run in walk]
        jobs[2].failures = {}
        rest = [run async for run in walk]
    # What was read before the error was handed out then; the walk goes on where it stood.
    assert rest
    assert await other_tasks() == set()


@orders
async def test_errors_are_told_once_for_each_job_and_named_in_the_report(order: Order) -> None:
    jobs = [Job(f"job{index}", range(0, -9, -1), states=("A", "B", "C")) for index in range(5)]
    error = AccessDeniedError("no")
    jobs[1].failures = {None: error}
    jobs[3].failures = {"0:job3-6": ThrottledError("slow down")}
    told: list[SourceError] = []
    async with memory_client(jobs).runs([job.ref for job in jobs], order=order, on_error=told.append).open() as walk:
        seen = [run async for run in walk]
        report = walk.report

    read = {key for index in (0, 2, 4) for key in keys(jobs[index].rows)}
    assert {key for key in keys(seen) if key[0] not in (jobs[1].ref, jobs[3].ref)} == read
    assert [source.job for source in told] in ([jobs[1].ref], [jobs[1].ref, jobs[3].ref])
    assert told[0] == SourceError(jobs[1].ref, error)
    assert [source.job for source in report.failed] == [source.job for source in told]
    failed = [source for source in report.sources if source.error is not None]
    assert {source.name.split()[0] for source in failed} == {str(source.job) for source in told}
    assert all(not source.ended for source in failed)
    assert all(source.ended for source in report.sources if source.error is None)


@orders
async def test_what_was_read_before_an_error_is_yielded(order: Order) -> None:
    jobs = jobs_of(3)
    jobs[1].failures = {"0:job1-2": ServiceUnavailableError("down")}
    async with memory_client(jobs).runs([job.ref for job in jobs], order=order, on_error="skip").open() as walk:
        seen = [run async for run in walk]
        told = {source.name: (source.rows, source.ended) for source in walk.report.sources}
    assert sorted(keys(seen)) == sorted(keys([*jobs[0].rows, *jobs[1].rows[:3], *jobs[2].rows]))
    assert told == {str(jobs[0].ref): (7, True), str(jobs[1].ref): (3, False), str(jobs[2].ref): (7, True)}


@orders
async def test_a_cursor_taken_after_failures_begins_with_the_failed_jobs_again(order: Order) -> None:
    jobs = jobs_of(6)
    refs = [job.ref for job in jobs]
    jobs[1].failures = {None: AccessDeniedError("no")}
    jobs[4].failures = {"0:job4-2": ServiceUnavailableError("down")}
    async with memory_client(jobs).runs(refs, order=order, on_error="skip").open() as walk:
        first = [run async for run in walk]
        cursor = walk.cursor
    assert cursor is not None
    jobs[1].failures = jobs[4].failures = {}
    for job in jobs:
        job.asked.clear()
    async with memory_client(jobs).runs(refs[::-1], order=order, cursor=cursor).open() as walk:
        second = [run async for run in walk]
        assert walk.cursor is None

    assert sorted(keys([*first, *second])) == sorted(key for job in jobs for key in keys(job.rows))
    assert times_of(second) == newest(second) or order == "any"
    assert [len(job.asked) for job in jobs] == [0, 3, 0, 0, 2, 0]


@orders
async def test_what_is_called_may_raise(order: Order) -> None:
    jobs = jobs_of(3)
    jobs[1].failures = {None: AccessDeniedError("no")}

    def refuse(source: SourceError) -> None:
        raise KeyError(str(source.job))

    with pytest.raises(KeyError, match="job1"):
        await memory_client(jobs).runs(each(jobs), order=order, on_error=refuse).collect()
    assert await other_tasks() == set()


@orders
async def test_a_job_that_is_read_to_its_end_after_all_has_not_failed(order: Order) -> None:
    jobs = jobs_of(3)
    jobs[1].failures = {"0:job1-2": ServiceUnavailableError("down")}
    seen: list[Run] = []

    def refuse(source: SourceError) -> None:
        raise KeyError(str(source.job))

    async with memory_client(jobs).runs([job.ref for job in jobs], order=order, on_error=refuse).open() as walk:
        with pytest.raises(KeyError, match="job1"):
            await extend(seen, walk)
        assert [source.job for source in walk.report.failed] == [jobs[1].ref]
        jobs[1].failures = {}
        await extend(seen, walk)
        report = walk.report
    assert sorted(keys(seen)) == sorted(keys(run for job in jobs for run in job.rows))
    assert report.failed == ()
    assert [(source.ended, source.error) for source in report.sources] == [(True, None)] * 3


async def extend(seen: list[Run], walk: Walk[Run]) -> None:
    async for run in walk:
        seen.append(run)  # noqa: PERF401  # what came before an error is to be seen, too


@orders
async def test_ten_of_a_thousand_fail_each_in_its_own_way(order: Order) -> None:
    jobs = jobs_of(1_000, 4)
    errors: list[JobRunsError] = [
        AccessDeniedError("no"),
        NotFoundError("gone"),
        ThrottledError("slow down"),
        ServiceUnavailableError("down"),
        TransportError("reset"),
        CallTimeoutError("late"),
        ResponseFormatError("html"),
        PaginationError("cycle"),
        JobRunsError("new", code="NewException"),
        AccessDeniedError("second page"),
    ]
    failing = dict(zip(range(7, 1_000, 100), errors, strict=True))
    for index, error in failing.items():
        jobs[index].failures = {f"0:job{index}-2" if index > 900 else None: error}
    told: list[SourceError] = []
    async with memory_client(jobs).runs([job.ref for job in jobs], order=order, on_error=told.append).open() as walk:
        seen = [run async for run in walk]
        report = walk.report

    whole = [job for index, job in enumerate(jobs) if index not in failing]
    assert len(whole) == 990
    expected = [*(run for job in whole for run in job.rows), *jobs[907].rows[:3]]
    assert sorted(keys(seen)) == sorted(keys(expected))
    assert {source.job: source.error for source in report.failed} == {
        jobs[index].ref: error for index, error in failing.items()
    }
    assert sorted(map(id, told)) == sorted(set(map(id, told)))
    assert {source.job: source.error for source in told} == {source.job: source.error for source in report.failed}
    assert sum(source.ended for source in report.sources) == 990
    assert report.complete


FAILING: Final[dict[str, tuple[type[JobRunsError], Callable[[LocalService, dict[str, object]], None]]]] = {
    "denied": (
        AccessDeniedError,
        lambda local, match: local.fault(
            "GetJobRuns", "error", times=None, code="AccessDeniedException", status=400, match=match
        ),
    ),
    "throttled": (ThrottledError, lambda local, match: local.fault("GetJobRuns", "throttle", times=None, match=match)),
    "failing": (
        ServiceUnavailableError,
        lambda local, match: local.fault("GetJobRuns", "error500", times=None, match=match),
    ),
    "html": (
        ServiceUnavailableError,
        lambda local, match: local.fault("GetJobRuns", "html503", times=None, match=match),
    ),
    "reset": (TransportError, lambda local, match: local.fault("GetJobRuns", "reset_before", times=None, match=match)),
    "cut": (TransportError, lambda local, match: local.fault("GetJobRuns", "truncate", times=None, match=match)),
    "expired": (
        CredentialsError,
        lambda local, match: local.fault(
            "GetJobRuns", "error", times=None, code="ExpiredTokenException", status=400, match=match
        ),
    ),
    "strange": (
        ResponseFormatError,
        lambda local, match: local.fault("GetJobRuns", "wrong_content", times=None, match=match),
    ),
    "endless": (
        PaginationError,
        lambda local, match: local.fault("GetJobRuns", "repeat_token", times=None, match=match),
    ),
    "gone": (NotFoundError, lambda _, __: None),
}


@orders
async def test_the_service_may_fail_in_every_way_for_some_jobs(order: Order) -> None:
    with LocalService() as local:
        names = [f"etl-{index}" for index in range(40)]
        for name in (*names, *FAILING):
            if name != "gone":
                local.add_glue_job(name)
                local.add_runs(f"glue:{name}", 30)
        for name, (_, fail) in FAILING.items():
            fail(local, {"JobName": name})
        told: list[SourceError] = []
        async with client_of(local) as client:
            pages = client.runs(
                [f"glue:{name}" for name in (*FAILING, *names)], order=order, on_error=told.append, page_size=20
            )
            async with pages.open() as walk:
                seen = [run async for run in walk]
                report = walk.report
        assert {source.job.path[0]: type(source.error) for source in report.failed} == {
            name: error for name, (error, _) in FAILING.items()
        }
        assert {source.job for source in told} == {source.job for source in report.failed}
        whole = [run.id for run in seen if run.job.path[0] in names]
        assert sorted(whole) == sorted(run for name in names for run in local.states(f"glue:{name}"))
        assert local.problems == []


async def test_calls_are_counted_with_their_retries(local: LocalService, client: JobRunsClient) -> None:
    for name in ("a", "b"):
        local.add_glue_job(name)
        local.add_runs(f"glue:{name}", 30)
    local.fault("GetJobRuns", "error500", times=2, match={"JobName": "b"})
    async with client.runs(["glue:a", "glue:b"], page_size=10).open() as walk:
        assert len([run async for run in walk]) == 60
        calls = {source.name.split("?")[0]: source.calls for source in walk.report.sources}
        assert walk.report.calls == local.calls()
    assert calls == {"glue:a": 3, "glue:b": 5}


@pytest.mark.parametrize("fault", ["error500", "wrong_content"])
async def test_calls_in_vain_are_counted_too(
    local: LocalService, client: JobRunsClient, fault: Literal["error500", "wrong_content"]
) -> None:
    for name in ("a", "b"):
        local.add_glue_job(name)
        local.add_runs(f"glue:{name}", 30)
    local.fault("GetJobRuns", fault, times=None, match={"JobName": "b"})
    async with client.runs(["glue:a", "glue:b"], page_size=10, on_error="skip").open() as walk:
        assert len([run async for run in walk]) == 30
        assert [failed.job.path for failed in walk.report.failed] == [("b",)]
        assert walk.report.calls == local.calls()


@orders
async def test_jobs_that_stop_coming_with_an_error_are_not_all_jobs(order: Order) -> None:
    jobs = jobs_of(40)

    async def coming() -> AsyncIterator[JobRef]:
        for job in jobs[:20]:
            yield job.ref
        raise OSError("the inventory is gone")

    async with memory_client(jobs).runs(coming(), order=order).open() as walk:
        seen: list[Run] = []
        for _ in range(300):
            with suppress(OSError):
                page = await walk.next_page()
                assert page is not None
                seen += page.items
        assert not walk.report.complete
        assert walk.cursor is not None
        with pytest.raises(OSError, match="inventory"):
            await anext(walk)
        cursor = walk.cursor
    rest = await memory_client(jobs).runs([job.ref for job in jobs], order=order, cursor=cursor).collect()
    assert sorted(keys([*seen, *rest])) == sorted(key for job in jobs for key in keys(job.rows))


@orders
async def test_a_job_that_is_malformed_is_not_passed_over(order: Order) -> None:
    jobs = jobs_of(3)

    async def coming() -> AsyncIterator[JobRef | str]:
        yield jobs[0].ref
        yield "no job"
        yield jobs[1].ref

    async with memory_client(jobs).runs(coming(), order=order).open() as walk:
        for _ in range(5):
            with suppress(InvalidRequestError):
                assert await walk.next_page() is not None
        with pytest.raises(InvalidRequestError, match="no job"):
            await anext(walk)
        assert walk.cursor is not None


async def test_more_jobs_than_can_be_merged_are_refused_as_often_as_one_likes() -> None:
    jobs = jobs_of(4, 1)
    with patch("jobruns_sdk.paging.arrivals.MOST_MERGED", 2):
        async with memory_client(jobs).runs(each(jobs)).open() as walk:
            for _ in range(4):
                with pytest.raises(InvalidRequestError, match="cannot be merged"):
                    await anext(walk)


@orders
async def test_jobs_that_are_listed_go_on_after_an_error(
    local: LocalService, client: JobRunsClient, order: Order
) -> None:
    for name in "abc":
        local.add_glue_job(name)
        local.add_run(f"glue:{name}", state="SUCCEEDED")
    local.fault("ListJobs", "error", code="AccessDeniedException", status=400)
    async with client.jobs("glue", page_size=1).open() as found, client.runs(found, order=order).open() as walk:
        seen: list[Run] = []
        for _ in range(8):
            with suppress(AccessDeniedError):
                seen += [] if (page := await walk.next_page()) is None else page.items
        assert sorted(run.job.path for run in seen) == [("a",), ("b",), ("c",)]
        assert walk.cursor is None
