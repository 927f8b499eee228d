"""Every example runs as it stands, in a process of its own, and prints what it promises."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
PAGE: Final = EXAMPLES.parent / "docs" / "examples.md"
PROMISES: Final = {
    "quickstart.py": ("glue:nightly-etl", "attempt 3: FAILED: AnalysisException", "PARTIALLY_SUCCEEDED"),
    "failed_since_yesterday.py": ("disk full", "ExitCode: 137", "TIMED_OUT", " unsuccessful runs since yesterday"),
    "wait_for_many.py": ("100%", "disk full", "39 of 40 succeeded", "list calls"),
    "watch.py": ("STARTING -> RUNNING (attempt 1)", "RUNNING -> SUCCEEDED (attempt 2)", "The time is up."),
    "start_once.py": ("refused: the idempotency_key was used for another request", "7 starts, 1 run, 1 request"),
    "export_json_lines.py": ("98 runs exported", "each once: True"),
}


def run(example: str, *arguments: object) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-W", "error", str(EXAMPLES / example), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_example_is_tried() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {*PROMISES, "week_report.py"}  # which needs Spark


def test_every_example_is_on_its_page() -> None:
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.py")}
    assert set(re.findall(r"literalinclude\} \.\./examples/(\S+)", PAGE.read_text("utf-8"))) == files


@pytest.mark.parametrize("example", sorted(PROMISES))
def test_an_example_keeps_its_promises(example: str, tmp_path: Path) -> None:
    printed = run(example, *([tmp_path / "runs.jsonl"] if "export" in example else []))
    for promise in PROMISES[example]:
        assert promise in printed


def test_an_export_that_is_run_again_adds_nothing_twice(tmp_path: Path) -> None:
    target = tmp_path / "runs.jsonl"
    for _ in range(2):
        run("export_json_lines.py", target)
        lines = target.read_text().splitlines()
        assert len({json.loads(line)["ref"] for line in lines}) == len(lines) == 169
