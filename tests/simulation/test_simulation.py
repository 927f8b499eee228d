"""The simulation in its short form; the long one is `python -m tests.simulation`."""

import logging
import os
import subprocess
import sys
from collections.abc import Generator

import pytest

from tests.simulation.judge import complaints
from tests.simulation.plans import Story
from tests.simulation.planted import PLANTED, ROOT, Planted
from tests.simulation.seeds import FAILED, LEFT_IN, SHORT
from tests.simulation.shrink import command, kind_of, shrink
from tests.simulation.simulation import Simulation, play, trace


@pytest.fixture(autouse=True)
def silence() -> Generator[None]:
    logger = logging.getLogger("jobruns_sdk")  # that MaxRetries cannot be read is what is simulated
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def played(story: Story) -> Simulation:
    return play(story, complaints)


@pytest.mark.parametrize("seed", SHORT)
def test_a_world_keeps_every_promise(seed: int) -> None:
    assert played(Story(seed)).complaints == []


@pytest.mark.parametrize("seed", FAILED)
def test_a_world_that_once_failed_keeps_every_promise(seed: int) -> None:
    assert played(Story(seed, LEFT_IN.get(seed, {}))).complaints == []


@pytest.mark.parametrize("order", ["1", "2"])
def test_a_seed_gives_one_history_in_any_process(order: str) -> None:
    command = [sys.executable, "-m", "tests.simulation", str(SHORT[0])]
    run = subprocess.run(  # noqa: S603 - our own
        command, cwd=ROOT, env=os.environ | {"PYTHONHASHSEED": order}, capture_output=True, text=True, check=True
    )
    assert run.stdout.split()[-1] == trace(played(Story(SHORT[0])))


def test_a_failing_world_is_shrunk_to_what_it_needs() -> None:
    story = Story(SHORT[0])
    assert len(story.programs) > 1

    def blame(story: Story) -> list[str]:  # whoever it is, the first program is to blame
        return [f"#{min(story.programs)} Walk in p0.0, 1.00: it is there"] if story.programs else []

    keep, told = shrink(SHORT[0], None, {kind_of("#0 Walk in p0.0, 1.00: it is there")}, blame)
    assert (len(keep["programs"]), keep["runs"], keep["troubles"]) == (1, frozenset(), frozenset())
    assert len(told) == 1
    assert command(SHORT[0], None, keep).startswith(f"python -m tests.simulation {SHORT[0]} --runs none")


@pytest.mark.parametrize("fault", PLANTED, ids=[fault.name for fault in PLANTED])
def test_a_fault_can_be_planted(fault: Planted) -> None:
    for name, old, _ in fault.places:
        assert (ROOT / "jobruns_sdk" / name).read_text(encoding="utf-8").count(old) == 1
