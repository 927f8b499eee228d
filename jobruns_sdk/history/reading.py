"""Reads a store: the client's filters as conditions in SQL, and listings for ``Pages``."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, ClassVar, Final, Generic, TypedDict, TypeVar

import msgspec

from jobruns_sdk.checks import check_flag, check_limit, optional
from jobruns_sdk.history.database import Database
from jobruns_sdk.history.rows import ATTEMPT_COLUMNS, RUN_COLUMNS, AttemptRow, Decoder, RunRow, text_of
from jobruns_sdk.history.schema import ENDED
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef, each_of, ref_of
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.cursor import Cursor, short
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.source import Batch, Named, RowOrder, Source

T = TypeVar("T")

_AT_ONCE: Final = 500
_END: Final = "coalesce(ended_at, updated_at)"
_CREATED: Final = "coalesce(created_at, '')"


class StoredOptions(TypedDict, total=False):
    """The keyword arguments that choose among stored runs.

    Attributes:
        states: The states to include, None for all.
        native_states: The services' own states to include.
        created_after: Only runs created at this time (aware) or later.
        created_before: Only runs created before this time (aware).
        ended_after: Only runs that ended at this time (aware) or later, however long ago they were created.
        ended_before: Only runs that ended before this time (aware).
        active_after: Only runs that ended at this time (aware) or later, were lost then, or are still active.
        lost: True for runs that were gone while they went on, False for all others, None for both.
        limit: The maximum number of runs or attempts.
        cursor: The cursor to resume from.
    """

    states: Iterable[RunState | str] | None
    native_states: Iterable[str] | None
    created_after: datetime | None
    created_before: datetime | None
    ended_after: datetime | None
    ended_before: datetime | None
    active_after: datetime | None
    lost: bool | None
    limit: int | None
    cursor: str | None


class Chosen:
    """The stored runs that are wanted."""

    def __init__(
        self,
        jobs: JobLike | Iterable[JobLike] | None,
        services: Iterable[str],
        *,
        lost: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        **filters: Any,  # noqa: ANN401  # those of a RunQuery, which checks them
    ) -> None:
        """Check what is asked for.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        optional(check_flag)("lost", lost)
        check_limit("limit", limit)
        known = tuple(services)
        given = None if jobs is None else [ref_of(JobRef, job, known) for job in each_of("jobs", jobs, "jobs")]
        self.jobs: list[JobRef] | None = None if given is None else sorted(set(given))
        self._lost = lost
        self.limit = limit
        texts = "" if self.jobs is None else short("\n".join(map(str, self.jobs)))
        self.told: str = f"stored, {texts}, {lost}"
        self._cursor = cursor
        self.query: RunQuery = RunQuery(**filters)

    def pages(self, listed: str, kind: RowOrder[T], source: Source[T]) -> Pages[T]:
        """Return pages of the source."""
        listing = f"{listed} {self.told}"
        at = None if self._cursor is None else Cursor.parse(self._cursor, listing)
        if at is not None:
            self.query = self.query.resumed(at)
        plan = Plan(listing, self.query.to_cursor(), (source,), kind, read_from=self.query.created_after)
        return Pages(plan, limit=self.limit, begin=at)

    def condition(self, connection: sqlite3.Connection) -> tuple[str, list[str]]:
        """Return what holds for the rows of the runs that are wanted, and its parameters."""
        query, parts, values = self.query, ["true"], list[str]()

        def add(part: str, *given: str) -> None:
            parts.append(part)
            values.extend(given)

        for column, chosen in (("state", query.states), ("native_state", query.native_states)):
            if chosen is not None:
                add(f"{column} in ({_marks(chosen)})", *sorted(map(str, chosen)))
        if self.jobs is not None:
            refs = _stored_jobs(connection, self.jobs)
            add(f"job_ref in ({_marks(refs)})", *refs)
        if self._lost is not None:
            add(f"lost_at is {'not ' if self._lost else ''}null")
        for bound, sign in ((query.created_after, ">="), (query.created_before, "<")):
            if bound is not None:
                add(f"{_CREATED} {sign} ? and created_at is not null", text_of(bound))
        if query.filters_ends:
            self._add_ends(add)
        return " and ".join(parts), values

    def _add_ends(self, add: Callable[..., None]) -> None:
        """Add what the client's own filters say of ends: a run whose end is not told ended when it was last updated."""
        query = self.query
        ended, values = [ENDED], list[str]()
        for bound, sign in ((query.ended_since, ">="), (query.ended_before, "<")):
            if bound is not None:
                ended.append(f"({_END} is null or {_END} {sign} ?)")
                values.append(text_of(bound))
        either = " and ".join(ended)
        if query.active_after is not None and query.ended_after is query.ended_before is None:
            either = f"({either}) or (not {ENDED} and (lost_at is null or lost_at >= ?))"
            values.append(text_of(query.active_after))
        add(f"({either})", *values)


def _marks(values: Iterable[object]) -> str:
    return ", ".join("?" for _ in values)


