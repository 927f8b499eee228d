"""What a benchmark has found: its rows, the table they make, and the JSON."""

import json
import os
import platform
import re
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import attrs

PAGE: Final = Path(__file__).parents[2] / "docs" / "benchmarks.md"
_PACKAGES: Final = ("aiobotocore", "aiohttp", "attrs", "boto3", "botocore", "msgspec", "pytest")
_HEADINGS: Final = ("", "jobruns_sdk", "peer", "figure", "goal", "")


@attrs.frozen
class Row:
    """One figure and its goal.

    Attributes:
        name: What was measured.
        ours: What it takes with this package.
        peer: What it takes with the peer, whose name is part of it.
        figure: The ratio, or the milliseconds or microseconds, that the goal is about.
        goal: The most that the figure may be; None where it is told for comparison only.
        unit: What the figure is.
    """

    name: str
    ours: str
    peer: str
    figure: float
    goal: float | None
    unit: Literal["ratio", "ms", "us"] = "ratio"

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.goal is None or self.figure <= self.goal

    @property
    def is_alarming(self) -> bool:
        """Whether a ratio is worse than half of its goal; times depend on the machine."""
        return self.goal is not None and self.unit == "ratio" and self.figure > 2 * self.goal

    def cells(self) -> tuple[str, ...]:
        """Return the row's cells in the table."""
        goal = "" if self.goal is None else f"<= {self._text(self.goal)}"
        verdict = "" if self.goal is None else "met" if self.is_met else "MISSED"
        return (self.name, self.ours, self.peer, self._text(self.figure), goal, verdict)

    def _text(self, figure: float) -> str:
        if self.unit != "ratio":
            return f"{figure:.1f} {self.unit}"
        return f"1/{1 / figure:.3g}" if figure < 0.6 else f"{figure:.2f}"


def ratio(name: str, seconds: tuple[float, float], peer: str, goal: float | None, *, runs: int | None = None) -> Row:
    """Return a row about two times.

    Args:
        name: What was measured.
        seconds: Ours, and the peer's.
        peer: The peer's name.
        goal: The most that their ratio may be.
        runs: How many runs were read in that time; the row then tells the time for each.
    """
    ours, theirs = (f"{time * 1e3:.2f} ms" if runs is None else f"{time / runs * 1e6:.1f} us" for time in seconds)
    return Row(name, ours, f"{peer} {theirs}", seconds[0] / seconds[1], goal)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [_HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [" | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = " | ".join("-" * max(3, width) for width in widths)
    return "\n".join(f"| {text} |" for text in (texts[0], rule, *texts[1:]))


Measure = Callable[[], Iterable[Row]]


def calm(measure: Measure, times: int = 3) -> list[Row]:
    """Measure; where a row alarms do it again, up to so many times, since others may have been at the processor."""
    rows = list(measure())
    while times > 1 and any(row.is_alarming for row in rows):
        times -= 1
        rows = list(measure())
    return rows


def circumstances() -> dict[str, str]:
    """Return when and with what was measured."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "time zone": time.tzname[0],
        "load": " ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def results(rows: Sequence[Row]) -> str:
    """Return all of it in Markdown."""
    told = "\n".join(f"{name}: {value}" for name, value in circumstances().items())
    return f"```text\n{told}\n```\n\n{table(rows)}"


def results_of(page: str, name: str = "results") -> str:
    """Return what stands on the page between the two lines of that name."""
    found = _block(name).search(page)
    return "" if found is None else found["text"].strip()


def with_results(page: str, text: str, name: str = "results") -> str:
    """Return the page with other results between the two lines of that name."""
    return _block(name).sub(lambda found: f"{found[1]}\n{text}\n\n{found[3]}", page)


def _block(name: str) -> re.Pattern[str]:
    return re.compile(rf"(<!-- {name}: made by python -m [^\n]* -->\n)(?P<text>.*)(<!-- {name}: end -->\n)", re.DOTALL)


def where() -> str:
    """Return when and with what was measured, in a line."""
    told = circumstances()
    of = ("date", "python", "aiobotocore", "machine", "load")
    return ", ".join(told[name] if name == "date" else f"{name} {told[name]}" for name in of)


def plain_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |".replace("|  |", "| |") for line in lines)


def as_json(rows: Sequence[Row]) -> str:
    """Return all of it as JSON."""
    told = [{**attrs.asdict(row), "met": row.is_met} for row in rows]
    return json.dumps({"circumstances": circumstances(), "rows": told}, indent=2)
