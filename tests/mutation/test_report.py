"""What is told of mutants, without making any."""

from typing import Final

import pytest

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.report import listed, missed, percent, table
from tests.mutation.running import ROOT, Score, Survivor
from tests.mutation.suites import SUITES

KNOWN: Final = next(iter(EQUIVALENT))
MISSED: Final = Survivor("pacing.backoff", "a < b", "a <= b")
SCORES: Final = (
    Score("pacing", 20, 10, 9, (MISSED,)),
    Score("cursors", 13, 3, 9, (KNOWN,)),
    Score("refs", 5, 5, 0, ()),
)


def test_the_table_counts_what_was_tested() -> None:
    assert table(SCORES).splitlines()[2:] == [
        "| `pacing` | 20 | 10 | 9 | 1 | 0 | 90 % |",
        "| `cursors` | 13 | 3 | 9 | 1 | 1 | 90 % |",
        "| `refs` | 5 | 5 | 0 | 0 | 0 | 100 % |",
        "| all | 38 | 18 | 18 | 2 | 1 | 90 % |",
    ]
    assert percent([Score("pacing", 7, 0, 6, ())]) == pytest.approx(85.714, abs=1e-3)


def test_only_survivors_that_are_equivalent_are_listed() -> None:
    (line,) = listed(SCORES).splitlines()

    assert missed(SCORES) == "- `pacing.backoff`: `a < b` to `a <= b`"
    assert KNOWN.was in line
    assert line.endswith(f"{EQUIVALENT[KNOWN]}.")


@pytest.mark.parametrize("survivor", EQUIVALENT, ids=lambda survivor: survivor.function)
def test_what_is_called_equivalent_is_still_there(survivor: Survivor) -> None:
    module, _, _ = survivor.function.partition(".")
    code = (ROOT / "jobruns_sdk" / f"{module}.py").read_text("utf-8")

    assert module in {module for suite in SUITES for module in suite.modules}
    assert survivor.was in {line.strip() for line in code.splitlines()}
    assert survivor.was != survivor.became


def test_the_tests_of_the_suites_are_there() -> None:
    assert all((ROOT / path).is_file() for suite in SUITES for path in suite.tests)
