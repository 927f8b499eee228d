import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.benchmarks.report import PAGE, Row, calm, results, results_of, table, with_results
from tests.benchmarks.server import ROOT


@pytest.mark.benchmark
def test_no_ratio_is_worse_than_half_of_its_goal(tmp_path: Path) -> None:
    path = tmp_path / "benchmarks.json"
    command = [sys.executable, "-m", "tests.benchmarks", "--smoke", "--json", str(path)]

    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)  # noqa: S603  # our own

    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(path.read_text())["rows"]
    goals = [row["goal"] for row in told if row["unit"] == "ratio"]
    assert len([goal for goal in goals if goal is not None]) == 11

    rows = [Row(**{name: value for name, value in row.items() if name != "met"}).cells() for row in told]
    shown = cells(results_of(PAGE.read_text("utf-8")))
    assert list(map(goal_of, rows)) == list(map(goal_of, shown[: len(rows)])), "run it with --page"


@pytest.mark.parametrize(
    ("row", "met", "alarming"),
    [
        (Row("", "", "", 0.2, 0.25), True, False),
        (Row("", "", "", 0.5, 0.25), False, False),
        (Row("", "", "", 0.51, 0.25), False, True),
        (Row("", "", "", 0.51, None), True, False),
        (Row("", "", "", 500.0, 20.0, "ms"), False, False),
    ],
)
def test_only_ratios_alarm(row: Row, *, met: bool, alarming: bool) -> None:
    assert (row.is_met, row.is_alarming) == (met, alarming)


def test_the_table_is_markdown() -> None:
    text = table([Row("CPU", "1 ms", "boto3 5 ms", 0.2, 0.25), Row("start", "+3 ms", "", 3.0, 2.0, "ms")])

    assert cells(text) == [
        ["CPU", "1 ms", "boto3 5 ms", "1/5", "<= 1/4", "met"],
        ["start", "+3 ms", "", "3.0 ms", "<= 2.0 ms", "MISSED"],
    ]
    assert len({len(line) for line in text.splitlines()}) == 1


def goal_of(row: Sequence[str]) -> tuple[str, str]:
    """What is measured, of however many runs, and the goal."""
    return re.sub(r"[\d,]+ runs", "runs", row[0]), row[4]


def cells(text: str) -> list[list[str]]:
    """The cells of a table in Markdown, below its heading."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_results_are_written_between_their_lines_only() -> None:
    text = results([Row("CPU", "1 ms", "boto3 5 ms", 0.2, 0.25)])

    page = with_results(PAGE.read_text("utf-8"), text)

    assert results_of(page) == text
    assert with_results(page, results_of(PAGE.read_text("utf-8"))) == PAGE.read_text("utf-8")


@pytest.mark.parametrize(("figures", "measured"), [([0.2], 1), ([0.6, 0.2], 2), ([0.6, 0.7, 0.8, 0.2], 3)])
def test_what_alarms_is_measured_again_twice_at_most(figures: list[float], measured: int) -> None:
    left = iter(figures)

    (row,) = calm(lambda: [Row("", "", "", next(left), 0.25)])

    assert row.figure == figures[measured - 1]
