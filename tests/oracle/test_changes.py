"""The short form of the oracle of changes, and what its judge can see."""

import pytest

from jobruns_sdk.runs.changes import ChangeStream
from jobruns_sdk.runs.news import JobNews
from tests.oracle.changes import run_all

SCHEDULES = 6


@pytest.mark.parametrize("part", range(4))
async def test_changes_of_a_living_world_keep_a_store_up_to_date(part: int) -> None:
    result = await run_all(range(part * SCHEDULES, (part + 1) * SCHEDULES))
    assert not result.problems, "\n".join(result.problems[:10])
    assert result.ended > result.runs / 2
    assert result.retries


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("of_rest", "stored as FAILED"),  # a retry whose first attempt is not on the pages that were read
        ("events", "left in silence"),
    ],
)
async def test_the_judge_sees_what_is_lost(monkeypatch: pytest.MonkeyPatch, name: str, kind: str) -> None:
    if name == "of_rest":
        monkeypatch.setattr(JobNews, name, _nothing)
    else:
        monkeypatch.setattr(ChangeStream, name, ())
    result = await run_all(range(12))
    assert any(kind in problem for problem in result.problems)


def _nothing(_: JobNews) -> list[object]:
    return []
