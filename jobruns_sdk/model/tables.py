"""Tables of values: a line for each, short enough for a terminal, with the whole of it in a notebook's titles."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from jobruns_sdk.model.display import Shown, html_cell, plain, rich_text
from jobruns_sdk.model.labels import job_labels, short_ids, span
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import Attempt, JobRun, first_line, state_of
from jobruns_sdk.model.states import RunState
from jobruns_sdk.times import now

if TYPE_CHECKING:
    from rich.console import ConsoleOptions
    from rich.table import Table

_MOST_ROWS: Final = 100
# Columns of a terminal: what is taken at most, and at least.
_STATE, _JOB, _MESSAGE = 12, 24, 12
_LEAST_JOB, _LEAST_MESSAGE = 12, 7
_LABELS: Final = {"attempt": "try"}
_WIDE: Final = 120  # columns of a terminal, from which on nothing but messages is cut
_GAP: Final = 2


class Brief(NamedTuple):
    """The contents of a line about a run or an attempt.

    Attributes:
        run: The run.
        state: Its state in words.
        attempt: The number of the attempt.
        created: When it was created.
        since: When it began, if it is going on.
        took: How long it took, if it has ended.
        message: The service's explanation.
    """

    run: RunRef
    state: str
    attempt: int
    created: datetime | None
    since: datetime | None
    took: timedelta | None
    message: str | None


class Cell(NamedTuple):
    """A place in a table: what it shows, and the whole of what that stands for."""

    value: object
    whole: str = ""


class Terminal:
    """A table as wide as the terminal that it is printed in."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        self._shown = shown

    def __rich_console__(self, console: object, options: "ConsoleOptions") -> Iterator["Table"]:
        """Yield the table; rich calls this."""
        yield _rich_table(self._shown, options.max_width)


def all_shown(items: Sequence[object]) -> list[Shown] | None:
    """Return the items of a list that shows as a table; None for any other one."""
    shown = [item for item in items if isinstance(item, Shown)]
    return shown if shown and len(shown) == len(items) else None


def _brief(row: object) -> Brief | None:
    """Return what a line says of a run or an attempt; of a state that is not known it has the service's own word."""
    if not isinstance(row, (JobRun, Attempt)):
        return None
    known = cast("JobRun[object] | Attempt[object]", row)
    run, attempt = (known.ref, known.attempt) if isinstance(known, JobRun) else (known.run, known.number)
    state = state_of(known) if known.state is RunState.UNKNOWN else known.state
    queued = known.state is RunState.QUEUED and known.started_at is None
    since = None if known.is_terminal or queued else known.started_at or known.created_at
    return Brief(run, state, attempt, known.created_at, since, known.duration, first_line(known.message))


def _left_out(shown: Sequence[object]) -> str:
    return f"and {len(shown) - _MOST_ROWS:,} more" if len(shown) > _MOST_ROWS else ""


def html_table(shown: Sequence[Shown]) -> str:
    """Return a table for notebooks."""
    rows = list(_rows(shown))
    head = "".join(f"<th>{escape(label)}</th>" for label, _ in rows[0])
    lines = "".join(f"<tr>{''.join(html_cell(label, *cell) for label, cell in row)}</tr>" for row in rows)
    rest = _left_out(shown)
    foot = f'<tr><td colspan="{len(rows[0])}">{rest}</td></tr>' if rest else ""
    return f'<table style="white-space: nowrap"><thead><tr>{head}</tr></thead><tbody>{lines}{foot}</tbody></table>'


def _rich_table(shown: Sequence[Shown], width: int) -> "Table":
    from rich.table import Table  # noqa: PLC0415  # only where rich asks

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, caption=_left_out(shown) or None)
    rows = list(_rows(shown))
    if _brief(shown[0]) is None:
        for label, _ in rows[0]:
            table.add_column(label, overflow="fold")
    else:
        rows = [_shortened(row) for row in rows] if width < _WIDE else rows
        widths = _widths(rows, width)
        for label, columns in widths.items():
            table.add_column(label, no_wrap=True, overflow="ellipsis", width=columns)
        rows = [row[: len(widths)] for row in rows]
    for row in rows:
        table.add_row(*(rich_text(label, cell.value) for label, cell in row))
    return table


def _shortened(row: Sequence[tuple[str, Cell]]) -> list[tuple[str, Cell]]:
    """Return a line without the years and seconds of times, and with short labels."""
    return [
        (_LABELS.get(label, label), Cell(f"{cell.value:%m-%d %H:%M}Z") if isinstance(cell.value, datetime) else cell)
        for label, cell in row
    ]


def _widths(rows: Sequence[Sequence[tuple[str, Cell]]], width: int) -> dict[str, int]:
    """Return the columns that a terminal has room for, with their widths; what is too long is cut.

    The message gets what the others leave. If that is little, the job's name is cut; if it is nothing, there is none.
    """
    needed = {
        label: max(len(label), *(len(plain(row[at][1].value)) for row in rows)) for at, (label, _) in enumerate(rows[0])
    }
    if width < _WIDE:
        needed["state"] = min(needed["state"], _STATE)
    needed["job"] = min(needed["job"], _JOB if width < _WIDE else width // 4)
    message = needed.pop("message")
    room = width - sum(needed.values()) - _GAP * len(needed)
    cut = min(max(min(message, _MESSAGE) - room, 0), max(needed["job"] - _LEAST_JOB, 0))
    if room + cut >= _LEAST_MESSAGE:
        needed["job"] -= cut
        needed["message"] = min(message, room + cut)
    else:
        needed["job"] += min(room + _GAP, 0)
    return needed


def _rows(shown: Sequence[Shown]) -> Iterator[list[tuple[str, Cell]]]:
    briefs = [brief for brief in map(_brief, shown) if brief is not None]
    if len(briefs) < len(shown):
        for item in shown[:_MOST_ROWS]:
            yield [(label, Cell(value)) for label, value in item.__rich_repr__()]
        return
    jobs = job_labels(brief.run.job for brief in briefs)
    ids = short_ids(brief.run.run_id for brief in briefs)
    present = now()
    for brief in briefs[:_MOST_ROWS]:
        yield list(_cells(brief, jobs[brief.run.job], ids[brief.run.run_id], present))


def _cells(brief: Brief, job: str, run_id: str, present: datetime) -> Iterator[tuple[str, Cell]]:
    took = "" if brief.took is None else span(brief.took)
    if brief.since is not None and brief.since <= present:
        took = f"{span(present - brief.since)}+"
    yield "state", Cell(brief.state)
    yield "job", Cell(job, str(brief.run.job))
    yield "run", Cell(run_id, str(brief.run))
    yield "attempt", Cell(brief.attempt)
    yield "created", Cell(brief.created)
    yield "took", Cell(took)
    yield "message", Cell(brief.message, brief.message or "")
