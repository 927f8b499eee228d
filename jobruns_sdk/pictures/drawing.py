"""The parts of a timeline's SVG: axis, lanes, bars with their marks, legend."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from jobruns_sdk.model.labels import span
from jobruns_sdk.model.states import RunState
from jobruns_sdk.pictures.axis import clock, ticks
from jobruns_sdk.pictures.bars import RANK, Bar
from jobruns_sdk.pictures.picture import Picture
from jobruns_sdk.pictures.shapes import BOLD, fitted, label, marked, safe, width_of, wrapped

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import RunRef

MOST_ROWS: Final = 6  # of a lane; runs for which there is none share the last one
_TOP, _BAR, _ROW, _PADDING, _RIGHT, _EDGE = 46, 16, 20, 8, 22, 16  # pixels
_LEAST_LEFT: Final = 90
TICK: Final = 70  # from one label of the axis to the next, at least
_MARK: Final = 3.5  # half of a mark's size
_MARKED: Final = 14  # what a mark takes of a bar
_ROUND: Final = 6  # the narrowest bar with round corners
_MESSAGE: Final = 80  # characters


class Row(NamedTuple):
    """The place of a lane."""

    y: float
    rows: int
    hidden: int  # how many of its rows share the last one

    @property
    def height(self) -> float:
        """Its height in pixels."""
        return self.rows * _ROW + 2 * _PADDING - (_ROW - _BAR)


class Canvas(NamedTuple):
    """The places of everything in a timeline."""

    since: datetime
    until: datetime
    present: datetime
    zone: tzinfo | None
    width: int
    left: float
    right: float
    bottom: float
    lanes: Mapping[str, Row]

    @classmethod
    def of(cls, picture: Picture, lanes: Mapping[str, Sequence[Bar]], width: int, high: int | None = None) -> Self:
        """Return the canvas of a picture with those lanes, each as high as that many rows, or as its runs need."""
        widest = max((width_of(name, BOLD) for name in lanes), default=0)
        left = max(_LEAST_LEFT, min(widest, width * 0.26)) + _EDGE + 14
        y: float = _TOP
        rows: dict[str, Row] = {}
        for name, bars in lanes.items():
            needed = high or max(bar.sublane for bar in bars) + 1
            rows[name] = Row(y, min(needed, MOST_ROWS), max(needed - MOST_ROWS, 0))
            y += rows[name].height
        zone, bottom = picture.zone, y if lanes else y + 60
        return cls(picture.since, picture.until, picture.now, zone, width, left, width - _RIGHT, bottom, rows)

    def x(self, moment: datetime) -> float:
        """Return where a time lies, at the edge if it is outside."""
        at = (moment - self.since) / (self.until - self.since)
        return self.left + min(max(at, 0.0), 1.0) * (self.right - self.left)

    def frame(self) -> Iterator[str]:
        """Yield the axis, the lanes' names, and the lines between them."""
        yield from self._axis()
        for name, row in self.lanes.items():
            yield f'<path class="rule" d="M{_EDGE} {row.y:.1f}H{self.right:.1f}"/>'
            shown = fitted(name, self.left - _EDGE - 12, BOLD)
            yield (
                f'<text class="lane end" x="{self.left - 12:.1f}" y="{row.y + _PADDING + 12.5:.1f}">'
                f"{safe(shown)}{'' if shown == name else f'<title>{safe(name)}</title>'}</text>"
            )
            if row.hidden:
                yield label(self.left - 12, row.y + _PADDING + 28, f"{row.rows + row.hidden} at once", "soft end")
        yield f'<path class="rule" d="M{_EDGE} {self.bottom:.1f}H{self.right:.1f}"/>'
        if not self.lanes:
            yield label((self.left + self.right) / 2, self.bottom - 26, "No runs in this time", "soft mid")

    def _axis(self) -> Iterator[str]:
        found = ticks(self.since, self.until, self.zone, max(int((self.right - self.left) / TICK), 2))
        free = {"day": float(self.width), "time": float(self.width)}
        for tick in reversed(found):  # where two dates have no room, the one goes whose day has begun before
            x = self.x(tick.at)
            yield f'<path class="rule" d="M{x:.1f} {_TOP - 6}V{self.bottom:.1f}"/>'
            for kind, shown, y, style in (("day", tick.day, 18, "lane"), ("time", tick.label, 34, "soft")):
                wide = width_of(shown, BOLD)
                middle = min(max(x, 6 + wide / 2), self.width - 6 - wide / 2)
                if shown and middle + wide / 2 <= free[kind]:
                    yield label(middle, y, shown, f"{style} mid")
                    free[kind] = middle - wide / 2 - 6

    def now(self) -> Iterator[str]:
        """Yield the line at the present time, if it is in the picture."""
        if self.lanes and self.since <= self.present <= self.until:
            x = self.x(self.present)
            yield f'<path class="now" d="M{x:.1f} {_TOP - 6}V{self.bottom + 4:.1f}"/>'
            yield label(min(x, self.width - 20), self.bottom + 16, "now", "soft mid")


