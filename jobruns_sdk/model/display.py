"""Cards of values in notebooks, and in terminals where rich prints them; lists are in ``tables``."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from html import escape
from typing import TYPE_CHECKING, Final

from jobruns_sdk.errors import harmless

if TYPE_CHECKING:
    from rich.text import Text

_COLOURS: Final = {
    "SUCCEEDED": "green",
    "PARTIALLY_SUCCEEDED": "orange",
    "STOPPED": "orange",
    "FAILED": "red",
    "TIMED_OUT": "red",
    "UNKNOWN": "magenta",
}


_CUT: Final = ' style="max-width: 24em; overflow: hidden; text-overflow: ellipsis"'
"""The style of a place in a notebook's table whose title has the whole of it."""


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


def moment(value: datetime | None) -> str:
    """Return a time as a string, in UTC and to the second, such as ``2026-11-21 23:00:00Z``."""
    return "" if value is None else f"{value.replace(tzinfo=None).isoformat(' ', 'seconds')}Z"


def _colour(label: str, value: object) -> str:
    return _COLOURS.get(str(value).partition(" ")[0].rstrip(","), "") if label == "state" else ""


def plain(value: object) -> str:
    """Return a value as a string of one line, safe to print."""
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, timedelta):
        return str(timedelta(seconds=round(value.total_seconds())))
    return "" if value is None else harmless(str(value))


def _rich_card(shown: Shown) -> object:
    from rich.table import Table  # noqa: PLC0415  # only where rich asks

    table = Table.grid("", "", padding=(0, 2))
    table.columns[1].overflow = "fold"
    for label, value in shown.__rich_repr__():
        table.add_row(label, rich_text(label, value))
    return table


def rich_text(label: str, value: object) -> "Text":
    """Return a place of a table for rich, a state in its colour."""
    from rich.text import Text  # noqa: PLC0415  # only where rich asks

    return Text(plain(value), style=_colour(label, value))


def _html_card(shown: Shown) -> str:
    rows = (f"<tr><th>{escape(label)}</th>{html_cell(label, value)}</tr>" for label, value in shown.__rich_repr__())
    return f"<table>{''.join(rows)}</table>"


def html_cell(label: str, value: object, whole: str = "") -> str:
    """Return a place of a table for notebooks, with the whole of what it stands for in its title."""
    if isinstance(value, datetime):
        return f'<td><time datetime="{value.isoformat()}">{_local(value)}</time></td>'
    colour = _colour(label, value)
    style = f' style="color: {colour}"' if colour else _CUT if whole else ""
    title = f' title="{escape(harmless(whole))}"' if whole else ""
    return f"<td{style}{title}>{escape(plain(value))}</td>"


def _local(value: datetime) -> str:
    # A notebook is read where it runs, by somebody whose clock shows that zone.
    try:
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S %Z}"
    except (OverflowError, OSError, ValueError):  # in that zone it is before the year 1, or after the year 9999
        return moment(value)
