"""Durations: how long the runs of each job took, over time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from math import ceil
from statistics import median, quantiles
from typing import Final, NamedTuple

import attrs

from jobruns_sdk import times
from jobruns_sdk.checks import check_count, check_moment, optional
from jobruns_sdk.model.labels import span
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.pictures import text
from jobruns_sdk.pictures.axis import ticks
from jobruns_sdk.pictures.bars import RANK, Bar, length_of, runs_by_ref
from jobruns_sdk.pictures.drawing import TICK, describe, legend_shapes
from jobruns_sdk.pictures.lanes import LaneOf, Names, Placed, bars_of, lanes_of
from jobruns_sdk.pictures.picture import Picture
from jobruns_sdk.pictures.shapes import BOLD, Theme, fitted, label, marked, safe, svg, width_of
from jobruns_sdk.pictures.timelines import check_zone, checked_runs, footer_of, span_of

_STEPS: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
)
_DAY: Final = timedelta(days=1)
_LEFT, _RIGHT, _PANEL, _HEAD, _TOP, _EDGE = 78, 20, 92, 30, 14, 16  # pixels
_POINT: Final = 3.2  # a point's radius
_LINES: Final = 4  # of a panel at most, one for each step of its scale
_ENOUGH: Final = 5  # runs, to tell what is usual
_ROUND: Final = re.compile(r" 0+[smh]$|(?<=^0)s$")  # a second unit, of which there is nothing
_BLOCKS: Final = ("▁▂▃▄▅▆▇█", "12345678")


def durations(
    runs: Iterable[JobRun[object]],
    *,
    last: int = 200,
    now: datetime | None = None,
    lane: LaneOf = "job",
    names: Names | None = None,
    zone: tzinfo | None = None,
) -> Picture:
    """Return a picture of how long runs took: a panel for each job, a point for each run.

    A line is the median of the runs that succeeded, a band holds those from the 10th to the 90th percentile. A run that
    is going on is a hollow point at the time it has taken so far; queued runs are left out and counted.

    Args:
        runs: The runs, in any order.
        last: How many runs of each job are drawn, the newest.
        now: Until when the time of a run that is going on is counted; None for the present time.
        lane: As in ``timeline``.
        names: As in ``timeline``.
        zone: The zone of the times on the axis; None for that of the machine.

    Raises:
        InvalidRequestError: An argument is something else.
    """
    check_zone(zone)
    check_count("last", last)
    optional(check_moment)("now", now)
    listed = runs_by_ref(checked_runs(runs))
    present = times.now() if now is None else now.astimezone(UTC)
    lanes = lanes_of(listed.values(), lane, names)
    newest: dict[str, list[Placed]] = {}
    for ref, run in listed.items():
        if piece := length_of(run, present):
            newest.setdefault(lanes[ref], []).append(Placed(ref, lanes[ref], [piece]))
    placed = [
        one
        for lane_runs in newest.values()
        for one in sorted(lane_runs, key=lambda one: (one.pieces[0].begin, one.run))[-last:]
    ]
    bars = tuple(attrs.evolve(bar, sublane=0) for bar in bars_of(placed, timedelta(0)))
    since, until = span_of([[one.pieces[0]._replace(end=one.pieces[0].begin)] for one in placed], None, None, present)
    missing = len(listed) - sum(map(len, newest.values()))
    notes = (f"{len(bars):,} {'run' if len(bars) == 1 else 'runs'}", *([f"{missing:,} not started"] if missing else []))
    title = f"Durations of {len(bars)} runs" if bars else "Durations without runs"
    return Durations(title, bars, since, until, present, zone, notes)


class _Usual(NamedTuple):
    """The usual durations of a job, in seconds."""

    middle: float
    low: float
    high: float


def _seconds(bar: Bar) -> float:
    return (bar.end - bar.begin).total_seconds()


def _usual(bars: Iterable[Bar]) -> _Usual | None:
    known = sorted(_seconds(bar) for bar in bars if bar.state is RunState.SUCCEEDED)
    if not known:
        return None
    if len(known) < _ENOUGH:
        return _Usual(median(known), known[0], known[-1])
    tenths = quantiles(known, n=10, method="inclusive")
    return _Usual(median(known), tenths[0], tenths[-1])


class _Panel(NamedTuple):
    """The place of a job's points."""

    top: float
    scale: timedelta  # of the whole height
    step: timedelta
    since: datetime
    until: datetime
    right: float

    def x(self, moment: datetime) -> float:
        return _LEFT + 8 + (moment - self.since) / (self.until - self.since) * (self.right - _LEFT - 16)

    def y(self, seconds: float) -> float:
        return self.top + _PANEL * (1 - seconds / self.scale.total_seconds())


def _scale(longest: timedelta) -> tuple[timedelta, timedelta]:
    """Return a step, and the multiple of it that holds the longest."""
    step = next((step for step in _STEPS if longest <= _LINES * step), None)
    step = step or ceil(longest / _LINES / _DAY) * _DAY
    return step, max(1, ceil(longest / step)) * step


