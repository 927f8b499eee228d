"""What a row costs of many sources at once: row by row, page by page, and page by page with the cursor read.

    python -m tests.benchmarks.pages [--sources 250 500 1000 2000] [--arriving 1000 10000] [--rounds 5]

Sources are lists in memory, and their rows are merged by time: what is measured is the one pagination loop. In a
second table the sources come as they answer (``order="any"``), each of one page.
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import ClassVar, Final

import attrs

from jobruns_sdk.paging.arrivals import Arrivals
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.source import AnySource, Batch, Named, RowOrder, Source, Supply
from tests.benchmarks.measuring import medians

_NOON: Final = datetime(2026, 11, 21, 12, tzinfo=UTC)
_PAGE: Final = 20


@attrs.frozen
class Row:
    """A row: its key and its time."""

    key: str
    when: datetime


@attrs.frozen
class _Operation:
    name: str = "ListRows"
    service: str = "memory"


class _List:
    """A list of rows in memory, newest first."""

    operation: ClassVar[Named] = _Operation()

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    async def fetch(self, token: str | None, _: None) -> int:
        return int(token or 0)

    def read(self, start: int, _: None) -> tuple[Batch[Row], None]:
        end = start + _PAGE
        return Batch(self._rows[start:end], str(end) if end < len(self._rows) else None), None


class _Supplied(Supply[Row]):
    def __init__(self, sources: Sequence[AnySource[Row]]) -> None:
        self._sources = iter(sources)

    async def __anext__(self) -> AnySource[Row]:
        for source in self._sources:
            return source
        raise StopAsyncIteration

    async def aclose(self) -> None:
        return


def _key(row: Row) -> str:
    return row.key


def _when(row: Row) -> datetime:
    return row.when


def _pages(count: int, rows: int, *, in_order: bool) -> Pages[Row]:
    def opened(name: str, number: int, _: tuple[str, ...]) -> _List:
        return _List([Row(f"{name}-{at}", _NOON - timedelta(seconds=at * count + number)) for at in range(rows)])

    names = [f"glue:eu-west-1:nightly-{number}" for number in range(count)]
    sources: list[AnySource[Row]] = [Source(name, partial(opened, name, n)) for n, name in enumerate(names)]
    order = RowOrder(_key, _when)
    if in_order:
        return Pages(Plan("rows", {}, tuple(sources), order, remembered=200))
    plan = Plan(
        "rows",
        {},
        (),
        order,
        remembered=200,
        arrange=lambda open_reader: Arrivals(_Supplied(sources), open_reader, concurrency=32),
    )
    return Pages(plan)


async def _by_row(pages: Pages[Row]) -> None:
    async for _ in pages:
        pass


async def _by_page(pages: Pages[Row]) -> None:
    async for page in pages.by_page():
        assert page.items


async def _with_cursors(pages: Pages[Row]) -> None:
    async for page in pages.by_page():
        assert page.cursor is None or page.cursor


_WAYS: Final[dict[str, Callable[[Pages[Row]], Awaitable[None]]]] = {
    "row by row": _by_row,
    "page by page": _by_page,
    "with cursors": _with_cursors,
}


async def measured(count: int, rows: int, rounds: int, ways: Sequence[str], *, in_order: bool) -> list[float]:
    """Return the processor time a row of each way, in microseconds."""
    pages = _pages(count, rows, in_order=in_order)
    contest = {name: partial(_WAYS[name], pages) for name in ways}
    times = await medians(contest, rounds, time.process_time)
    return [1e6 * seconds / (count * rows) for seconds in times.values()]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", nargs="+", type=int, default=[250, 500, 1000, 2000])
    parser.add_argument("--arriving", nargs="+", type=int, default=[1000, 2500, 5000, 10_000])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    say = print  # a benchmark prints
    say("| sources, newest first | us a row | by page | ratio | with cursors |")
    say("|---|---|---|---|---|")
    for count in options.sources:
        plain, paged, cursors = asyncio.run(measured(count, 40, options.rounds, list(_WAYS), in_order=True))
        say(f"| {count} | {plain:.1f} | {paged:.1f} | {paged / plain:.2f} | {cursors:.1f} |")
    say("\n| sources, as they answer | us a row | by page | ratio |")
    say("|---|---|---|---|")
    for count in options.arriving:
        ways = ["row by row", "page by page"]
        plain, paged = asyncio.run(measured(count, 10, options.rounds, ways, in_order=False))
        say(f"| {count} | {plain:.1f} | {paged:.1f} | {paged / plain:.2f} |")


if __name__ == "__main__":
    main()
