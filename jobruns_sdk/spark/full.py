"""Runs as a stream needs them: in full where that is asked for, and how far each is."""

from collections.abc import Sequence
from typing import Any

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.lists import completed
from jobruns_sdk.runs.changed import Status, rank_of
from jobruns_sdk.services.handle import Follows

Run = JobRun[Any]


def status_of(run: Run) -> Status:
    """Return how far a run is: its attempt, and how far that is."""
    return Status(run.attempt, rank_of(run.state), "")


async def hydrated(client: JobRunsClient, runs: Sequence[Run]) -> tuple[Sequence[Run], Sequence[SourceError]]:
    """Return full runs in the place of those of which lists tell less, and those that could not be got (GetJobRun).

    These stay as they were listed, as does one that is gone by now, of which nothing is told.
    """

    async def full(run: Run) -> Run:
        handle = client.handle(run.job)
        return await handle.run(run.id) if isinstance(handle, Follows) and handle.polling.thin else run

    found, _ = await completed(full, "raise", runs)
    failures = [one for one in found if isinstance(one, SourceError) and not isinstance(one.error, NotFoundError)]
    return [run if isinstance(one, SourceError) else one for one, run in zip(found, runs, strict=True)], failures