def bar_shapes(canvas: Canvas, lanes: Mapping[str, Sequence[Bar]]) -> Iterator[str]:
    """Yield the bars of all lanes, in each the one last that matters most, so that nothing covers it."""
    for name, bars in lanes.items():
        row = canvas.lanes[name]
        tried: dict[RunRef, int] = {}
        for bar in bars:
            tried[bar.run] = tried.get(bar.run, 0) + (bar.kind != "waiting")
        for bar in sorted(bars, key=lambda bar: RANK[bar.state]):
            if bar.begin <= canvas.until and bar.end >= canvas.since:
                y = row.y + _PADDING + min(bar.sublane, row.rows - 1) * _ROW
                yield _shape(canvas, bar, y, numbered=tried[bar.run] > 1)


def _shape(canvas: Canvas, bar: Bar, y: float, *, numbered: bool) -> str:
    left = min(canvas.x(bar.begin), canvas.right - 2)
    wide = max(canvas.x(bar.end) - left, 2)
    middle = y + _BAR / 2
    if bar.kind == "waiting" and not bar.is_open:
        if canvas.x(bar.end) - left < 1:  # the attempt's own bar covers it
            return ""
        told = f"<title>waiting, {took(bar)}</title>"
        return f'<path class="wait" d="M{left:.1f} {middle:.1f}h{wide:.1f}">{told}</path>'
    title = f"<title>{safe(describe(bar, canvas.zone))}</title>"
    facts = f'data-run="{safe(bar.run.run_id)}" data-attempt="{bar.attempt}"'
    if bar.kind == "waiting":
        return (
            f'<rect class="hollow {bar.state}" {facts} x="{left + 0.75:.1f}" y="{y + 2.75:.1f}" '
            f'width="{max(wide - 1.5, 1):.1f}" height="{_BAR - 5.5}" rx="2">{title}</rect>'
        )
    is_cut = bar.is_open or bar.begin < canvas.since or bar.end > canvas.until
    rounded = "" if is_cut or wide < _ROUND else ' rx="3"'
    box = f'x="{left:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{_BAR}"'
    shape = f'<rect class="bar {bar.state}" {facts} {box}{rounded}>{title}</rect>'
    hatched = wide - (_MARKED + 2 if marked(bar.state, 0, 0, _MARK) else 0)
    if bar.is_open and hatched > 0:
        shape += f'<rect class="hatch" x="{left:.1f}" y="{y:.1f}" width="{hatched:.1f}" height="{_BAR}"/>'
    if bar.begin < canvas.since:
        shape += f'<path class="bar {bar.state}" d="M{left:.1f} {y:.1f}l-5 {_BAR / 2}l5 {_BAR / 2}z"/>'
    if bar.is_open or bar.end > canvas.until:
        shape += f'<path class="bar {bar.state}" d="M{left + wide:.1f} {y:.1f}l5 {_BAR / 2}l-5 {_BAR / 2}z"/>'
    return shape + _inside(bar, left, wide, middle, numbered=numbered)


