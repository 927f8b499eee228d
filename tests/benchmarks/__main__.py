"""All benchmarks: one table.

    python -m tests.benchmarks [--json PATH] [--smoke]

The smoke form is short, and fails only if a ratio is worse than half of its goal.
"""

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import report, rows_process, rows_reading, rows_waiting
from tests.benchmarks.server import serving


def _rows(*, smoke: bool, show: Callable[[str], None]) -> list[report.Row]:
    found: list[report.Row] = []

    def add(*rows: report.Row) -> None:
        found.extend(rows)
        for row in rows:
            show("  ".join(row.cells()))

    with serving() as url:
        add(*asyncio.run(rows_reading.processor(url, rounds=2 if smoke else 15)))
        add(*rows_reading.decoding(rounds=5 if smoke else 101))
        add(*asyncio.run(rows_reading.blocking(url, pages=10 if smoke else 150)))
        add(asyncio.run(rows_reading.fetching_ahead(pages=4 if smoke else 12, rounds=1 if smoke else 3)))
        add(rows_process.importing(rounds=1 if smoke else 9))
        add(*rows_process.first_page(url, rounds=1 if smoke else 9))
        add(rows_process.pytest_start(rounds=1 if smoke else 9))
        add(asyncio.run(rows_waiting.waiting()))
        add(rows_process.memory(url, pages=100 if smoke else 5_000))
    return found


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()

    def show(line: str) -> None:
        print(line, file=sys.stderr, flush=True)  # noqa: T201  # a benchmark tells how far it is

    rows = _rows(smoke=options.smoke, show=show)
    print("\n".join(f"{name}: {value}" for name, value in report.circumstances().items()))  # noqa: T201  # as above
    print(f"\n{report.table(rows)}")  # noqa: T201  # as above
    if options.json:
        options.json.write_text(f"{report.as_json(rows)}\n")
    return int(options.smoke and any(row.is_alarming for row in rows))


if __name__ == "__main__":
    sys.exit(main())
