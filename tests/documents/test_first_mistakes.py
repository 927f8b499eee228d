"""The page of first mistakes shows what is shown, and every mistake says what to do."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from docs.mistakes import MARK, MISTAKES, PAGE

ROOT: Final = Path(__file__).parents[2]
_ROW: Final = re.compile(r"^\| (`+ ?)(?P<code>.+?)( ?`+) \| `+ ?(?P<text>.+?) ?`+ \|$", re.MULTILINE)

PYTHONS_OWN: Final = {"etl.run(run.id).state", "json.dumps(run)", "await client.wait('jr_8529')"}
"""Mistakes of which only Python itself can tell."""


@pytest.fixture(scope="module")
def page() -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-W", "ignore::ResourceWarning", "-m", "docs.mistakes"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_page_is_what_is_shown(page: str) -> None:
    assert PAGE.read_text(encoding="utf-8") == page, "python -m docs.mistakes --write"


def test_every_mistake_is_told_what_to_do(page: str) -> None:
    rows = {found["code"]: found["text"] for found in _ROW.finditer(page.partition(MARK)[2])}

    assert rows.keys() == {code for group in MISTAKES.values() for code in group}
    assert len(rows) >= 45
    bare = r"object (is not (iter|subs|an )|can't|does not|has no)|unexpected|positional|not JSON|missing \d|nothing$"
    assert {code for code, text in rows.items() if re.search(bare, text)} == PYTHONS_OWN
