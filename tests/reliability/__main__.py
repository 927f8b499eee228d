"""The blocks of docs/reliability.md that are made, not written.

    python -m tests.reliability [NAME ...]

Without a name all of them, which takes as long as the suites that measure take.
"""

import argparse
import sys

from tests.reliability.page import PAGE, blocks, section, with_block


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    for name in parser.parse_args().names or blocks(PAGE.read_text("utf-8")):
        text = section(name).render()  # first: it may take minutes, in which somebody writes to the page
        PAGE.write_text(with_block(PAGE.read_text("utf-8"), name, text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
