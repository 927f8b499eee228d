"""Writes to a store; each function is the work, or a part of the work, of one transaction."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from jobruns_sdk.history.merging import merged
from jobruns_sdk.history.rows import ATTEMPT_COLUMNS, RUN_COLUMNS, AttemptRow, RunRow
from jobruns_sdk.history.schema import ENDED

_AT_ONCE: Final = 500  # parameters of a statement; 999 in SQLite before 3.32: https://www.sqlite.org/limits.html


def put_runs(connection: sqlite3.Connection, rows: Sequence[RunRow]) -> tuple[int, int]:
    """Store what was told of runs, unless later words are stored; return how many are new, and how many changed."""
    added = changed = 0
    written: dict[str, RunRow] = {}
    known = _stored(connection, [row.run_ref for row in rows])
    for row in rows:
        old = known.get(row.run_ref)
        now = merged(old, row)
        if now != old:
            added += old is None
            changed += old is not None
            known[row.run_ref] = written[row.run_ref] = now
    _write(connection, "runs", RUN_COLUMNS, written.values())
    return added, changed


def put_attempts(connection: sqlite3.Connection, rows: Iterable[AttemptRow]) -> None:
    """Store what was told of attempts."""
    _write(connection, "attempts", ATTEMPT_COLUMNS, rows)


def mark_lost(connection: sqlite3.Connection, refs: Sequence[str], at: str) -> int:
    """Mark runs that are gone and had not ended, as far as was told; return how many are marked now."""
    marked = 0
    for some in _portions(refs):
        marks = ", ".join("?" * len(some))
        statement = f"update runs set lost_at = ? where lost_at is null and not {ENDED} and run_ref in ({marks})"
        marked += connection.execute(statement, [at, *some]).rowcount
    return marked


def forget(connection: sqlite3.Connection, before: str) -> int:
    """Delete runs that ended, or were lost, before that; return how many."""
    gone = f"(({ENDED} and coalesce(ended_at, updated_at, created_at) < ?) or lost_at < ?)"
    connection.execute(
        f"delete from attempts where run_ref in (select run_ref from runs where {gone})", (before, before)
    )
    return connection.execute(f"delete from runs where {gone}", (before, before)).rowcount


def _stored(connection: sqlite3.Connection, refs: Sequence[str]) -> dict[str, RunRow]:
    found: dict[str, RunRow] = {}
    for some in _portions(refs):
        marks = ", ".join("?" * len(some))
        rows = connection.execute(f"select {', '.join(RUN_COLUMNS)} from runs where run_ref in ({marks})", some)
        found.update((row.run_ref, row) for row in map(RunRow._make, rows))
    return found


def _portions(refs: Sequence[str]) -> Iterable[list[str]]:
    return (list(refs[at : at + _AT_ONCE]) for at in range(0, len(refs), _AT_ONCE))


def _write(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], rows: Iterable[RunRow | AttemptRow]
) -> None:
    connection.executemany(
        f"insert or replace into {table} ({', '.join(columns)}) values ({', '.join('?' * len(columns))})", rows
    )
