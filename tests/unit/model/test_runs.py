import copy
import pickle
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import attrs
import msgspec
import pytest

from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.native import Native, secret_members
from jobruns_sdk.model.runs import Attempt, Job, JobRun, RunFailedError, RunNotFinishedError, StopOutcome, Usage
from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.paging.page import Page
from jobruns_sdk.serialization.kinds import kinds_with
from jobruns_sdk.services.glue import native as glue
from tests.unit.values import ATTEMPT, CANARY, CREATED, ENDED, JOB, NATIVE, REF, RUN

ACTIVE: Final = {RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING}
TERMINAL: Final = {
    RunState.SUCCEEDED,
    RunState.PARTIALLY_SUCCEEDED,
    RunState.FAILED,
    RunState.STOPPED,
    RunState.TIMED_OUT,
}
VALUES: Final = [
    RUN,
    ATTEMPT,
    Job(JOB, "nightly-etl", None, glue.Job(Name="nightly-etl")),
    Usage(dpu_hours=1.5),
    StopOutcome(REF, accepted=True),
    StateChange(RUN, None, RunState.FAILED, 1, ENDED),
    JOB,
    REF,
]

each_state = pytest.mark.parametrize("state", RunState)
each_value = pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)


def test_the_states() -> None:
    assert [str(state) for state in RunState] == [
        "QUEUED",
        "STARTING",
        "RUNNING",
        "STOPPING",
        "SUCCEEDED",
        "PARTIALLY_SUCCEEDED",
        "FAILED",
        "STOPPED",
        "TIMED_OUT",
        "UNKNOWN",
    ]


def test_a_state_is_active_or_terminal_or_unknown() -> None:
    assert {state for state in RunState if state.is_active} == ACTIVE
    assert {state for state in RunState if state.is_terminal} == TERMINAL
    assert set(RunState) - ACTIVE - TERMINAL == {RunState.UNKNOWN}


def test_failures_are_among_what_went_wrong() -> None:
    failures = {state for state in RunState if state.is_failure}

    assert failures == {RunState.FAILED, RunState.TIMED_OUT}
    assert failures | {RunState.STOPPED, RunState.PARTIALLY_SUCCEEDED} == UNSUCCESSFUL
    assert TERMINAL - {RunState.SUCCEEDED} == UNSUCCESSFUL


@each_state
def test_a_run_and_an_attempt_go_by_their_state(state: RunState) -> None:
    run, attempt = attrs.evolve(RUN, state=state), attrs.evolve(ATTEMPT, state=state)

    assert run.is_terminal is attempt.is_terminal is (state in TERMINAL)
    assert run.succeeded is (state == "SUCCEEDED")


@each_state
@pytest.mark.parametrize("allow_partial", [False, True])
def test_raise_for_state_returns_what_succeeded(state: RunState, *, allow_partial: bool) -> None:
    run = attrs.evolve(RUN, state=state, native_state="IT_IS")

    if state is RunState.SUCCEEDED or (allow_partial and state is RunState.PARTIALLY_SUCCEEDED):
        assert run.raise_for_state(allow_partial=allow_partial) is run
        return
    expected = RunFailedError if state in TERMINAL else RunNotFinishedError
    with pytest.raises(expected) as raised:
        run.raise_for_state(allow_partial=allow_partial)
    assert raised.value.run is run
    assert raised.value.service == "glue"
    assert all(part in str(raised.value) for part in (str(REF), state, "IT_IS"))


def test_raise_for_state_quotes_the_message_and_nothing_secret() -> None:
    run = attrs.evolve(RUN, message="line one\nline two " + "x" * 100_000)

    with pytest.raises(RunFailedError) as raised:
        run.raise_for_state()

    assert "line one\\nline two" in str(raised.value)
    assert len(str(raised.value)) < 700
    assert CANARY not in str(raised.value) + repr(raised.value)


def test_raise_for_state_takes_no_partial_success_unless_told() -> None:
    with pytest.raises(RunFailedError):
        attrs.evolve(RUN, state=RunState.PARTIALLY_SUCCEEDED).raise_for_state()


@pytest.mark.parametrize("letters", [498, 499])
def test_raise_for_state_cuts_the_message_at_500_characters(letters: int) -> None:
    quoted = f"'{'x' * 498}'" if letters == 498 else f"'{'x' * 496}..."

    with pytest.raises(RunFailedError) as raised:
        attrs.evolve(RUN, message="x" * letters).raise_for_state()

    assert raised.value.message.partition(": ")[2] == quoted


def test_raise_for_state_needs_no_message() -> None:
    with pytest.raises(RunFailedError, match=r"jr_0\?region=eu-west-1 ended as FAILED$"):
        attrs.evolve(RUN, message=None).raise_for_state()


@pytest.mark.parametrize(("native_state", "told"), [("RUNNING", "RUNNING"), ("WAITING", r"RUNNING \(WAITING\)")])
def test_raise_for_state_names_the_services_own_word_where_that_is_another(native_state: str, told: str) -> None:
    run = attrs.evolve(RUN, state=RunState.RUNNING, native_state=native_state)
    with pytest.raises(RunNotFinishedError, match=rf"jr_0\?region=eu-west-1 has not ended: it is {told}$"):
        run.raise_for_state()


def test_what_a_run_takes_from_its_reference() -> None:
    assert (RUN.id, RUN.job, RUN.service) == ("jr_0", JOB, "glue")


