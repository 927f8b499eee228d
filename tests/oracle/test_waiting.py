"""A short form of the oracle of waits, watches and stops; the long form is `python -m tests.oracle.waiting`."""

import pytest

from tests.oracle.waiting import Examiner

SEEDS = range(40)


@pytest.fixture(scope="module")
def examiner() -> Examiner:
    return Examiner()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_schedule_of_waits_watches_and_stops_keeps_every_promise(examiner: Examiner, seed: int) -> None:
    _, complaints = examiner.examine(seed)
    assert complaints == []
