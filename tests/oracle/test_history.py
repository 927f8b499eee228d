"""Stores of a living world hold the last word of each run, whatever a sync was cut off by."""

import os
from typing import Final

import pytest

from jobruns_sdk.history import syncing
from tests.oracle.history import run_all

SCHEDULES: Final = int(os.environ.get("JOBRUNS_HISTORY_SCHEDULES", "8"))
"""Schedules of each of the four parts."""


@pytest.mark.parametrize("part", range(4))
async def test_a_store_of_a_living_world_is_up_to_date(part: int) -> None:
    result = await run_all(range(part * SCHEDULES, (part + 1) * SCHEDULES))
    assert not result.problems, "\n".join(result.problems[:10])
    assert result.ended > result.runs / 2
    assert result.retries


async def test_the_judge_sees_what_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "put_runs", _none_stored)
    assert any("never handed out" in problem for problem in (await run_all(range(3))).problems)


async def test_the_judge_sees_what_is_not_marked_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "mark_lost", _none_lost)
    assert any("left in silence" in problem for problem in (await run_all(range(25))).problems)


def _none_stored(*_: object) -> tuple[int, int]:
    return 0, 0


def _none_lost(*_: object) -> int:
    return 0
