"""Every cell of the matrix of surroundings: a table of them, and what is wrong in those that did not hold.

python -m tests.surroundings [PART ...] [--sample]
"""

import sys
from collections import Counter

from tests.surroundings.matrix import Part, Verdict, judged
from tests.surroundings.parts import PARTS


def verdicts_of(part: Part, *, sample: bool) -> list[Verdict]:
    """Run a part of the matrix, and print its table: how many cells held, by the values of each axis."""
    groups = part.processes(part.sample if sample else part.cells)
    verdicts: list[Verdict] = []
    for verdict in (verdict for group in groups for verdict in judged(part, group)):
        verdicts.append(verdict)
        if verdict.faults:
            print(verdict, flush=True)  # noqa: T201  # a program
    held = sum(not one.faults for one in verdicts)
    print(f"\n{part.name}: {held} of {len(verdicts)} cells held, in {len(groups)} processes")  # noqa: T201  # as above
    for axis in part.axes:
        tried = Counter(one.cell[axis] for one in verdicts)
        good = Counter(one.cell[axis] for one in verdicts if not one.faults)
        print(f"  {axis}: {', '.join(f'{value} {good[value]}/{tried[value]}' for value in tried)}")  # noqa: T201  # as above
    return verdicts


def main(*arguments: str) -> int:
    """Run the parts that are named, or all; return 1 if a cell did not hold."""
    names = [one for one in arguments if one != "--sample"] or [*PARTS]
    verdicts = [one for name in names for one in verdicts_of(PARTS[name], sample="--sample" in arguments)]
    return int(any(one.faults for one in verdicts))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
