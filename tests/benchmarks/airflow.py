"""Many deferred tasks of Airflow on one Glue job: the Amazon provider's trigger, and this package's.

    python -m tests.benchmarks.airflow [--tasks 500] [--seconds 60] [--only {theirs,ours}]

A real `airflow triggerer` with SQLite for each of them, one after the other, of the Airflow that is installed beside
this Python. Each task waits for a run of its own, polled for each 10 seconds; the service is the local one, on a
loopback port, with no quotas. Once each run has been polled for, a minute passes, then all runs end at once.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.airflow.load import TRIGGERS, Figures, measure
from tests.airflow.world import airflow_version
from tests.benchmarks import report

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
    options = parser.parse_args()
    if airflow_version() is None:
        parser.error("needs Airflow beside this Python")
    with TemporaryDirectory() as folder:
        found = {
            name: measure(Path(folder), name, options.tasks, options.seconds)
            for name in TRIGGERS
            if options.only in (None, name)
        }
    table = rows(found)
    print("\n".join(f"{name}: {value}" for name, value in report.circumstances().items()))  # noqa: T201  # its result
    print(f"\n{report.plain_table(table[0], table[1:])}")  # noqa: T201  # as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
