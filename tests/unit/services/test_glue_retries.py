from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.model.runs import JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.retries import RetryFold
from tests.unit.glue_history import JOB, History, Row, retried
from tests.unit.listings import NOON
from tests.unit.reading import STEPS, Reader, Step

Seen = tuple[str, int, str, datetime | None]


def seen(run: JobRun[native.JobRun]) -> Seen:
    return run.id, run.attempt, run.native_state, run.created_at


def folded(rows: Iterable[Row]) -> list[Seen]:
    """What a whole history comes to: a run at the place of its first attempt, or at the end if that is lost."""
    groups: dict[str, dict[int, Row]] = {}
    whole: list[str] = []
    for row in rows:
        groups.setdefault(row.root, {})[row.retry] = row
        whole += [row.root] if row.retry == 0 else []
    lost = [root for root in groups if root not in whole]
    rest = sorted(lost, key=lambda root: -(groups[root][min(groups[root])].started or 0))
    return [
        (root, max(group) + 1, group[max(group)].state, group[min(group)].at)
        for root in (*whole, *rest)
        for group in [groups[root]]
    ]


async def test_retries_are_folded_into_their_run() -> None:
    history = History(
        [*retried("a", 0, 5, 20), *retried("b", 10, state="RUNNING"), *retried("c", 15, 30, state="FAILED")]
    )
    runs = await history.job.runs().collect()

    assert [seen(run) for run in runs] == [
        ("c", 2, "FAILED", NOON + timedelta(minutes=15)),
        ("b", 1, "RUNNING", NOON + timedelta(minutes=10)),
        ("a", 3, "SUCCEEDED", NOON),
    ]
    assert runs[2].ref == JOB.run("a")
    assert runs[2].native.Id == "a_attempt_2"
    assert runs[2].usage == Usage(dpu_hours=3 * 2 * 60 / 3600, basis="estimated")


async def test_without_folding_each_row_is_a_run_of_its_own() -> None:
    history = History([*retried("a", 0, 5, 20), *retried("b", 10)])
    runs = await history.job.runs(collapse_retries=False, page_size=2).collect()

    assert [(run.id, run.attempt, run.created_at) for run in runs] == [
        (row.id, row.retry + 1, row.at) for row in history.rows
    ]


async def test_a_group_whose_first_attempt_is_lost_comes_where_the_list_ends() -> None:
    rows = [*retried("lost", 0, 40, 90), *retried("late", 1, 60), *retried("a", 5), *retried("b", 70)]
    history = History(row for row in rows if row.place >= 5)
    runs = await history.job.runs(page_size=1).collect()

    assert [run.id for run in runs] == ["b", "a", "late", "lost"]
    assert [run.created_at for run in runs[2:]] == [NOON + timedelta(minutes=60), NOON + timedelta(minutes=40)]
    assert [run.attempt for run in runs] == [1, 1, 2, 3]
    assert runs[2].usage is None  # what the lost attempt has used is not known
    assert runs[0].usage is not None


async def test_ids_that_only_look_like_retries_are_runs() -> None:
    rows = [
        Row("jr_attempt_", started=3),
        Row("jr_attempt_0", started=2),
        Row("_attempt_1", started=1),
        Row("jr_attempt_x"),
    ]
    runs = await History(rows).job.runs().collect()
    assert [(run.id, run.attempt) for run in runs] == [(row.id, 1) for row in rows]


async def test_undated_rows_are_folded_too() -> None:
    history = History([Row("a", 1, started=None, place=3), Row("b", started=2), Row("a", started=None, place=1)])
    assert [seen(run)[:2] for run in await history.job.runs(page_size=1).collect()] == [("b", 1), ("a", 2)]
    assert [run.id for run in await history.job.runs(created_after=NOON).collect()] == ["b"]


def test_runs_without_a_time_end_the_history() -> None:
    fold = RetryFold(JOB)
    first_moment = datetime.fromtimestamp(0.5, UTC)
    runs, behind = fold.add([native.JobRun(Id="u_attempt_1"), native.JobRun(Id="e_attempt_1", StartedOn=first_moment)])

    assert runs == []
    assert [run.id for run in behind.lost()] == ["e", "u"]
    assert behind.ids == ("u_attempt_1", "e_attempt_1")
    assert fold.ids == ()


