"""Values as a terminal shows them: short, and each in one line."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from jobruns_sdk import Attempt, JobRun, RunState
from jobruns_sdk.cli.terminal import Terminal

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
_SERVICES: Final = {"emr-serverless": "emr"}
_LEAST: Final = 6  # characters of an id: four behind Glue's jr_, and one of 200 runs in a thousand has them twice
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


def short_ids(runs: Iterable[tuple[object, str]]) -> Mapping[tuple[object, str], str]:
    """Return the shortest beginning of each run's id that no other run of its job has, six characters at least.

    Args:
        runs: The runs, each by its job and its id.
    """
    by_job: defaultdict[object, set[str]] = defaultdict(set)
    for job, run_id in runs:
        by_job[job].add(run_id)
    short: dict[tuple[object, str], str] = {}
    for job, ids in by_job.items():
        ordered = sorted(ids)
        for before, run_id, after in zip(["", *ordered], ordered, [*ordered[1:], ""], strict=False):
            shared = max(_shared(before, run_id), _shared(run_id, after))
            short[job, run_id] = run_id[: max(_LEAST + 3 * run_id.startswith("jr_"), shared + 1)]
    return short


def _shared(one: str, other: str) -> int:
    """Return how many characters two strings begin with alike."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


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


def span_text(span: timedelta) -> str:
    """Return a span of time by its two largest units, such as ``2h 25m``."""
    seconds = max(0, round(span.total_seconds()))
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds}s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:  # noqa: PLR2004  # an hour
        return f"{minutes}m {seconds:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:  # noqa: PLR2004  # a day
        return f"{hours}h {minutes:02}m"
    return f"{hours // 24}d {hours % 24}h"


def took_text(row: JobRun[object] | Attempt[object], terminal: Terminal) -> str:
    """Return how long a run or an attempt took.

    One that is active has a ``+``. Where the service's list tells neither start nor end, the time from creation to the
    last change stands for it, with a ``~``.
    """
    if row.duration is not None:
        return span_text(row.duration)
    begin = row.started_at or row.created_at
    if begin is None:
        return ""
    if row.state.is_active:
        return f"{span_text(terminal.now - begin)}+"
    end = row.ended_at or row.updated_at
    return f"~{span_text(end - begin)}" if row.is_terminal and end is not None and end >= begin else ""


def first_line(message: str | None, terminal: Terminal) -> str:
    """Return the first line of a message."""
    return terminal.shown((message or "").strip().partition("\n")[0])
