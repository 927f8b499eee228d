"""Many deferred tasks of Airflow on one Glue job: the Amazon provider's trigger, and this package's.

    python -m tests.benchmarks.airflow [--tasks 500] [--seconds 60] [--only {theirs,ours}] [--page]

A real `airflow triggerer` with SQLite for each of them, one after the other, of the Airflow that is installed beside
this Python. Each task waits for a run of its own, polled for each 10 seconds; the service is the local one, on a
loopback port, with no quotas. Once each run has been polled for, a minute passes, then all runs end at once. `--page`
puts the table into docs/benchmarks.md.
"""

import argparse
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.airflow.load import TRIGGERS, Figures, measure
from tests.airflow.world import airflow_version
from tests.benchmarks import report

_PACKAGES: Final = ("apache-airflow", "apache-airflow-providers-amazon")
_NAMES: Final[Mapping[str, str]] = {"theirs": "Amazon provider's trigger", "ours": "`RunTrigger`"}


def rows(found: Mapping[str, Figures]) -> list[tuple[str, ...]]:
    """Return the lines of a table, a column for each trigger, its headings first."""
    figures = list(found.values())
    return [
        (f"{figures[0].tasks} deferred tasks", *(_NAMES[name] for name in found)),
        ("requests a minute", *(f"{each.calls:,.0f}" for each in figures)),
        ("resident memory", *(f"{each.memory / 1e6:,.0f} MB" for each in figures)),
        ("until each run was polled for", *(f"{each.starting_seconds:.1f} s" for each in figures)),
        ("processor time until then", *(f"{each.starting_cpu:.1f} s" for each in figures)),
        ("processor time of a minute of waiting", *(f"{each.waiting_cpu:.1f} s" for each in figures)),
        (
            "warnings of a blocked loop",
            *(f"{each.blocked}, {each.blocked_seconds:.1f} s together" for each in figures),
        ),
        ("from the end to half of the events stored", *(f"{each.delay_half:.1f} s" for each in figures)),
        ("from the end to all events stored", *(f"{each.delay_all:.1f} s" for each in figures)),
    ]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.airflow",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long is waited once all is polled for")
    parser.add_argument("--only", choices=sorted(TRIGGERS))
    parser.add_argument("--page", action="store_true")
    options = parser.parse_args()
    if airflow_version() is None:
        parser.error("needs Airflow beside this Python")
    with TemporaryDirectory() as folder:
        found = {
            name: measure(Path(folder), name, options.tasks, options.seconds)
            for name in TRIGGERS
            if options.only in (None, name)
        }
    headings, *lines = rows(found)
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    text = f"{versions}; {report.where()}\n\n{report.plain_table(headings, lines)}"
    print(text)  # noqa: T201  # its result
    if options.page:
        page = report.with_results(report.PAGE.read_text("utf-8"), text, "airflow")
        report.PAGE.write_text(page, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
