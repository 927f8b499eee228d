"""A client under load, for some seconds: no error, everybody gets a turn, and all of it ends when it is closed.

.ci/nightly does the same with 2 000 loops and 5 000 waits for a minute.
"""

import pytest

from tests.dangers.load.busy import check, measured
from tests.dangers.load.service import Plan


@pytest.mark.parametrize("rate", [None, 100])
def test_loops_and_waits_by_the_hundred(rate: int | None) -> None:
    plan = Plan(seconds=4, iterations=100, waits=300, rate=rate, interval=1)

    check(measured(plan), plan)
