"""The later word about a run wins, in whatever order words come, and a state never goes back."""

from collections.abc import Iterable
from datetime import timedelta
from itertools import permutations
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.history.merging import merged, prevails
from jobruns_sdk.history.rows import RunRow, encoder, row_from_run
from jobruns_sdk.model.runs import Usage
from tests.history.kit import NOON, run_of

_ENCODE: Final = encoder(native=True, include_secrets=False)
_ACTIVE: Final = ("QUEUED", "STARTING", "RUNNING", "STOPPING")
_ENDED: Final = ("SUCCEEDED", "FAILED", "STOPPED")


def _row(state: str = "RUNNING", **members: Any) -> RunRow:  # noqa: ANN401  # those of JobRun
    return row_from_run(run_of("jr_1", state=state, **members), _ENCODE)


LIFE = (
    _row("QUEUED"),
    _row("RUNNING", updated_at=NOON.replace(minute=2)),
    _row("FAILED"),
    _row("RUNNING", attempt=2, updated_at=NOON.replace(minute=30)),
    _row("SUCCEEDED", attempt=2, updated_at=NOON.replace(minute=50), ended_at=NOON.replace(minute=50)),
)
"""A run that failed, and succeeded when it was tried again."""


def _after(told: Iterable[RunRow]) -> RunRow | None:
    known = None
    for row in told:
        known = merged(known, row)
    return known


def test_in_whatever_order_words_come_the_last_one_stays() -> None:
    assert {_after(told) for told in permutations(LIFE)} == {LIFE[-1]}


@st.composite
def _told(draw: st.DrawFn) -> tuple[list[RunRow], list[RunRow]]:
    """Return the words about a run in the order of its life, and some of them as they were heard."""
    life: list[RunRow] = []
    for attempt in range(1, draw(st.integers(1, 3)) + 1):
        states = draw(st.sets(st.sampled_from(_ACTIVE)).map(lambda chosen: sorted(chosen, key=_ACTIVE.index)))
        for state in [*states, *draw(st.lists(st.sampled_from(_ENDED), min_size=1, max_size=2))]:
            at = NOON + timedelta(minutes=len(life))
            life.append(_row(state, attempt=attempt, updated_at=at, ended_at=at if state in _ENDED else None))
    return life, draw(st.lists(st.sampled_from(life), min_size=1))


@given(_told())
def test_what_stays_is_the_latest_word_that_was_heard(told: tuple[list[RunRow], list[RunRow]]) -> None:
    life, heard = told
    assert _after(heard) == life[max(map(life.index, heard))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (_row("FAILED"), _row("RUNNING", updated_at=NOON.replace(minute=59))),  # a stale list, whatever its times
        (_row("RUNNING"), _row("STARTING", updated_at=NOON.replace(minute=59))),
        (_row("STOPPING"), _row("RUNNING")),
        (_row("RUNNING", attempt=2), _row("FAILED", updated_at=NOON.replace(minute=59))),
        (_row("FAILED", updated_at=NOON.replace(minute=9)), _row("SUCCEEDED", updated_at=NOON.replace(minute=8))),
        (_row("UNKNOWN", updated_at=NOON.replace(minute=9)), _row("RUNNING", updated_at=NOON.replace(minute=8))),
    ],
)
def test_what_is_older_is_passed_over_in_either_order(old: RunRow, new: RunRow) -> None:
    assert not prevails(new, old)
    assert prevails(old, new)
    assert merged(old, new) == merged(new, old) == old


def test_a_row_of_a_list_does_not_take_away_what_a_get_has_told() -> None:
    listed, got = _row("SUCCEEDED", ended_at=None), _row("SUCCEEDED", usage=Usage(vcpu_hours=1.0))
    assert merged(got, listed) == got
    assert merged(listed, got) == got


def test_usage_that_is_told_later_is_taken() -> None:
    early, late = (_row("SUCCEEDED", usage=Usage(dpu_hours=hours)) for hours in (0.5, 1.0))
    assert merged(early, late) == late


def test_a_run_that_is_told_again_is_not_lost_even_by_a_stale_word() -> None:
    lost = _row("RUNNING")._replace(lost_at="2026-11-30T13:00:00.000000+00:00")
    assert merged(lost, _row("RUNNING")) == _row("RUNNING")
    assert merged(lost, _row("STARTING")) == _row("RUNNING")


def test_a_name_of_the_job_that_is_known_stays_known() -> None:
    named, unnamed = _row()._replace(job_name="nightly"), _row("SUCCEEDED")._replace(job_name=None)
    assert merged(named, unnamed).job_name == "nightly"
    assert merged(named, unnamed).state == "SUCCEEDED"
