"""Makes the scripts of completion of the command's parser: ``python -m docs.completion`` writes them."""

import sys
from pathlib import Path
from typing import Any, Final

import shtab

from jobruns_sdk.cli.arguments import SHELLS, parser
from jobruns_sdk.cli.parsing import Parser

FOLDER: Final = Path(__file__).parents[1] / "jobruns_sdk" / "cli" / "completion"
_FILES: Final = frozenset({"store", "svg", "html", "request", "prices"})
"""The options that name a file."""

_WITH_FILES: Final = frozenset({"export", "sync"})
"""The commands whose words name a file."""


def scripts() -> dict[str, str]:
    """Return the script of each shell."""
    filled = parser()
    for name, command in filled.commands.items():
        _complete_files(name, command.filled())
    return {shell: shtab.complete(filled, shell=shell) for shell in SHELLS}


def _complete_files(name: str, command: Parser) -> None:
    for action in command._actions:  # noqa: SLF001  # argparse has no other way to them
        if action.dest in _FILES or (action.dest == "words" and name in _WITH_FILES):
            with_files: Any = action
            with_files.complete = shtab.FILE


def main() -> int:
    """Write the scripts."""
    for shell, text in scripts().items():
        (FOLDER / f"jobruns.{shell}").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
