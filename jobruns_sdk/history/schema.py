"""The tables of a store, and how a file of an earlier version becomes one of this."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from jobruns_sdk.errors import StoreError
from jobruns_sdk.model.states import RunState

T = TypeVar("T")

_APPLICATION: Final = 0x4A6F6252  # "JobR", by which a file says whose it is
_PATIENCE: Final = 10.0

_V1: Final = (
    """
    create table runs (
        run_ref text not null primary key,
        job_ref text not null,
        job_name text,
        service text not null,
        region text,
        profile text,
        run_id text not null,
        name text,
        attempt integer not null,
        state text not null,
        native_state text not null,
        message text,
        created_at text,
        started_at text,
        updated_at text,
        ended_at text,
        duration real,
        created_by text,
        vcpu_hours real,
        memory_gb_hours real,
        storage_gb_hours real,
        dpu_hours real,
        usage_basis text,
        native text,
        native_kind text,
        lost_at text
    )
    """,
    # Runs are read newest first; those without a time come last. Few are of one time, so that these need no order here.
    "create index runs_by_creation on runs (coalesce(created_at, ''))",
    "create index runs_by_job on runs (job_ref, coalesce(created_at, ''))",
    """
    create table attempts (
        run_ref text not null,
        attempt_id text not null,
        attempt integer not null,
        state text not null,
        native_state text not null,
        message text,
        created_at text,
        started_at text,
        updated_at text,
        ended_at text,
        duration real,
        vcpu_hours real,
        memory_gb_hours real,
        storage_gb_hours real,
        dpu_hours real,
        usage_basis text,
        native text,
        native_kind text,
        primary key (run_ref, attempt)
    )
    """,
    """
    create table cursors (
        job_ref text not null primary key,
        listing text not null,
        place text not null,
        stored_at text not null
    )
    """,
)

_MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (_V1,)
"""The statements that make each version of the one before it; the first ones make an empty file a store."""

ENDED: Final = f"state in ({', '.join(repr(str(state)) for state in RunState if state.is_terminal)})"
"""The condition that holds for rows of runs that have ended."""

VERSION: Final = len(_MIGRATIONS)


def prepare(connection: sqlite3.Connection, path: str) -> None:
    """Make a connection ready for a store, and a store of an empty file or one of an earlier version.

    Raises:
        StoreError: The file is something else, or of a later version.
        sqlite3.Error: It cannot be read or written.
    """
    # In one transaction: another process may make this file a store between two of the numbers that tell what it is.
    if in_transaction(connection, lambda opened: _version(opened, path), "begin") < VERSION:
        # Another process may have begun the same: who comes second finds it done.
        in_transaction(connection, lambda opened: _migrate(opened, _version(opened, path)))
    _write_ahead(connection)
    # A commit need not reach the disk at once: what a power failure takes are whole transactions, cursors included.
    connection.execute("pragma synchronous = normal")


def in_transaction(
    connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], T], begin: str = "begin immediate"
) -> T:
    """Return what comes of some work in one transaction, which is taken back where the work fails."""
    connection.execute(begin)
    try:
        result = work(connection)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:  # some errors have ended it
            connection.execute("rollback")
        raise
    return result


def _version(connection: sqlite3.Connection, path: str) -> int:
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    if application != _APPLICATION and (application or version or _number(connection, "schema_version")):
        raise StoreError(f"{path} is a database of something else, not a store of runs")
    if version > VERSION:
        raise StoreError(
            f"{path} was written by a later version of jobruns_sdk: its version is {version}, up to {VERSION} is known"
        )
    return version


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    number: int = connection.execute(f"pragma {pragma}").fetchone()[0]
    return number


def _migrate(connection: sqlite3.Connection, version: int) -> None:
    for statements in _MIGRATIONS[version:]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"pragma application_id = {_APPLICATION}")
    connection.execute(f"pragma user_version = {VERSION}")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers read while another process writes: the file remembers it.

    Only one connection can change that, and the others do not wait for it by themselves. Where it cannot be changed,
    as on some network file systems, writers and readers wait for each other.
    """
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        with suppress(sqlite3.OperationalError):
            connection.execute("pragma journal_mode = wal")
            return
        time.sleep(0.01)
