"""Bringing a store up to date: changes, stored together with the place after them.

While a transaction is under way, the next pages are read; those that have come when it is done make the next one.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol

import attrs
import msgspec

from jobruns_sdk.errors import JobRunsError, NotFoundError, StoreError
from jobruns_sdk.history.database import Database
from jobruns_sdk.history.rows import AttemptRow, Encode, row_from_attempt, row_from_run, text_of
from jobruns_sdk.history.writing import mark_lost, put_attempts, put_runs
from jobruns_sdk.loop.tasks import begun, cancelled, concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef, each_of
from jobruns_sdk.model.reports import OnSourceError, SourceError, WalkReport
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.paging.cursor import Cursor, Place
from jobruns_sdk.paging.lists import completed
from jobruns_sdk.paging.page import Page
from jobruns_sdk.paging.pages import Pages, Walk
from jobruns_sdk.paging.standing import Spot
from jobruns_sdk.services.handle import Follows, Handle, ListsAttempts, TellsAttempt
from jobruns_sdk.times import now

_ATTEMPTS_AT_ONCE: Final = 10
_MOST_WAITING: Final = 2_000  # runs that were read and wait to be stored


class TellsChanges(Protocol):
    """A client, as far as a store needs one."""

    def handle(self, job: JobLike, /) -> Handle:
        """Return the handle of a job."""
        ...

    @property
    def changes(self) -> Callable[..., Pages[JobRun[Native]]]:
        """Return each run that is new or different since a cursor."""
        ...


@attrs.frozen
class SyncReport:
    """The outcome of a sync.

    Attributes:
        added: How many runs are new in the store.
        changed: How many stored runs are different now.
        lost: How many runs the service has forgotten while they went on; they are marked.
        walk: The calls, and the jobs that could not be read.
    """

    added: int
    changed: int
    lost: int
    walk: WalkReport


class Sync:
    """One sync of a store with the services."""

    def __init__(
        self,
        database: Database,
        client: TellsChanges,
        encode: Encode,
        *,
        hydrate: bool,
        attempts: bool,
        on_error: OnSourceError,
    ) -> None:
        """Take where runs come from and go to.

        Args:
            database: The store's file.
            client: The client.
            encode: Makes JSON of a service's own structure.
            hydrate: Whether to fetch full runs where lists have less.
            attempts: Whether the attempts of the runs are stored, too.
            on_error: What to do about a job that cannot be read.
        """
        self._database = database
        self._client = client
        self._encode = encode
        self._hydrate = hydrate
        self._attempts = attempts
        self._on_error: OnSourceError = on_error
        self._added = self._changed = self._lost = 0
        self._told_lost: set[str] = set()
        self._listing = ""
        self._places: Mapping[str, Place | None] = {}  # where each job's changes go on, as they are stored

    async def of(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        **options: Any,  # noqa: ANN401  # those of client.changes
    ) -> SyncReport:
        """Store what is new of those jobs, as it is read."""
        asked, refs = self._asked(jobs)
        changes = partial(self._client.changes, asked, on_error=self._on_error, **options)
        plan = changes().plan
        self._listing = plan.listing
        self._places = await self._database.read(lambda opened: _places(opened, plan.listing, refs))
        begin = str(Cursor(plan.listing, plan.query, dict(self._places))) if self._places else None
        async with changes(cursor=begin).open() as walk:
            await self._store_all(walk)
            return SyncReport(self._added, self._changed, self._lost, walk.report)

    async def _store_all(self, walk: Walk[JobRun[Native]]) -> None:
        runs: list[JobRun[Native]] = []
        storing: asyncio.Task[None] | None = None
        try:
            while isinstance(page := await _next(walk), Page):
                runs += page.items
                if storing is None or storing.done() or len(runs) >= _MOST_WAITING:
                    if storing is not None:
                        await storing
                    storing = begun(self._store(runs, walk.spot_before(0), walk.failures))
                    runs = []
            if storing is not None:
                await storing
            # A job may have failed: where the others stand by now is kept, also where nothing of them has changed.
            await self._store(runs, walk.spot_before(0), walk.failures)
            if page is not None:
                raise page
        finally:
            await cancelled(() if storing is None else (storing,))

    def _asked(
        self, jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike]
    ) -> tuple[list[JobRef] | AsyncIterable[JobLike], frozenset[str] | None]:
        """Return the jobs, and the text forms of their references; None where they are still to be discovered."""
        if isinstance(jobs, AsyncIterable):
            return jobs, None
        refs = [self._client.handle(job).ref for job in each_of("jobs", jobs, "jobs")]
        return refs, frozenset(map(str, refs))

    async def _store(self, runs: Sequence[JobRun[Native]], spot: Spot, failures: Sequence[SourceError]) -> None:
        listing = self._listing
        if self._hydrate:
            runs = await self._full(runs)
        rows = await self._database.run(lambda: [row_from_run(run, self._encode) for run in runs])
        tried = await self._tried(runs) if self._attempts else []
        gone = [ref for ref in _gone(failures) if ref not in self._told_lost]
        self._told_lost.update(gone)
        moved = self._moved(spot)

        def work(connection: sqlite3.Connection) -> tuple[int, int, int]:
            added, changed = put_runs(connection, rows)
            put_attempts(connection, tried)
            lost = mark_lost(connection, gone, text_of(now()))
            _put_places(connection, listing, moved)
            return added, changed, lost

        added, changed, lost = await self._database.write(work)
        self._places = {**self._places, **moved}
        self._added += added
        self._changed += changed
        self._lost += lost

    def _moved(self, spot: Spot) -> dict[str, Place]:
        """Return the places of the jobs that have come further than is stored."""
        moved: dict[str, Place] = {}
        for job, place in spot.places().items():
            known = self._places.get(job)
            if place is not None and place is not known and place != known:
                moved[job] = place
        return moved

    async def _full(self, runs: Sequence[JobRun[Native]]) -> Sequence[JobRun[Native]]:
        """Return the full run in the place of each listed one that tells less; one that is gone by now as it was."""

        async def full(run: JobRun[Native]) -> JobRun[Native]:
            handle = self._client.handle(run.job)
            return await handle.run(run.id) if isinstance(handle, Follows) and handle.polling.thin else run

        found, _ = await completed(full, self._on_error, runs)
        for one in found:
            if isinstance(one, SourceError) and not isinstance(one.error, NotFoundError):
                raise one.error
        return [run if isinstance(one, SourceError) else one for one, run in zip(found, runs, strict=True)]

    async def _tried(self, runs: Sequence[JobRun[Native]]) -> list[AttemptRow]:
        """Return the attempts of runs; of one that was tried once its row tells all, where the service has that."""
        slots = asyncio.Semaphore(_ATTEMPTS_AT_ONCE)

        async def of(run: JobRun[Native]) -> list[Attempt[Native]]:
            handle = self._client.handle(run.job)
            told = handle.attempt_of(run, thin=True) if isinstance(handle, TellsAttempt) else None
            if told is not None or not isinstance(handle, ListsAttempts):
                return [] if told is None else [told]
            async with slots:
                try:
                    return await handle.attempts(run.id).collect()
                except NotFoundError:
                    return []  # it went away since it was listed, and stays as it was
                except JobRunsError as error:
                    if self._on_error == "raise":
                        raise
                    if callable(self._on_error):
                        self._on_error(SourceError(run.job, error, run.ref))
                    return []

        found = await concurrently(map(of, runs))
        return [row_from_attempt(attempt, self._encode) for attempts in found for attempt in attempts]


async def _next(walk: Walk[JobRun[Native]]) -> Page[JobRun[Native]] | Exception | None:
    """Return the next page, the error that comes in its place, or None at the end."""
    try:
        return await walk.next_page()
    except Exception as error:  # noqa: BLE001  # it is raised when what was read before it is stored
        return error


def _gone(failures: Iterable[SourceError]) -> list[str]:
    """Return the runs that were followed and are gone."""
    return [
        str(failure.run) for failure in failures if failure.run is not None and isinstance(failure.error, NotFoundError)
    ]


def _places(connection: sqlite3.Connection, listing: str, jobs: frozenset[str] | None) -> dict[str, Place]:
    """Return where the changes of those jobs, or of all, go on; of jobs that were never read there is nothing."""
    found = connection.execute("select job_ref, place from cursors where listing = ?", (listing,))
    try:
        return {job: msgspec.json.decode(place, type=Place) for job, place in found if jobs is None or job in jobs}
    except msgspec.DecodeError as error:
        raise StoreError(f"the table of cursors holds something else than places: {error}") from error


def _put_places(connection: sqlite3.Connection, listing: str, places: Mapping[str, Place]) -> None:
    # Of two processes at once the later one's counts: whatever it has passed was stored by itself, or before it began.
    connection.executemany(
        "insert or replace into cursors (job_ref, listing, place, stored_at) values (?, ?, ?, ?)",
        [(job, listing, msgspec.json.encode(place).decode(), text_of(now())) for job, place in places.items()],
    )
