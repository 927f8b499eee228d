"""What is chosen from a store equals what the same filters choose one by one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs
import pytest

from jobruns_sdk import CursorError, InvalidRequestError, JobRef, RunState
from jobruns_sdk.history import RunStore
from tests.history.kit import APP, GLUE, IMPORT, JOBS, NOON, Run, Told, run_of

OTHER: Final = attrs.evolve(GLUE, region="us-east-1")
_STATES: Final = ("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "UNKNOWN")
_RANDOM: Final = Random(1)
_LOST: Final = {"r3", "r33", "r63"}


def _made(number: int) -> Run:
    state, minutes = _RANDOM.choice(_STATES), None if number % 17 == 0 else _RANDOM.randrange(600)
    members: dict[str, Any] = {} if _RANDOM.random() < 0.5 else {"ended_at": None}
    if _RANDOM.random() < 0.1:
        members["updated_at"] = None
    if f"r{number}" in _LOST:
        state, members = "RUNNING", {}
    return run_of(f"r{number}", job=_RANDOM.choice([*JOBS, OTHER]), minutes=minutes, state=state, **members)


RUNS: Final = [_made(number) for number in range(1_300)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    lost = [(1, run.ref) for run in RUNS if run.id in _LOST]

    async def make() -> None:
        async with RunStore(path) as store:
            report = await store.sync(Told([RUNS], lost=lost), [*JOBS, OTHER])
        assert (report.added, report.lost) == (len(RUNS), len(_LOST))

    asyncio.run(make())
    return path


@pytest.fixture
async def store(made: Path) -> AsyncIterator[RunStore]:
    async with RunStore(made) as store:
        yield store


def _is_wanted(run: Run, chosen: dict[str, Any]) -> bool:  # noqa: C901, PLR0911  # one filter after the other
    end = run.ended_at or run.updated_at
    if "states" in chosen and run.state not in chosen["states"]:
        return False
    if "native_states" in chosen and run.native_state not in chosen["native_states"]:
        return False
    if "created_after" in chosen and (run.created_at is None or run.created_at < chosen["created_after"]):
        return False
    if "created_before" in chosen and (run.created_at is None or run.created_at >= chosen["created_before"]):
        return False
    if "lost" in chosen and chosen["lost"] is not (run.id in _LOST):
        return False
    for name in ("ended_after", "ended_before", "active_after"):
        if name not in chosen:
            continue
        if not run.is_terminal:
            if name != "active_after":
                return False
        elif end is not None and (end < chosen[name]) is not (name == "ended_before"):
            return False
    return True


def _newest_first(runs: Sequence[Run]) -> list[Run]:
    early = NOON - timedelta(days=9_999)
    return sorted(runs, key=lambda run: (run.created_at or early, str(run.ref)), reverse=True)


def _some(random: Random) -> dict[str, Any]:
    def moment() -> datetime:
        return NOON + timedelta(minutes=random.randrange(600))

    begin, end = sorted((moment(), moment()))
    possible = {
        "states": random.sample(list(RunState), 3),
        "native_states": random.sample(_STATES, 3),
        "created_after": moment(),
        "ended_after": begin,
        "ended_before": end,
        "active_after": moment(),
        "lost": random.random() < 0.5,
    }
    return {name: value for name, value in possible.items() if random.random() < 0.4}


@pytest.mark.parametrize("seed", range(60))
async def test_filters_choose_what_they_say(store: RunStore, seed: int) -> None:
    random = Random(seed)
    chosen, jobs = _some(random), random.choice([None, GLUE, [APP, IMPORT], "glue:nightly-etl"])
    asked = {"glue:nightly-etl": [GLUE, OTHER], GLUE: [GLUE], None: [*JOBS, OTHER]}
    wanted = jobs if isinstance(jobs, list) else asked[jobs]
    expected = _newest_first([run for run in RUNS if run.job in wanted and _is_wanted(run, chosen)])
    assert await store.runs(jobs, **chosen).collect() == expected
    limit = random.randrange(1, 700)
    assert await store.runs(jobs, **chosen, limit=limit).collect() == expected[:limit]
    first = await store.runs(jobs, **chosen).first()
    assert first == (expected[0] if expected else None)


async def test_a_run_that_was_lost_is_active_until_then(store: RunStore) -> None:
    lost = {run.id async for run in store.runs(lost=True)}
    assert lost == _LOST
    later = await store.runs(active_after=datetime.now(NOON.tzinfo) + timedelta(days=1)).collect()
    assert lost.isdisjoint(run.id for run in later)
    assert any(not run.is_terminal for run in later)


async def test_a_cursor_goes_on_in_another_process_and_holds_the_filters(made: Path, store: RunStore) -> None:
    pages = store.runs(states={"FAILED", "RUNNING", "SUCCEEDED"})
    async with pages.open() as walk:
        begun = [await anext(walk) for _ in range(123)]
        cursor = walk.cursor
    async with RunStore(made) as other:
        rest = await other.runs(cursor=cursor).collect()
        with pytest.raises(CursorError):
            other.runs(cursor=cursor, states={"FAILED"})
        with pytest.raises(CursorError):
            other.runs(GLUE, cursor=cursor)
    assert begun + rest == await pages.collect()


@pytest.mark.parametrize(
    "chosen",
    [
        {"states": ["BROKEN"]},
        {"limit": 0},
        {"created_after": datetime(2026, 11, 30)},  # noqa: DTZ001  # without a zone, which is refused
        {"lost": "yes"},
        {"created_after": NOON, "created_before": NOON - timedelta(hours=1)},
    ],
)
def test_what_is_no_filter_is_refused_at_once(chosen: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        RunStore("never-opened.sqlite").runs(**chosen)


async def test_forgetting_leaves_what_goes_on_and_what_ended_since(tmp_path: Path) -> None:
    before = NOON + timedelta(hours=5)
    async with RunStore(tmp_path / "runs.sqlite") as store:
        await store.sync(Told([RUNS]), [*JOBS, OTHER])

        def is_gone(run: Run) -> bool:
            end = run.ended_at or run.updated_at or run.created_at
            return run.is_terminal and end is not None and end < before

        assert await store.forget(before=before) == sum(map(is_gone, RUNS)) > 100
        assert await store.runs().collect() == _newest_first([run for run in RUNS if not is_gone(run)])
        with pytest.raises(InvalidRequestError):
            await store.forget(before=datetime(2026, 11, 30))  # noqa: DTZ001  # as above


async def test_a_job_that_was_never_stored_has_no_runs(store: RunStore) -> None:
    assert await store.runs(JobRef("glue", ("other",))).collect() == []


@pytest.mark.parametrize("chosen", [{}, {"states": {"FAILED"}}, {"lost": False}])
async def test_the_last_page_is_found_as_soon_as_the_first(
    chosen: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite counts what it does: a page that was sought from the newest run on would take as much as all before it."""
    steps, taken = [0], list[int]()

    def step() -> int:
        steps[0] += 1
        return 0

    made: Callable[..., sqlite3.Connection] = sqlite3.connect

    def connect(*args: object, **options: object) -> sqlite3.Connection:
        connection = made(*args, **options)
        connection.set_progress_handler(step, 100)
        return connection

    states = ("SUCCEEDED", "FAILED")
    runs = [run_of(f"r{number}", minutes=number, state=states[number % 2]) for number in range(12_000)]
    async with RunStore(tmp_path / "runs.sqlite") as store:
        await store.sync(Told([runs]), [GLUE])
    monkeypatch.setattr(sqlite3, "connect", connect)
    async with RunStore(tmp_path / "runs.sqlite") as store, store.runs(**chosen).open() as walk:
        while True:
            before = steps[0]
            if await walk.next_page() is None:
                break
            taken.append(steps[0] - before)
    assert len(taken) >= 10
    assert max(taken[1:]) < 3 * max(taken[0], 1)