async def test_a_filter_looks_at_the_run_and_not_at_its_attempts() -> None:
    history = History([*retried("a", 0, 5, 20), *retried("b", 10, state="FAILED"), *retried("c", -50, 60)])
    job = history.job

    assert [run.id for run in await job.runs(states={RunState.FAILED}).collect()] == ["b"]
    assert [run.id for run in await job.runs(states={RunState.SUCCEEDED}).collect()] == ["a", "c"]
    assert [run.id for run in await job.runs(created_after=NOON).collect()] == ["b", "a"]
    assert [run.id for run in await job.runs(states={RunState.FAILED}, collapse_retries=False).collect()] == [
        "b",
        "a_attempt_1",
        "a",
        "c",
    ]


async def test_open_groups_are_got_again_on_resuming_and_nothing_else() -> None:
    history = History([*retried("a", 0, 30, 40), *retried("b", 35), *retried("c", 20), *retried("d", 10, 33)])
    cursor = (await anext(history.job.runs(page_size=4).by_page())).cursor
    history.asked.clear()

    assert [seen(run) for run in await history.job.runs(page_size=4, cursor=cursor).collect()] == folded(history.rows)[
        1:
    ]
    assert sorted(history.asked[:3]) == [
        ("GetJobRun", "a_attempt_1"),
        ("GetJobRun", "a_attempt_2"),
        ("GetJobRun", "d_attempt_1"),
    ]
    assert [operation for operation, _ in history.asked[3:]] == ["GetJobRuns"]


async def test_a_retry_that_has_left_the_history_meanwhile_is_no_error() -> None:
    history = History([*retried("a", 0, 30), *retried("b", 35), *retried("c", 20), *retried("d", 10)])
    cursor = (await anext(history.job.runs(page_size=3).by_page())).cursor
    history.rows = [row for row in history.rows if row.root != "a"]
    assert [run.id for run in await history.job.runs(page_size=3, cursor=cursor).collect()] == ["d"]
    assert ("GetJobRun", "a_attempt_1") in history.asked


groups: Final = st.lists(
    st.tuples(
        st.integers(0, 300),
        st.lists(st.integers(1, 120), max_size=3),
        st.sampled_from(["SUCCEEDED", "FAILED", "RUNNING"]),
        st.integers(0, 30),
    ),
    max_size=8,
)


def rows_of(groups: Iterable[tuple[int, Sequence[int], str, int]]) -> list[Row]:
    """Rows of which each first attempt has started some minutes later than its place in the list says."""
    rows: list[Row] = []
    for index, (place, gaps, state, delay) in enumerate(groups):
        starts = [place + delay + sum(gaps[:retry]) for retry in range(len(gaps) + 1)]
        first, *retries = retried(f"r{index}", *starts, state=state)
        rows += [attrs.evolve(first, place=place), *retries]
    return rows


histories: Final = st.builds(History, groups.map(rows_of), offsets=st.booleans())


@settings(max_examples=150)
@given(histories, st.integers(0, 10), st.integers(1, 6), STEPS)
async def test_wherever_groups_are_cut_they_come_to_the_same(
    history: History, lost: int, size: int, steps: Sequence[Step]
) -> None:
    history.rows = history.rows[: max(0, len(history.rows) - lost)]
    expected = folded(history.rows)
    reader = Reader(
        lambda cursor: history.job.runs(page_size=size, cursor=cursor), add=history.add, expire=history.expire
    )

    assert [seen(run) for run in await reader.read(steps)] == expected


