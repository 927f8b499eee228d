"""A command on its way: its options, the event loop, and the errors that end it."""

import asyncio
import logging
import os
import sys
import traceback
import warnings
from argparse import Namespace
from importlib import import_module
from typing import Any

from jobruns_sdk import JobRunsError
from jobruns_sdk.cli.exits import FAILED, code_of
from jobruns_sdk.cli.options import KINDS, Look, options_of
from jobruns_sdk.cli.terminal import Terminal, complain


def run(given: Namespace) -> int:
    """Carry out a command, and return its exit code; an error is told in one line on standard error."""
    options: Any = options_of(KINDS[given.command], given)
    _prepare(options.look)
    terminal = Terminal.of(options.look, os.environ, sys.stdout)
    module: Any = import_module(f"jobruns_sdk.cli.commands.{given.command}")
    try:
        code: int = asyncio.run(module.run(options, terminal))
    except JobRunsError as error:
        _tell(error, debug=options.look.debug)
        return code_of(error)
    except (BrokenPipeError, OSError):
        raise
    except Exception as error:  # noqa: BLE001  # a mistake of ours is told as the others are
        _tell(error, debug=options.look.debug)
        return FAILED
    return code


def _prepare(look: Look) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # they are text files
    warnings.showwarning = _warn
    if look.debug or look.verbose:
        logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(message)s")
        logging.getLogger("jobruns_sdk").setLevel(logging.DEBUG)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    complain(f"warning: {message}")


def _tell(error: Exception, *, debug: bool) -> None:
    if debug:
        traceback.print_exception(error)
    elif isinstance(error, JobRunsError):
        complain(str(error))
    else:
        complain(f"{type(error).__name__}: {error} (a mistake of this program: --debug shows where)")
