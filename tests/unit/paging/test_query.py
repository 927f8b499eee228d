import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.checks import check_count, check_limit, page_size_of
from jobruns_sdk.errors import CursorError, InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.paging.cursor import Cursor, Query
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.services.datazone.translate import STATES as DATAZONE
from jobruns_sdk.services.emr_serverless.translate import STATES as EMR_SERVERLESS
from jobruns_sdk.services.glue.translate import STATES as GLUE

NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)
TICK: Final = timedelta(microseconds=1)
TABLES: Final = {"emr-serverless": EMR_SERVERLESS, "datazone": DATAZONE, "glue": GLUE}

each_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone.max]))


def query_of(one: datetime | None, other: datetime | None, **filters: Any) -> RunQuery:  # noqa: ANN401  # RunQuery's own
    """Return a query whose window is no later at its beginning than at its end."""
    if one is not None and other is not None:
        one, other = sorted((one, other))
    return RunQuery(created_after=one, created_before=other, **filters)


queries = st.builds(
    query_of,
    st.none() | moments,
    st.none() | moments,
    states=st.none() | st.sets(st.sampled_from(RunState), min_size=1),
    native_states=st.none() | st.sets(st.text(), min_size=1),
    order=st.sampled_from([None, "newest", "oldest"]),
    mode=st.none() | st.text(),
    collapse_retries=st.none() | st.booleans(),
)


def run(state: RunState, native_state: str, created_at: datetime | None = NOON) -> JobRun[None]:
    ref = JobRef("glue", ("etl",)).run("jr_0")
    return JobRun(
        ref.job, ref.run_id, None, state, native_state, None, 1, created_at, None, None, None, None, None, None
    )


