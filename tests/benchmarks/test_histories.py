import asyncio
import re
from pathlib import Path

import pytest

from jobruns_sdk.history import RunStore
from tests.benchmarks import ended, history
from tests.benchmarks.prepared import serving


@pytest.mark.benchmark
def test_all_ways_find_the_same_runs_by_their_end(capsys: pytest.CaptureFixture[str]) -> None:
    ended.main(["--jobs", "3", "--runs", "1000", "--latency", "0"])

    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("|")][2:]
    assert len(rows) == 3
    (found,) = {row[1] for row in rows}
    assert int(found) > 200
    # Seven days before yesterday are 576 runs of a job: three pages of five.
    assert [row[2] for row in rows] == ["15", "9", "9"]


@pytest.mark.benchmark
def test_a_sync_takes_the_least_calls_and_stores_every_run(tmp_path: Path) -> None:
    with serving(450, latency=0.0, oldest_minutes=60 * 24 * 30, unlike=True) as url:
        costs = asyncio.run(history.measure(url, tmp_path, jobs=4, runs=450))

    assert {name: cost.calls - cost.least for name, cost in costs.items()} == dict.fromkeys(costs, 0)

    async def stored() -> list[str]:
        async with RunStore(tmp_path / "runs.sqlite") as store:
            return [run.id async for run in store.runs()]

    runs = asyncio.run(stored())
    assert len(runs) == len(set(runs)) == 4 * 450
    assert all(re.fullmatch("jr_[0-9a-f]{64}", run_id) for run_id in runs)