def test_a_duration_needs_both_ends() -> None:
    assert RUN.duration == ATTEMPT.duration == timedelta(minutes=5)
    assert attrs.evolve(RUN, started_at=None).duration is None
    assert attrs.evolve(RUN, ended_at=None).duration is None
    assert attrs.evolve(ATTEMPT, started_at=None).duration is None
    assert attrs.evolve(ATTEMPT, ended_at=None).duration is None


def test_no_run_ends_before_it_starts() -> None:
    assert attrs.evolve(RUN, ended_at=CREATED - timedelta(hours=1)).duration is None
    assert attrs.evolve(ATTEMPT, ended_at=CREATED - timedelta(hours=1)).duration is None
    assert attrs.evolve(RUN, ended_at=RUN.started_at).duration == timedelta(0)


def test_a_run_that_waited_lasts_from_its_start() -> None:
    assert attrs.evolve(RUN, created_at=CREATED - timedelta(hours=1)).duration == timedelta(minutes=5)


@pytest.mark.parametrize("value", [RUN, ATTEMPT, VALUES[2]], ids=lambda value: type(value).__name__)
def test_native_takes_no_part_in_equality_or_hash(value: JobRun[Any] | Attempt[Any] | Job[Any]) -> None:
    other = attrs.evolve(value, native=glue.JobRun(Id="another"))

    assert other == value
    assert hash(other) == hash(value)
    assert other.native != value.native


@pytest.mark.parametrize(
    "name", [field.name for field in attrs.fields(JobRun) if field.name not in {"native", "usage"}]
)
def test_every_other_member_takes_part_in_equality(name: str) -> None:
    changes: dict[str, Any] = {name: "other"}

    assert attrs.evolve(RUN, **changes) != RUN


def test_runs_are_told_apart_by_what_they_used() -> None:
    assert attrs.evolve(RUN, usage=Usage(dpu_hours=1.5, basis="estimated")) != RUN
    assert len({RUN, attrs.evolve(RUN), attrs.evolve(RUN, usage=None)}) == 2


@each_value
def test_values_are_frozen(value: Any) -> None:  # noqa: ANN401  # any member of any value
    for field in value.__attrs_attrs__:
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            setattr(value, field.name, None)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.something_new = None


@each_value
def test_values_travel_between_processes(value: object) -> None:
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value  # noqa: S301  # our own bytes


def test_a_pickled_run_keeps_its_native_structure() -> None:
    run: JobRun[glue.JobRun] = pickle.loads(pickle.dumps(RUN))  # noqa: S301  # our own bytes

    assert run.native == NATIVE


@each_value
def test_no_repr_shows_a_secret(value: object) -> None:
    assert CANARY not in repr(value) + str(value) + repr(Page((value,), None))


SECRETS: Final = [
    pytest.param(kind, name, id=f"{kind_name}.{name}")
    for kind_name, kind in kinds_with(None).natives.items()
    for name in sorted(secret_members(kind))
]


def holding(kind: type[Native], name: str, text: str) -> Native:
    """Return a structure that holds a text in a member, whatever the member's type."""
    for value in (text, {"hive": {"query": text}}, {"a": text}, [text]):
        with suppress(msgspec.ValidationError):
            return msgspec.convert({name: value}, kind)
    raise AssertionError(name)


@pytest.mark.parametrize(("kind", "name"), SECRETS)
def test_no_value_shows_a_secret_of_its_native_structure(kind: type[Native], name: str) -> None:
    native = holding(kind, name, CANARY)
    run: JobRun[Any] = RUN
    attempt: Attempt[Any] = ATTEMPT
    values = (attrs.evolve(run, native=native), attrs.evolve(attempt, native=native), Job(JOB, None, None, native))

    assert CANARY in str(msgspec.to_builtins(native))
    assert CANARY not in repr(native) + str(native) + repr(values) + "".join(map(str, values))
    with pytest.raises(RunFailedError) as raised:
        values[0].raise_for_state()
    assert CANARY not in str(raised.value) + repr(raised.value) + repr(raised.value.args)


@pytest.mark.parametrize("value", [RUN, ATTEMPT], ids=lambda value: type(value).__name__)
def test_a_repr_cuts_long_messages(value: JobRun[Any] | Attempt[Any]) -> None:
    short, long = attrs.evolve(value, message="m"), attrs.evolve(value, message="first\nsecond" + "x" * 1_000_000)

    assert len(repr(long)) < len(repr(short)) + 100
    assert "'first\\nsecondxxx" in repr(long)


@pytest.mark.parametrize(("letters", "quoted"), [(78, f"'{'x' * 78}'"), (79, f"'{'x' * 76}...")])
def test_a_repr_holds_a_message_of_80_characters(letters: int, quoted: str) -> None:
    assert repr(attrs.evolve(RUN, message="x" * letters)).endswith(f", {quoted}>")


def test_a_change_reads_well() -> None:
    first = StateChange(RUN, None, RunState.QUEUED, 1, ENDED)
    then = StateChange(RUN, RunState.QUEUED, RunState.FAILED, 2, ENDED)

    assert str(first) == "2026-11-20 02:05:04 glue:nightly-etl/jr_0?region=eu-west-1: QUEUED (attempt 1)"
    assert str(then).endswith(": QUEUED -> FAILED (attempt 2)")


def states_of(runs: list[JobRun[object]]) -> list[RunState]:
    return [run.state for run in runs]


def test_a_run_of_a_service_serves_where_any_run_does() -> None:
    """Type checkers hold this test to it: the model is covariant in its native type."""
    run: JobRun[glue.JobRun] = RUN

    assert states_of([run, run.raise_for_state() if run.succeeded else run]) == [RunState.FAILED] * 2
