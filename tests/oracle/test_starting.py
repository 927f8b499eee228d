"""The oracle of starting in its short form, and the proof that its judge can fail."""

import pytest

from tests.oracle.starting import examine, tell
from tests.oracle.starting_driver import play
from tests.oracle.starting_plans import FLAVOURS
from tests.oracle.starting_reference import WEAKNESSES

# An answer that was lost, and a run of another program, alike in all and begun in the same second: nothing in Glue's
# list tells them apart, and the start without a key takes it for its own (docs/starting-and-waiting.md).
ALIKE = pytest.mark.xfail(reason="a lost start without a key may take an identical run of another program", strict=True)


@pytest.mark.parametrize(
    "flavour", [pytest.param(name, marks=ALIKE) if name == "profiles" else name for name in FLAVOURS]
)
def test_starting_keeps_its_promises(flavour: str) -> None:
    broken = {seed: found for seed in range(12) if (found := examine(seed, flavour))}
    assert not broken, "\n".join(f"{seed}: {one.rule}: {one.text}" for seed, all_ in broken.items() for one in all_)


def test_a_starter_that_keeps_the_contract_passes() -> None:
    assert {seed: found for seed in range(300) if (found := examine(seed, None, ""))} == {}


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_the_judge_notices_each_weakness(weakness: str) -> None:
    assert any(examine(seed, WEAKNESSES[weakness], weakness) for seed in range(1000))


def test_a_seed_gives_one_history() -> None:
    first, second = (tell(*play(7, "race")) for _ in range(2))
    assert first == second
