"""The way into ``jobruns``: from a command line to an exit code."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from jobruns_sdk.cli.arguments import parsed

if TYPE_CHECKING:
    from argparse import Namespace

INTERRUPTED: Final = 130
READER_LEFT: Final = 141
_NO_OUTPUT: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out a command line, by default the one of this process, and return its exit code."""
    _open_streams()
    try:
        code = _carried_out(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return READER_LEFT
    except OSError as error:  # of standard output: other files are looked at where they are used
        sys.stderr.write(f"jobruns: standard output: {error.strerror or error}\n")
        _drop_output()
        return _NO_OUTPUT
    return code


def _open_streams() -> None:
    """Let what is written go nowhere where a process was started without a stream for it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115  # until the process ends


def _drop_output() -> None:
    """Let Python write what is left of standard output to nowhere at its end, where it would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carried_out(arguments: Sequence[str] | None) -> int:
    try:
        given = parsed(arguments)
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    if given.command == "completion":
        completion: Any = import_module("jobruns_sdk.cli.completion")
        sys.stdout.write(completion.script(given.shell))
        return 0
    return _with_services(given)


def _with_services(given: "Namespace") -> int:
    # From here on attrs and the package itself are loaded: what comes before must be quick.
    running: Any = import_module("jobruns_sdk.cli.running")
    code: int = running.run(given)
    return code
