"""How many changes of the code the tests notice, by mutmut: a table of modules, and what got away.

    python -m tests.mutation [--processes N] [SUITE ...]

It takes minutes; the exit status is 1 where a module is below 85 %.
"""

import argparse
import os
import sys

from tests.mutation.report import LEAST, percent, table
from tests.mutation.running import scores
from tests.mutation.suites import SUITES


def main() -> int:
    names = [suite.name for suite in SUITES]
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(names))
    options = parser.parse_args()
    chosen = [suite for suite in SUITES if suite.name in (options.suites or names)]
    found = [score for suite in chosen for score in scores(suite, processes=options.processes)]
    lines = [f"{at.function}\n  - {at.was}\n  + {at.became}" for score in found for at in score.survivors]
    sys.stdout.write("\n".join([*lines, table(found), ""]))
    return int(any(percent([score]) < LEAST for score in found))


if __name__ == "__main__":
    sys.exit(main())
