"""What only EMR Serverless does: filters of its own that group, attempts that it lists late."""

import json
from typing import Any

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import (
    UNSUCCESSFUL,
    CursorError,
    InvalidRequestError,
    JobRun,
    JobRunsClient,
    NotFoundError,
    Pages,
    RunState,
    Service,
    UnsupportedOperationError,
)
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.testing import LocalService
from tests.contract.cases import EMR_SERVERLESS, MINUTE, client_of, ids, seed_in_turn

JOB = EMR_SERVERLESS.job


@pytest.fixture
def app(local: LocalService, client: JobRunsClient) -> EmrServerlessApplication:
    """The handle of an application."""
    EMR_SERVERLESS.prepare(local)
    return client.emr_serverless("00f1abc")


def asked_states(local: LocalService) -> list[object]:
    return EMR_SERVERLESS.asked(local, "states")


async def test_several_states_are_listed_one_by_one_and_merged(
    local: LocalService, app: EmrServerlessApplication
) -> None:
    expected = seed_in_turn(local, EMR_SERVERLESS, 20, "FAILED", "CANCELLED", "SUCCESS")
    wanted = [run_id for index, run_id in enumerate(expected) if index % 3 != 2]
    async with app.runs(states=UNSUCCESSFUL, page_size=3).open() as walk:
        assert ids([run async for run in walk]) == wanted
        assert walk.report.disorder == 0
    assert sorted(map(str, asked_states(local))) == ["['CANCELLED']"] * 3 + ["['FAILED']"] * 3


async def test_a_merged_walk_can_be_left_off_anywhere(
    local: LocalService, app: EmrServerlessApplication, session: AioSession
) -> None:
    seed_in_turn(local, EMR_SERVERLESS, 12, "FAILED", "FAILED", "CANCELLED", "RUNNING")
    states = {RunState.FAILED, RunState.STOPPED, RunState.RUNNING}
    expected = await app.runs(states=states).collect()
    assert len(expected) == 12
    async with app.runs(states=states, page_size=2).open() as walk:
        for consumed in range(12):
            async with client_of(local, session) as other:
                resumed = other.emr_serverless("00f1abc").runs(page_size=2, cursor=walk.cursor)
                assert await resumed.collect() == expected[consumed:]
            await anext(walk)
        assert walk.cursor is None


async def test_states_that_are_all_there_are_travel_as_none(local: LocalService, app: EmrServerlessApplication) -> None:
    natives = list(EMR_SERVERLESS.states)
    expected = seed_in_turn(local, EMR_SERVERLESS, 9, *natives)
    assert ids(await app.runs(native_states=natives).collect()) == expected
    assert ids(await app.runs(states=set(RunState) - {RunState.UNKNOWN}).collect()) == expected
    assert ids(await app.runs(states={RunState.UNKNOWN, RunState.FAILED}).collect()) == [expected[7]]
    assert asked_states(local) == [None, None, None]
    eight = await app.runs(native_states=natives[1:]).collect()
    assert ids(eight) == expected[1:]
    # The lists of states that runs leave again are read until nothing new turns up.
    assert asked_states(local)[3:] == [[native] for native in (*natives[1:6], *natives[1:])]


async def test_a_run_that_moves_on_while_states_are_listed_comes_once(
    local: LocalService, app: EmrServerlessApplication
) -> None:
    moving = local.add_run(JOB)
    local.advance(2 * MINUTE)
    old = local.add_run(JOB, state="FAILED", created_at=local.clock.now() - 90 * MINUTE)
    async with app.runs(states={RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED}, page_size=1).open() as walk:
        seen = [await anext(walk)]
        local.advance(10 * MINUTE)
        seen += [run async for run in walk]
    assert ids(seen) == [moving, old]


@pytest.mark.parametrize("many", [False, True])
async def test_a_run_that_moves_on_before_a_walk_is_resumed_comes_once(
    local: LocalService,
    app: EmrServerlessApplication,
    client: JobRunsClient,
    many: bool,  # noqa: FBT001  # a case
) -> None:
    def runs(cursor: str | None = None) -> Pages[JobRun[Any]]:
        states = None if cursor else {RunState.RUNNING, RunState.SUCCEEDED}
        return client.runs([app], states=states, cursor=cursor) if many else app.runs(states=states, cursor=cursor)

    past = local.add_runs(JOB, 5, until=local.clock.now() - 60 * MINUTE)
    going = [local.add_run(JOB, duration=30 * MINUTE, created_at=local.clock.now() - n * MINUTE) for n in (4, 3, 2, 1)]
    expected = ids(await runs().collect())
    assert expected == [*going[::-1], *past[::-1]]
    async with runs().open() as walk:
        seen = [await anext(walk), await anext(walk)]
        cursor = walk.cursor
    local.advance(60 * MINUTE)
    async with runs(cursor).open() as walk:
        seen.append(await anext(walk))
        cursor = walk.cursor
    assert ids(seen) + ids(await runs(cursor).collect()) == expected


