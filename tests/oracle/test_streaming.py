"""The short form of the oracle of Spark's stream, and what its judge can see."""

import pytest

pytest.importorskip("pyspark", reason="the extra engines is not installed")
streaming = pytest.importorskip("tests.oracle.streaming")

SCHEDULES = 5


def _nothing(*_: object) -> None:
    pass


async def _no_runs(_: object) -> list[object]:
    return []


@pytest.mark.parametrize("part", range(2))
def test_a_stream_of_a_living_world_keeps_a_table_up_to_date(part: int) -> None:
    result, counts = streaming.run_all(range(part * SCHEDULES, (part + 1) * SCHEDULES))
    assert not result.problems, "\n".join(result.problems[:10])
    assert counts.repeated_rows
    assert counts.batches > counts.empty
    assert result.retries


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        ("reread._JobReread.runs", _no_runs, "a repeated batch lacks"),
        ("reread._JobReread._miss", _nothing, "a repeated batch lacks"),
    ],
)
def test_the_judge_sees_what_is_lost(monkeypatch: pytest.MonkeyPatch, name: str, value: object, kind: str) -> None:
    monkeypatch.setattr(f"jobruns_sdk.spark.{name}", value)
    for seed in range(40):
        result, _ = streaming.run_all(range(seed, seed + 1))
        if any(kind in problem for problem in result.problems):
            return
    pytest.fail(f"no schedule shows that: {kind}")
