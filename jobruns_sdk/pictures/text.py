"""Pictures as lines of text, in a terminal's colours where it has them."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from textwrap import wrap
from typing import Final, NamedTuple, TypeAlias
from unicodedata import combining, east_asian_width

from jobruns_sdk.errors import harmless
from jobruns_sdk.model.states import RunState
from jobruns_sdk.pictures.axis import ticks
from jobruns_sdk.pictures.bars import RANK, Bar

Line: TypeAlias = Sequence[tuple[str, str]]
"""The parts of a line, each with its style in rich's words."""

_TICK: Final = 9  # columns from one label of the axis to the next
_LABEL: Final = 24  # columns of a lane's name


_BODIES: Final = {True: ("━", "="), False: ("╍", "-")}
"""The characters of a bar whose run has ended (True), and of one that goes on, each with what ASCII has."""


class Sign(NamedTuple):
    """The signs of a state in a terminal.

    Attributes:
        mark: A character for it.
        ascii: The same where only ASCII can be shown.
        style: Its colour, in rich's words.
    """

    mark: str
    ascii: str
    style: str


SIGNS: Final = {
    RunState.QUEUED: Sign("·", ".", "bright_black"),
    RunState.STARTING: Sign("▶", ">", "blue"),
    RunState.RUNNING: Sign("▶", ">", "blue"),
    RunState.STOPPING: Sign("▷", ">", "yellow"),
    RunState.SUCCEEDED: Sign("━", "=", "green"),
    RunState.PARTIALLY_SUCCEEDED: Sign("▲", "%", "yellow"),
    RunState.FAILED: Sign("✗", "x", "red"),
    RunState.STOPPED: Sign("■", "#", "yellow"),
    RunState.TIMED_OUT: Sign("!", "!", "magenta"),
    RunState.UNKNOWN: Sign("?", "?", "magenta"),
}


class Cell(NamedTuple):
    """A place in a line of bars."""

    rank: int
    is_mark: bool
    state: RunState


def plain(lines: Iterable[Line]) -> str:
    """Return lines as one string, without colours."""
    return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)


def padded(text: str, columns: int, *, ascii: bool) -> str:  # noqa: A002  # as in Picture.text()
    """Return a string in that many columns, cut where it has more."""
    kept = " ".join(harmless(text).split())
    kept = kept.encode("ascii", "backslashreplace").decode() if ascii else kept
    more = "~" if ascii else "…"
    if columns_of(kept) > columns:
        while columns_of(kept) > columns - 1:
            kept = kept[:-1]
        kept += more
    return kept + " " * (columns - columns_of(kept))


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a string takes."""
    return sum(0 if combining(sign) else 2 if east_asian_width(sign) in "WF" else 1 for sign in text)


def label_columns(names: Iterable[str], width: int, *, ascii: bool) -> int:  # noqa: A002  # as in Picture.text()
    """Return how many columns the names of lanes take, of a line that has so many."""
    longest = max((columns_of(padded(name, 200, ascii=ascii).rstrip()) for name in names), default=0)
    return min(longest, _LABEL, width // 3)


def axis(since: datetime, until: datetime, zone: tzinfo | None, left: int, width: int) -> list[Line]:
    """Return the two lines of an axis of time: dates, and times under them."""
    days, times = [" "] * (left + width), [" "] * (left + width)
    free = [left + width] * 2
    for tick in reversed(ticks(since, until, zone, max(width // _TICK, 2))):
        at = left + place(tick.at, since, until, width)
        for row, text, line in ((0, tick.day, days), (1, tick.label, times)):
            start = min(at, left + width - len(text))
            if text and start + len(text) <= free[row]:
                line[start : start + len(text)] = text
                free[row] = start - 2
    return [[("".join(line), "bright_black")] for line in (days, times) if "".join(line).strip()]


def place(moment: datetime, since: datetime, until: datetime, width: int) -> int:
    """Return the column of a time."""
    return max(0, min(width - 1, int((moment - since) / (until - since) * width)))


def cells(bars: Iterable[Bar], since: datetime, until: datetime, width: int) -> list[Cell | None]:
    """Return the places of a line: in each the state that matters most, and a mark where a bar ends in it."""
    found: list[Cell | None] = [None] * width
    for bar in bars:
        if bar.begin > until or bar.end < since:
            continue
        first, last = place(bar.begin, since, until, width), place(bar.end, since, until, width)
        rank = RANK[bar.state]
        for at in range(first, last + 1):
            cell = Cell(rank, at == last, bar.state)
            known = found[at]
            if known is None or cell[:2] > known[:2]:
                found[at] = cell
    return found


def drawn(found: Iterable[Cell | None], *, ascii: bool) -> Line:  # noqa: A002  # as in Picture.text()
    """Return the places of a line as characters."""
    return [(" ", "") if cell is None else _character(cell, ascii=ascii) for cell in found]


def _character(cell: Cell, *, ascii: bool) -> tuple[str, str]:  # noqa: A002  # as in Picture.text()
    sign = SIGNS[cell.state]
    if cell.is_mark or cell.state in {RunState.QUEUED, RunState.UNKNOWN}:
        return sign.ascii if ascii else sign.mark, sign.style
    return _BODIES[cell.state.is_terminal][ascii], sign.style


def folded(words: str, width: int) -> list[Line]:
    """Return a string in as many lines as it takes."""
    return [[(line, "bright_black")] for line in wrap(words, width)]


def legend(states: Iterable[RunState], *, ascii: bool) -> str:  # noqa: A002  # as in Picture.text()
    """Return which mark stands for which state."""
    shown = set(states)
    return "  ".join(
        f"{SIGNS[state].ascii if ascii else SIGNS[state].mark} {state.lower().replace('_', ' ')}"
        for state in RunState
        if state in shown
    )
