"""All benchmarks: one table.

    python -m tests.benchmarks [--json PATH] [--page] [--smoke]

With --page the results are written to docs/benchmarks.md; what the page says about them is to be read again then.
The smoke form is short, and fails only if a ratio is worse than half of its goal each time that it is measured.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks import report, rows_observing, rows_process, rows_reading, rows_waiting
from tests.benchmarks.measuring import compiled
from tests.benchmarks.server import serving


def _reading(url: str, *, smoke: bool) -> list[report.Measure]:
    return [
        lambda: asyncio.run(rows_reading.processor(url, rounds=2 if smoke else 15, pages=5 if smoke else 12)),
        lambda: rows_reading.decoding(rounds=15 if smoke else 101),
        lambda: asyncio.run(rows_reading.blocking(url, pages=10 if smoke else 150)),
        lambda: [asyncio.run(rows_reading.fetching_ahead(pages=4 if smoke else 12, rounds=1 if smoke else 3))],
        lambda: rows_process.first_page(url, rounds=1 if smoke else 7),
        lambda: [asyncio.run(rows_waiting.waiting())],
        lambda: [rows_process.memory(url, pages=60 if smoke else 5_000)],
    ]


def _rows(*, smoke: bool) -> Iterator[report.Row]:
    with serving() as url:
        for measure in _reading(url, smoke=smoke):
            yield from report.calm(measure) if smoke else measure()
        if not smoke:  # a single start tells nothing about some milliseconds
            with compiled():
                yield from rows_process.cold_start(url, rounds=20)
                yield from rows_process.importing(rounds=20)
                yield rows_process.pytest_start(rounds=20)
    if not smoke:
        yield from rows_observing.observing(rounds=15, calls=2_000)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="PATH")
    parser.add_argument("--page", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()

    rows: list[report.Row] = []
    for row in _rows(smoke=options.smoke):
        rows.append(row)
        print("  ".join(row.cells()), file=sys.stderr, flush=True)  # noqa: T201  # a benchmark tells how far it is
    print("\n".join(f"{name}: {value}" for name, value in report.circumstances().items()))  # noqa: T201  # as above
    print(f"\n{report.table(rows)}")  # noqa: T201  # as above
    if options.json:
        options.json.write_text(f"{report.as_json(rows)}\n")
    if options.page:
        report.PAGE.write_text(report.with_results(report.PAGE.read_text("utf-8"), report.results(rows)), "utf-8")
    return int(options.smoke and any(row.is_alarming for row in rows))


if __name__ == "__main__":
    sys.exit(main())
