"""Shapes of SVG: text that fits, colours of states for light and dark pages, and a mark for each state."""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Final, Literal, TypeAlias
from unicodedata import east_asian_width

from jobruns_sdk.errors import harmless
from jobruns_sdk.model.states import RunState

Theme: TypeAlias = Literal["auto", "light", "dark"]
"""Colours for light pages, for dark ones, or those that the reader's system asks for."""

_LIGHT: Final = {
    "ground": "#ffffff",
    "ink": "#1b1f24",
    "soft": "#57606a",
    "rule": "#d8dee4",
    "band": "#f6f8fa",
    "on": "#ffffff",
    "now": "#cf222e",
    "QUEUED": "#8c959f",
    "STARTING": "#54a3ff",
    "RUNNING": "#0969da",
    "STOPPING": "#bf8700",
    "SUCCEEDED": "#2e8b4f",
    "PARTIALLY_SUCCEEDED": "#7a7f00",
    "FAILED": "#cf222e",
    "STOPPED": "#b35900",
    "TIMED_OUT": "#8250df",
    "UNKNOWN": "#6e7781",
}
_DARK: Final = {
    "ground": "#131416",
    "ink": "#e6e6e6",
    "soft": "#a6adb7",
    "rule": "#30353c",
    "band": "#1b1e22",
    "on": "#131416",
    "now": "#ff8a80",
    "QUEUED": "#8b949e",
    "STARTING": "#9ecbff",
    "RUNNING": "#58a6ff",
    "STOPPING": "#e3b341",
    "SUCCEEDED": "#56b870",
    "PARTIALLY_SUCCEEDED": "#c4c94a",
    "FAILED": "#ff7b72",
    "STOPPED": "#f0883e",
    "TIMED_OUT": "#d2a8ff",
    "UNKNOWN": "#9aa4af",
}
_RULES: Final = (
    "text{font-family:system-ui,-apple-system,'Segoe UI',sans-serif;font-size:12px;fill:var(--ink)}"
    ".soft{fill:var(--soft);font-size:11px}.lane{font-weight:600;font-size:12.5px}.end{text-anchor:end}"
    ".mid{text-anchor:middle}.num{fill:var(--on);font-size:11px;font-weight:600;text-anchor:middle}"
    ".ground{fill:var(--ground)}.band{fill:var(--band)}.rule{stroke:var(--rule);fill:none}"
    ".now{stroke:var(--now);stroke-dasharray:5 4;fill:none}.wait{stroke:var(--QUEUED);stroke-width:2;fill:none}"
    ".on{stroke:var(--on);fill:none;stroke-width:2}.halo{stroke:var(--ground);fill:none;stroke-width:4}"
    ".line{fill:none;stroke:var(--ink);stroke-width:1.5}.spread{fill:var(--soft);opacity:.16}"
)
_WORDS: Final = re.compile(r"\S+\s*")
_INVALID: Final = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")  # in XML, even escaped

# Widths of characters in Verdana and DejaVu Sans, the widest fonts that a page may get, as parts of the font's size.
_NARROW: Final = frozenset("iljtfrI.,:;'|!()[]/\\ -`")
_BROAD: Final = frozenset("mwMW@%&—…")
BOLD: Final = 12.5 * 1.13
"""The size of names, which are bold and so much wider than others."""

_WIDTHS: Final = {"narrow": 0.46, "usual": 0.66, "capital": 0.79, "broad": 1.03}


def safe(text: str) -> str:
    """Return a string as it may stand in SVG and HTML: without markup, and without signs that turn what follows."""
    return escape(_INVALID.sub("\N{REPLACEMENT CHARACTER}", harmless(text)))


def width_of(text: str, size: float = 12) -> float:
    """Return how wide a string is at most, in pixels, whatever the reader's font is."""
    return sum(map(_width, text)) * size


def _width(sign: str) -> float:
    if sign in _NARROW:
        return _WIDTHS["narrow"]
    if sign in _BROAD or east_asian_width(sign) in "WF":
        return _WIDTHS["broad"]
    return _WIDTHS["capital"] if sign.isupper() or not sign.isascii() else _WIDTHS["usual"]


