"""``hydrate=True`` on one job: the full run in the place of each listed one, in order, counted once."""

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import (
    DataZoneJob,
    EmrServerlessApplication,
    GlueJob,
    JobRunsClient,
    NotFoundError,
    RunState,
    SourceError,
)
from jobruns_sdk.testing import LocalService
from tests.contract.cases import Case, client_of, ids, seed

AnyHandle = EmrServerlessApplication | DataZoneJob | GlueJob
THIN = {"emr-serverless": True, "datazone": True, "glue": False}


@pytest.fixture
def handle(case: Case, client: JobRunsClient) -> AnyHandle:
    handle = case.of(client)
    assert isinstance(handle, AnyHandle)
    return handle


async def test_each_run_is_what_a_get_would_return(local: LocalService, case: Case, handle: AnyHandle) -> None:
    expected = seed(local, case, 70)
    full = [await handle.run(run_id) for run_id in expected]
    local.forget_requests()
    hydrated = await handle.runs(hydrate=True).collect()
    assert hydrated == full
    assert [run.native for run in hydrated] == [run.native for run in full]
    assert local.calls(case.get_run) == (70 if THIN[case.service] else 0)


async def test_only_what_the_filters_and_the_limit_let_pass_is_got(
    local: LocalService, case: Case, handle: AnyHandle
) -> None:
    expected = seed(local, case, 30)
    when = (await handle.run(expected[19])).created_at
    local.forget_requests()
    chosen = handle.runs(hydrate=True, created_after=when, states=set(RunState), limit=7, page_size=5)
    assert ids(await chosen.collect()) == expected[:7]
    assert local.calls(case.get_run) == (7 if THIN[case.service] else 0)


async def test_a_cursor_of_a_hydrated_walk_goes_on_in_another_client(
    local: LocalService, session: AioSession, case: Case, handle: AnyHandle
) -> None:
    expected = seed(local, case, 130)
    async with handle.runs(hydrate=True).open() as walk:
        begun = [(await anext(walk)).id for _ in range(77)]
        cursor = walk.cursor
    async with client_of(local, session) as client:
        rest = ids(await case.of(client).runs(cursor=cursor).collect())
    assert begun + rest == expected


async def test_a_run_that_is_gone_by_then_is_told(local: LocalService, case: Case, handle: AnyHandle) -> None:
    expected = seed(local, case, 3)
    local.fault(case.get_run, "error", code="ResourceNotFoundException", status=404)
    if THIN[case.service]:
        with pytest.raises(NotFoundError, match="GetJobRun"):
            await handle.runs(hydrate=True).collect()
    else:
        assert ids(await handle.runs(hydrate=True).collect()) == expected


async def test_runs_that_are_gone_hide_none_of_the_others(local: LocalService, case: Case, handle: AnyHandle) -> None:
    if not THIN[case.service]:
        return
    expected = seed(local, case, 130)
    gone = {expected[0], *expected[40:80], expected[-1]}
    answers = {"jobRunId", "identifier"}
    for run_id in gone:
        for name in answers:
            local.fault(
                case.get_run, "error", code="ResourceNotFoundException", status=404, times=None, match={name: run_id}
            )
    seen: list[str] = []
    cursors: list[str | None] = []
    async with handle.runs(hydrate=True, page_size=10).open() as walk:
        while True:
            try:
                seen.append((await anext(walk)).id)
            except StopAsyncIteration:
                break
            except NotFoundError as error:
                cursors.append(error.cursor)
        assert walk.report.failed
    assert seen == [run_id for run_id in expected if run_id not in gone]
    assert local.calls(case.get_run) == 130  # each is got once, whatever becomes of the others
    assert len(cursors) == len(gone)
    assert cursors[0] is None  # nothing was handed out yet
    assert ids(await handle.runs(cursor=cursors[1]).collect()) == expected[40:]

    told: list[SourceError] = []
    found = await handle.runs(hydrate=True, on_error=told.append).collect()
    assert ids(found) == expected
    assert {failure.run.run_id for failure in told if failure.run} == gone
    assert ids(await handle.runs(hydrate=True, on_error="skip").collect()) == expected
