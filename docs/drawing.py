"""Pictures of states, as plain SVG: made of the tables that translate them, and of the lives that runs can have."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from docs.lives import MACHINES, Step, steps
from jobruns_sdk import RunState
from jobruns_sdk.services import datazone, emr_serverless, glue

STATES: Final[Mapping[str, Mapping[str, RunState]]] = {
    "emr-serverless": emr_serverless.STATES,
    "datazone": datazone.STATES,
    "glue": glue.STATES,
}
TITLES: Final = {"emr-serverless": "EMR Serverless", "datazone": "DataZone", "glue": "Glue"}

COLOURS: Final = {
    RunState.QUEUED: "#e3e7ee",
    RunState.STARTING: "#d4e6fb",
    RunState.RUNNING: "#a9cdf6",
    RunState.STOPPING: "#fbe3b5",
    RunState.SUCCEEDED: "#bfe5c3",
    RunState.PARTIALLY_SUCCEEDED: "#e2e9a8",
    RunState.FAILED: "#f5bdb9",
    RunState.STOPPED: "#f7d0a4",
    RunState.TIMED_OUT: "#e6c3e6",
    RunState.UNKNOWN: "#ffffff",
}
_HIGH, _ROW = 44, 62  # a box, and from one to the next below it
_LETTER, _PADDING, _GAP = 9.2, 16, 34  # of a box: what a letter of its name takes, and the way to the next one
_LEFT, _TOP, _EDGE = 46, 58, 56
_ENDS: Final = {
    state: row
    for row, state in enumerate(
        (RunState.SUCCEEDED, RunState.PARTIALLY_SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.STOPPED)
    )
}
"""The ends from top to bottom, so that few lines cross."""

_LIGHT: Final = "--ground:#ffffff;--ink:#1b1f24;--line:#57606a;--rule:#d0d7de;--mark:#b3261e;--curve:#2f6fbd"
_DARK: Final = "--ground:#131416;--ink:#e6e6e6;--line:#a6adb7;--rule:#3b4048;--mark:#ff8a80;--curve:#7db4f5"
_STYLE: Final = (
    "text{font-family:system-ui,sans-serif;fill:#1b1f24;text-anchor:middle}"  # on the light colours of the boxes
    ".native{font-size:13.5px;font-weight:600}.state{font-size:12px;fill:#424a53}"
    ".label{font-size:13.5px;font-weight:600;fill:var(--ink)}.small{font-size:12.5px;fill:var(--ink)}"
    ".ground{fill:var(--ground)}.rule{stroke:var(--rule)}.mark{stroke:var(--mark);stroke-width:3}"
    ".axis{fill:none;stroke:var(--line)}.curve{fill:none;stroke:var(--curve);stroke-width:2}.end{fill:var(--line)}"
    "rect.box{stroke:#57606a}path.step{fill:none;stroke:var(--line);stroke-width:1.4}path.retry{stroke-dasharray:5 4}"
)
_ARROW: Final = (
    '<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path class="end" d="M0 0L10 5L0 10z"/></marker></defs>'
)


class Place(NamedTuple):
    """The middle of a box."""

    x: int
    y: int


class Plan(NamedTuple):
    """Where everything goes."""

    table: Mapping[str, RunState]
    places: Mapping[str, Place]
    wide: int  # a box
    width: int
    height: int


def draw_all(folder: Path) -> None:
    """Write the picture of each service's states, and that of what they mean."""
    folder.mkdir(exist_ok=True)
    for machine in MACHINES:
        table = STATES[machine.service]
        save(folder, machine.service, state_machine(TITLES[machine.service], table, steps(machine)))
    save(folder, "states", unification(STATES))


def save(folder: Path, name: str, picture: str) -> None:
    """Write a picture into a folder, for a light page and for a dark one."""
    (folder / f"{name}.svg").write_text(picture, encoding="utf-8")
    (folder / f"{name}-dark.svg").write_text(picture.replace(_LIGHT, _DARK), encoding="utf-8")


def state_machine(title: str, table: Mapping[str, RunState], taken: Sequence[Step]) -> str:
    """Return the picture of a service's states and of the steps between them."""
    wide = _wide({*table, *table.values()})
    places = _places(table, _columns(table, taken), taken, wide)
    width = max(place.x for place in places.values()) + wide // 2 + _EDGE
    below = _EDGE if any(step.retry and table[step.before].is_terminal for step in taken) else _HIGH // 2
    height = max(place.y for place in places.values()) + _HIGH // 2 + below
    plan = Plan(table, places, wide, width, height)
    shapes = [_arrow(step, plan) if step.before else _start(places[step.after], wide) for step in taken]
    shapes += [_box(native, table[native], place, wide) for native, place in places.items()]
    told = "; ".join(f"{step.before or 'start'} to {step.after}{' (a retry)' if step.retry else ''}" for step in taken)
    return svg(width, height, f"States of a run on {title}", told, shapes)


