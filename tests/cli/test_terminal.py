"""A real terminal, by tmux: rows of one line that fit, and a watch that is redrawn in place."""

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from jobruns_sdk.testing import LocalService
from tests.cli.kit import COMMAND, WITHOUT_RICH, Shell

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

PROMPT = "ready>"


class Tmux:
    """One terminal with a shell."""

    def __init__(self, shell: Shell, folder: Path, width: int, height: int) -> None:
        self._socket = str(folder / f"tmux-{width}-{height}")
        started = ["new-session", "-d", "-x", str(width), "-y", str(height), "bash", "--norc", "--noprofile"]
        environment = {**shell.environment, "PS1": PROMPT, "TERM": "xterm-256color"}
        self._tmux("-u", "-f", "/dev/null", *started, env=environment)
        self.until(lambda screen: PROMPT in screen)

    def _tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        command = ["tmux", "-S", self._socket, *words]
        return subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", check=True).stdout  # noqa: S603  # ours

    def until(self, holds: Callable[[str], bool]) -> str:
        """Return the screen once it shows what is expected."""
        deadline = time.monotonic() + 60
        while not holds(screen := self.screen()):
            assert time.monotonic() < deadline, screen
            time.sleep(0.05)
        return screen

    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-J")

    def type(self, *words: str) -> None:
        self._tmux("send-keys", "clear; " + shlex.join(words), "Enter")

    def run(self, *words: str) -> list[str]:
        """Return the lines that a command leaves on the screen, and its exit code as the last one."""
        self._tmux("send-keys", f"clear; {shlex.join(words)}; echo code $?", "Enter")
        screen = self.until(lambda screen: "\ncode " in screen and screen.rstrip().endswith(PROMPT))
        return screen.rstrip().splitlines()[:-1]

    def key(self, name: str) -> None:
        self._tmux("send-keys", name)

    def close(self) -> None:
        self._tmux("kill-server")


@pytest.fixture
def terminal(jobruns: Shell, tmp_path: Path) -> Iterator[Callable[..., Tmux]]:
    opened: list[Tmux] = []

    def open_one(width: int, height: int = 30) -> Tmux:
        opened.append(Tmux(jobruns, tmp_path, width, height))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_rows_are_lines_and_lines_fit(terminal: Callable[..., Tmux], width: int) -> None:
    # Joined, as -J does it, a line that was too long for the terminal would show as a longer one.
    *rows, code = terminal(width).run(*COMMAND, "ls", "-s", "unsuccessful,active", "-n", "12", "-q")
    assert code == "code 0"
    assert len(rows) == 1 + 12
    assert rows[0].split()[:3] == ["state", "job", "run"]
    assert max(map(len, rows)) <= width
    assert all(row[0] in "▶✗■✓" for row in rows[1:])


def test_a_run_is_a_card_over_its_attempts(terminal: Callable[..., Tmux]) -> None:
    *lines, code = terminal(80).run(*COMMAND, "show", "glue:nightly-etl", "--last-failed", "--utc")
    assert code == "code 0"
    assert lines[1] == "job      glue:nightly-etl"
    assert "state    ✗ failed" in lines
    assert [line.split()[0] for line in lines[-4:]] == ["attempt", "1", "2", "3"]


@pytest.mark.parametrize("command", [COMMAND, WITHOUT_RICH], ids=["rich", "without-rich"])
def test_a_watch_shows_how_runs_end(terminal: Callable[..., Tmux], service: LocalService, command: list[str]) -> None:
    service.add_glue_job("short")
    run = service.add_run("glue:short")
    *lines, code = terminal(80).run(*command, "watch", f"glue:short/{run}", "--interval", "1s")
    assert code == "code 0"
    assert [line for line in lines if "✓ succeeded" in line]
    # Redrawn in place, there is one row at the end, and without rich a line for each change.
    assert len([line for line in lines if run[:9] in line]) == (1 if command is COMMAND else 2)


def test_a_watch_is_left_by_an_interrupt(terminal: Callable[..., Tmux]) -> None:
    pane = terminal(100)
    pane.type(*COMMAND, "watch", "glue:clickstream", "--interval", "1s")
    pane.until(lambda screen: "▶ running" in screen)
    pane.key("C-c")
    pane.until(lambda screen: screen.rstrip().endswith(PROMPT))
    assert pane.run("echo", "left")[-1] == "code 0"
    assert "Traceback" not in pane.screen()
