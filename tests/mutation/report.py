"""What became of the mutants, as a table."""

from collections.abc import Iterable, Sequence
from typing import Final

from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.running import Score

LEAST: Final = 85.0
"""Percent of a module's mutants that are to be killed."""


def percent(scores: Sequence[Score]) -> float:
    """Return how many of the mutants that were tested were killed, those that nothing can kill among them."""
    tested = sum(score.mutants - score.refused for score in scores)
    return 100 * sum(score.killed for score in scores) / tested if tested else 100.0


def table(scores: Sequence[Score]) -> str:
    """Return the scores in Markdown."""
    rows = [_row(f"`{score.module}`", [score]) for score in scores]
    return "\n".join(
        [
            "| module | mutants | refused by mypy | killed | survived | of these equivalent | score |",
            f"|{' --- |' * 7}",
            *rows,
            _row("all", scores),
        ]
    )


def missed(scores: Iterable[Score]) -> str:
    """Return the other survivors in Markdown."""
    found = [survivor for score in scores for survivor in score.survivors if survivor not in EQUIVALENT]
    return "\n".join(f"- `{at.function}`: `{at.was}` to `{at.became}`" for at in found) or "None."


def listed(scores: Iterable[Score]) -> str:
    """Return the survivors that are equivalent in Markdown, each with the reason."""
    found = [
        (survivor, EQUIVALENT[survivor]) for score in scores for survivor in score.survivors if survivor in EQUIVALENT
    ]
    return "\n".join(f"- `{at.function}`: `{at.was}` to `{at.became}`: {why}." for at, why in found)


def _row(name: str, scores: Sequence[Score]) -> str:
    mutants, refused, killed = (
        sum(column) for column in zip(*((score.mutants, score.refused, score.killed) for score in scores), strict=True)
    )
    survivors = [survivor for score in scores for survivor in score.survivors]
    equivalent = sum(survivor in EQUIVALENT for survivor in survivors)
    return f"| {name} | {mutants} | {refused} | {killed} | {len(survivors)} | {equivalent} | {percent(scores):.0f} % |"
