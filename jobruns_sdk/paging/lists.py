"""The list calls of all services: from their checked arguments to ``Pages``."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar

from jobruns_sdk.checks import check_limit
from jobruns_sdk.errors import ClientClosedError, JobRunsError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError, SourceError, check_on_error
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.query import RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource, Listing, RowOrder, Source

N = TypeVar("N")
T = TypeVar("T")

_GETS_AT_ONCE: Final = 10

RUNS: Final[RowOrder[JobRun[Any]]] = RowOrder(attrgetter("id"), attrgetter("created_at"), row=JobRun)
"""Runs, newest first."""

_OLDEST_RUNS: Final[RowOrder[JobRun[Any]]] = RowOrder(RUNS.key, RUNS.when, newest_first=False, row=JobRun)


def _no_time(_: object) -> None:
    """Say that a row has no time by which its listing is ordered."""


def _attempt_number(attempt: Attempt[Any]) -> str:
    return str(attempt.number)


def _job_text(job: Job[Any]) -> str:
    return str(job.ref)


ATTEMPTS: Final[RowOrder[Attempt[Any]]] = RowOrder(_attempt_number, _no_time, row=Attempt)
"""The attempts of a run, first one first."""

JOBS: Final[RowOrder[Job[Any]]] = RowOrder(_job_text, _no_time, row=Job)
"""Jobs, in no order."""


def run_pages(
    job: JobRef,
    query: RunQuery,
    states: Mapping[str, RunState],
    sources: Callable[[RunQuery, Wanted], Iterable[AnySource[JobRun[N]]]],
    *,
    limit: int | None,
    cursor: str | None,
    full: Callable[[JobRun[N]], Awaitable[JobRun[N]]] | None = None,
    on_error: OnSourceError = "raise",
) -> Pages[JobRun[N]]:
    """Return the runs of a job.

    Args:
        job: The job, complete with its region.
        query: The filters that the caller gave.
        states: What the service's states mean.
        sources: Makes the listings for the filters in force and the native states that they want.
        limit: The maximum number of runs.
        cursor: The cursor to resume from.
        full: Gets what takes the place of a listed run; None where the listed one is what is wanted.
        on_error: How to handle a run that cannot be fetched.

    Raises:
        InvalidRequestError: An argument is invalid.
        CursorError: The cursor is damaged, of another listing or of other filters.
    """
    check_on_error("on_error", on_error)
    listing = f"runs of {job}"
    at = None if cursor is None else Cursor.parse(cursor, listing)
    query = query if at is None else query.resumed(at)
    kind = RUNS if query.newest_first else _OLDEST_RUNS
    wanted = query.wanted(states)
    # Where no state of the service can satisfy the filters there is nothing to ask for.
    opened = () if wanted == () else tuple(sources(query, wanted))
    finish = None if full is None else partial(completed, full, on_error)
    plan = Plan(listing, query.to_cursor(), opened, kind, query.filter, finish=finish, read_from=query.read_from)
    check_limit("limit", limit)
    return Pages(plan, limit=limit, begin=at)


async def completed(
    full: Callable[[JobRun[N]], Awaitable[JobRun[N]]], on_error: OnSourceError, rows: Sequence[JobRun[N]]
) -> tuple[Sequence[JobRun[N] | SourceError], Sequence[SourceError]]:
    """Return the full run for each listed one, in order, and those that could not be fetched; ten are fetched at once.

    Args:
        full: Gets a run.
        on_error: How to handle a run that cannot be fetched: with ``"raise"`` its place is taken by the error, which
            the walk raises when it comes there; otherwise it stays as it was listed.
        rows: The runs as they were listed.
    """
    slots = asyncio.Semaphore(_GETS_AT_ONCE)
    failures: list[SourceError] = []

    async def one(row: JobRun[N]) -> JobRun[N] | SourceError:
        async with slots:
            try:
                return await full(row)
            except JobRunsError as error:
                failure = SourceError(row.job, error, row.ref)
        if on_error == "raise" or isinstance(failure.error, ClientClosedError):
            return failure
        failures.append(failure)
        if callable(on_error):
            on_error(failure)
        return row

    return await concurrently(map(one, rows)), failures


def attempt_pages(
    run: RunRef, open_listing: Callable[[], Listing[Any, Any, Attempt[N]]], *, limit: int | None, cursor: str | None
) -> Pages[Attempt[N]]:
    """Return the attempts of a run, in order; the arguments and errors are those of ``run_pages``."""
    return _pages(f"attempts of {run}", open_listing, ATTEMPTS, accept=None, limit=limit, cursor=cursor)


def job_pages(
    place: JobRef,
    open_listing: Callable[[], Listing[Any, Any, Job[N]]],
    *,
    name: str | None,
    said: object,
    limit: int | None,
    cursor: str | None,
) -> Pages[Job[N]]:
    """Return the jobs of a service.

    Args:
        place: A reference in the region, and with the profile, where to look.
        open_listing: Opens the listing.
        name: A pattern of names, None for all.
        said: The filters that the listing applies; a cursor fits only the same.
        limit: The maximum number of jobs.
        cursor: The cursor to resume from.

    Raises:
        InvalidRequestError: An argument is invalid.
        CursorError: The cursor is damaged, of another listing or of other filters.
    """

    def is_wanted(job: Job[N]) -> bool:
        return name is None or (job.name is not None and fnmatchcase(job.name, name))

    listing = f"jobs of {place.service} in {place.region} for {place.profile}, named {name}, {said}"
    return _pages(listing, open_listing, JOBS, accept=is_wanted, limit=limit, cursor=cursor)


def _pages(
    listing: str,
    open_listing: Callable[[], Listing[Any, Any, T]],
    kind: RowOrder[T],
    *,
    accept: Callable[[T], bool] | None,
    limit: int | None,
    cursor: str | None,
) -> Pages[T]:
    at = None if cursor is None else Cursor.parse(cursor, listing)
    plan = Plan(listing, {}, (Source("", lambda _: open_listing()),), kind, accept)
    check_limit("limit", limit)
    return Pages(plan, limit=limit, begin=at)
