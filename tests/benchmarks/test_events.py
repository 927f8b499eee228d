import asyncio
from statistics import median

import pytest

from tests.benchmarks.events import Plan, compare


@pytest.mark.benchmark
def test_events_save_calls_and_time_and_lose_no_run() -> None:
    polled, woken = asyncio.run(compare(Plan(runs=20, speed=60, seconds=(240, 480), drop=0.1, duplicate=0.2)))

    assert polled.ended == woken.ended == 20
    assert woken.calls < polled.calls / 2
    assert median(woken.delays) < median(polled.delays)
    assert max(woken.delays) < 700
