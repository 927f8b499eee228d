"""A store of runs in one file of SQLite: what the services have told, for good."""

import os
from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, Unpack

from jobruns_sdk.checks import check_flag, check_moment, check_number, kind_of
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.hints import AsyncContext
from jobruns_sdk.history.database import Database
from jobruns_sdk.history.reading import Chosen, StoredOptions, stored_attempts, stored_runs
from jobruns_sdk.history.rows import Decoder, encoder, text_of
from jobruns_sdk.history.syncing import Sync, SyncReport, TellsChanges
from jobruns_sdk.history.writing import forget
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.serialization.kinds import kinds_with
from jobruns_sdk.services.registry import Adapter, entries_with

if TYPE_CHECKING:
    from jobruns_sdk.arrow import JobRunFrame
    from jobruns_sdk.costs import PriceTable

check_path: Final = kind_of((str, os.PathLike), "the path of a file")
_WITHOUT_NATIVE: Final = Decoder({})


class RunStore(AsyncContext):
    """Runs in one file of SQLite, which keeps them when the services have forgotten them; used in ``async with``.

    ``sync`` stores what is new as it is read, together with the place after it: a process that is killed loses nothing,
    and repeats little, which is what it had read and not written yet: a few thousand runs at most. Any number of tasks
    and processes may use one file at once. Nothing blocks the event loop: all work on the file is done in a thread of
    the store's own.

    The tables are there for other programs, too. ``runs`` has the columns of ``jobruns_sdk.arrow.RUN_SCHEMA`` and
    ``lost_at``; times are ISO 8601 text in UTC, and the services' own structures JSON in ``native``.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        busy_timeout: float = 30.0,
        adapters: Mapping[str, Adapter] | None = None,
    ) -> None:
        """Name the file; nothing is opened yet.

        Args:
            path: The file, which is made where there is none.
            busy_timeout: For how many seconds to wait while another process writes.
            adapters: More services, as ``JobRunsClient`` takes them; without them ``native`` of their runs is None.

        Raises:
            InvalidRequestError: An argument is invalid.
        """
        check_path("path", path)
        check_number("busy_timeout", busy_timeout)
        self._path = os.fspath(path)
        self._database = Database(self._path, busy_timeout)
        self._services = tuple(entries_with(adapters))
        self._decoder = Decoder(kinds_with(adapters).natives)

    def __repr__(self) -> str:
        return f"<RunStore {self._path}>"

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._path)

    async def open(self) -> Self:
        """Open the file, and return the store: for notebooks, where no ``async with`` goes over cells.

        Raises:
            StoreError: The file is something else, of a later version, damaged, or cannot be opened.
        """
        await self._database.open()
        return self

    async def aclose(self) -> None:
        """Close the file, once the transaction under way has ended."""
        await self._database.aclose()

    async def __aenter__(self) -> Self:
        """Open the file."""
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        await self.aclose()

    async def sync(
        self,
        client: TellsChanges,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        *,
        created_after: datetime | None = None,
        native: bool = True,
        include_secrets: bool = False,
        hydrate: bool = False,
        attempts: bool = False,
        lag: timedelta = timedelta(seconds=30),
        retry_grace: timedelta = timedelta(minutes=30),
        limit_open: int = 1000,
        on_error: OnSourceError = "raise",
        concurrency: int = 32,
    ) -> SyncReport:
        """Store each run of the jobs that is new or different since the last sync, and return when it has caught up.

        It stores what ``client.changes`` tells. The later word about a run wins, whatever order words come in. A run
        that is not found any more while it went on stays as it was, and is marked as lost. Each job goes on where it
        was left, whichever jobs are asked for together.

        Args:
            client: The client that reads.
            jobs: The jobs, or an (asynchronous) iterable of them, such as ``client.discover()``.
            created_after: Where jobs begin that this store has not read before; None for all that their services
                remember.
            native: Whether the services' own structures are stored, as JSON.
            include_secrets: Whether those have the members that may hold secrets, such as job arguments.
            hydrate: Whether to fetch the full run where the list has less, as on EMR Serverless its end and its usage
                (GetJobRun for each run that is new or different, on EMR Serverless and DataZone).
            attempts: Whether the attempts of those runs are stored, too: it takes calls for each run that was retried
                (GetJobRun on Glue, ListJobRunAttempts on EMR Serverless).
            lag: As for ``client.changes``, like the following two.
            retry_grace: How long after its end a failed Glue run is looked up for a retry.
            limit_open: The most runs of a job that may go on.
            on_error: How to handle a job that cannot be read: ``"raise"``, ``"skip"``, or a callable that is given the
                ``SourceError``. The next sync begins with it where this one did.
            concurrency: How many jobs are read at once.

        Raises:
            InvalidRequestError: An argument is invalid.
            StoreError: The file cannot be written.
            JobRunsError: A job cannot be read; what was read of it and of the others is stored.
        """
        flags = {"native": native, "include_secrets": include_secrets, "hydrate": hydrate, "attempts": attempts}
        for name, flag in flags.items():
            check_flag(name, flag)
        if include_secrets and not native:
            raise InvalidRequestError("include_secrets=True says what native=True has: ask for that, too")
        encode = encoder(native=native, include_secrets=include_secrets)
        sync = Sync(self._database, client, encode, hydrate=hydrate, attempts=attempts, on_error=on_error)
        return await sync.of(
            jobs,
            created_after=created_after,
            lag=lag,
            retry_grace=retry_grace,
            limit_open=limit_open,
            concurrency=concurrency,
        )

    def runs(
        self, jobs: JobLike | Iterable[JobLike] | None = None, **chosen: Unpack[StoredOptions]
    ) -> Pages[JobRun[Native | None]]:
        """Return stored runs, newest first, equal to those that the client has handed out.

        The filters are those of ``client.runs``, exact at any age. ``native`` has no members that may hold secrets
        unless they were stored, and is None where it was not.

        Args:
            jobs: The jobs, None for all; one without a region or a profile means that of any.
            chosen: Filters, ``limit`` and ``cursor``.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
            StoreError: While iterating: the file cannot be read.
        """
        return stored_runs(self._database, Chosen(jobs, self._services, **chosen), self._decoder)

    def attempts(
        self, jobs: JobLike | Iterable[JobLike] | None = None, **chosen: Unpack[StoredOptions]
    ) -> Pages[Attempt[Native | None]]:
        """Return the attempts that were stored by ``sync(attempts=True)``: newest run first, its attempts in order.

        The filters choose runs; arguments and errors are those of ``runs``.
        """
        return stored_attempts(self._database, Chosen(jobs, self._services, **chosen), self._decoder)

    async def to_arrow(
        self,
        jobs: JobLike | Iterable[JobLike] | None = None,
        *,
        native: bool = False,
        include_secrets: bool = False,
        costs: "PriceTable | None" = None,
        **chosen: Unpack[StoredOptions],
    ) -> "JobRunFrame":
        """Return stored runs in columns, for data frames and SQL; needs the extra ``arrow``.

        Args:
            jobs: As for ``runs``.
            native: Whether there is a column ``native``: the service's own structure, as JSON.
            include_secrets: Whether that has the members that may hold secrets, if they were stored.
            costs: The prices for columns ``cost`` (a decimal) and ``currency``, null where the cost is not known.
            chosen: As for ``runs``.
        """
        # Structures that nobody asks for need not be decoded: half of the time.
        decoder = self._decoder if native or costs else _WITHOUT_NATIVE
        runs = stored_runs(self._database, Chosen(jobs, self._services, **chosen), decoder)
        return await runs.to_arrow(native=native, include_secrets=include_secrets, costs=costs)

    async def forget(self, *, before: datetime) -> int:
        """Delete the runs that ended, or were lost, before that time, with their attempts, and return how many.

        A run that goes on stays. The file does not shrink: what is stored next uses the room.

        Args:
            before: The time (aware).

        Raises:
            InvalidRequestError: The time has no time zone.
            StoreError: The file cannot be written.
        """
        check_moment("before", before)
        text = text_of(before)
        return await self._database.write(lambda connection: forget(connection, text))
