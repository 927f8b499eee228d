"""The faults that are planted in a copy of the package, and the first world of the simulation that shows each."""

from typing import Final

from tests.simulation.planted import PLANTED

EXACT: Final = True


def render() -> str:
    rows = "\n".join(f"| {fault.fault} | {'none yet' if fault.world is None else fault.world} |" for fault in PLANTED)
    return f"| fault | world |\n| --- | ---: |\n{rows}\n"
