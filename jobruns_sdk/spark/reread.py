"""A batch that is read again, since Spark repeats it after a restart: compared with what its offset says of it."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import NotFoundError, PaginationError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.handle import FoldsRetries
from jobruns_sdk.spark.batches import OVER, JobBatch, Named, Settled, digest_of
from jobruns_sdk.spark.full import Run, hydrated, status_of
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.rows import wanted_rows

if TYPE_CHECKING:
    import pyarrow as pa

_LOG: Final = logging.getLogger(__name__)
_JOBS_AT_ONCE: Final = 32
_GETS_AT_ONCE: Final = 10
_TRIES: Final = 3  # a list may be behind for a moment, as may a get
_FEW: Final = 10  # runs that are got rather than looked for in the list
_NEAR: Final = timedelta(days=1)  # how far the list is read for runs that are named; what is older is got
_SHOWN: Final = 3  # runs in an error
_REMEDY: Final = "onMissing=skip goes on without them"


async def reread(
    client: JobRunsClient, batch: Mapping[JobRef, JobBatch], options: ReadOptions
) -> Sequence["pa.RecordBatch"]:
    """Return the rows of the runs that a batch holds, as they are by now.

    Raises:
        NotFoundError: Some of them are not there any more.
        PaginationError: The service tells less than when the batch was made.
        JobRunsError: A job or a run cannot be read.
    """
    slots = asyncio.Semaphore(_JOBS_AT_ONCE)

    async def one(job: JobRef, part: JobBatch) -> "pa.RecordBatch":
        async with slots:
            return wanted_rows(await _JobReread(client, job, part, options).runs(), options)

    return await concurrently(one(job, part) for job, part in batch.items())


class _JobReread:
    """The runs of one job that a batch holds, which are read again."""

    def __init__(self, client: JobRunsClient, job: JobRef, part: JobBatch, options: ReadOptions) -> None:
        self._client = client
        self._job = job
        self._part = part
        self._options = options
        self._found: dict[str, Run] = {}

    async def runs(self) -> Sequence[Run]:
        """Return the runs, those that are named and those of the window."""
        settled, named = self._part.settled, self._part.named
        members: set[str] = set()
        if settled is not None:
            members = await self._settled(settled)
        elif len(named) > _FEW:
            await self._list(_near(named))
        await self._get([run_id for run_id in {**dict.fromkeys(members), **named} if not self._is_told(run_id)])
        runs: Sequence[Run] = [run for run_id, run in self._found.items() if run_id in members or run_id in named]
        if not self._options.hydrate:
            return runs
        runs, failures = await hydrated(self._client, runs)
        for failure in failures:
            raise failure.error
        return runs

    async def _settled(self, settled: Settled) -> set[str]:
        """Return the ids of the runs of the window, all of them found."""
        members: set[str] = set()
        for _ in range(_TRIES):
            await self._list(settled.after)
            inside = {run_id for run_id, run in self._found.items() if settled.holds(run.created_at)}
            members = inside - self._part.named.keys()
            if len(members) == settled.count and digest_of(members) == settled.digest:
                return members
        self._miss(
            f"{self._job}: the batch holds {settled.count} runs that were created before {settled.before.isoformat()}, "
            f"and its service lists {len(members)} by now, not all of which are the same"
        )
        return members

    async def _list(self, since: datetime | None) -> None:
        """Find the runs that were created since then; of retries only those whose first attempt was, too."""
        handle, attempts = self._client.handle(self._job), defaultdict[str, dict[int, Run]](dict)
        folds = handle if isinstance(handle, FoldsRetries) else None
        rows = handle.runs(created_after=since) if folds is None else folds.attempt_rows_since(since)
        with suppress(NotFoundError):  # without a job there are no runs, which is told below
            async for row in rows:
                run_id = row.id if folds is None else folds.run_ref(row.id).run_id
                attempts[run_id][1 if folds is None else row.attempt] = row
        self._found = {
            run_id: rows[1] if folds is None else folds.run_of_attempts([rows[number] for number in sorted(rows)])
            for run_id, rows in attempts.items()
            if 1 in rows
        }

    def _is_told(self, run_id: str) -> bool:
        """True if a run was found, and is as far as it was at least: one that is not named was over."""
        run, named = self._found.get(run_id), self._part.named.get(run_id)
        return run is not None and not status_of(run).is_behind(OVER if named is None else named.status)

    async def _get(self, run_ids: Sequence[str]) -> None:
        """Get runs that the list does not show, or not as far as they were.

        Raises:
            NotFoundError: Some are not there, and this is not to be passed over.
            PaginationError: One is behind all the same.
        """
        slots = asyncio.Semaphore(_GETS_AT_ONCE)
        told = await concurrently(self._got(run_id, slots) for run_id in run_ids)
        missing = [run_id for run_id, is_there in zip(run_ids, told, strict=True) if not is_there]
        if missing:
            shown = ", ".join(missing if self._options.on_missing == "skip" else missing[:_SHOWN])
            self._miss(f"{self._job}: {len(missing)} runs of the batch are not there any more, such as {shown}")

    async def _got(self, run_id: str, slots: asyncio.Semaphore) -> bool:
        """Get a run; return whether it is there."""
        handle = self._client.handle(self._job)
        async with slots:
            for _ in range(_TRIES):
                try:
                    self._found[run_id] = await handle.run(run_id)
                except NotFoundError:
                    continue
                if self._is_told(run_id):
                    return True
        if run_id not in self._found:
            return False
        raise PaginationError(
            f"{self._job}: {run_id} is told as {self._found[run_id].state} by now, and was further when the batch was "
            "made: its service is behind; start the query again",
            service=self._job.service,
        )

    def _miss(self, text: str) -> None:
        """Tell of runs that are missing.

        Raises:
            NotFoundError: Unless they are to be passed over.
        """
        if self._options.on_missing == "raise":
            raise NotFoundError(f"{text}; {_REMEDY}", service=self._job.service)
        _LOG.warning("%s", text)


def _near(named: Mapping[str, Named]) -> datetime | None:
    """Return the time back to which a list is read for runs that are named."""
    times: Iterable[datetime] = [run.at for run in named.values() if run.at is not None]
    return max(min(times), max(times) - _NEAR) if times else None
