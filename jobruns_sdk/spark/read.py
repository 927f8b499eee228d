"""Reading jobs into record batches, in the event loop."""

import logging
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final

import pyarrow as pa

from jobruns_sdk.arrow import batch_from_attempts
from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.planning import Share

_LOG: Final = logging.getLogger(__name__)
_RUNS_AT_ONCE: Final = 16
_PAGES_AT_ONCE: Final = 32


def scan(client: JobRunsClient, share: Share, options: ReadOptions) -> AsyncIterator[pa.RecordBatch]:
    """Return the batches of what a task reads.

    Raises:
        JobRunsError: While iterating: a job cannot be read, unless such jobs are skipped.
    """
    pages = runs_of(client, share, options)
    if options.table == "runs":
        return pages.record_batches(options.batch_rows, native=options.native, costs=options.prices)
    return _attempts(client, pages, options)


def runs_of(client: JobRunsClient, share: Share, options: ReadOptions) -> Pages[JobRun[Any]]:
    """Return the runs of a task's jobs, in any order."""
    return client.runs(
        share.jobs,
        states=options.states,
        native_states=options.native_states,
        created_after=options.created_after,
        created_before=options.created_before,
        ended_after=options.ended_after,
        ended_before=options.ended_before,
        active_after=options.active_after,
        reach=options.reach,
        order="any",
        hydrate=options.hydrate,
        on_error="raise" if options.on_error == "raise" else skipped,
        concurrency=_PAGES_AT_ONCE,
    )


def skipped(failure: SourceError) -> None:
    """Tell of a job or a run that is left out, in the log of the process that would have read it."""
    _LOG.warning("skipped %s: %s", failure.run or failure.job, failure.error)


async def _attempts(
    client: JobRunsClient, pages: Pages[JobRun[Any]], options: ReadOptions
) -> AsyncIterator[pa.RecordBatch]:
    held: list[Attempt[Any]] = []
    async for page in pages.by_page():
        for first in range(0, len(page.items), _RUNS_AT_ONCE):
            some = page.items[first : first + _RUNS_AT_ONCE]
            for found in await concurrently(map(partial(_attempts_of, client, options), some)):
                held.extend(found)
            while len(held) >= options.batch_rows:
                yield batch_from_attempts(held[: options.batch_rows], native=options.native, costs=options.prices)
                del held[: options.batch_rows]
    if held:
        yield batch_from_attempts(held, native=options.native, costs=options.prices)


async def _attempts_of(client: JobRunsClient, options: ReadOptions, run: JobRun[Any]) -> Sequence[Attempt[Any]]:
    try:
        return await client.attempts(run).collect()
    except JobRunsError as error:
        if options.on_error == "raise":
            raise
        skipped(SourceError(run.job, error))
        return []
