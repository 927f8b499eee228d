"""A DataZone job and its runs, which can be read and nothing else."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Literal, Unpack, overload

import attrs

from jobruns_sdk.checks import check_flag, page_size_of
from jobruns_sdk.hints import Hinted
from jobruns_sdk.model.refs import JobRef, RunRef, name_like
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.lists import attempt_pages, run_pages
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import Order, RunOptions, RunQuery, Wanted
from jobruns_sdk.paging.source import AnySource, MovingSource, Source
from jobruns_sdk.services.datazone import native
from jobruns_sdk.services.datazone.listing import AttemptListing, RunListing, get_run
from jobruns_sdk.services.datazone.operations import GET_JOB_RUN, LIST_JOB_RUNS
from jobruns_sdk.services.datazone.translate import STATES, attempt_from_run
from jobruns_sdk.services.handle import Polling
from jobruns_sdk.transport.operation import Call

LARGEST_PAGE: Final = 50
_POLLING: Final = Polling(LIST_JOB_RUNS, GET_JOB_RUN, LARGEST_PAGE, thin=True)

# Ids travel in paths: https://docs.aws.amazon.com/datazone/latest/APIReference/API_ListJobRuns.html
_check_domain: Final = name_like(
    re.compile(r"dzd[-_][a-zA-Z0-9_-]{1,36}"), "'dzd_' and up to 36 letters, digits, '-' and '_'"
)
_check_id: Final = name_like(re.compile(r"[a-zA-Z0-9_-]{1,36}"), "up to 36 letters, digits, '-' and '_'")


def _check_job(_: object, __: object, ref: JobRef) -> None:
    _check_domain("a domain id", ref.path[0])
    _check_id("a job id", ref.path[1])


READ_ONLY: Final[Mapping[str, str]] = dict.fromkeys(
    ("start", "stop"), "DataZone has no operation that starts or stops a job run"
)
"""The calls that a DataZone job lacks, and why."""


@attrs.frozen
class DataZoneJob(Hinted):
    """A DataZone job, made by ``JobRunsClient.datazone``. DataZone can neither start nor stop a run.

    Attributes:
        ref: The job's reference, complete with its region.
    """

    _hints = READ_ONLY

    ref: JobRef = attrs.field(validator=_check_job)
    _call: Call = attrs.field(repr=False)

    @overload
    def runs(
        self, *, hydrate: Literal[False] = False, on_error: OnSourceError = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[native.JobRunSummary]]: ...
    @overload
    def runs(
        self, *, hydrate: Literal[True], on_error: Literal["raise"] = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[native.GetJobRunOutput]]: ...
    @overload
    def runs(
        self, *, hydrate: bool, on_error: OnSourceError = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[native.JobRunSummary | native.GetJobRunOutput]]: ...
    def runs(
        self,
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        ended_before: datetime | None = None,
        active_after: datetime | None = None,
        reach: timedelta | None = None,
        order: Order | None = None,
        hydrate: bool = False,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobRunSummary | native.GetJobRunOutput]]:
        """Return the job's runs (ListJobRuns); nothing is requested until they are iterated.

        A single state is filtered server-side; several states and times, client-side.

        Args:
            states: The states to include, None for all.
            native_states: The states that are wanted in DataZone's own words, such as ``{"ABORTED"}``.
            created_after: Only runs created at this time (aware) or later.
            created_before: Only runs created before this time (aware).
            ended_after: Only runs that ended at this time (aware) or later.
            ended_before: Only runs that ended before this time (aware).
            active_after: Only runs that ended at this time (aware) or later, or are still active, however old.
            reach: How far back by creation runs are read for ``ended_after`` and ``active_after``; 7 days by default.
            order: ``"newest"`` first, as is usual, or ``"oldest"`` first.
            hydrate: Whether the full run is got for each that the filters let pass (GetJobRun), with its details;
                it is as it is by then, which may be a later state. No cursor carries this.
            on_error: How to handle a run that is listed but cannot be fetched: ``"raise"``, ``"skip"``, or a callable
                that is given the ``SourceError``. With the latter two it is yielded as it was listed. A run that is not
                found is raised once: when it is asked for the next one, the walk goes on behind it.
            limit: The maximum number of runs.
            page_size: Rows to request at once: 50 at most, and by default.
            cursor: The cursor to resume from; its filters apply again and may be left out. None starts from the
                beginning, although it is also the cursor of a walk that has ended.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another listing or of other filters.
            NotFoundError: While iterating: a run that was listed is gone when it is fetched.
        """
        check_flag("hydrate", hydrate)
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
            active_after=active_after,
            reach=reach,
            order=order,
        )
        sources = partial(self.sources, page_size=page_size_of(page_size, LARGEST_PAGE))
        full = self._full if hydrate else None
        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor, full=full, on_error=on_error)

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[native.GetJobRunOutput]]:
        """Return the run as its only attempt (GetJobRun): DataZone does not retry.

        Args:
            run_id: The run's id.
            limit: The maximum number of attempts.
            page_size: Ignored; accepted for symmetry with the other services.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid.
            NotFoundError: While iterating: there is no such run.
        """
        run = self.run_ref(run_id)
        page_size_of(page_size, 1)
        return attempt_pages(run, lambda: AttemptListing(run, self._call), limit=limit, cursor=cursor)

    def attempt_of(self, run: JobRun[Any], *, thin: bool) -> Attempt[Any] | None:
        """Return a run as its only attempt; a list tells of it what a get does, but for its details."""
        return attempt_from_run(run) if thin or isinstance(run.native, native.GetJobRunOutput) else None

    async def run(self, run_id: str) -> JobRun[native.GetJobRunOutput]:
        """Return a run with its details (GetJobRun).

        Args:
            run_id: The run's id.

        Raises:
            InvalidRequestError: The id is malformed.
            NotFoundError: There is no such run.
        """
        run, _ = await get_run(self._call, self.run_ref(run_id))
        return run

    @property
    def polling(self) -> Polling:
        """The operations by which runs are polled: a page of ListJobRuns tells of 50."""
        return _POLLING

    def survey(self, since: datetime | None) -> Pages[JobRun[native.JobRunSummary]]:
        """Return the runs created since then, for polling."""
        return self.runs(created_after=since)

    def active(self) -> Sequence[Pages[JobRun[native.JobRunSummary]]]:
        """Return the lists of the runs that go on, one for each state in the order of a run's life."""
        # A single state is filtered by the service; several would be picked here out of the whole history.
        return tuple(self.runs(native_states={name}) for name, state in STATES.items() if state.is_active)

    def sources(
        self,
        query: RunQuery,
        wanted: Wanted,
        *,
        page_size: int | None = None,
        on_error: OnSourceError = "raise",  # noqa: ARG002  # no run is got
    ) -> Sequence[AnySource[JobRun[Any]]]:
        """Return the lists that have the runs which a query wants."""
        rows = page_size_of(page_size, LARGEST_PAGE)

        def listed(name: str, query: RunQuery, wanted: Wanted) -> Source[JobRun[Any]]:
            return Source(name, lambda _: RunListing(self.ref, self._call, query, wanted, page_size=rows))

        history = listed("", query.within_reach(), wanted)
        if query.active_after is None:
            return [history]
        # What goes on is wanted however old it is: the service lists it by its state, which is one for each list.
        active = [name for name, state in STATES.items() if state.is_active and (wanted is None or name in wanted)]
        return (
            [MovingSource(tuple(listed(name, query, (name,)) for name in active), (history,))] if active else [history]
        )

    async def _full(self, row: JobRun[object]) -> JobRun[native.GetJobRunOutput]:
        return await self.run(row.id)

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run of this job.

        Raises:
            InvalidRequestError: The id is malformed.
        """
        _check_id("a run id", run_id)
        return self.ref.run(run_id)
