"""Completion: the scripts are those of the parser, and a shell completes by them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from docs.completion import FOLDER, scripts


def test_the_scripts_are_made_of_the_parser() -> None:
    """`python -m docs.completion` writes them."""
    made = scripts()
    assert {shell: (FOLDER / f"jobruns.{shell}").read_text(encoding="utf-8") for shell in made} == made


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("jobruns st", {"start", "stop"}),
        ("jobruns ls --st", {"--state"}),
        ("jobruns completion ", {"bash", "fish", "zsh"}),
    ],
)
def test_bash_completes_commands_options_and_choices(line: str, offered: set[str], tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    program = f"""
        source {FOLDER / "jobruns.bash"}
        COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMP_LINE='{line}'; COMP_POINT=${{#COMP_LINE}}
        handler=$(complete -p jobruns | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        $handler jobruns '{words[-1]}' '{words[-2]}'
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run([bash, "--norc", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert {word.strip() for word in done.stdout.splitlines()} == offered
