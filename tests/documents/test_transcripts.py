"""The transcripts of the pages are what a terminal shows: each command is given in a real one (a pty), as it stands.

Ids, times and what depends on the time of day differ from run to run: of these the form is compared.
"""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from docs.links import documents
from jobruns_sdk.testing import LocalService

ROOT: Final = Path(__file__).parents[2]
_BLOCK: Final = re.compile(r"^```console\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_FORMS: Final = (
    (re.compile(r"jr_[0-9a-f]+"), "jr_ID"),
    (re.compile(r"\b00f[0-9a-f]{3,13}\b"), "00f_ID"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"), "MOMENT"),
    (re.compile(r"(today|[A-Z][a-z]{2} \d\d|\d\d [A-Z][a-z]{2}) \d\d:\d\d"), "MOMENT"),
    (re.compile(r"~?\b(\d+d \d+h|\d+h \d\dm|\d+m \d\ds|\d+s)(\+|\b)"), "SPAN"),
    (re.compile(r"\b\d+\.\d+\b"), "FIGURE"),
    (re.compile(r"^\d+ (?=added|runs)", re.MULTILINE), "COUNT "),
    (re.compile(r" +"), " "),
)


class Block(NamedTuple):
    """A transcript: its commands, with what each has shown."""

    page: Path
    line: int
    steps: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in documents():
        text = page.read_text(encoding="utf-8")
        for found in _BLOCK.finditer(text):
            steps = [step.partition("\n") for step in re.split(r"^\$ ", found["text"], flags=re.MULTILINE)[1:]]
            shown = tuple((command, output) for command, _, output in steps)
            yield Block(page, text.count("\n", 0, found.start()) + 1, shown)


BLOCKS: Final = list(blocks())


def form(text: str) -> str:
    for pattern, name in _FORMS:
        text = pattern.sub(name, text)
    return text.strip()


def shown_by(program: str, environment: dict[str, str], folder: Path) -> str:
    """Return what a terminal shows of a shell's program."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603  # ours
        ["/bin/bash", "--norc", "-c", program], cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        chunks: list[bytes] = []
        while True:
            try:
                chunk = os.read(ours, 65_536)
            except OSError:  # the last process has left the terminal
                break
            if not chunk:
                break
            chunks.append(chunk)
        assert process.wait(60) == 0, b"".join(chunks)
    os.close(ours)
    return b"".join(chunks).decode().replace("\r\n", "\n")


def test_there_are_transcripts() -> None:
    assert BLOCKS


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_transcript_is_what_a_terminal_shows(block: Block, no_aws_environment: Path, tmp_path: Path) -> None:
    del no_aws_environment
    program = tmp_path / "jobruns"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m jobruns_sdk "$@"\n')
    program.chmod(0o755)
    waits = any("jobruns wait" in command for command, _ in block.steps)
    speed: dict[str, Any] = {"speed": 3600.0} if waits else {"auto_advance": False}
    with LocalService(start=datetime.now(UTC), check=True, **speed) as local:
        local.add_demo()
        path = f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        plain = {"COLUMNS": "88", "TERM": "dumb", "TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": path}
        environment = {**os.environ, **local.environment, **plain}
        marked = [f"printf '@%s\\n' {number}; {command}" for number, (command, _) in enumerate(block.steps)]
        seen = re.split(r"^@\d+\n", shown_by("\n".join(marked), environment, tmp_path), flags=re.MULTILINE)[1:]
        assert local.problems == []
    expected = [output for _, output in block.steps]
    assert list(map(form, seen)) == list(map(form, expected)), "\n".join(seen)