def unification(tables: Mapping[str, Mapping[str, RunState]]) -> str:
    """Return the picture of what each service's states mean: a line for each state of this package."""
    names = ("", *(TITLES[service] for service in tables))
    wide = _wide({*RunState, *(native for table in tables.values() for native in table)})
    lefts = [wide // 2 + 12 + index * (wide + 16) for index in range(len(names))]
    shapes = [_text(left, 26, name, "label") for left, name in zip(lefts, names, strict=True)]
    y = _TOP
    for state in RunState:
        rows = [[native for native, meaning in table.items() if meaning is state] for table in tables.values()]
        shapes.append(_line(y - _HIGH // 2 - 7, lefts[-1] + wide // 2))
        shapes.append(_box(state, state, Place(lefts[0], y), wide, bare=True))
        for left, natives in zip(lefts[1:], rows, strict=True):
            shapes += [
                _box(native, state, Place(left, y + at * 50), wide, bare=True) for at, native in enumerate(natives)
            ]
        if not any(rows):
            shapes.append(_text(lefts[2], y + 4, "any state added later", "small"))
        y += 50 * max(1, *map(len, rows)) + 12
    meanings = (
        f"{TITLES[service]} {native}: {state}" for service, table in tables.items() for native, state in table.items()
    )
    return svg(lefts[-1] + wide // 2 + 12, y - 12, "What the services' states mean", "; ".join(meanings), shapes)


def _columns(table: Mapping[str, RunState], taken: Iterable[Step]) -> Mapping[str, int]:
    """Return the column of each state: one further on than all that lead to it, those of an end in the last one."""
    onward = [step for step in taken if not step.retry and step.before]
    columns = dict.fromkeys(table, 0)
    for _ in table:
        for step in onward:
            columns[step.after] = max(columns[step.after], columns[step.before] + 1)
    last = max(columns.values())
    return {native: last if state.is_terminal else columns[native] for native, state in table.items()}


def _wide(names: Iterable[str]) -> int:
    """Return how wide a box is that holds any of the names."""
    return round(max(map(len, names)) * _LETTER) + _PADDING


def _places(
    table: Mapping[str, RunState], columns: Mapping[str, int], taken: Iterable[Step], wide: int
) -> dict[str, Place]:
    """Return the places: the usual way in a line, queues above it, stopping below it, ends from top to bottom."""
    given_up = {step.before for step in taken if step.before and table[step.after].is_terminal}
    ends = sorted((native for native, state in table.items() if state.is_terminal), key=lambda end: _ENDS[table[end]])
    rows = {native: row for row, native in enumerate(ends)}
    for native, state in table.items():
        if state is RunState.STOPPING:
            rows[native] = max(2, len(ends) - 1)
        elif state is RunState.QUEUED and native in given_up:
            rows[native] = 0
    return {
        native: Place(_LEFT + wide // 2 + column * (wide + _GAP), _TOP + _HIGH // 2 + rows.get(native, 1) * _ROW)
        for native, column in columns.items()
    }


def _arrow(step: Step, plan: Plan) -> str:
    after, start, end = plan.table[step.after], plan.places[step.before], plan.places[step.after]
    half = plan.wide // 2
    left, right, top, bottom = end.x - half, start.x + half, start.y - _HIGH // 2, start.y + _HIGH // 2
    side = plan.width - _EDGE // 2
    if step.retry and plan.table[step.before].is_terminal:  # around the bottom
        low = plan.height - _EDGE // 2
        way = f"M{right} {start.y + 10}H{side + 12}V{low}H{end.x - half // 2}V{end.y + _HIGH // 2}"
    elif step.retry:  # over the boxes between
        way = f"M{start.x} {top}C{start.x} {top - 66} {end.x} {top - 66} {end.x} {top}"
    elif after.is_terminal and start.y < _TOP + _ROW // 2:  # around the top
        inside = 12 if after is RunState.FAILED else 0
        way = f"M{start.x} {top}V{20 + inside}H{side - inside}V{end.y}H{end.x + half}"
    elif after is RunState.STOPPING:  # from below
        way = f"M{start.x} {bottom}C{start.x} {end.y} {left - 60} {end.y} {left} {end.y}"
    else:
        bend = (left - right) // 2
        way = f"M{right} {start.y}C{right + bend} {start.y} {left - bend} {end.y} {left} {end.y}"
    kind = "step retry" if step.retry else "step"
    return f'<path class="{kind}" data-from="{step.before}" data-to="{step.after}" marker-end="url(#arrow)" d="{way}"/>'


def _start(place: Place, wide: int) -> str:
    left = place.x - wide // 2
    return (
        f'<circle cx="{left - 32}" cy="{place.y}" r="5" class="end"/>'
        f'<path class="step" marker-end="url(#arrow)" d="M{left - 27} {place.y}H{left}"/>'
    )


def _box(name: str, state: RunState, place: Place, wide: int, *, bare: bool = False) -> str:
    box = (
        f'<rect class="box" x="{place.x - wide // 2}" y="{place.y - _HIGH // 2}" width="{wide}" height="{_HIGH}" '
        f'rx="8" fill="{COLOURS[state]}"/>'
    )
    lines = [_text(place.x, place.y + 4 if bare else place.y - 2, name, "native")]
    lines += [] if bare else [_text(place.x, place.y + 14, state, "state")]
    return f'<g data-native="{name}" data-state="{state}">{box}{"".join(lines)}</g>'


def _text(x: int, y: int, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{text}</text>'


def _line(y: int, width: int) -> str:
    return f'<path class="rule" d="M12 {y}H{width}"/>'


def svg(width: int, height: int, title: str, told: str, shapes: Iterable[str]) -> str:
    """Return a picture with its title, and with what it shows in words."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{title}</title><desc>{told}</desc><style>svg{{{_LIGHT}}}{_STYLE}</style>{_ARROW}'
        f'<rect class="ground" width="{width}" height="{height}" rx="10"/>{"".join(shapes)}</svg>\n'
    )