@attrs.frozen(repr=False)
class Durations(Picture):
    """A picture of how long runs took."""

    def _lanes(self) -> dict[str, list[Bar]]:
        lanes: dict[str, list[Bar]] = {}
        for bar in self.bars:
            lanes.setdefault(bar.lane, []).append(bar)
        return lanes

    def _svg(self, width: int, theme: Theme) -> str:
        shapes: list[str] = []
        top: float = _TOP
        told: list[str] = []
        for name, bars in self._lanes().items():
            step, scale = _scale(max(bar.end - bar.begin for bar in bars))
            panel = _Panel(top + _HEAD, scale, step, self.since, self.until, width - _RIGHT)
            usual = _usual(bars)
            typical = f"median {_told(usual.middle)}" if usual else "none succeeded"
            told.append(f"{name}: {len(bars)} runs, {typical}")
            shapes += [*_heading(name, typical, panel, width), *_grid(panel), *_points(panel, bars, usual, self.zone)]
            top = panel.top + _PANEL + 12
        if told:
            shapes += _axis(self, top, width)
            top += 30
        else:
            shapes.append(label(width / 2, top + 22, "No runs", "soft mid"))
            top += 40
        below, height = legend_shapes(width, top - 16, self.bars, footer_of(self))
        return svg(width, height, self.title, "; ".join((footer_of(self), *told)), [*shapes, *below], theme)

    def _lines(self, width: int, *, ascii: bool) -> Sequence[text.Line]:  # noqa: A002  # as in text()
        lanes = self._lanes()
        left = text.label_columns(lanes, width, ascii=ascii) + 2
        lines: list[text.Line] = []
        for name, bars in lanes.items():
            usual = _usual(bars)
            typical = f"  median {_told(usual.middle)}" if usual else "  none succeeded"
            head = text.padded(name, left - 2, ascii=ascii) + "  "
            room = width - left - len(typical)
            lines.append([(head, "bold"), *_blocks(bars[-room:], ascii=ascii), (typical, "")])
        signs = text.legend((bar.state for bar in self.bars if bar.state is not RunState.SUCCEEDED), ascii=ascii)
        return [*lines, *text.folded(signs, width), *text.folded(footer_of(self), width)]


def _told(seconds: float) -> str:
    return span(timedelta(seconds=seconds))


def _blocks(bars: Sequence[Bar], *, ascii: bool) -> Iterator[tuple[str, str]]:  # noqa: A002  # as in Picture.text()
    """Yield a block for each run that succeeded, as high as it took long; for others the mark of their state."""
    longest = max(map(_seconds, bars)) or 1
    blocks = _BLOCKS[ascii]
    for bar in bars:
        sign = text.SIGNS[bar.state]
        if bar.state is RunState.SUCCEEDED:
            yield blocks[min(int(_seconds(bar) / longest * len(blocks)), len(blocks) - 1)], sign.style
        else:
            yield sign.ascii if ascii else sign.mark, sign.style


def _heading(name: str, typical: str, panel: _Panel, width: int) -> Iterator[str]:
    beside = width_of(typical) + 24
    shown = fitted(name, width - 2 * _EDGE - beside, BOLD)
    whole = "" if shown == name else f"<title>{safe(name)}</title>"
    yield f'<text class="lane" x="{_EDGE}" y="{panel.top - 12:.1f}">{safe(shown)}{whole}</text>'
    yield label(width - _RIGHT, panel.top - 12, typical, "soft end")


def _grid(panel: _Panel) -> Iterator[str]:
    for line in range(round(panel.scale / panel.step) + 1):
        y = panel.y((line * panel.step).total_seconds())
        yield f'<path class="rule" d="M{_LEFT} {y:.1f}H{panel.right:.1f}"/>'
        yield label(_LEFT - 8, y + 4, _ROUND.sub("", span(line * panel.step)), "soft end")


def _points(panel: _Panel, bars: Sequence[Bar], usual: _Usual | None, zone: tzinfo | None) -> Iterator[str]:
    if usual is not None:
        high, low = panel.y(usual.high), panel.y(usual.low)
        yield (
            f'<rect class="spread" x="{_LEFT}" y="{high:.1f}" width="{panel.right - _LEFT:.1f}" '
            f'height="{max(low - high, 1):.1f}"/>'
            f'<path class="line" d="M{_LEFT} {panel.y(usual.middle):.1f}H{panel.right:.1f}"/>'
        )
    for bar in sorted(bars, key=lambda bar: RANK[bar.state]):
        x, y = panel.x(bar.begin), panel.y(_seconds(bar))
        facts = f'data-run="{safe(bar.run.run_id)}"><title>{safe(describe(bar, zone))}</title>'
        if mark := marked(bar.state, x, y, _POINT + 0.8):
            yield f'<path class="halo" d="{mark}"/><path class="mark {bar.state}" d="{mark}" {facts}</path>'
        else:
            kind = "hollow" if bar.is_open else "bar"
            yield f'<circle class="{kind} {bar.state}" cx="{x:.1f}" cy="{y:.1f}" r="{_POINT}" {facts}</circle>'


def _axis(picture: Picture, top: float, width: int) -> Iterator[str]:
    panel = _Panel(0, _DAY, _DAY, picture.since, picture.until, width - _RIGHT)
    free = {"label": float(width), "day": float(width)}
    for tick in reversed(ticks(picture.since, picture.until, picture.zone, max(int((width - _LEFT) / TICK), 2))):
        x = panel.x(tick.at)
        for kind, shown, y in (("label", tick.label, top + 4), ("day", tick.day, top + 20)):
            wide = width_of(shown, 11)
            middle = min(max(x, 6 + wide / 2), width - 6 - wide / 2)
            if shown and middle + wide / 2 <= free[kind]:
                yield label(middle, y, shown, "soft mid")
                free[kind] = middle - wide / 2 - 6
