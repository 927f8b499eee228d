"""The oracle of starting in its short form, and the proof that its judge can fail."""

from unittest import mock

import pytest

from tests.oracle.starting import examine, tell
from tests.oracle.starting_driver import play
from tests.oracle.starting_judge import judge
from tests.oracle.starting_plans import FLAVOURS
from tests.oracle.starting_reference import WEAKNESSES
from tests.oracle.starting_truth import alike


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_starting_keeps_its_promises(flavour: str) -> None:
    broken = {seed: found for seed in range(12) if (found := examine(seed, flavour))}
    assert not broken, "\n".join(f"{seed}: {one.rule}: {one.text}" for seed, all_ in broken.items() for one in all_)


def test_only_a_run_that_nothing_tells_apart_may_be_handed_to_another_start() -> None:
    histories = (play(seed, "keyless")[0] for seed in range(1000))
    history = next(history for history in histories if alike(history))
    assert judge(history) == []
    call, run = next((call, run) for call in history.calls if (run := history.run(call)) and run.maker is not call)
    for began in (call.sendings[0].sent_at - 2, call.sendings[0].sent_at + 90):  # before it was sent, after all faults
        with mock.patch.object(run, "works_at", began):
            assert [one.rule for one in judge(history)] == ["own"]
            assert alike(history) == []
    with mock.patch.object(call, "key", "k"):
        assert "own" in {one.rule for one in judge(history)}


def test_a_starter_that_keeps_the_contract_passes() -> None:
    assert {seed: found for seed in range(300) if (found := examine(seed, None, ""))} == {}


@pytest.mark.parametrize("weakness", WEAKNESSES)
def test_the_judge_notices_each_weakness(weakness: str) -> None:
    assert any(examine(seed, WEAKNESSES[weakness], weakness) for seed in range(1000))


def test_a_seed_gives_one_history() -> None:
    first, second = (tell(*play(7, "race")) for _ in range(2))
    assert first == second
