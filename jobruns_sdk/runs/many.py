"""Many jobs as one stream: any mix of services, regions and accounts."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Literal, Self

import attrs

from jobruns_sdk.checks import (
    check_callable,
    check_count,
    check_flag,
    check_limit,
    optional,
)
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef
from jobruns_sdk.model.reports import OnSourceError, Progress, SourceError, check_on_error
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.arrivals import MOST_MERGED, TOO_MANY, Arrivals, Gathered
from jobruns_sdk.paging.cursor import Cursor
from jobruns_sdk.paging.lists import RUNS, completed
from jobruns_sdk.paging.merge import Merged, Stream
from jobruns_sdk.paging.pages import Pages, Walk
from jobruns_sdk.paging.plan import Plan
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.paging.reader import Reader
from jobruns_sdk.paging.source import AnySource, Supply
from jobruns_sdk.runs.chosen import NONE_CHOSEN, Chosen
from jobruns_sdk.services.handle import Follows, Handle, MakesSources

_LISTING: Final = "runs of many jobs"
_ROWS_DECODED: Final = 50_000  # of all sources together; of what is beyond that each keeps its page as bytes
_FEWEST_DECODED: Final = 50
_ROWS_REMEMBERED: Final = 200_000
_FEWEST_REMEMBERED: Final = 200


Row = JobRun[Native]

States = Mapping[str, Mapping[str, RunState]]
"""The states of each service in its own words, and what they mean."""


class Tally:
    """Adds up the progress of one walk."""

    def __init__(self, report: Callable[[Progress], object]) -> None:
        self._report = report
        self._readers: dict[str, tuple[int, int, int, float, int, bool]] = {}
        self._sums = [0, 0, 0, 0.0, 0, 0]

    def count(self, reader: Reader[Any]) -> None:
        """Count what a reader has read since it was counted last, and report."""
        counts, done = reader.counts, reader.error is not None or not reader.has_more
        now = (counts.pages, counts.rows, counts.requests, counts.waited, counts.throttled, done)
        before = self._readers.get(reader.name, (0, 0, 0, 0.0, 0, False))
        self._readers[reader.name] = now
        self._sums = [total + new - old for total, new, old in zip(self._sums, now, before, strict=True)]
        pages, runs, calls, waited, throttled, ended = self._sums
        read, made = (int(ended), int(pages), int(runs)), int(calls)
        self._report(Progress(len(self._readers), *read, made, waited, throttled=int(throttled)))


class SourceFeed(Supply[Row]):
    """The lists of jobs, each job once, as the jobs come: from a sequence, or one by one while others are read."""

    def __init__(
        self,
        jobs: Sequence[Handle] | AsyncIterable[JobLike],
        handle: Callable[[JobLike], Handle],
        states: States,
        query: RunQuery,
        page_size: int | None,
        *,
        chosen: Sequence[AnySource[Row]],
        on_error: OnSourceError,
    ) -> None:
        self._jobs = aiter(jobs) if isinstance(jobs, AsyncIterable) else iter(jobs)
        self._handle = handle
        self._states = states
        self._query = query
        self._page_size = page_size
        self._on_error: OnSourceError = on_error
        self._seen: set[JobRef] = set()
        self._ready: list[AnySource[Row]] = [*chosen]
        self._job: JobLike | None = None
        self._failure: Exception | None = None
        # An iterator that the caller made is closed by the caller; one that was made here of something iterable, here.
        self._owned = self._jobs is not jobs

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AnySource[Row]:
        while not self._ready:
            # A job stays the next one until its lists are made: a malformed one is told of each time, never skipped.
            if self._job is None:
                self._job = await self._next_job()
            handle = self._handle(self._job)
            if handle.ref not in self._seen:
                self._ready = sources_of(handle, self._states, self._query, self._page_size, self._on_error)[::-1]
                self._seen.add(handle.ref)
            self._job = None
        return self._ready.pop()

    async def aclose(self) -> None:
        """Close the iterator over the jobs, if it was made here."""
        close = getattr(self._jobs, "aclose", None)
        if close is not None and self._owned:
            await close()

    async def _next_job(self) -> JobLike:
        if not isinstance(self._jobs, AsyncIterator):
            for handle in self._jobs:
                return handle
            raise StopAsyncIteration
        try:
            job = await anext(self._jobs)
        except StopAsyncIteration:
            # A generator that has raised only seems to have come to its end: jobs behind that would be lost in silence.
            if self._failure is not None:
                raise self._failure from None
            raise
        except Exception as error:
            if not isinstance(self._jobs, Walk):  # a walk goes on where it stood
                self._failure = error
            raise
        self._failure = None
        return job


def sources_of(
    handle: Handle, states: States, query: RunQuery, page_size: int | None, on_error: OnSourceError
) -> list[AnySource[Row]]:
    """Return the listings of one job, none if no state of its service is wanted."""
    native_states = query.native_states
    if native_states is not None:
        native_states = native_states.intersection(states.get(handle.ref.service) or native_states)
        if not native_states:
            return []
    if isinstance(handle, MakesSources):
        own = attrs.evolve(query, native_states=native_states)
        wanted = own.wanted(states[handle.ref.service])
        sources = () if wanted == () else handle.sources(own, wanted, page_size=page_size, on_error=on_error)
    else:
        near = query.within_reach()
        sources = handle.runs(
            states=query.states,
            native_states=native_states,
            created_after=near.created_after,
            created_before=near.created_before,
            page_size=page_size,
        ).plan.sources
    return [source.among(handle.ref) for source in sources]


def _check_order(order: object) -> None:
    if order not in ("newest", "any"):
        kind = UnsupportedOperationError if order == "oldest" else InvalidRequestError
        raise kind(f"many jobs come newest first, or in any order: order must be 'newest' or 'any', got {order!r}")


class ManyJobs:
    """Many jobs whose runs are read as one stream, and the options that do not go into a cursor."""

    def __init__(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        handle: Callable[[JobLike], Handle],
        states: States,
        *,
        concurrency: int,
        on_error: OnSourceError,
        progress: Callable[[Progress], object] | None,
        page_size: int | None,
        chosen: Chosen = NONE_CHOSEN,
    ) -> None:
        """Check the options, and the jobs as far as they are known.

        Raises:
            InvalidRequestError: An argument is invalid, or a job malformed.
        """
        if isinstance(jobs, (str, JobRef)) or not isinstance(jobs, (Iterable, AsyncIterable)):
            jobs = [jobs]
        self._jobs = jobs if isinstance(jobs, AsyncIterable) else [handle(job) for job in jobs]
        check_count("concurrency", concurrency)
        optional(check_callable)("progress", progress)
        check_on_error("on_error", on_error)
        check_limit("page_size", page_size)
        self._handle = handle
        self._states = states
        self._concurrency = concurrency
        self._on_error: OnSourceError = on_error
        self._progress = progress
        self._page_size = page_size
        self._chosen = chosen
        self._used_up = False

    def pages(
        self,
        query: RunQuery,
        *,
        order: Literal["newest", "any"],
        hydrate: bool,
        limit: int | None,
        cursor: str | None,
        unread: OnSourceError = "raise",
    ) -> Pages[Row]:
        """Return the runs that the query wants, and those that were chosen: ``unread`` is for one that cannot be read.

        Raises:
            InvalidRequestError: An argument is invalid, or there are too many jobs for that order.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        check_flag("hydrate", hydrate)
        check_limit("limit", limit)
        _check_order(order)
        strange = (query.native_states or frozenset()).difference(*self._states.values())
        if strange:
            raise InvalidRequestError(f"no service has the native_states {sorted(strange)}")
        known = len(self._jobs) if isinstance(self._jobs, Sequence) else MOST_MERGED
        if order == "newest" and known > MOST_MERGED:
            raise InvalidRequestError(TOO_MANY)
        at = None if cursor is None else Cursor.parse(cursor, _LISTING)
        query = query if at is None else query.resumed(at)
        plan = Plan(
            _LISTING,
            query.to_cursor(),
            (),
            RUNS,
            self._chosen.and_no_other(query.filter),
            arrange=partial(self._arrange, query, order, unread),
            finish=partial(completed, self._full, self._on_error) if hydrate else None,
            keep_decoded=max(_FEWEST_DECODED, _ROWS_DECODED // max(1, known)) if order == "newest" else None,
            remembered=max(_FEWEST_REMEMBERED, _ROWS_REMEMBERED // max(1, known)),
            read_from=query.read_from,
        )
        return Pages(plan, limit=limit, begin=at)

    def _arrange(
        self,
        query: RunQuery,
        order: Literal["newest", "any"],
        unread: OnSourceError,
        open_reader: Callable[[AnySource[Row]], Reader[Row]],
    ) -> Stream[Row]:
        sources = SourceFeed(
            self._begin(),
            self._handle,
            self._states,
            query,
            self._page_size,
            chosen=self._chosen.sources(unread),
            on_error=self._on_error,
        )
        tally = None if self._progress is None else Tally(self._progress)
        failed = None if self._on_error == "raise" else ErrorNotices(self._on_error, tally)
        on_page = None if tally is None else tally.count
        if order == "any":
            return Arrivals(sources, open_reader, concurrency=self._concurrency, on_error=failed, on_page=on_page)
        merge = partial(Merged[Row], concurrency=self._concurrency, on_error=failed, on_page=on_page)
        return Gathered(sources, open_reader, merge)

    def _begin(self) -> Sequence[Handle] | AsyncIterable[JobLike]:
        if self._used_up:
            raise InvalidRequestError(
                "the jobs came from an iterator, which can be used once: give a list to read again"
            )
        self._used_up = isinstance(self._jobs, AsyncIterator)
        return self._jobs

    async def _full(self, row: Row) -> Row:
        """Return the full run in the place of a listed one that tells less."""
        handle = self._handle(row.job)
        return await handle.run(row.id) if isinstance(handle, Follows) and handle.polling.thin else row


class ErrorNotices:
    """Tells of each job once that it cannot be read."""

    def __init__(self, on_error: OnSourceError, tally: Tally | None) -> None:
        self._on_error = on_error
        self._tally = tally
        self._told: set[JobRef] = set()

    def __call__(self, reader: Reader[Any]) -> None:
        """Tell of a reader that has failed."""
        if isinstance(reader.error, ClientClosedError):
            raise reader.error
        if self._tally is not None:
            self._tally.count(reader)
        if reader.job is None or reader.error is None or reader.job in self._told:
            return
        self._told.add(reader.job)
        if callable(self._on_error):
            self._on_error(SourceError(reader.job, reader.error))
