"""Jobs of many services, regions and accounts, found as one stream."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from jobruns_sdk.checks import check_limit
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import OnSourceError, check_on_error
from jobruns_sdk.model.runs import Job
from jobruns_sdk.paging.arrivals import Arrivals
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.lists import JOBS
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Supply
from jobruns_sdk.runs.many import ErrorNotices

_LISTING: Final = "jobs of many places"
_PLACES_AT_ONCE: Final = 32

Row = Job[Native]


class _Known(Supply[Row]):
    """Sources that are known from the start."""

    def __init__(self, sources: Sequence[AnySource[Row]]) -> None:
        self._left = iter(sources)

    async def __anext__(self) -> AnySource[Row]:
        for source in self._left:
            return source
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Let go of nothing."""


def found_jobs(
    lists: Sequence[tuple[JobRef, Pages[Row]]],
    name: str | None,
    *,
    on_error: OnSourceError,
    limit: int | None,
    cursor: str | None,
) -> Pages[Row]:
    """Return the jobs of several lists, as their pages arrive.

    Args:
        lists: For each place a reference in it, and its list of jobs.
        name: The pattern that the lists have filtered by.
        on_error: What to do about a place whose jobs cannot be listed.
        limit: How many jobs are yielded at most.
        cursor: Where an earlier walk has left off.

    Raises:
        InvalidRequestError: An argument is invalid.
        CursorError: The cursor is damaged, of another listing or of another pattern.
    """
    check_on_error("on_error", on_error)
    check_limit("limit", limit)
    listing = f"{_LISTING}, named {name}"
    at = None if cursor is None else Cursor.parse(cursor, listing)
    sources = tuple(source.among(place) for place, pages in lists for source in pages.plan.sources)
    accepts = [pages.plan.accept for _, pages in lists]
    plan = Plan(
        listing, {}, sources, JOBS, accepts[0] if accepts else None, arrange=partial(_arrange, sources, on_error)
    )
    return Pages(plan, limit=limit, begin=at)


def _arrange(
    sources: Sequence[AnySource[Row]],
    on_error: OnSourceError,
    open_reader: Callable[[AnySource[Row]], Reader[Row]],
) -> Arrivals[Row]:
    failed = None if on_error == "raise" else ErrorNotices(on_error, None)
    return Arrivals(_Known(sources), open_reader, concurrency=_PLACES_AT_ONCE, on_error=failed)
