"""The lanes of a picture: which runs share one, what it is called, and in which of its rows each run lies."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Final, Literal, NamedTuple, TypeAlias

from jobruns_sdk.checks import check_text, refusal
from jobruns_sdk.model.labels import job_labels, names_of
from jobruns_sdk.model.refs import JobLike, JobRef, RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.pictures.bars import Bar, Piece, extent_of

LaneOf: TypeAlias = Literal["job", "name"] | Callable[[JobRun[object]], str]
"""The meaning of a lane: a job, a run name without the date or number at its end, or what a function returns."""

Names: TypeAlias = Mapping[JobLike, str] | Mapping[str, str] | Mapping[JobRef, str]
"""Names of jobs, for those that the runs do not know."""

# A date, a time or a number at the end of a name, behind a sign that sets it apart; or the digits of a date alone.
_COUNTER: Final = re.compile(r"(?:[\s_.:/#-]+\d|\d(?=\d{5}))[\dTZ\s_.:/+-]*$")


class Placed(NamedTuple):
    """A run with its bars and its lane."""

    run: RunRef
    lane: str
    pieces: Sequence[Piece]


def stem(name: str) -> str:
    """Return a run's name without the date or the number at its end."""
    found = _COUNTER.sub("", name)
    return found if any(map(str.isalpha, found)) else name


def lanes_of(runs: Iterable[JobRun[object]], lane: object, names: object) -> dict[RunRef, str]:
    """Return the lane of each run.

    Raises:
        InvalidRequestError: ``lane`` or ``names`` are something else than they should be.
    """
    listed = list(runs)
    jobs = dict.fromkeys(run.job for run in listed)
    labels = job_labels(jobs, names_of(jobs, {} if names is None else names))
    if lane == "job":
        return {run.ref: labels[run.job] for run in listed}
    if lane == "name":
        return _by_name(listed, labels)
    if not callable(lane):
        raise refusal("lane", '"job", "name" or a function of a run', lane)
    return {run.ref: _kept(lane(run)) for run in listed}


def _kept(label: object) -> str:
    check_text("what lane= returns", label)
    return str(label)


def _by_name(runs: Sequence[JobRun[object]], labels: Mapping[JobRef, str]) -> dict[RunRef, str]:
    """Return the lanes by the runs' names; runs of different jobs are kept apart where their names are alike."""
    stems = {run.ref: stem(run.name) if run.name else None for run in runs}
    jobs: dict[str, set[JobRef]] = defaultdict(set)
    for ref, name in stems.items():
        if name is not None:
            jobs[name].add(ref.job)
    return {
        ref: labels[ref.job] if name is None else name if len(jobs[name]) == 1 else f"{name} ({labels[ref.job]})"
        for ref, name in stems.items()
    }


def bars_of(placed: Iterable[Placed], least: timedelta) -> tuple[Bar, ...]:
    """Return the bars of runs by lanes, each run in the first row of its lane that is free.

    Args:
        placed: The runs.
        least: How long a run takes up a row at least, so that what is drawn wider than it is does not overlap.
    """
    lanes: dict[str, list[Placed]] = defaultdict(list)
    for one in placed:
        lanes[one.lane].append(one)
    return tuple(bar for name in sorted(lanes, key=_in_order) for bar in _rows_of(lanes[name], least))


def _in_order(name: str) -> tuple[str, str]:
    return name.casefold(), name


def _rows_of(lane: Sequence[Placed], least: timedelta) -> list[Bar]:
    busy: list[tuple[datetime, int]] = []  # when each row is free again
    free: list[int] = []
    bars: list[Bar] = []
    for run, name, pieces in sorted(lane, key=lambda one: (extent_of(one.pieces)[0], one.run)):
        begin, end = extent_of(pieces)
        while busy and busy[0][0] <= begin:
            heappush(free, heappop(busy)[1])
        row = heappop(free) if free else len(busy)
        heappush(busy, (_later(end, begin, least), row))
        bars += [
            Bar(name, row, *piece[:4], run, *piece[4:])  # the members in their order, the run among them
            for piece in pieces
        ]
    return bars


def _later(end: datetime, begin: datetime, least: timedelta) -> datetime:
    try:
        return max(end, begin + least)
    except OverflowError:  # at the end of the year 9999
        return end
