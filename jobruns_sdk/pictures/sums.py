"""Lanes with more runs than can be told apart: columns that count the runs of an hour by their state."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Final, NamedTuple

from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
from jobruns_sdk.pictures.axis import clock
from jobruns_sdk.pictures.bars import RANK, Bar
from jobruns_sdk.pictures.drawing import Canvas
from jobruns_sdk.pictures.shapes import label, safe

MOST_BARS: Final = 20_000  # above that a browser takes seconds to show them
ROWS: Final = 2  # of bars, as high as a lane of columns is
_COLUMN: Final = 4  # pixels, at least
_LEAST: Final = 3  # pixels of a state in its column
_HOUR: Final = timedelta(hours=1)


def hours_of(canvas: Canvas) -> timedelta:
    """Return the time that a column stands for: an hour, or as many as have room."""
    most = (canvas.right - canvas.left) // _COLUMN
    return max(1, ceil((canvas.until - canvas.since) / most / _HOUR)) * _HOUR


def column_shapes(canvas: Canvas, lanes: Mapping[str, Sequence[Bar]]) -> Iterator[str]:
    """Yield the columns of all lanes: how many runs began in each time.

    Above a line are those that succeeded or are going on, below it all others: the place tells what the colour does.
    """
    step = hours_of(canvas)
    for name, bars in lanes.items():
        counts = _counts(canvas, bars, step)
        ups, downs = ([sum(_part(column, up=up).values()) for column in counts.values()] for up in (True, False))
        row = canvas.lanes[name]
        each = (row.height - 10) / (max(ups) + max(downs))
        line = row.y + 5 + max(ups) * each
        yield label(canvas.left - 12, row.y + 36, f"up to {max(map(sum, zip(ups, downs, strict=True))):,}", "soft end")
        yield f'<path class="line" d="M{canvas.left:.1f} {line:.1f}H{canvas.right:.1f}"/>'
        for begin, column in sorted(counts.items()):
            place = _Place(canvas.x(begin), max(canvas.x(begin + step) - canvas.x(begin) - 1, _LEAST), line, each)
            yield _column(f"{clock(begin, canvas.zone)}: ", column, place)


class _Place(NamedTuple):
    """The place of a column."""

    left: float
    width: float
    line: float
    each: float  # how high a run is


def _part(column: Counter[RunState], *, up: bool) -> dict[RunState, int]:
    """Return what of a column stands above its line, or below it; from there outwards."""
    parts = {state: column[state] for state in column if (state in UNSUCCESSFUL or state is RunState.UNKNOWN) is not up}
    return dict(sorted(parts.items(), key=lambda part: RANK[part[0]]))


def _counts(canvas: Canvas, bars: Sequence[Bar], step: timedelta) -> dict[datetime, Counter[RunState]]:
    last = {bar.run: bar for bar in bars}  # of each run the latest bar, whose state is the run's
    first = {bar.run: bar.begin for bar in reversed(bars)}
    counts: dict[datetime, Counter[RunState]] = {}
    for run, bar in last.items():
        into = max(first[run] - canvas.since, timedelta(0)) // step
        counts.setdefault(canvas.since + into * step, Counter())[bar.state] += 1
    return counts


def _column(when: str, column: Counter[RunState], place: _Place) -> str:
    told = ", ".join(f"{number:,} {state}" for state, number in column.most_common())
    shapes = [f"<title>{safe(when + told)}</title>"]
    for up in (True, False):
        y = place.line
        for state, number in _part(column, up=up).items():
            high = max(number * place.each, _LEAST)
            top = y - high if up else y
            y = top if up else y + high
            shapes.append(
                f'<rect class="bar {state}" data-runs="{number}" x="{place.left:.1f}" y="{top:.1f}" '
                f'width="{place.width:.1f}" height="{high:.1f}"/>'
            )
    return f"<g>{''.join(shapes)}</g>"
