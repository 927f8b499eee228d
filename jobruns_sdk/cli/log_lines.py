"""Lines of logs on their way to standard output."""

from typing import TYPE_CHECKING, Final

import attrs

from jobruns_sdk import LogLine, LogsUnavailableError, RunRef
from jobruns_sdk.cli.fields import Kind
from jobruns_sdk.cli.options import Form
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.terminal import Terminal, complain

if TYPE_CHECKING:
    from jobruns_sdk import JobRunsClient

LINES: Final = Kind(
    {
        "run_ref": lambda line: str(line.run),
        "attempt": lambda line: line.attempt,
        "source": lambda line: line.source,
        "stream": lambda line: line.stream,
        "at": lambda line: line.at,
        "text": lambda line: line.text,
    },
    ("at", "source", "text"),
    ("at", "attempt", "source", "stream", "text"),
    lambda line: str(line.run),
)


class Lines:
    """Writes lines: for people the text after the time, and on standard error whose lines come next; or as rows."""

    def __init__(self, form: Form | None, terminal: Terminal, *, are_of_several: bool = False) -> None:
        """Prepare the form that is asked for; None is the text alone."""
        has_rows = form is not None and (form.form is not None or form.fields is not None)
        rows = attrs.evolve(form, fields=form.fields or (*LINES.fields,)) if form is not None and has_rows else None
        self._rows = None if rows is None else Output(LINES, rows, terminal)
        self._terminal = terminal
        self._names_runs = are_of_several
        self._last: tuple[RunRef, int, str] | None = None

    def put(self, line: LogLine) -> None:
        """Write a line, at once."""
        if self._rows is not None:
            self._rows.put(line)
        else:
            self._tell(line)
        self._terminal.flush()

    def end(self) -> None:
        """Write what could not be written before all lines were there."""
        if self._rows is not None:
            self._rows.end()

    def _tell(self, line: LogLine) -> None:
        if self._last != (line.run, line.attempt, line.stream):
            self._last = (line.run, line.attempt, line.stream)
            whose = f"{line.run}, " if self._names_runs else ""
            self._terminal.notice(f"{whose}attempt {line.attempt}, {line.source}: {line.stream}")
        at = "" if line.at is None else f"{line.at.astimezone(self._terminal.zone):%H:%M:%S} "
        self._terminal.write(f"{at if self._terminal.is_terminal else ''}{self._terminal.line(line.text)}\n")


async def follow(client: "JobRunsClient", run: RunRef, lines: Lines) -> None:
    """Write the lines of a run until it has ended; where there are none to be had, say why."""
    try:
        async for line in client.logs(run, follow=True, attempt="all"):
            lines.put(line)
    except LogsUnavailableError as error:
        complain(str(error))