@settings(max_examples=150)
@given(histories, st.integers(0, 6), st.lists(st.integers(0, 330), min_size=2, max_size=2), st.integers(1, 6), STEPS)
async def test_a_window_is_exact_however_early_reading_stops(
    history: History, lost: int, window: list[int], size: int, steps: Sequence[Step]
) -> None:
    # Any row may be missing: of a run that has lost its first attempts the oldest one that is left counts.
    history.rows = [row for at, row in enumerate(history.rows) if (at * 7 + lost) % 5 or lost == 6]
    since, until = sorted(NOON + timedelta(minutes=minutes) for minutes in window)
    expected = [run for run in folded(history.rows) if run[3] is not None and since <= run[3] < until]
    reader = Reader(
        lambda cursor: history.job.runs(created_after=since, created_before=until, page_size=size, cursor=cursor),
        add=history.add,
        expire=history.expire,
    )

    assert [seen(run) for run in await reader.read(steps)] == expected


@pytest.mark.parametrize(("after", "calls"), [(60, 6), (61, 5), (90, 5), (91, 4), (171, 2), (200, 1), (201, 1)])
async def test_reading_stops_soon_after_the_window(after: int, calls: int) -> None:
    history = History(Row(f"r{index}", started=10.0 * index) for index in range(18))
    runs = await history.job.runs(created_after=NOON + timedelta(minutes=after), page_size=3).collect()

    assert [run.id for run in runs] == [row.id for row in history.rows if (row.started or 0) >= after]
    assert len(history.asked) == calls


ATTEMPTS: Final[Mapping[str, list[tuple[str, int]]]] = {
    "a": [("a", 1), ("a_attempt_1", 2), ("a_attempt_2", 3)],
    "a_attempt_1": [("a", 1), ("a_attempt_1", 2), ("a_attempt_2", 3)],
    "a_attempt_2": [("a", 1), ("a_attempt_1", 2), ("a_attempt_2", 3)],
    "b": [("b", 1)],
    "lost": [("lost_attempt_1", 2), ("lost_attempt_2", 3)],
    "lost_attempt_2": [("lost_attempt_1", 2), ("lost_attempt_2", 3)],
    "old_attempt_2": [("old_attempt_2", 3)],
}


@pytest.mark.parametrize("run_id", ATTEMPTS)
async def test_attempts_are_got_one_by_one_from_whichever_id(run_id: str) -> None:
    rows = [*retried("a", 0, 1, 2), *retried("b", 3), *retried("lost", 4, 5, 6)[1:], *retried("old", 7, 8, 9)[2:]]
    job = History(rows).job
    attempts = await job.attempts(run_id).collect()
    run = await job.run(run_id)

    assert [(attempt.id, attempt.number) for attempt in attempts] == ATTEMPTS[run_id]
    assert {attempt.run for attempt in attempts} == {run.ref} == {JOB.run(run_id.partition("_attempt_")[0])}
    assert (run.attempt, run.native.Id, run.created_at) == (
        attempts[-1].number,
        attempts[-1].id,
        attempts[0].created_at,
    )


async def test_an_attempt_that_is_known_is_looked_for_whatever_came_before_it() -> None:
    job = History([Row("a", state="STOPPED"), Row("a", 1, "STOPPED", started=1), Row("a", 2, "STOPPED", started=2)]).job
    assert [attempt.number for attempt in await job.attempts("a").collect()] == [1]
    assert [attempt.number for attempt in await job.attempts("a_attempt_1").collect()] == [1, 2]
    assert [attempt.number for attempt in await job.attempts("a_attempt_2").collect()] == [1, 2, 3]


@pytest.mark.parametrize("state", ["SUCCEEDED", "STOPPED", "RUNNING", "STARTING", "WAITING", "STOPPING"])
async def test_an_attempt_that_is_not_retried_costs_one_call(state: str) -> None:
    history = History(retried("a", 0, state=state))
    assert len(await history.job.attempts("a").collect()) == 1
    assert history.asked == [("GetJobRun", "a")]


@pytest.mark.parametrize("state", ["FAILED", "ERROR", "TIMEOUT", "EXPIRED", "HIBERNATING"])
async def test_an_attempt_that_may_be_retried_costs_one_call_more(state: str) -> None:
    history = History(retried("a", 0, state=state))
    assert len(await history.job.attempts("a").collect()) == 1
    assert history.asked == [("GetJobRun", "a"), ("GetJobRun", "a_attempt_1")]


