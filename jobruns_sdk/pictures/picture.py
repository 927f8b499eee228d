"""Pictures as values: they show in notebooks and terminals, and can be kept in files."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from jobruns_sdk.checks import check_count, check_flag, one_of, refusal
from jobruns_sdk.pictures.bars import Bar
from jobruns_sdk.pictures.shapes import Theme
from jobruns_sdk.pictures.text import Line, plain

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions
    from rich.text import Text

WIDTH: Final = 960  # pixels
COLUMNS: Final = 100
_LEAST_WIDTH: Final = 480
_LEAST_COLUMNS: Final = 40
_check_theme: Final = one_of("auto", "light", "dark")


@attrs.frozen(repr=False)
class Picture:
    """A picture of runs: a frozen value, with all that it is drawn from.

    A notebook shows it as SVG, rich as bars in the terminal's width, and ``str()`` as plain bars.

    Attributes:
        title: What it shows.
        bars: What it is drawn from.
        since: Where its axis of time begins (aware UTC).
        until: Where that ends.
        now: Where what is going on ends.
        zone: The zone of its times; None for that of the machine.
        notes: What is not to be seen in it: how many runs have no times, or an end that is not known exactly.
    """

    title: str
    bars: tuple[Bar, ...]
    since: datetime
    until: datetime
    now: datetime
    zone: tzinfo | None
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        runs = len({bar.run for bar in self.bars})
        return f"<{type(self).__name__}: {runs} runs, {self.since.isoformat()} to {self.until.isoformat()}>"

    def __str__(self) -> str:
        return self.text()

    def rows(self) -> list[Bar]:
        """Return the bars: for plotting libraries and data frames."""
        return list(self.bars)

    def svg(self, *, width: int = WIDTH, theme: Theme = "auto") -> str:
        """Return the picture as SVG, complete in itself: no script, and nothing that is fetched.

        Args:
            width: Its width in pixels, 480 or more; it can be scaled.
            theme: ``"auto"`` for light and dark as the reader's system is set; or ``"light"``, or ``"dark"``.

        Raises:
            InvalidRequestError: An argument is something else.
        """
        check_count("width", width)
        if width < _LEAST_WIDTH:
            raise refusal("width", f"{_LEAST_WIDTH} pixels or more", width)
        _check_theme("theme", theme)
        return self._svg(width, theme)

    def text(self, width: int = COLUMNS, *, ascii: bool = False) -> str:  # noqa: A002  # what it is about
        """Return the picture as lines of text.

        Args:
            width: How many columns there are, 40 or more.
            ascii: Whether only ASCII is used, for terminals and logs of other encodings; names, too, are escaped.

        Raises:
            InvalidRequestError: An argument is something else.
        """
        check_count("width", width)
        check_flag("ascii", ascii)
        if width < _LEAST_COLUMNS:
            raise refusal("width", f"{_LEAST_COLUMNS} columns or more", width)
        return plain(self._lines(width, ascii=ascii))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture into a file: SVG, or text where its name ends with ``.txt``.

        Raises:
            InvalidRequestError: The name ends with neither ``.svg`` nor ``.txt``.
            OSError: The file cannot be written.
        """
        file = Path(path)
        match file.suffix.lower():
            case ".svg":
                file.write_text(self.svg(), encoding="utf-8")
            case ".txt":
                file.write_text(f"{self.text()}\n", encoding="utf-8")
            case _:
                raise refusal("path", "the name of a .svg or a .txt file", str(file))

    def _repr_html_(self) -> str:
        return self.svg()

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "Iterator[Text]":
        """Yield the lines in colour; rich calls this."""
        from rich.text import Text  # noqa: PLC0415  # only where rich asks

        del console
        width = max(min(options.max_width, 2 * COLUMNS), _LEAST_COLUMNS)
        for line in self._lines(width, ascii=options.ascii_only):
            yield Text.assemble(*line, no_wrap=True, overflow="crop")

    def _svg(self, width: int, theme: Theme) -> str:
        raise NotImplementedError

    def _lines(self, width: int, *, ascii: bool) -> Sequence[Line]:  # noqa: A002  # as in text()
        raise NotImplementedError
