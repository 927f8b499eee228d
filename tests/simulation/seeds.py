"""Seeds of worlds: those of the short form, and those that once failed, each with what was wrong."""

from typing import Final

SHORT: Final = tuple(range(24))
"""The worlds that are played with all tests."""

FAILED: Final[dict[int, str]] = {
    79: "a watch of a run and of its job told twice of a run that had ended before the job was read",
    111: "the same",
}
"""Seeds that once failed, and the fault of the package that they showed, in the first form of these worlds."""