@pytest.mark.parametrize("run_id", ["none", "none_attempt_2"])
async def test_a_run_of_which_nothing_is_kept_is_not_found_however_often_it_is_asked_for(run_id: str) -> None:
    async with History([]).job.attempts(run_id).open() as walk:
        for _ in range(3):
            with pytest.raises(NotFoundError):
                await anext(walk)


@pytest.mark.parametrize("consumed", [1, 2, 3])
async def test_attempts_are_resumed_after_any_of_them(consumed: int) -> None:
    job = History(retried("a", 0, 1, 2, state="FAILED")).job
    async with job.attempts("a").open() as walk:
        for _ in range(consumed):
            await anext(walk)
        cursor = walk.cursor
    assert [attempt.number for attempt in await job.attempts("a", cursor=cursor).collect()] == [2, 3][consumed - 1 :]


async def test_a_window_has_the_runs_whose_first_attempts_are_lost_and_no_other() -> None:
    rows = [
        *retried("lost", 100, 200, 210)[1:],  # in the window by its oldest attempt that is left
        *retried("before", 100, 205),  # not in the window: its first attempt is further down
        *retried("older", 90, 110, 220)[1:],  # nor is this one: its first attempt is lost, but not the second
        *(Row(f"old{index}", started=float(index)) for index in range(50)),
    ]
    history = History(rows)
    since = NOON + timedelta(minutes=180)
    pages = history.job.runs(created_after=since, page_size=4)
    assert [seen(run)[:2] for run in await pages.collect()] == [("lost", 3)]
    assert len(history.asked) < 15
    whole = [run for run in await history.job.runs().collect() if run.created_at and run.created_at >= since]
    assert whole == await pages.collect()


@pytest.mark.parametrize("gone", range(1, 8))
async def test_a_run_is_got_however_many_of_its_attempts_are_lost(gone: int) -> None:
    history = History(retried("a", *range(8))[gone:])
    history.max_retries = 7
    (listed,) = await history.job.runs().collect()
    for run_id in ("a", "a_attempt_7"):
        assert seen(await history.job.run(run_id)) == seen(listed)
        assert [attempt.number for attempt in await history.job.attempts(run_id).collect()] == [*range(gone + 1, 9)]


@pytest.mark.parametrize("gone", [1, 2, 3, 10])
async def test_a_run_is_got_though_its_job_retries_less_often_since(gone: int) -> None:
    history = History(retried("a", *range(11))[gone:])
    history.max_retries = 0
    (listed,) = await history.job.runs().collect()
    assert seen(await history.job.run("a")) == seen(listed)


@pytest.mark.parametrize("retries", [0, 12])
async def test_a_run_that_is_not_there_is_looked_for_as_far_as_jobs_may_retry(retries: int) -> None:
    history = History([])
    history.max_retries = retries
    with pytest.raises(NotFoundError):
        await history.job.run("none")
    got = ["none", *(f"none_attempt_{number}" for number in range(1, 11))]
    beyond = [f"none_attempt_{number}" for number in range(11, retries + 1)]
    asked = [*(("GetJobRun", run_id) for run_id in got), ("GetJob", None)]
    assert history.asked == [*asked, *(("GetJobRun", run_id) for run_id in beyond)]


@pytest.mark.parametrize("between", [0, 1, 30, 12_000])
async def test_a_retry_that_is_listed_behind_its_run_does_not_bring_it_twice(between: int) -> None:
    first, retry = retried("a", 20_001, 20_002)
    rows = [first, *(Row(f"r{index}", started=20_000.0 - index) for index in range(between)), retry]
    history = History([])
    history.rows = rows
    runs = await history.job.runs().collect()
    assert [run.id for run in runs if run.id == "a"] == ["a"]
    if between < 100:
        assert seen(runs[0])[:3] == ("a", 2, "SUCCEEDED")


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("behind", [0, 1, 4])
async def test_a_retry_that_is_listed_behind_its_run_does_not_bring_it_twice_across_a_cursor(
    size: int, behind: int
) -> None:
    first, retry = retried("a", 20_001, 20_002)
    others = [Row(f"r{index}", started=20_000.0 - index) for index in range(8)]
    for consumed in range(1, 9):
        history = History([])
        history.rows = [first, *others[: 8 - behind], retry, *others[8 - behind :]]
        async with history.job.runs(page_size=size).open() as walk:
            seen = [(await anext(walk)).id for _ in range(consumed)]
            cursor = walk.cursor
        seen += [run.id for run in await history.job.runs(page_size=size, cursor=cursor).collect()]
        assert seen == ["a", *(row.root for row in others)]


