"""The fault table: what each fault costs and comes to, by kinds of operations."""

from typing import Final

from jobruns_sdk import JobRunsError
from tests.dangers.faults.expected import PASSING, STAYING, Staying
from tests.dangers.faults.operations import KINDS

EXACT: Final = True


def _table(heading: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, ["---"] * len(heading), *rows))


def _told(row: Staying) -> str:
    extras = [text for text, holds in (("in doubt", row.in_doubt), ("with request id", row.answered)) if holds]
    return f"{row.error.__name__}{' (' + ', '.join(extras) + ')' if extras else ''}"


def _start(error: type[JobRunsError] | None) -> str:
    return "its run" if error is None else error.__name__


def render() -> str:
    kinds = list(KINDS)
    counts = [f"{number}" for number in range(1, len(kinds) + 1)]
    legend = "\n".join(f"{number}. {text}" for number, text in enumerate(KINDS.values(), 1))
    staying = [
        [
            fault,
            *(str(row.requests[kind]) if row.arrives else f"{row.requests[kind]} (0)" for kind in kinds),
            _told(row),
            "" if row.error_of("token") is row.error else _start(row.error_of("token")),
            "" if row.error_of("start") is row.error else _start(row.error_of("start")),
        ]
        for fault, row in STAYING.items()
    ]
    passing = [
        [fault, *(str(row.requests[kind]) for kind in kinds), "one" if row.start is None else "none", _start(row.start)]
        for fault, row in PASSING.items()
    ]
    return f"""Requests by kind of operation:

{legend}

A fault that stays, with `max_attempts=3`; in brackets how many requests reach the service where that is another number:

{_table(["fault", *counts, "the caller is told", "5, if otherwise", "6, if otherwise"], staying)}

A fault that strikes once:

{_table(["fault", *counts, "runs that 6 started", "6 comes to"], passing)}
"""