def _stored_jobs(connection: sqlite3.Connection, wanted: Sequence[JobRef]) -> list[str]:
    """Return the references of stored jobs that are meant: one without a region or profile means that of any."""
    # A step for each job rather than for each run: https://www.sqlite.org/queryplanner.html has no other skipping.
    found = connection.execute(
        """
        with recursive stored (job_ref) as (
            select min(job_ref) from runs
            union all
            select (select min(job_ref) from runs where job_ref > stored.job_ref) from stored
            where stored.job_ref is not null
        )
        select job_ref from stored where job_ref is not null
        """
    ).fetchall()
    services = {job.service for job in wanted}
    meant: list[str] = []
    for (text,) in found:
        service = text.partition(":")[0]
        if service in services:
            job = JobRef.parse(text, services=(service,))
            if any(_is_meant(job, by) for by in wanted):
                meant.append(text)
    return meant


def _is_meant(job: JobRef, by: JobRef) -> bool:
    return (
        (job.service, job.path) == (by.service, by.path)
        and by.region in (None, job.region)
        and by.profile in (None, job.profile)
    )


class _Reading(msgspec.Struct, frozen=True):
    service: str = "jobruns"
    name: str = "history"


class _Stored(Generic[T]):
    """A listing of a store; the token is the place of the last run that was read."""

    operation: ClassVar[Named] = _Reading()

    def __init__(self, database: Database, chosen: Chosen, decoder: Decoder) -> None:
        self._database = database
        self._chosen = chosen
        self._decoder = decoder

    async def fetch(self, token: str | None, _: None) -> Batch[T]:
        """Read some rows, and make values of them in the thread that reads."""
        after = None if token is None else msgspec.json.decode(token, type=tuple[str, str])
        return await self._database.read(lambda connection: self._batch(connection, after))

    def read(self, page: Batch[T], _: None) -> tuple[Batch[T], None]:
        """Return the rows that were read."""
        return page, None

    def _runs(
        self, connection: sqlite3.Connection, columns: Iterable[str], after: tuple[str, str] | None
    ) -> list[tuple[Any, ...]]:
        condition, values = self._chosen.condition(connection)
        if after is not None:
            # The former says the same in part, and lets SQLite begin there: by the latter alone each page is sought
            # from the newest run on.
            condition = f"{condition} and {_CREATED} <= ? and ({_CREATED}, run_ref) < (?, ?)"
            values = [*values, after[0], *after]
        return connection.execute(
            f"select {', '.join(columns)} from runs where {condition} "
            f"order by {_CREATED} desc, run_ref desc limit {_AT_ONCE}",
            values,
        ).fetchall()

    def _batch(self, connection: sqlite3.Connection, after: tuple[str, str] | None) -> Batch[T]:
        raise NotImplementedError


class StoredRuns(_Stored[JobRun[Native | None]]):
    """The stored runs, newest first."""

    def _batch(self, connection: sqlite3.Connection, after: tuple[str, str] | None) -> Batch[JobRun[Native | None]]:
        rows = [RunRow._make(row) for row in self._runs(connection, RUN_COLUMNS, after)]
        token = _token([(row.created_at or "", row.run_ref) for row in rows])
        return Batch([self._decoder.run(row) for row in rows], token, requests=0)


class StoredAttempts(_Stored[Attempt[Native | None]]):
    """The stored attempts of the runs, newest run first, each one's attempts first to last."""

    def _batch(self, connection: sqlite3.Connection, after: tuple[str, str] | None) -> Batch[Attempt[Native | None]]:
        runs = self._runs(connection, ("run_ref", "service", "job_name", _CREATED), after)
        known = {ref: (service, job_name) for ref, service, job_name, _ in runs}
        tried: Mapping[str, list[AttemptRow]] = {ref: [] for ref in known}
        found = connection.execute(
            f"select {', '.join(ATTEMPT_COLUMNS)} from attempts where run_ref in ({_marks(known)}) order by attempt",
            list(known),
        )
        for row in map(AttemptRow._make, found):
            tried[row.run_ref].append(row)
        attempts = [self._decoder.attempt(row, *known[ref]) for ref, rows in tried.items() for row in rows]
        return Batch(attempts, _token([(created, ref) for ref, _, _, created in runs]), requests=0)


def _token(places: Sequence[tuple[str, str]]) -> str | None:
    return msgspec.json.encode(places[-1]).decode() if len(places) == _AT_ONCE else None


def _run_key(run: JobRun[Any]) -> str:
    return f"{run.job}/{run.id}"


def _attempt_key(attempt: Attempt[Any]) -> str:
    return f"{attempt.run}#{attempt.number}"


def _no_time(_: object) -> None:
    """Say that attempts have no time by which they are listed."""


RUNS: Final[RowOrder[JobRun[Native | None]]] = RowOrder(_run_key, attrgetter("created_at"), row=JobRun)
ATTEMPTS: Final[RowOrder[Attempt[Native | None]]] = RowOrder(_attempt_key, _no_time, row=Attempt)


def stored_runs(database: Database, chosen: Chosen, decoder: Decoder) -> Pages[JobRun[Native | None]]:
    """Return the stored runs that are wanted."""
    return chosen.pages("runs", RUNS, Source("", lambda _: StoredRuns(database, chosen, decoder)))


def stored_attempts(database: Database, chosen: Chosen, decoder: Decoder) -> Pages[Attempt[Native | None]]:
    """Return the stored attempts of the runs that are wanted."""
    return chosen.pages("attempts", ATTEMPTS, Source("", lambda _: StoredAttempts(database, chosen, decoder)))
