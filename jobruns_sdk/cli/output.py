"""The one sink of rows: commands hand them over, and it knows the form in which whoever reads wants them."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import jobruns_sdk
from jobruns_sdk import Attempt, JobRun, RunState, StateChange
from jobruns_sdk.cli.fields import SHORT, Kind, json_text, names_of, plain, reader, text_of
from jobruns_sdk.cli.options import Form
from jobruns_sdk.cli.shown import (
    colored,
    first_line,
    full_moment,
    job_text,
    moment_text,
    run_texts,
    state_text,
    took_text,
)
from jobruns_sdk.cli.table import Column, lines
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.model.labels import span

_SPARED: Final = frozenset({"try", "message"})  # columns that are left out where no row has anything for them
_GIVES: Final = {"message": 0, "native": 0, "job": 1, "job_name": 1}
_TIMES: Final = frozenset({"created_at", "started_at", "updated_at", "ended_at"})
_NUMBERS: Final = frozenset(
    {"took", "duration", "attempt", "dpu_hours", "vcpu_hours", "memory_gb_hours"}
    | {"runs", "amount", "unsuccessful", "unknown"}
)


class Output:
    """Rows of one kind on their way to standard output."""

    def __init__(self, kind: Kind, form: Form, terminal: Terminal) -> None:
        """Prepare the form that is asked for.

        Raises:
            InvalidRequestError: A field is unknown.
        """
        self._kind = kind
        self._terminal = terminal
        self._form = form.form or ("table" if terminal.is_terminal else "tsv")
        self._secrets = form.include_secrets
        native = form.native or form.include_secrets
        names = names_of(kind, form.fields, is_wide=self._form == "wide", native=native)
        in_full = not self.is_table and form.fields is None
        self._names = tuple(SHORT.get(name, name) for name in names) if in_full else names
        self._is_chosen = form.fields is not None
        self._readers = [reader(kind, name, include_secrets=self._secrets) for name in self._names]
        self._rows: list[Any] = []
        self._count = 0

    @property
    def is_table(self) -> bool:
        """True if people read it."""
        return self._form in {"table", "wide"}

    def put(self, row: object) -> None:
        """Write a row, at once in forms that need not know the others."""
        self._count += 1
        match self._form:
            case "table" | "wide":
                self._rows.append(row)
            case "name":
                self._write(self._kind.name(row))
            case "jsonl":
                self._write(self._json(row))
            case "json":
                self._terminal.write(("[" if self._count == 1 else ",\n ") + self._json(row))
            case "csv":
                self._csv(row)
            case _:
                self._write("\t".join(self._terminal.shown(text) for text in self._texts(row)))

    def end(self) -> None:
        """Write what could not be written before all rows were there."""
        match self._form:
            case "table" | "wide":
                width = self._terminal.width if self._form == "table" else None
                for line in table_lines(self._rows, self._names, self._readers, width, self._terminal):
                    self._write(line)
            case "json":
                self._write("[]" if self._count == 0 else "]")
            case "csv" if self._count == 0:
                self._write(",".join(self._names))
            case _:
                pass
        self._terminal.flush()

    def _write(self, line: object) -> None:
        self._terminal.write(f"{line}\n")

    def _texts(self, row: object) -> list[str]:
        return [text_of(read(row)) for read in self._readers]

    def _json(self, row: object) -> str:
        if self._is_chosen:
            pairs = zip(self._names, self._readers, strict=True)
            value: Mapping[str, object] = {name: plain(read(row)) for name, read in pairs}
        else:
            value = jobruns_sdk.to_dict(row, secrets=self._secrets)
        return json_text(value, ascii_only=not self._terminal.has_unicode)

    def _csv(self, row: object) -> None:
        written = io.StringIO()
        writer = csv.writer(written, lineterminator="\n")
        if self._count == 1:
            writer.writerow(self._names)
        writer.writerow(map(self._terminal.shown, self._texts(row)))
        self._terminal.write(written.getvalue())


def table_lines(
    rows: Sequence[Any], names: Sequence[str], readers: Iterable[Any], width: int | None, terminal: Terminal
) -> list[str]:
    """Return a table of rows; none where there are none."""
    if not rows:
        return []
    ellipsis = "…" if terminal.has_unicode else ".."
    columns = [_column(name, read, rows, terminal) for name, read in zip(names, readers, strict=True)]
    columns = [column for column in columns if column.heading not in _SPARED or any(column.cells)] or columns[:1]
    if "job" in names:
        at = [column.heading for column in columns].index("job") + 1
        columns[at:at] = _places(rows)
    return lines(columns, width, ellipsis)


def _run_of(row: Any) -> Any:  # noqa: ANN401  # a run, or what has one
    return row.run if isinstance(row, StateChange) else row


def _places(rows: Sequence[Any]) -> list[Column]:
    """Return columns of regions and profiles, where the rows are of several."""
    jobs = [_run_of(row).job for row in rows]
    return [
        Column(name, [getattr(job, name) or "-" for job in jobs], gives=2)
        for name in ("region", "profile")
        if len({getattr(job, name) for job in jobs}) > 1
    ]


def _column(name: str, read: Any, rows: Sequence[Any], terminal: Terminal) -> Column:  # noqa: ANN401  # of any kind of row
    if name == "state" and isinstance(_run_of(rows[0]), (JobRun, Attempt)):
        states = [RunState(read(row)) for row in rows]
        cells = [state_text(state, terminal) for state in states]
        return Column(name, cells, paint=lambda number, text: colored(text, states[number], terminal))
    cells = _cells(name, read, rows, terminal)
    return Column(name, cells, is_right=name in _NUMBERS, gives=_GIVES.get(name, 9))


def _cells(name: str, read: Any, rows: Sequence[Any], terminal: Terminal) -> list[str]:  # noqa: ANN401  # of any kind of row
    is_of_run = isinstance(_run_of(rows[0]), JobRun)
    if name == "job" and is_of_run:
        return [terminal.shown(job_text(_run_of(row))) for row in rows]
    if name == "run" and is_of_run:
        return [terminal.shown(text) for text in run_texts([_run_of(row) for row in rows])]
    if name == "took":
        return [took_text(row, terminal) for row in rows]
    return [_cell(name, read(row), terminal) for row in rows]


def _cell(name: str, value: Any, terminal: Terminal) -> str:  # noqa: ANN401  # of any field
    match value:
        case None:
            return ""
        case datetime():
            return full_moment(value, terminal) if name in _TIMES else moment_text(value, terminal)
        case timedelta():
            return span(value)
        case int() | float():
            return "" if (name, value) == ("try", 1) else f"{value:.4g}"
        case _:
            text = str(value)
            return first_line(text, terminal) if name == "message" else terminal.shown(text)