def _inside(bar: Bar, left: float, wide: float, middle: float, *, numbered: bool) -> str:
    """Return the mark of a bar's state, beside a narrow one around it, and the number of the attempt."""
    has_mark = bool(marked(bar.state, 0, 0, _MARK))
    room = wide - (_MARKED if has_mark else 0)
    number = str(bar.attempt) if numbered and bar.kind == "attempt" and not bar.is_open else ""
    shape = ""
    if number and room >= width_of(number, 11) + 6:
        shape = label(left + room / 2, middle + 4, number, "num")
    if not has_mark:
        return shape
    if wide >= 2 * _MARK + 2:
        return f'{shape}<path class="on" d="{marked(bar.state, left + wide - min(8, wide / 2), middle, _MARK)}"/>'
    around = marked(bar.state, left + wide / 2, middle, _MARK + 0.5)
    return f'<path class="halo" d="{around}"/><path class="mark {bar.state}" d="{around}"/>'


def describe(bar: Bar, zone: tzinfo | None) -> str:
    """Return what a bar stands for, as the tooltip tells it."""
    number = f"attempt {bar.attempt}" if bar.kind != "run" else f"{bar.attempt} attempts"
    end = "now" if bar.is_open else clock(bar.end, zone) + (" (last change)" if bar.is_approximate else "")
    first = (bar.message or "").strip().partition("\n")[0][:_MESSAGE]
    lines = (str(bar.run), f"{bar.state}, {number}, {took(bar)}", f"{clock(bar.begin, zone)} to {end}", first)
    return "\n".join(filter(None, lines))


def took(bar: Bar) -> str:
    """Return how long a bar is, with a plus if it goes on."""
    return span(bar.end - bar.begin) + ("+" if bar.is_open else "")


def legend_shapes(width: int, bottom: float, bars: Sequence[Bar], footer: str) -> tuple[list[str], float]:
    """Return what the marks mean, with a line of notes below, and how high the picture is with them."""
    shapes: list[str] = []
    x, y = float(_EDGE), bottom + 28
    for swatch, name in _entries(bars):
        wide = 24 + width_of(name) + 14
        if x > _EDGE and x + wide > width:
            x, y = float(_EDGE), y + 22
        shapes += [f'<g transform="translate({x:.1f} {y:.1f})">{swatch}</g>', label(x + 24, y + 11, name)]
        x += wide
    y += 14 if bars else -14
    for line in wrapped(footer, width - 2 * _EDGE, 11):
        y += 18
        shapes.append(label(_EDGE, y, line, "soft"))
    return shapes, y + 14


def _entries(bars: Sequence[Bar]) -> Iterator[tuple[str, str]]:
    """Yield a swatch and a name for each thing that the bars show."""
    shown = {(bar.state, bar.is_open) for bar in bars if bar.kind != "waiting" or bar.is_open}
    for state in RunState:
        if (state, True) in shown or (state, False) in shown:
            yield _swatch(state, is_open=(state, True) in shown), state.replace("_", " ").lower()
    if any(bar.kind == "waiting" and not bar.is_open for bar in bars):
        yield '<path class="wait" d="M0 7h18"/>', "waiting"
    tries: dict[RunRef, int] = {}
    for bar in bars:
        tries[bar.run] = tries.get(bar.run, 0) + (bar.kind == "attempt")
    if any(number > 1 for number in tries.values()):
        yield (
            '<rect class="bar UNKNOWN" width="18" height="14" rx="3"/><text class="num" x="9" y="11">2</text>',
            "attempt",
        )


def _swatch(state: RunState, *, is_open: bool) -> str:
    if state is RunState.QUEUED:
        return f'<rect class="hollow {state}" x="0.75" y="1.75" width="16.5" height="10.5" rx="2"/>'
    box = 'width="18" height="14"' + ("" if is_open else ' rx="3"')
    mark = marked(state, 9, 7, _MARK)
    shape = f'<rect class="bar {state}" {box}/>' + (f'<rect class="hatch" {box}/>' if is_open and not mark else "")
    return f'{shape}<path class="on" d="{mark}"/>' if mark else shape
