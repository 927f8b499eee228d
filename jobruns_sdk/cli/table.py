"""Tables of aligned columns that fit the width of the terminal, a row a line."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Final

import attrs

_NARROW: Final = 78  # columns, below which one space parts two columns
_LEAST: Final = 4
_MESSAGE: Final = 8  # what is shorter says nothing


@attrs.frozen
class Column:
    """A column of a table.

    Attributes:
        heading: Its heading.
        cells: Its cells, each in one line.
        is_right: True if they are aligned to the right.
        gives: The order in which columns are cut to fit: those with the lowest number first.
        paint: Colors a cell, which has its final width by then, given the number of its row.
    """

    heading: str
    cells: Sequence[str]
    is_right: bool = False
    gives: int = 9
    paint: Callable[[int, str], str] | None = None


def width_of(text: str) -> int:
    """Return how many columns of a terminal a string takes."""
    if text.isascii():
        return len(text)
    return sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, ellipsis: str) -> str:
    """Return a string that takes so many columns at most."""
    if width_of(text) <= width:
        return text
    room, kept = width - len(ellipsis), ""
    if room < 1:
        ellipsis, room = "", width
    for character in text:
        room -= _width(character)
        if room < 0:
            break
        kept += character
    return kept + ellipsis


def lines(columns: Sequence[Column], width: int | None, ellipsis: str) -> list[str]:
    """Return the heading and the rows of a table.

    Args:
        columns: Its columns, all with as many cells.
        width: The columns of the terminal, None for as wide as it gets.
        ellipsis: The sign for what was cut.
    """
    gap = 2 if width is None or width >= _NARROW else 1
    natural = [max(map(width_of, (column.heading, *column.cells))) for column in columns]
    widths = natural if width is None else _fitted(columns, natural, width, gap)
    kept = [(column, wide) for column, wide in zip(columns, widths, strict=True) if wide > 0]
    heading = (" " * gap).join(_padded(column, column.heading, wide, ellipsis) for column, wide in kept).rstrip()
    rows = [heading]
    for number in range(len(columns[0].cells)):
        cells: list[str] = []
        for at, (column, wide) in enumerate(kept):
            text = _padded(column, column.cells[number], wide, ellipsis)
            text = text.rstrip() if at == len(kept) - 1 else text
            cells.append(text if column.paint is None else column.paint(number, text))
        rows.append((" " * gap).join(cells).rstrip())
    return rows


def _padded(column: Column, text: str, width: int, ellipsis: str) -> str:
    text = cut(text, width, ellipsis)
    room = " " * (width - width_of(text))
    return room + text if column.is_right else text + room


def _fitted(columns: Sequence[Column], natural: Sequence[int], width: int, gap: int) -> list[int]:
    """Return the widths at which a table fits; the last columns have none where all at their least do not fit."""
    widths = list(natural)

    def surplus() -> int:
        shown = [wide for wide in widths if wide > 0]
        return sum(shown) + gap * (len(shown) - 1) - width

    for rank in sorted({column.gives for column in columns}):
        for at in sorted(
            (at for at, column in enumerate(columns) if column.gives == rank), key=lambda at: widths[at], reverse=True
        ):
            if (over := surplus()) > 0:
                least = 0 if rank == 0 else min(widths[at], _LEAST if rank else 0)
                widths[at] = max(least, widths[at] - over)
        if rank == 0:
            widths = [
                0 if column.gives == 0 and wide < min(_MESSAGE, full) else wide
                for column, wide, full in zip(columns, widths, natural, strict=True)
            ]
    for at in reversed(range(len(widths))):
        if surplus() > 0 and at > 0:
            widths[at] = 0
    widths[0] = min(widths[0], width)
    return widths
