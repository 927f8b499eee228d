"""Values as a terminal shows them: short, and each in one line."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from jobruns_sdk import Attempt, JobRun, RunState
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import ALIASES
from jobruns_sdk.model.labels import short_ids, span

_MARKS: Final = {
    RunState.QUEUED: ("·", "."),
    RunState.STARTING: ("▶", ">"),
    RunState.RUNNING: ("▶", ">"),
    RunState.STOPPING: ("▶", ">"),
    RunState.SUCCEEDED: ("✓", "+"),
    RunState.PARTIALLY_SUCCEEDED: ("◐", "~"),
    RunState.FAILED: ("✗", "x"),
    RunState.STOPPED: ("■", "#"),
    RunState.TIMED_OUT: ("✗", "x"),
    RunState.UNKNOWN: ("?", "?"),
}
"""A mark for each state, so that none is told by its color alone: in Unicode, and in ASCII."""

_WORDS: Final = {RunState.PARTIALLY_SUCCEEDED: "partial"}
_COLORS: Final[Mapping[RunState, str]] = {
    RunState.SUCCEEDED: "32",
    RunState.PARTIALLY_SUCCEEDED: "33",
    RunState.STOPPED: "33",
    RunState.FAILED: "31",
    RunState.TIMED_OUT: "31",
    RunState.UNKNOWN: "35",
}
_SERVICES: Final = {service: alias for alias, service in ALIASES.items()}
_RECENT: Final = timedelta(days=6)
_YEAR: Final = timedelta(days=300)


def state_text(state: RunState, terminal: Terminal) -> str:
    """Return a state with its mark."""
    unicode, ascii_only = _MARKS[state]
    return f"{unicode if terminal.has_unicode else ascii_only} {_WORDS.get(state, state.lower())}"


def colored(text: str, state: RunState, terminal: Terminal) -> str:
    """Return a string in the color of a state, where the terminal has colors."""
    color = _COLORS.get(state)
    return f"\x1b[{color}m{text}\x1b[0m" if color and terminal.has_colors else text


def job_text(run: JobRun[object]) -> str:
    """Return the short name of a run's job, as it may be typed."""
    service = _SERVICES.get(run.service, run.service)
    return f"{service}:{run.job_name or '/'.join(run.job.path)}"


def run_texts(runs: Sequence[JobRun[object]]) -> list[str]:
    """Return the shortest beginning of each run's id that no other run of its job has."""
    by_job: defaultdict[object, list[str]] = defaultdict(list)
    for run in runs:
        by_job[run.job].append(run.id)
    short = {job: short_ids(ids) for job, ids in by_job.items()}
    return [short[run.job][run.id] for run in runs]


def moment_text(moment: datetime | None, terminal: Terminal) -> str:
    """Return a time in the terminal's zone: ``today 04:00``, ``Sat 28 04:00``, ``12 Oct 04:00``, ``12 Oct 2025``."""
    if moment is None:
        return ""
    try:
        local, today = moment.astimezone(terminal.zone), terminal.now.astimezone(terminal.zone)
    except (OverflowError, OSError, ValueError):  # before the year 1 or after the year 9999 there
        return f"{moment:%Y-%m-%d}"
    if local.date() == today.date():
        return f"today {local:%H:%M}"
    ago = abs(terminal.now - moment)
    return f"{local:%a %d %H:%M}" if ago < _RECENT else f"{local:%d %b %H:%M}" if ago < _YEAR else f"{local:%d %b %Y}"


def full_moment(moment: datetime | None, terminal: Terminal) -> str:
    """Return a time in the terminal's zone, to the second, with the zone's name."""
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone(terminal.zone):%Y-%m-%d %H:%M:%S %Z}"
    except (OverflowError, OSError, ValueError):
        return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def took_text(row: JobRun[object] | Attempt[object], terminal: Terminal) -> str:
    """Return how long a run or an attempt took.

    One that is active has a ``+``. Where the service's list tells neither start nor end, the time from creation to the
    last change stands for it, with a ``~``.
    """
    if row.duration is not None:
        return span(row.duration)
    begin = row.started_at or row.created_at
    if begin is None:
        return ""
    if row.state.is_active:
        return f"{span(terminal.now - begin)}+"
    end = row.ended_at or row.updated_at
    return f"~{span(end - begin)}" if row.is_terminal and end is not None and end >= begin else ""


def first_line(message: str | None, terminal: Terminal) -> str:
    """Return the first line of a message."""
    return terminal.shown((message or "").strip().partition("\n")[0])
