"""An iterator that is left unfinished raises no warning: not by break, not at the loop's end, not at that of Python."""

import subprocess
import sys
from collections import Counter
from itertools import product
from pathlib import Path

from jobruns_sdk.testing import LocalService
from tests.dangers.cancellation.leaving import ITERATORS, WAYS, seed

ROOT = Path(__file__).parents[3]


def test_nobody_complains_of_an_unfinished_iterator() -> None:
    with LocalService(speed=1) as local:
        seed(local)
        command = [sys.executable, "-X", "dev", "-W", "error", "-m", "tests.dangers.cancellation.leaving", local.url]
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)  # noqa: S603  # that module

    assert (ended.returncode, ended.stderr) == (0, "")
    ways = Counter(f"{iterator} {way}" for iterator, way in product(ITERATORS, WAYS))
    assert Counter(ended.stdout.splitlines()) == ways + ways + ways
