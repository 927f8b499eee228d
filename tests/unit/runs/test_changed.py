"""Decisions about changes: statuses that are compared, marks in cursors, and what moves the mark."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from jobruns_sdk import CursorError, JobRef, JobRun, RunState
from jobruns_sdk.paging.cursor import Cursor, Place, short
from jobruns_sdk.paging.cursor import Mark as Passed
from jobruns_sdk.runs.changed import (
    Followed,
    Mark,
    Status,
    begin_of,
    is_page_worthwhile,
    next_mark,
    seconds_of,
    status_of,
)
from jobruns_sdk.runs.news import JobNews, LookRules

NOON: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
OVERLAP: Final = timedelta(minutes=30, seconds=30)
RULES: Final = LookRules(None, timedelta(seconds=30), 30 * MINUTE, 1000)
JOB: Final = JobRef("emr-serverless", ("00f1app",), "eu-west-1")


def run(run_id: str, state: RunState, *, created: datetime | None = NOON, attempt: int = 1) -> JobRun[Any]:
    native, native_state = object(), state.value
    ended = None if created is None or not state.is_terminal else created + MINUTE
    return JobRun(
        job=JOB,
        id=run_id,
        name=None,
        state=state,
        native_state=native_state,
        message=None,
        attempt=attempt,
        created_at=created,
        started_at=created,
        updated_at=ended or created,
        ended_at=ended,
        created_by=None,
        usage=None,
        native=native,
    )


def status(state: RunState, attempt: int = 1) -> Status:
    return status_of(run("r", state, attempt=attempt), thin=False)


@pytest.mark.parametrize(
    ("told", "known", "behind"),
    [
        ((RunState.QUEUED, 2), (RunState.FAILED, 1), False),
        ((RunState.FAILED, 1), (RunState.QUEUED, 2), True),
        ((RunState.RUNNING, 1), (RunState.FAILED, 1), True),
        ((RunState.FAILED, 1), (RunState.RUNNING, 1), False),
        ((RunState.STARTING, 1), (RunState.RUNNING, 1), True),
        ((RunState.STOPPING, 1), (RunState.RUNNING, 1), False),
        ((RunState.RUNNING, 1), (RunState.RUNNING, 1), False),
        ((RunState.UNKNOWN, 1), (RunState.STOPPING, 1), False),
        ((RunState.QUEUED, 1), (RunState.UNKNOWN, 1), False),
        ((RunState.UNKNOWN, 1), (RunState.SUCCEEDED, 1), True),
        ((RunState.SUCCEEDED, 1), (RunState.FAILED, 1), False),
    ],
)
def test_a_state_never_goes_back(told: tuple[RunState, int], known: tuple[RunState, int], behind: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    assert status(*told).is_behind(status(*known)) is behind


def test_marks_come_back_from_cursors_and_take_what_is_stated() -> None:
    ids = [f"jr_{number:064x}" for number in range(1000)]
    mark = Mark(
        NOON,
        {short(ids[0]): (status(RunState.FAILED), seconds_of(NOON))},
        {one: Followed(status(RunState.RUNNING), NOON) for one in ids}
        | {"a b\n%": Followed(status(RunState.FAILED, 12), None, NOON)},
    )
    assert Mark.of_place(mark.place()) == mark
    empty = Mark(None)
    assert Mark.of_place(empty.place()) == empty
    body = sum(len(text) + 3 for text in mark.place().state)
    assert body / len(mark.open) <= 116
    assert len(str(Cursor("x", {}, {"glue:etl": mark.place()}))) / len(mark.open) < 116


@pytest.mark.parametrize(
    "place",
    [
        None,
        Place("t"),
        Place(after=Passed("a", None)),
        Place(passed=("x",)),
        Place(state=("1e12345678 1 1",)),
        Place(state=("1z12345678 1 ~ jr_0",)),
        Place(state=("1e12345678 999999999999 ~ jr_0",)),
    ],
)
def test_other_places_are_refused(place: Place | None) -> None:
    with pytest.raises(CursorError):
        Mark.of_place(place)


def test_a_new_job_begins_at_created_after_and_a_known_one_before_its_mark() -> None:
    assert begin_of(None, None, OVERLAP) is None
    assert begin_of(None, NOON, OVERLAP) == NOON
    assert begin_of(Mark(NOON), NOON + HOUR, OVERLAP) == NOON - OVERLAP
    assert begin_of(Mark(None), NOON + HOUR, OVERLAP) is None


def mark_after(**given: Any) -> Mark:  # noqa: ANN401  # arguments of next_mark
    said: dict[str, Any] = {
        "newest": None,
        "told": {},
        "followed": {},
        "overlap": OVERLAP,
        "grace": 30 * MINUTE,
        "now": None,
    }
    return next_mark(given.pop("before", NOON), **said | given)


def test_the_mark_never_goes_back_and_not_into_the_future() -> None:
    assert mark_after().until == NOON
    assert mark_after(newest=NOON - HOUR).until == NOON
    assert mark_after(newest=NOON + HOUR).until == NOON + HOUR
    assert mark_after(newest=NOON + HOUR, now=NOON + MINUTE).until == NOON + MINUTE + timedelta(seconds=1)


def test_what_lies_before_the_overlap_is_forgotten() -> None:
    told = {key: (status(RunState.FAILED), seconds_of(at)) for key, at in (("old", NOON - HOUR), ("new", NOON))}
    assert mark_after(told=told).told.keys() == {"new"}


@pytest.mark.parametrize(("now", "is_followed"), [(29, True), (30, False)])
def test_a_failed_run_is_followed_for_the_grace(now: int, is_followed: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    followed = {"a": Followed(status(RunState.FAILED), NOON, NOON), "b": Followed(status(RunState.RUNNING), NOON)}
    assert ("a" in mark_after(followed=followed, now=NOON + now * MINUTE).open) is is_followed
    assert "b" in mark_after(followed=followed, now=NOON + 999 * HOUR).open


def test_a_page_is_read_for_two_followed_runs_or_more() -> None:
    page = [NOON, NOON - HOUR, None]
    near, far = (
        Followed(status(RunState.RUNNING), NOON - 1.5 * HOUR),
        Followed(status(RunState.RUNNING), NOON - 9 * HOUR),
    )
    assert is_page_worthwhile([near, near, far], page)
    assert not is_page_worthwhile([near, far, far], page)
    assert not is_page_worthwhile([near, near], [None])


def news(mark: Mark | None, rules: LookRules = RULES) -> JobNews:
    return JobNews(mark, rules, folds=None, thin=True, retried=False)


def ids(rows: Any) -> list[str]:  # noqa: ANN401  # runs
    return [row.id for row in rows]


def test_rows_are_told_once_and_again_when_they_change() -> None:
    first = news(None)
    rows = [run("c", RunState.RUNNING), run("b", RunState.SUCCEEDED, created=NOON - 10 * MINUTE)]
    old = run("a", RunState.SUCCEEDED, created=NOON - 9 * HOUR)
    assert ids(first.of_page([*rows, old])) == ["c", "b", "a"]
    mark = first.mark_behind(None)
    assert mark.open.keys() == {"c"}
    second = news(mark)
    assert second.of_page([*rows, old]) == []
    assert second.left == {}
    late = run("d", RunState.SUCCEEDED, created=NOON - 20 * MINUTE)
    assert ids(second.of_page([run("c", RunState.SUCCEEDED), late])) == ["c", "d"]
    assert second.mark_behind(None).open == {}
    third = news(second.mark_behind(None))
    assert third.of_page([*rows, late]) == []  # a stale list
    assert third.mark_behind(None).open == {}


def test_a_run_without_a_time_is_told_once() -> None:
    first = news(None)
    timeless = run("a", RunState.FAILED, created=None)
    assert ids(first.of_page([timeless, run("b", RunState.SUCCEEDED)])) == ["a", "b"]
    assert news(first.mark_behind(None)).of_page([timeless]) == []


def test_amid_the_list_of_a_new_job_it_begins_at_the_same_time_again() -> None:
    rules = LookRules(NOON - HOUR, RULES.lag, RULES.retry_grace, 1000)
    look = news(None, rules)
    look.of_page([run("a", RunState.RUNNING)])
    mark = look.mark_amid()
    assert mark.open.keys() == {"a"}
    assert begin_of(mark, None, rules.overlap) == NOON - HOUR
    assert begin_of(Mark.of_place(mark.place()), None, rules.overlap) == NOON - HOUR