@pytest.mark.parametrize(
    ("arguments", "wrong", "right"),
    [
        ({"states": {"FINISHED"}}, "FINISHED", "SUCCEEDED"),
        ({"states": "failed"}, "failed", "FAILED"),
        ({"states": {None}}, "None", "FAILED"),
        ({"states": []}, "states", "at least one"),
        ({"native_states": ()}, "native_states", "at least one"),
        ({"created_after": datetime(2026, 11, 21)}, "2026, 11, 21", "time zone"),  # noqa: DTZ001  # naive on purpose
        ({"created_before": date(2026, 11, 21)}, "2026, 11, 21", "time zone"),
        ({"created_after": "2026-11-21T12:00:00Z"}, "2026-11-21T12", "time zone"),
        ({"created_after": 0}, "0", "time zone"),
        ({"order": "descending"}, "descending", "newest"),
        ({"order": ""}, "''", "oldest"),
    ],
)
def test_what_cannot_be_right_is_refused(arguments: Mapping[str, Any], wrong: str, right: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RunQuery(**arguments)
    assert wrong in str(caught.value)
    assert right in str(caught.value)
    assert not isinstance(caught.value, CursorError)


STATES: Final = f"states are {', '.join(state.value for state in RunState)}"
TIMEOUT: Final = (
    "states: 'TIMEOUT' is not a RunState, it is a service's own name for TIMED_OUT: use that, "
    f"or native_states={{'TIMEOUT'}}; {STATES}"
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"states": ["BROKEN"]}, f"states: 'BROKEN' is not a RunState; {STATES}"),
        ({"states": ["failed"]}, f"states: 'failed' is not a RunState, nearest is FAILED; {STATES}"),
        ({"states": {"TIMEOUT"}}, TIMEOUT),
        ({"native_states": ["FAILED", 5]}, "each of native_states must be a state, such as 'FAILED', got 5"),
        (
            {"created_after": 5},
            "created_after must be a datetime with a time zone, such as datetime.now(UTC), or None, got 5",
        ),
        ({"order": "random"}, "order must be 'newest' or 'oldest', or None, got 'random'"),
    ],
)
def test_what_is_refused_is_told_with_what_is_right(arguments: Mapping[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RunQuery(**arguments)
    assert caught.value.message == text


def test_states_may_be_given_by_name_and_alone() -> None:
    by_name: Any = ["FAILED", RunState.STOPPED]
    assert RunQuery(states=by_name) == RunQuery(states={RunState.FAILED, RunState.STOPPED})
    lone: Any = RunState.FAILED
    assert RunQuery(states=lone) == RunQuery(states=[RunState.FAILED])


@pytest.mark.parametrize("name", ["states", "native_states"])
def test_a_text_is_no_collection_of_states(name: str) -> None:
    with pytest.raises(
        InvalidRequestError, match=rf"{name} must be a list or another collection of states, .*got 'FAILED'"
    ):
        RunQuery(**{name: "FAILED"})  # type: ignore[arg-type]  # wrong on purpose


def test_a_window_ends_no_earlier_than_it_begins() -> None:
    with pytest.raises(InvalidRequestError, match="created_after must not be later than created_before"):
        RunQuery(created_after=NOON, created_before=NOON - TICK)


@each_table
def test_an_empty_window_asks_for_nothing(table: Mapping[str, RunState]) -> None:
    east = NOON.astimezone(timezone(timedelta(hours=9)))

    assert RunQuery(created_after=NOON, created_before=east).wanted(table) == ()


class Berlin(tzinfo):
    """The time in Berlin in 2026, without a database of zones."""

    def utcoffset(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        wall = moment.replace(tzinfo=None)
        until = datetime(2026, 10, 25, 2 if moment.fold else 3)  # noqa: DTZ001  # by the clock on the wall
        is_summer = datetime(2026, 3, 29, 3) <= wall < until  # noqa: DTZ001  # as above
        return timedelta(hours=2 if is_summer else 1)

    def dst(self, moment: datetime | None) -> timedelta:
        return self.utcoffset(moment) - timedelta(hours=1)

    def tzname(self, moment: datetime | None) -> str:
        return "CEST" if self.dst(moment) else "CET"


class Instant(datetime):
    """A datetime as other packages have their own, such as pandas, whose missing one has no offset to be asked for."""

    def utcoffset(self) -> timedelta | None:
        if self.tzinfo is None:
            raise ValueError("Instant does not support utcoffset")
        return super().utcoffset()


def test_a_window_is_one_of_instants_where_the_clock_on_the_wall_is_set() -> None:
    spring = RunQuery(created_after=datetime(2026, 3, 29, 3, 15, tzinfo=Berlin()))
    assert spring.created_after_less(timedelta(minutes=30)) == datetime(2026, 3, 29, 0, 45, tzinfo=UTC)
    before, after = (datetime(2026, 10, 25, 2, 30, tzinfo=Berlin(), fold=fold) for fold in (0, 1))
    autumn = RunQuery(created_after=before, created_before=after)
    assert autumn.wanted(GLUE) is None
    assert autumn.accepts(run(RunState.FAILED, "FAILED", datetime(2026, 10, 25, 1, tzinfo=UTC)))
    assert RunQuery(created_after=before).resumed(Cursor("", autumn.to_cursor(), {})) == autumn
    with pytest.raises(InvalidRequestError, match="created_after must not be later than created_before"):
        RunQuery(created_after=after, created_before=before)


def test_a_window_may_be_given_in_datetimes_of_other_packages() -> None:
    query = RunQuery(created_after=Instant(2026, 11, 21, 12, tzinfo=UTC))
    assert type(query.created_after) is datetime
    assert query.to_cursor() == RunQuery(created_after=NOON).to_cursor()
    with pytest.raises(InvalidRequestError, match="created_after must be a datetime with a time zone"):
        RunQuery(created_after=Instant(2026, 11, 21))


@pytest.mark.parametrize("count", [0, -1, 1.0, True, "5", float("inf")])
def test_counts_are_whole_numbers_of_one_or_more(count: Any) -> None:  # noqa: ANN401  # wrong on purpose
    with pytest.raises(InvalidRequestError, match="burst must be an integer of 1 or more, got"):
        check_count("burst", count)
    with pytest.raises(InvalidRequestError, match="page_size must be an integer of 1 or more, or None, got"):
        page_size_of(count, 50)


def test_none_is_told_as_right_only_where_it_is() -> None:
    check_limit("limit", None)
    with pytest.raises(InvalidRequestError, match=r"^burst must be an integer of 1 or more, got None$"):
        check_count("burst", None)


def test_a_page_size_is_at_most_the_largest() -> None:
    assert [page_size_of(asked, 50) for asked in (None, 1, 49, 50, 51, 10**9)] == [50, 1, 49, 50, 50, 50]


@each_table
def test_without_filters_every_run_is_accepted(table: Mapping[str, RunState]) -> None:
    assert RunQuery().wanted(table) is None
    assert RunQuery().filter is None
    assert RunQuery(order="newest", mode="BATCH", collapse_retries=False).filter is None


@each_table
def test_native_states_that_can_satisfy_the_filters_are_known(table: Mapping[str, RunState]) -> None:
    for state in RunState:
        wanted = RunQuery(states={state}).wanted(table)
        if state is RunState.UNKNOWN:
            assert wanted is None  # only reading all can find a state that nobody knows yet
        else:
            assert wanted == tuple(name for name in table if table[name] is state)
    for name in table:
        assert RunQuery(native_states={name}).wanted(table) == (name,)
        assert RunQuery(native_states={name}, states={table[name]}).wanted(table) == (name,)
        assert RunQuery(native_states={name}, states=set(RunState) - {table[name]}).wanted(table) == ()
    assert RunQuery(native_states=table).wanted(table) is None
    assert RunQuery(states=set(RunState)).wanted(table) is None
    assert RunQuery(native_states=table, states={RunState.UNKNOWN}).wanted(table) == ()


def test_states_are_asked_for_in_the_order_of_a_runs_life() -> None:
    assert RunQuery(states=UNSUCCESSFUL).wanted(EMR_SERVERLESS) == ("FAILED", "CANCELLED")
    assert RunQuery(states={RunState.QUEUED}).wanted(EMR_SERVERLESS) == ("SUBMITTED", "QUEUED", "PENDING")


@each_table
def test_a_native_state_that_the_service_does_not_have_is_refused(table: Mapping[str, RunState]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RunQuery(native_states={"SUCCEDED", next(iter(table))}).wanted(table)
    assert caught.value.message == f"unknown native_states ['SUCCEDED'], known are {', '.join(sorted(table))}"


def test_states_and_native_states_must_both_hold() -> None:
    both = RunQuery(states={RunState.FAILED}, native_states={"ERROR", "TIMEOUT"})
    assert both.accepts(run(RunState.FAILED, "ERROR"))
    assert not both.accepts(run(RunState.FAILED, "FAILED"))
    assert not both.accepts(run(RunState.TIMED_OUT, "TIMEOUT"))
    assert RunQuery(states={RunState.UNKNOWN}).accepts(run(RunState.UNKNOWN, "HIBERNATING"))


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    window = RunQuery(created_after=NOON, created_before=NOON + timedelta(hours=1))
    inside = [NOON, NOON + TICK, NOON + timedelta(hours=1) - TICK]
    outside = [NOON - TICK, NOON + timedelta(hours=1), None]

    assert all(window.accepts(run(RunState.FAILED, "FAILED", moment)) for moment in inside)
    assert not any(window.accepts(run(RunState.FAILED, "FAILED", moment)) for moment in outside)
    assert not RunQuery(created_after=NOON).accepts(run(RunState.FAILED, "FAILED", None))
    assert not RunQuery(created_before=NOON).accepts(run(RunState.FAILED, "FAILED", None))
    assert RunQuery(states={RunState.FAILED}).accepts(run(RunState.FAILED, "FAILED", None))


@given(queries, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)))
def test_slack_widens_the_window_and_never_leaves_the_calendar(query: RunQuery, slack: timedelta) -> None:
    since, until = query.created_after_less(slack), query.created_before_plus(slack)
    if query.created_after is None or query.created_after < EPOCH + slack:
        assert since is None
    else:
        assert since == query.created_after - slack
    if query.created_before is None:
        assert until is None
    else:
        assert until is not None
        assert until >= query.created_before
        assert until == query.created_before + slack or query.created_before < EPOCH or until > LAST - slack


@pytest.mark.parametrize(
    ("since", "less"),
    [(timedelta(hours=2), EPOCH + timedelta(hours=1)), (timedelta(hours=1), EPOCH), (timedelta(minutes=59), None)],
)
def test_a_bound_before_all_runs_is_none(since: timedelta, less: datetime | None) -> None:
    assert RunQuery(created_after=EPOCH + since).created_after_less(timedelta(hours=1)) == less


def test_only_datazone_lists_the_oldest_first() -> None:
    assert RunQuery(order="newest").only_newest_first("glue").newest_first
    assert RunQuery().newest_first
    with pytest.raises(
        UnsupportedOperationError, match=r"^glue: only DataZone can list the oldest runs first$"
    ) as caught:
        RunQuery(order="oldest").only_newest_first("glue")
    assert caught.value.service == "glue"


def cursor_of(query: Query) -> Cursor:
    """A cursor that carries such a query, through its text."""
    return Cursor.parse(str(Cursor("runs", query, {})), "runs")


@given(queries)
def test_a_cursor_restores_the_filters(query: RunQuery) -> None:
    json.dumps(query.to_cursor())
    cursor = cursor_of(query.to_cursor())
    assert RunQuery().resumed(cursor) == query
    assert query.resumed(cursor) == query


@given(queries, queries)
def test_filters_that_are_not_the_cursors_are_refused(query: RunQuery, other: RunQuery) -> None:
    usual = {"order": "newest", "collapse_retries": True}
    differs = [
        name
        for name in ("states", "native_states", "created_after", "created_before", "order", "mode", "collapse_retries")
        if getattr(other, name) is not None
        and getattr(other, name) != (usual.get(name) if getattr(query, name) is None else getattr(query, name))
    ]
    cursor = cursor_of(query.to_cursor())
    if not differs:
        assert other.resumed(cursor) == query
        return
    with pytest.raises(CursorError, match=differs[0]):
        other.resumed(cursor)


def test_the_same_filter_in_other_words_is_the_same() -> None:
    cursor = cursor_of(RunQuery(states={RunState.FAILED, RunState.STOPPED}, created_after=NOON).to_cursor())
    east = NOON.astimezone(timezone(timedelta(hours=9)))
    again = RunQuery(
        states=[RunState.STOPPED, RunState.FAILED], created_after=east, order="newest", collapse_retries=True
    )
    assert again.resumed(cursor).created_after == NOON


@pytest.mark.parametrize(
    "query",
    [
        {"states": ["HIBERNATING"]},
        {"created_after": "yesterday"},
        {"created_after": "2026-11-21T12:00:00"},
        {"order": "random"},
        {"owner": "me"},
        {"mode": True},
    ],
)
def test_filters_that_this_version_does_not_know_are_refused(query: Query) -> None:
    with pytest.raises(CursorError, match="another version"):
        RunQuery().resumed(cursor_of(query))


class Text(str):
    """Text as YAML readers and numpy give it."""

    __slots__ = ()


def test_text_of_other_types_is_carried_as_text() -> None:
    query = RunQuery(native_states={Text("FAILED")}, mode=Text("BATCH"))
    said = query.to_cursor()
    assert (said, type(said["mode"])) == (RunQuery(native_states={"FAILED"}, mode="BATCH").to_cursor(), str)
