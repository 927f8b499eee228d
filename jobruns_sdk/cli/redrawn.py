"""A table of runs that is redrawn in place while they change; it needs rich."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

import attrs
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from jobruns_sdk import JobRun, RunRef, StateChange
from jobruns_sdk.cli.fields import RUNS, reader
from jobruns_sdk.cli.output import table_lines
from jobruns_sdk.cli.terminal import Terminal

_MARGIN = 3  # lines of the terminal that a table leaves free


class LiveTable(AbstractContextManager[Callable[[StateChange], object]]):
    """The latest state of each run, redrawn twice a second; what was drawn last stays."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._runs: dict[RunRef, JobRun[Any]] = {}
        self._console = Console(no_color=not terminal.has_colors, highlight=False)
        self._live = Live(console=self._console, refresh_per_second=2, get_renderable=self._drawn)

    def __enter__(self) -> Callable[[StateChange], object]:
        self._live.__enter__()
        return self._put

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def _put(self, change: StateChange) -> None:
        run = attrs.evolve(change.run, state=change.after, attempt=change.attempt)
        self._runs.pop(run.ref, None)
        self._runs[run.ref] = run
        self._live.refresh()

    def _drawn(self) -> Group:
        """Return the table as it is now: those that changed last are at its end, next to the prompt."""
        console = self._console
        terminal = attrs.evolve(self._terminal, now=datetime.now(UTC), width=console.width)
        readers = [reader(RUNS, name, include_secrets=False) for name in RUNS.columns]
        latest = [*self._runs.values()][-max(1, console.height - _MARGIN) :]
        lines = table_lines(latest, RUNS.columns, readers, terminal.width, terminal)
        return Group(*(Text.from_ansi(line, no_wrap=True) for line in lines))