async def test_a_run_without_its_first_attempt_comes_where_the_list_ends_though_the_place_is_gone() -> None:
    rows = [*retried("lost", 0, 40, 90), *(Row(f"r{index}", started=1_800.0 - 60 * index) for index in range(6))]
    for consumed in range(1, 7):
        history = History((row for row in rows if row.id not in {"lost", "lost_attempt_1"}), offsets=True)
        async with history.job.runs(page_size=2).open() as walk:
            seen = [(await anext(walk)).id for _ in range(consumed)]
            cursor = walk.cursor
        history.rows = [row for row in history.rows if row.id != seen[-1]]
        history.add(1)
        seen += [run.id for run in await history.job.runs(page_size=2, cursor=cursor).collect()]
        assert seen == [*(f"r{index}" for index in range(6)), "lost"]


@pytest.mark.parametrize("size", [1, 2, 3])
async def test_a_run_that_has_left_does_not_come_again_by_its_retry_which_a_restart_has_met(size: int) -> None:
    history = History([*retried("a", 100, 110), *(Row(f"r{index}", started=90.0 - index) for index in range(8))])
    async with history.job.runs(page_size=size).open() as walk:
        seen = [(await anext(walk)).id for _ in range(4)]
        history.rows = [row for row in history.rows if row.id != "a"]
        history.expire()
        seen += [(await anext(walk)).id for _ in range(2)]
        cursor = walk.cursor
    seen += [run.id for run in await history.job.runs(page_size=size, cursor=cursor).collect()]
    assert seen == ["a", *(f"r{index}" for index in range(8))]


@pytest.mark.parametrize("size", [2, 3])
async def test_a_run_that_has_left_does_not_come_again_by_its_retry_where_the_token_has_expired(size: int) -> None:
    history = History([*retried("a", 100, 110), *(Row(f"r{index}", started=90.0 - index) for index in range(8))])
    page = await anext(history.job.runs(page_size=size).by_page())
    history.rows = [row for row in history.rows if row.id != "a"]
    history.expire()
    walk = history.job.runs(page_size=size, cursor=page.cursor).open()
    seen = [run.id for run in (*page.items, await anext(walk))]
    seen += [run.id for run in await history.job.runs(page_size=size, cursor=walk.cursor).collect()]
    assert seen == ["a", *(f"r{index}" for index in range(8))]


@pytest.mark.parametrize("gone", [[], ["a"], ["a", "a_attempt_1"]])
async def test_a_run_whose_retry_alone_was_read_comes_where_the_token_has_expired(gone: Sequence[str]) -> None:
    rows = [Row("r0", started=120), Row("r1", started=115), *retried("a", 70, 110)]
    history = History(
        [*rows, *(Row(f"r{index}", started=100.0 - index) for index in range(2, 6)), Row("z", started=60)]
    )
    page = await anext(history.job.runs(page_size=3).by_page())
    history.rows = [Row("z", 1, started=200), *(row for row in history.rows if row.id not in gone)]
    history.expire()
    rest = await history.job.runs(page_size=3, cursor=page.cursor).collect()
    behind = {0: ["a", "z"], 1: ["z", "a"], 2: ["z"]}[len(gone)]
    assert [run.id for run in (*page.items, *rest)] == [*(f"r{index}" for index in range(6)), *behind]
    assert [run.attempt for run in rest if run.id == "z"] == [2]