def fitted(text: str, room: float, size: float = 12) -> str:
    """Return a string, cut where it is wider than that many pixels; of white space one is kept."""
    text = " ".join(harmless(text).split())
    if width_of(text, size) <= room:
        return text
    room -= width_of("…", size)
    for end, sign in enumerate(text):
        room -= _width(sign) * size
        if room < 0:
            return f"{text[:end].rstrip()}…"
    return text


def wrapped(text: str, room: float, size: float = 12) -> list[str]:
    """Return a string in lines that are as wide as that at most."""
    lines = [""]
    for word in _WORDS.findall(text):
        if lines[-1] and width_of((lines[-1] + word).rstrip(), size) > room:
            lines.append("")
        lines[-1] += word
    return [fitted(line, room, size) for line in lines]


def label(x: float, y: float, text: str, kind: str = "") -> str:
    """Return a string as a line of text."""
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{styled}>{safe(text)}</text>'


def marked(state: RunState, x: float, y: float, size: float) -> str:
    """Return the path of a state's mark around a point: what tells it without its colour; none where it has none."""
    low, high = y - size, y + size
    left, right = x - size, x + size
    match state:
        case RunState.FAILED:
            return f"M{left:.1f} {low:.1f}L{right:.1f} {high:.1f}M{left:.1f} {high:.1f}L{right:.1f} {low:.1f}"
        case RunState.TIMED_OUT:
            return f"M{left:.1f} {low:.1f}H{right:.1f}L{left:.1f} {high:.1f}H{right:.1f}Z"
        case RunState.STOPPED | RunState.STOPPING:
            return f"M{left:.1f} {low:.1f}H{right:.1f}V{high:.1f}H{left:.1f}Z"
        case RunState.PARTIALLY_SUCCEEDED:
            return f"M{x:.1f} {low:.1f}L{right:.1f} {high:.1f}H{left:.1f}Z"
        case RunState.UNKNOWN:
            return f"M{x:.1f} {low:.1f}L{right:.1f} {y:.1f}L{x:.1f} {high:.1f}L{left:.1f} {y:.1f}Z"
        case _:
            return ""


def svg(  # noqa: PLR0917  # all of them always
    width: int, height: float, title: str, told: str, shapes: Iterable[str], theme: Theme
) -> str:
    """Return a picture with its title and with what it shows in words; nothing in it is fetched."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="jobruns {theme}" viewBox="0 0 {width} {height:.0f}" '
        f'width="{width}" height="{height:.0f}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{safe(title)}">'
        f"<title>{safe(title)}</title><desc>{safe(told)}</desc><style>{_style(theme)}</style>{_HATCH}"
        f'<rect class="ground" width="{width}" height="{height:.0f}" rx="8"/>{"".join(shapes)}</svg>\n'
    )


def _style(theme: Theme) -> str:
    """Return the style of a picture, which touches nothing else of the page that it stands in."""
    here = f"svg.jobruns.{theme}"
    colours = f"{here}{{{_variables(_DARK if theme == 'dark' else _LIGHT)}}}"
    if theme == "auto":
        colours += f"@media screen and (prefers-color-scheme:dark){{{here}{{{_variables(_DARK)}}}}}"
    states = "".join(f".{state}{{fill:var(--{state});stroke:var(--{state})}}" for state in RunState)
    rules = re.sub(r"(^|(?<=\}))(?=[^}])", "svg.jobruns ", _RULES + states + _OPEN)
    return colours + rules + "@media print{svg.jobruns{print-color-adjust:exact}}"


def _variables(colours: Mapping[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())


_OPEN: Final = (
    ".hatch{fill:url(#jobruns-hatch)}.bar{stroke:none}.mark{fill:none;stroke-width:2}"
    ".hollow{fill:var(--ground);stroke-width:1.5}"
)
_HATCH: Final = (
    '<defs><pattern id="jobruns-hatch" width="7" height="7" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><path d="M1 0V7" style="stroke:var(--ground,#fff);stroke-width:2"/></pattern></defs>'
)

LIGHT_AND_DARK: Final = (
    f":root{{color-scheme:light dark;{_variables(_LIGHT)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}}}}}"
)
"""The colours for the page around pictures."""
