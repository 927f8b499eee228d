"""The documents, the examples and the fixtures on other days, in other zones: what they show must not depend on today.

python -m tests.documents.days [DAY ...]
"""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

ROOT: Final = Path(__file__).parents[2]
DAYS: Final = (
    "UTC 2028-02-29 00:00:20",
    "UTC 2027-12-31 23:59:40",
    "Europe/Berlin 2027-03-28 01:59:40",
    "Europe/Berlin 2027-10-31 02:59:40",
    "America/New_York 2027-03-14 01:59:40",
    "America/New_York 2027-11-07 01:59:40",
    "Asia/Kolkata 2031-07-15 04:10:00",
)
"""A leap day, the end of a year, daylight saving time that changes within the minute, another decade; all hours."""
TESTS: Final = (
    "tests/documents/test_code_blocks.py",
    "tests/documents/test_blocks_of_tests.py",
    "tests/documents/test_docstrings.py",
    "tests/examples",
    "tests/testing/test_plugin.py",
    "tests/testing/test_command.py",
)


def environment(day: str) -> Mapping[str, str]:
    """Return the environment in which all processes have a day's clock: that of now, so many seconds ahead."""
    zone, _, text = day.partition(" ")
    moment = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    library: Any = import_module("libfaketime")  # it has no types
    _, preloaded = library.get_reload_information()  # the library to load, as variables
    ahead = {"FAKETIME": f"+{moment.timestamp() - time.time():.0f}", "TZ": zone, "JOBRUNS_DAY": text.partition(" ")[0]}
    return {**os.environ, **preloaded, **ahead}


def main() -> int:
    """Run the tests on each day; 1 if some fail, or if a clock does not show its day."""
    failed: list[str] = []
    for day in sys.argv[1:] or DAYS:
        print(f"\n{day}", flush=True)  # noqa: T201  # tells whoever has started it
        command = [sys.executable, "-m", "pytest", "-q", *TESTS, "tests/documents/days.py"]
        if subprocess.run(command, cwd=ROOT, env=environment(day), check=False).returncode:  # noqa: S603  # ours
            failed.append(day)
    print(f"\nfailed: {', '.join(failed) or 'none'}")  # noqa: T201  # as above
    return bool(failed)


def test_the_clock_is_the_days() -> None:
    """Run with the others: without it a clock that was not shifted would pass."""
    assert f"{datetime.now().astimezone():%Y-%m-%d}" >= os.environ["JOBRUNS_DAY"]


if __name__ == "__main__":
    sys.exit(main())
