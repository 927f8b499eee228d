"""``jobruns timeline``: runs along time, as bars of text or as a picture."""

from contextlib import suppress
from importlib import import_module
from typing import Any, Final

from jobruns_sdk.cli.drawn import drawn, write_file
from jobruns_sdk.cli.options import Timeline
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.pictures import Picture, timeline

_LEAST: Final = 40  # columns that a picture needs


async def run(options: Timeline, terminal: Terminal) -> int:
    """Draw runs, and return the exit code."""
    found = await drawn(options.words, options.filters, options.store, options.places, terminal)
    picture = timeline(
        found.runs,
        attempts=found.attempts,
        since=found.wanted.active_after,
        until=found.wanted.created_before,
        now=terminal.now,
        zone=terminal.zone,
    )
    if options.svg is not None:
        write_file(options.svg, picture.svg(), terminal)
    else:
        _show(picture, terminal)
    return found.code


def _show(picture: Picture, terminal: Terminal) -> None:
    width = max(_LEAST, terminal.width)
    if terminal.has_colors and terminal.has_unicode:
        with suppress(ModuleNotFoundError):
            rich: Any = import_module("rich.console")
            rich.Console(width=width, force_terminal=True, highlight=False).print(picture)
            return
    terminal.write(f"{picture.text(width, ascii=not terminal.has_unicode)}\n")
