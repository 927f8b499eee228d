"""One look of a stream at its jobs: what has changed since the last one, by ``client.changes``."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import attrs

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import JobRunsError, NotFoundError
from jobruns_sdk.loop.meter import Meter, metered
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.cursor import Cursor, Place
from jobruns_sdk.runs.changed import LATE
from jobruns_sdk.spark.batches import JobBatch, Named
from jobruns_sdk.spark.full import Run, hydrated, status_of
from jobruns_sdk.spark.offsets import Offset
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.read import skipped
from jobruns_sdk.spark.rows import last_of, wanted_rows
from jobruns_sdk.times import now
from jobruns_sdk.transport.operation import time_of

if TYPE_CHECKING:
    import pyarrow as pa

    from jobruns_sdk.paging.pages import Walk

_LOG: Final = logging.getLogger(__name__)
_JOBS_AT_ONCE: Final = 32


@attrs.frozen
class Look:
    """The result of a look.

    Attributes:
        offset: Where the stream comes to; where it was, if there is nothing to tell.
        cursor: Up to where changes were read.
        rows: The rows of the batch that leads there.
    """

    offset: Offset
    cursor: str | None
    rows: Sequence["pa.RecordBatch"] = ()


@attrs.define
class _Told:
    """The changes of one job, as they come."""

    runs: dict[str, Named] = attrs.field(factory=dict[str, Named])
    wanted: set[str] = attrs.field(factory=set[str])
    rows: list["pa.RecordBatch"] = attrs.field(factory=list["pa.RecordBatch"])
    repeats: bool = False

    def add(self, runs: Sequence[Run], options: ReadOptions) -> None:
        for run in runs:
            status, before = status_of(run), self.runs.get(run.id)
            self.repeats = self.repeats or before is not None
            if before is None or not status.is_behind(before.status):
                self.runs[run.id] = Named(status, run.created_at)
            if options.wants(run.state, run.native_state):
                self.wanted.add(run.id)
        if (batch := wanted_rows(runs, options)).num_rows:
            self.rows.append(batch)

    def last_rows(self) -> Sequence["pa.RecordBatch"]:
        """Return one row for each run, the last: MERGE refuses several."""
        return last_of(self.rows, "run_id") if self.repeats else self.rows


async def look(
    client: JobRunsClient, jobs: Sequence[JobRef], begin: Offset, cursor: str | None, options: ReadOptions
) -> Look:
    """Read what has changed since a cursor, and return where the stream comes to by that.

    A job that cannot be read to its end tells nothing, and keeps its place.

    Args:
        client: The client to read with.
        jobs: The jobs; where they were discovered, what the cursor knows of others stays there.
        begin: Where the stream is.
        cursor: Up to where changes were read, of which ``begin`` may tell less where none was wanted.
        options: The options of the stream.

    Raises:
        JobRunsError: A job cannot be read, unless such jobs are skipped.
        LimitExceededError: More runs of a job go on than ``limitOpen``.
    """
    created_after = options.created_after or begin.begin
    pages = client.changes(
        _Discovered(jobs) if options.discovers else jobs,
        cursor=cursor,
        created_after=created_after,
        lag=options.lag,
        retry_grace=options.retry_grace,
        limit_open=options.limit_open,
        on_error=options.on_error,
        concurrency=_JOBS_AT_ONCE,
    )
    listing = pages.plan.listing
    before = {} if cursor is None else Cursor.parse(cursor, listing).places
    async with pages.open() as walk:
        told, failed = await _told(client, walk, options)
        failed |= _failed(walk, before)
        after = _without(walk.cursor, failed, before, listing) or cursor
    batch = {
        job: _batch_of(changes, before.get(job), created_after, options)
        for job, changes in told.items()
        if job not in failed and changes.wanted
    }
    if not batch and begin.cursor is not None:
        return Look(begin, after)
    # The first batch is made even without a run: else the next process would not know where this stream has begun.
    return Look(begin.after(after, batch), after, [row for job in batch for row in told[job].last_rows()])


async def _told(client: JobRunsClient, walk: "Walk[Any]", options: ReadOptions) -> tuple[Mapping[str, _Told], set[str]]:
    """Return what a walk tells, by jobs, and the jobs of which a run cannot be got in full where such are skipped."""
    told: dict[str, _Told] = {}
    failed: set[str] = set()
    while runs := await walk.take():
        if options.hydrate:
            runs, failures = await hydrated(client, runs)
            for failure in failures:
                if options.on_error == "raise":
                    raise failure.error
                skipped(SourceError(failure.job, failure.error))  # the job keeps its place, as if it could not be read
                failed.add(str(failure.job))
        for job in {run.job for run in runs}:
            told.setdefault(str(job), _Told()).add([run for run in runs if run.job == job], options)
    return told, failed


def _failed(walk: "Walk[Any]", before: Mapping[str, Place | None]) -> set[str]:
    """Return the jobs that could not be read to their end; tells of them and of what is gone in the log."""
    failed: set[str] = set()
    for failure in walk.report.failed:
        is_gone = isinstance(failure.error, NotFoundError)
        if failure.run is not None and is_gone:
            _LOG.warning("%s had not ended, or might be retried, and is not there any more", failure.run)
        elif failure.run is None and is_gone and str(failure.job) in before:
            _LOG.warning("%s is not there any more: %s", failure.job, failure.error)
        else:
            skipped(failure)
            if failure.run is None:  # a run that could not be got is followed on
                failed.add(str(failure.job))
    return failed


def _without(cursor: str | None, failed: set[str], before: Mapping[str, Place | None], listing: str) -> str | None:
    """Return a cursor in which the jobs that have failed stand where they stood: what they have told is left out."""
    if cursor is None or not failed:
        return cursor
    places = {job: place for job, place in Cursor.parse(cursor, listing).places.items() if job not in failed}
    kept = {job: place for job, place in before.items() if job in failed}
    return str(Cursor(listing, {}, places | kept))


def _batch_of(told: _Told, before: Place | None, created_after: datetime, options: ReadOptions) -> JobBatch:
    return JobBatch.of(
        told.runs,
        told.wanted,
        known_until=None if before is None else before.since,
        created_after=created_after if before is None else None,
        overlap=options.lag + LATE,
    )


class _Discovered:
    """Jobs that were discovered: a cursor keeps what it knows of others, which the discovery may lack for once."""

    def __init__(self, jobs: Iterable[JobRef]) -> None:
        self._jobs = jobs

    async def __aiter__(self) -> AsyncIterator[JobRef]:
        for job in self._jobs:
            yield job


async def service_time(client: JobRunsClient, jobs: Iterable[JobRef]) -> datetime:
    """Return the time at the services, by the first job that answers; this machine's where none does."""
    for job in jobs:
        meter = Meter()
        try:
            with metered(meter):
                await client.runs(job).first()
        except JobRunsError as error:
            skipped(SourceError(job, error))
        if (time := time_of(meter.date)) is not None:
            return time
    return now()
