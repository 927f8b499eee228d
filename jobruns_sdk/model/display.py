"""Tables of values in notebooks, and in terminals where rich prints them."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Final, SupportsIndex, TypeVar, overload

from jobruns_sdk.errors import harmless

if TYPE_CHECKING:
    from rich.console import ConsoleOptions
    from rich.table import Table
    from rich.text import Text

T = TypeVar("T")

_MOST_ROWS: Final = 100
_COLOURS: Final = {
    "SUCCEEDED": "green",
    "PARTIALLY_SUCCEEDED": "orange",
    "STOPPED": "orange",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "UNKNOWN": "magenta",
}
# What a terminal of 80 columns has room for; one value alone shows all.
_WIDE: Final = ("run name", "usage")
_WIDTHS: Final = {"run": 22, "message": 12}
_NARROW: Final = 120  # columns of a terminal
# Where these are given the message gets the rest: rich crops a table whose columns it must widen to their least width.
_NARROW_WIDTHS: Final = {"run": 22, "state": 11, "created": 10}


class Shown:
    """A value that shows as a table."""

    __slots__ = ()

    def __rich_repr__(self) -> Iterable[tuple[str, object]]:
        """Return what a reader looks for, with labels; the same labels for all values of a class."""
        raise NotImplementedError

    def __rich__(self) -> object:
        """Return a table of rich's, which calls this."""
        return _rich_card(self)

    def _repr_html_(self) -> str:
        return _html_card(self)


class Collected(list[T]):
    """A list that shows as a table where its items do, and so does a slice of it."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, index: slice, /) -> "Collected[T]": ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> "T | Collected[T]":
        return Collected(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def __rich__(self) -> object:
        """Return a table of rich's, which calls this."""
        shown = _shown(self)
        return list(self) if shown is None else _Table(shown)

    def _repr_html_(self) -> str:
        shown = _shown(self)
        return f"<pre>{escape(repr(self))}</pre>" if shown is None else _html_table(shown)


class _Table:
    """A table as wide as the terminal that it is printed in."""

    def __init__(self, shown: Sequence[Shown]) -> None:
        self._shown = shown

    def __rich_console__(self, console: object, options: "ConsoleOptions") -> Iterator["Table"]:
        """Yield the table; rich calls this."""
        yield _rich_table(self._shown, _NARROW_WIDTHS if options.max_width < _NARROW else {})


def moment(value: datetime | None) -> str:
    """Return a time as a string, in UTC and to the second, such as ``2026-11-21 23:00:00Z``."""
    return "" if value is None else f"{value.replace(tzinfo=None).isoformat(' ', 'seconds')}Z"


def _shown(items: Sequence[object]) -> list[Shown] | None:
    shown = [item for item in items if isinstance(item, Shown)]
    return shown if shown and len(shown) == len(items) else None


def _colour(label: str, value: object) -> str:
    return _COLOURS.get(str(value).partition(" ")[0].rstrip(","), "") if label == "state" else ""


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    return "" if value is None else harmless(str(value))


def _left_out(shown: Sequence[object]) -> str:
    return f"and {len(shown) - _MOST_ROWS:,} more" if len(shown) > _MOST_ROWS else ""


def _rich_table(shown: Sequence[Shown], widths: Mapping[str, int]) -> "Table":
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  # only where rich is there, since rich asks
    from rich.table import Table  # noqa: PLC0415  # only where rich asks

    table = Table(box=SIMPLE_HEAD, caption=_left_out(shown) or None)
    for label in _labels(shown, leave_out=_WIDE):
        least, width = _WIDTHS.get(label), widths.get(label)
        table.add_column(label, overflow="fold", min_width=least, width=width, no_wrap=label == "duration")
    for row in _rows(shown, leave_out=_WIDE):
        table.add_row(*(_rich_text(label, value) for label, value in row))
    return table


def _rich_card(shown: Shown) -> object:
    from rich.table import Table  # noqa: PLC0415  # only where rich asks

    table = Table.grid("", "", padding=(0, 2))
    table.columns[1].overflow = "fold"
    for label, value in shown.__rich_repr__():
        table.add_row(label, _rich_text(label, value))
    return table


def _rich_text(label: str, value: object) -> "Text":
    from rich.text import Text  # noqa: PLC0415  # only where rich asks

    return Text(_plain(value), style=_colour(label, value))


def _html_table(shown: Sequence[Shown]) -> str:
    labels = _labels(shown)
    head = "".join(f"<th>{escape(label)}</th>" for label in labels)
    rows = "".join(f"<tr>{''.join(_html_cell(*pair) for pair in row)}</tr>" for row in _rows(shown))
    rest = _left_out(shown)
    foot = f'<tr><td colspan="{len(labels)}">{rest}</td></tr>' if rest else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}{foot}</tbody></table>"


def _html_card(shown: Shown) -> str:
    rows = (f"<tr><th>{escape(label)}</th>{_html_cell(label, value)}</tr>" for label, value in shown.__rich_repr__())
    return f"<table>{''.join(rows)}</table>"


def _labels(shown: Sequence[Shown], leave_out: Container[str] = ()) -> list[str]:
    return [label for label, _ in shown[0].__rich_repr__() if label not in leave_out]


def _rows(shown: Sequence[Shown], leave_out: Container[str] = ()) -> Iterator[list[tuple[str, object]]]:
    for item in shown[:_MOST_ROWS]:
        yield [(label, value) for label, value in item.__rich_repr__() if label not in leave_out]


def _html_cell(label: str, value: object) -> str:
    if isinstance(value, datetime):
        return f'<td><time datetime="{value.isoformat()}">{_local(value)}</time></td>'
    colour = _colour(label, value)
    style = f' style="color: {colour}"' if colour else ""
    return f"<td{style}>{escape(_plain(value))}</td>"


def _local(value: datetime) -> str:
    # A notebook is read where it runs, by somebody whose clock shows that zone.
    try:
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    except (OverflowError, OSError, ValueError):  # in that zone it is before the year 1, or after the year 9999
        return moment(value)
