"""What only DataZone does: one state at a time, either order, no attempts and no list of jobs."""

import pytest

from jobruns_sdk import (
    UNSUCCESSFUL,
    CursorError,
    JobRunsClient,
    RunState,
    Service,
    UnsupportedOperationError,
)
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.testing import LocalService
from tests.contract.cases import DATAZONE, MINUTE, ids, seed, seed_in_turn


@pytest.fixture
def imports(local: LocalService, client: JobRunsClient) -> DataZoneJob:
    """The handle of a job."""
    DATAZONE.prepare(local)
    return client.datazone("dzd_x", "job42")


async def test_one_state_is_sent_and_several_are_not(local: LocalService, imports: DataZoneJob) -> None:
    expected = seed_in_turn(local, DATAZONE, 12, "FAILED", "ABORTED", "SUCCESS", "TIMED_OUT")
    assert ids(await imports.runs(native_states={"ABORTED"}).collect()) == expected[1::4]
    assert ids(await imports.runs(states={RunState.TIMED_OUT}).collect()) == expected[3::4]
    assert ids(await imports.runs(states={RunState.FAILED}).collect()) == [
        run_id for index, run_id in enumerate(expected) if index % 4 < 2
    ]
    assert ids(await imports.runs(states=UNSUCCESSFUL).collect()) == [
        run_id for index, run_id in enumerate(expected) if index % 4 != 2
    ]
    assert DATAZONE.asked(local, "status") == ["ABORTED", "TIMED_OUT", None, None]
    assert DATAZONE.asked(local, "sortOrder") == ["DESCENDING"] * 4


async def test_the_oldest_may_come_first(local: LocalService, imports: DataZoneJob) -> None:
    expected = seed(local, DATAZONE, 11)[::-1]
    async with imports.runs(order="oldest", page_size=4).open() as walk:
        assert ids([run async for run in walk]) == expected
        assert walk.report.disorder == 0
    assert set(DATAZONE.asked(local, "sortOrder")) == {"ASCENDING"}

    for consumed in range(11):
        async with imports.runs(order="oldest", page_size=4).open() as walk:
            for _ in range(consumed):
                await anext(walk)
            cursor = walk.cursor
        assert ids(await imports.runs(cursor=cursor, page_size=4).collect()) == expected[consumed:]
        with pytest.raises(CursorError, match="order"):
            imports.runs(cursor=cursor, order="newest")


async def test_reading_stops_soon_after_the_far_end_of_the_window(local: LocalService, imports: DataZoneJob) -> None:
    expected = seed(local, DATAZONE, 200)
    times = [run.created_at async for run in imports.runs() if run.created_at is not None]
    local.forget_requests()

    newest = imports.runs(created_after=times[9], page_size=10)
    assert ids(await newest.collect()) == expected[:10]
    oldest = imports.runs(created_before=times[-10], page_size=10, order="oldest")
    assert ids(await oldest.collect()) == expected[:-10:-1]
    assert local.calls() == 5 + 5
    both = imports.runs(created_after=times[120], created_before=times[100])
    assert ids(await both.collect()) == expected[101:121]


async def test_rows_added_behind_are_read_when_the_oldest_come_first(local: LocalService, imports: DataZoneJob) -> None:
    expected = seed(local, DATAZONE, 3)[::-1]
    async with imports.runs(order="oldest", page_size=1).open() as walk:
        seen = [await anext(walk)]
        local.advance(MINUTE)
        new = local.add_run(DATAZONE.job)
        seen += [run async for run in walk]
    assert ids(seen) == [*expected, new]


async def test_the_only_attempt_is_the_run(local: LocalService, imports: DataZoneJob) -> None:
    run_id = local.add_run(DATAZONE.job, state="PARTIALLY_SUCCEEDED", message="3 queries failed")
    run, (attempt,) = await imports.run(run_id), await imports.attempts(run_id).collect()

    for name in ("state", "native_state", "message", "created_at", "started_at", "updated_at", "ended_at", "duration"):
        assert getattr(attempt, name) == getattr(run, name), name
    assert (attempt.id, attempt.run, attempt.number) == (run_id, run.ref, 1)


async def test_jobs_can_be_neither_listed_nor_described(local: LocalService, client: JobRunsClient) -> None:
    with pytest.raises(UnsupportedOperationError, match="cannot list its jobs"):
        client.jobs(Service.DATAZONE)
    with pytest.raises(UnsupportedOperationError, match="datazone"):
        await client.job(DATAZONE.job)
    assert local.calls() == 0