async def test_the_mode_is_a_filter_of_the_services_own(
    local: LocalService, app: EmrServerlessApplication, client: JobRunsClient
) -> None:
    now = local.clock.now() - 60 * MINUTE
    modes = ["BATCH", "STREAMING", None]
    batch, streaming, plain = (
        local.add_run(JOB, state="SUCCESS", mode=mode, created_at=now - index * MINUTE)
        for index, mode in enumerate(modes)
    )
    assert ids(await app.runs(mode="STREAMING").collect()) == [streaming]
    assert ids(await app.runs(mode="BATCH", page_size=1).collect()) == [batch, plain]
    assert EMR_SERVERLESS.asked(local, "mode") == ["STREAMING", "BATCH", "BATCH"]
    cursor = (await anext(app.runs(mode="BATCH", page_size=1).by_page())).cursor
    assert ids(await app.runs(cursor=cursor).collect()) == [plain]
    with pytest.raises(CursorError, match="mode"):
        app.runs(cursor=cursor, mode="STREAMING")
    with pytest.raises(InvalidRequestError, match="mode must be 'BATCH' or 'STREAMING', or None"):
        client.emr_serverless("00f1abc").runs(mode="batch")  # type: ignore[call-overload]


async def test_a_run_without_a_mode_is_from_before_there_was_another(
    local: LocalService, app: EmrServerlessApplication
) -> None:
    rows = [{"id": "00old", "state": "SUCCESS"}, {"id": "00new", "state": "RUNNING", "mode": "STREAMING"}]
    body = json.dumps({"jobRuns": rows}).encode()
    local.fault("ListJobRuns", "wrong_content", times=None, body=body, content_type="application/json")
    assert ids(await app.runs(mode="BATCH").collect()) == ["00old"]
    assert ids(await app.runs(mode="STREAMING").collect()) == ["00new"]


async def test_the_window_is_sent_with_room_on_both_sides(local: LocalService, app: EmrServerlessApplication) -> None:
    now = local.clock.now()
    await app.runs(created_after=now - MINUTE, created_before=now).collect()
    (after,), (before,) = (EMR_SERVERLESS.asked(local, name) for name in ("createdAtAfter", "createdAtBefore"))
    assert now - 2 * MINUTE < after < now - MINUTE
    assert now < before < now + MINUTE


async def test_attempts_that_the_list_lacks_yet_are_got(local: LocalService, app: EmrServerlessApplication) -> None:
    run_id = local.add_run(JOB, attempts=3)
    truth: list[tuple[int, RunState]] = []
    for minutes in range(0, 20, 2):
        truth = [(attempt.number, attempt.state) for attempt in await app.attempts(run_id).collect()]
        for seconds in (60, 7 * 60, 60 * 60):
            local.fault("ListJobRunAttempts", "stale_list", seconds=seconds)
            attempts = await app.attempts(run_id, page_size=1).collect()
            assert [(attempt.number, attempt.state) for attempt in attempts] == truth, (minutes, seconds)
        local.advance(2 * MINUTE)
    assert truth == [(1, RunState.FAILED), (2, RunState.FAILED), (3, RunState.SUCCEEDED)]


async def test_many_attempts_come_in_order_from_a_list_that_has_the_latest_first(
    local: LocalService, app: EmrServerlessApplication
) -> None:
    run_id = local.add_run(JOB, state="SUCCESS", attempts=120)
    assert [attempt.number for attempt in await app.attempts(run_id).collect()] == list(range(1, 121))
    assert local.calls("ListJobRunAttempts") == 3
    assert local.calls("GetJobRun") == 1


async def test_one_attempt_of_a_run_can_be_got(local: LocalService, app: EmrServerlessApplication) -> None:
    run_id = local.add_run(JOB, state="SUCCESS", attempts=3, message="boom")
    second, latest = await app.run(run_id, attempt=2), await app.run(run_id)
    assert (second.attempt, second.state, second.message) == (2, RunState.FAILED, "boom")
    assert (latest.attempt, latest.state) == (3, RunState.SUCCEEDED)
    with pytest.raises(NotFoundError):
        await app.run(run_id, attempt=4)
    with pytest.raises(InvalidRequestError, match="attempt"):
        await app.run(run_id, attempt=0)


async def test_applications_are_discovered(local: LocalService, client: JobRunsClient) -> None:
    added = sorted(local.add_application(name=f"app-{index}") for index in range(7))
    jobs = client.jobs(Service.EMR_SERVERLESS, page_size=3)
    found = await jobs.collect()

    assert [job.ref for job in found] == [client.emr_serverless(app).ref for app in added]
    assert [request.params.get("maxResults") for request in local.requests] == [3, 3, 3]
    assert {job.state for job in found} == {"STARTED"}
    assert {job.name for job in found} == {f"app-{index}" for index in range(7)}
    assert await client.jobs("emr-serverless", limit=2).collect() == found[:2]
    assert local.requests[-1].params["maxResults"] == 50
    cursor = (await anext(jobs.by_page())).cursor
    assert await client.jobs(Service.EMR_SERVERLESS, cursor=cursor).collect() == found[3:]
    described = await client.job(found[0])
    assert (described.ref, described.name, described.state) == (found[0].ref, found[0].name, "STARTED")


async def test_the_oldest_first_is_not_to_be_had(local: LocalService, app: EmrServerlessApplication) -> None:
    with pytest.raises(UnsupportedOperationError, match="DataZone"):
        app.runs(order="oldest")
    assert local.calls() == 0
