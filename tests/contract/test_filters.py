"""Filters give the same answer on every service, whether it applies them itself or not."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from aiobotocore.session import AioSession

from jobruns_sdk import UNSUCCESSFUL, InvalidRequestError, JobRun, RunState
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import MILLISECOND, MINUTE, TICK, Case, client_of, ids, seed_in_turn

STATES: Final[list[set[RunState]]] = [
    *({state} for state in RunState),
    set(UNSUCCESSFUL),
    {RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING},
    {RunState.SUCCEEDED, RunState.UNKNOWN},
    set(RunState) - {RunState.UNKNOWN},
    set(RunState),
]


@pytest.fixture
def history(local: LocalService, case: Case) -> list[str]:
    """Runs in every state, some of them several times; their ids, the newest first."""
    now = local.clock.now()
    natives = [*case.states, "HIBERNATING", *list(case.states)[::2]]
    added = [
        local.add_run(case.job, state=native, created_at=now - (60 - index) * MINUTE, ended_at=now - MINUTE)
        for index, native in enumerate(natives)
    ]
    return added[::-1]


@pytest.mark.service(check=False)  # no model knows the state HIBERNATING
@pytest.mark.usefixtures("history")
async def test_states_in_one_vocabulary(job: Handle, case: Case) -> None:
    everything = await job.runs().collect()
    for states in STATES:
        expected = [run for run in everything if case.states.get(run.native_state, RunState.UNKNOWN) in states]
        for page_size in (2, None):
            assert await job.runs(states=states, page_size=page_size).collect() == expected


@pytest.mark.service(check=False)
@pytest.mark.usefixtures("history")
async def test_states_in_the_services_own_words(job: Handle, case: Case) -> None:
    everything = await job.runs().collect()
    choices: list[set[str]] = [*({name} for name in case.states), set(case.states), set(list(case.states)[:3])]
    for names in choices:
        expected = [run for run in everything if run.native_state in names]
        assert await job.runs(native_states=names).collect() == expected
        both = [run for run in expected if run.state in UNSUCCESSFUL]
        assert await job.runs(native_states=names, states=UNSUCCESSFUL).collect() == both


async def test_a_filter_that_nothing_can_satisfy_asks_nobody(local: LocalService, job: Handle) -> None:
    pages = job.runs(native_states={"FAILED"}, states={RunState.SUCCEEDED})
    assert await pages.collect() == []
    assert await pages.first() is None
    assert local.calls() == 0


WRONG: Final[Sequence[tuple[Mapping[str, Any], str]]] = [
    ({"native_states": {"SUCCEDED"}}, "SUCCEDED"),
    ({"states": {"DONE"}}, "SUCCEEDED"),
    ({"created_after": datetime(2026, 11, 21)}, "time zone"),  # noqa: DTZ001  # naive on purpose
    ({"created_before": datetime(2026, 11, 21)}, "time zone"),  # noqa: DTZ001  # naive on purpose
    ({"limit": 0}, "limit"),
    ({"limit": -1}, "limit"),
    ({"page_size": 0}, "page_size"),
    ({"order": "sideways"}, "newest"),
    ({"cursor": "1.nonsense"}, "damaged"),
]


async def test_what_cannot_be_right_is_refused_before_anything_is_sent(job: Handle, local: LocalService) -> None:
    for arguments, says in WRONG:
        with pytest.raises(InvalidRequestError, match=says):
            job.runs(**arguments)
    assert local.calls() == 0


def created(run: JobRun[Any]) -> datetime:
    assert run.created_at is not None
    return run.created_at


@pytest.mark.parametrize("exclusive", [False, True])
async def test_a_window_is_exact_at_both_bounds(case: Case, session: AioSession, *, exclusive: bool) -> None:
    """Whatever the service makes of its own bounds."""
    with LocalService(check=True, exclusive_window=exclusive) as local:
        case.prepare(local)
        start = local.clock.now() - 60 * MINUTE
        for index in range(20):
            local.add_run(case.job, state="SUCCEEDED", created_at=start + index * MILLISECOND)
        async with client_of(local, session) as client:
            everything = await case.of(client).runs().collect()
            assert [created(run) for run in everything] == [start + index * MILLISECOND for index in range(19, -1, -1)]
            for after in (start + 3 * MILLISECOND + offset for offset in (-TICK, timedelta(0), TICK)):
                for before in (start + 7 * MILLISECOND + offset for offset in (-TICK, timedelta(0), TICK)):
                    inside = await case.of(client).runs(created_after=after, created_before=before).collect()
                    assert inside == [run for run in everything if after <= created(run) < before]
        assert local.problems == []


async def test_windows_that_are_open_or_empty(local: LocalService, case: Case, job: Handle) -> None:
    now = local.clock.now()
    added = [local.add_run(case.job, state="FAILED", created_at=now - hours * 60 * MINUTE) for hours in (1, 2, 30, 60)]
    assert ids(await job.runs(created_after=now - 150 * MINUTE).collect()) == added[:2]
    assert ids(await job.runs(created_before=now - 150 * MINUTE).collect()) == added[2:]
    assert ids(await job.runs(created_before=now - 61 * MINUTE, created_after=now - 120 * MINUTE).collect()) == [
        added[1]
    ]
    assert await job.runs(created_after=now, created_before=now).collect() == []
    assert await job.runs(created_after=now - 30 * MINUTE).collect() == []
    assert ids(await job.runs(created_after=now - 3000 * timedelta(days=100)).collect()) == added


async def test_filters_count_towards_the_limit_and_not_towards_the_page(
    local: LocalService, case: Case, job: Handle
) -> None:
    failed = seed_in_turn(local, case, 20, "SUCCEEDED", "FAILED")[1::2]
    runs = job.runs(states={RunState.FAILED}, limit=5, page_size=3)
    assert ids(await runs.collect()) == failed[:5]
    first = await job.runs(states={RunState.FAILED}, page_size=1).first()
    assert first is not None
    assert first.id == failed[0]
