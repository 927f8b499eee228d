"""The pure core of waiting: what to do after a poll, and when to look again."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import JobRef, JobRun, RunState, Service
from jobruns_sdk.errors import (
    AccessDeniedError,
    CallTimeoutError,
    ClientClosedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    PaginationError,
    ResponseFormatError,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
)
from jobruns_sdk.model.native import Native
from jobruns_sdk.runs.follow import Done, GiveUp, Retrying, Sleep, Unseen, decide
from jobruns_sdk.runs.intervals import PollIntervals, poll_intervals

RUN: Final = JobRef(Service.GLUE, ("etl",)).run("jr_1")
AT: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
TERMINAL: Final = [state for state in RunState if state.is_terminal]
FAILURE: Final = [state for state in RunState if state.is_failure]


def seen(state: RunState, attempt: int = 1) -> JobRun[Native]:
    return JobRun(RUN.job, RUN.run_id, "etl", state, state.name, None, attempt, AT, AT, AT, AT, None, None, Native())


@pytest.mark.parametrize("state", [state for state in RunState if not state.is_terminal])
@pytest.mark.parametrize("retrying", [None, Retrying(0, 1e9, 0)])
def test_a_run_that_has_not_ended_is_looked_at_again(state: RunState, retrying: Retrying | None) -> None:
    assert decide(seen(state), 7, retrying=retrying) == Sleep(7)


@pytest.mark.parametrize("state", TERMINAL)
def test_a_run_that_has_ended_is_done_where_nothing_is_tried_again(state: RunState) -> None:
    assert decide(seen(state), 7) == Done(seen(state))


@pytest.mark.parametrize("state", [state for state in TERMINAL if not state.is_failure])
def test_a_run_that_did_not_fail_is_done_whatever_retries_there_are(state: RunState) -> None:
    assert decide(seen(state), 7, retrying=Retrying(9, 0, 300)) == Done(seen(state))


@pytest.mark.parametrize("state", FAILURE)
@pytest.mark.parametrize(
    ("attempt", "retrying", "expected"),
    [
        (1, Retrying(0, 0, 300), None),
        (1, Retrying(1, 0, 300), 7),
        (2, Retrying(1, 0, 300), None),
        (3, Retrying(1, 0, 300), None),
        (2, Retrying(2, 299, 300), 1),
        (2, Retrying(2, 295, 300), 5),
        (2, Retrying(2, 300, 300), None),
        (1, Retrying(None, 0, 300), 7),
        (1, Retrying(None, 300, 300), None),
        (9, Retrying(None, 298, 300), 2),
        (1, Retrying(9, 0, 0), None),
        (1, Retrying(9, 1e9, 300), None),
    ],
)
def test_a_failed_run_is_done_when_no_retry_can_come(
    state: RunState, attempt: int, retrying: Retrying, expected: float | None
) -> None:
    run = seen(state, attempt)
    assert decide(run, 7, retrying=retrying) == (Done(run) if expected is None else Sleep(expected))


@pytest.mark.parametrize(
    ("error", "passing"),
    [
        (ThrottledError("x"), True),
        (ServiceUnavailableError("x"), True),
        (TransportError("x"), True),
        (CallTimeoutError("x"), True),
        (PaginationError("x"), True),
        (JobRunsError("x", retryable=True), True),
        (JobRunsError("x"), False),
        (TransportError("x", retryable=False), False),
        (NotFoundError("x"), False),
        (AccessDeniedError("x"), False),
        (InvalidRequestError("x"), False),
        (ResponseFormatError("x"), False),
    ],
)
def test_before_a_run_was_seen_only_errors_that_may_pass_have_a_budget(error: JobRunsError, *, passing: bool) -> None:
    assert decide(error, 7) == (Sleep(7) if passing else GiveUp(error))
    assert decide(error, 7, unseen=Unseen(known=False, since=50, most=60)) == (Sleep(7) if passing else GiveUp(error))
    assert decide(error, 7, unseen=Unseen(known=False, since=58, most=60)) == (Sleep(2) if passing else GiveUp(error))
    assert decide(error, 7, unseen=Unseen(known=False, since=60, most=60)) == GiveUp(error)
    # Once it was seen, no answer is a proof that it is gone.
    assert decide(error, 7, unseen=Unseen(known=True, since=50, most=60)) == Sleep(7)
    assert decide(error, 7, unseen=Unseen(known=True, since=60, most=60)) == GiveUp(error)


def test_nothing_is_polled_with_a_client_that_is_closed() -> None:
    error = ClientClosedError("closed")
    assert decide(error, 7, unseen=Unseen(known=True, since=0, most=60)) == GiveUp(error)


@pytest.mark.parametrize("state", RunState)
def test_a_state_that_is_waited_for_is_an_end(state: RunState) -> None:
    assert decide(seen(state), 7, retrying=Retrying(9, 0, 300), until=frozenset({state})) == Done(seen(state))


@given(
    st.sampled_from(RunState),
    st.integers(1, 12),
    st.none() | st.builds(Retrying, st.none() | st.integers(0, 10), st.floats(0, 1e6), st.floats(0, 1e6)),
    st.floats(1e-3, 1e5),
)
def test_no_wait_is_longer_than_the_interval_and_no_end_is_made_up(
    state: RunState, attempt: int, retrying: Retrying | None, interval: float
) -> None:
    verdict = decide(seen(state, attempt), interval, retrying=retrying)
    assert verdict == Done(seen(state, attempt)) or (isinstance(verdict, Sleep) and 0 < verdict.seconds <= interval)
    assert state.is_terminal or verdict == Sleep(interval)


@given(st.floats(1e-3, 1e4), st.floats(1, 100), st.integers(0, 1000))
def test_intervals_begin_with_the_least_and_keep_their_bounds(least: float, factor: float, seed: int) -> None:
    intervals = list(islice(poll_intervals(least, least * factor, Random(seed)), 50))
    assert intervals[0] == least
    assert all(least <= interval <= least * factor for interval in intervals)
    assert all(after <= before * 3 * (1 + 1e-9) for before, after in pairwise(intervals))


def test_intervals_grow_to_the_most_and_do_not_beat_in_time() -> None:
    tenth = [list(islice(poll_intervals(10, 60, Random(seed)), 10))[-1] for seed in range(200)]
    assert sum(tenth) / len(tenth) > 35
    assert len(set(tenth)) > 50


def test_a_pace_refuses_intervals_that_cannot_be() -> None:
    for least in (0, -1):
        with pytest.raises(InvalidRequestError, match=r"^poll_interval must be a timedelta greater than 0, such as"):
            PollIntervals(poll_interval=timedelta(seconds=least))
    with pytest.raises(
        InvalidRequestError, match=r"^max_poll_interval is poll_interval \(0:01:01\) or more, got 0:01:00$"
    ):
        PollIntervals(poll_interval=timedelta(seconds=61), max_poll_interval=timedelta(seconds=60))
    assert next(PollIntervals().intervals(Random(1))) == 10
