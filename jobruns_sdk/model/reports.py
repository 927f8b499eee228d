"""Reports of a walk: progress by source, and sources that failed."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, Literal

import attrs

from jobruns_sdk.checks import Rule, check_callable, is_callback
from jobruns_sdk.errors import JobRunsError, told_by
from jobruns_sdk.model.refs import JobRef, RunRef


@attrs.frozen
class SourceError:
    """A job whose runs could not be read, or not to the end, or a run that could not be fetched in full.

    Attributes:
        job: The job.
        error: Why.
        run: The run, which was yielded as it was listed; None where it is about the job's list.
    """

    job: JobRef
    error: JobRunsError = attrs.field(eq=told_by)
    run: RunRef | None = None


OnSourceError = Literal["raise", "skip"] | Callable[[SourceError], object]
"""The handling of a job that cannot be read, or a run that cannot be fetched: raise, skip, or call this and skip."""

check_on_error: Final = Rule(
    f"'raise', 'skip' or {check_callable.right}", lambda value: value in ("raise", "skip") or is_callback(value)
)


@attrs.frozen
class SourceReport:
    """The progress of a walk on one source.

    Attributes:
        name: The source: a job, and on EMR Serverless its state where several are asked for; of one job alone the
            state, or nothing.
        calls: Requests made for its pages, retries and failures included.
        pages: Pages read.
        rows: Rows read, before filters, each once.
        disorder: Rows that came later than their time says; each was yielded where it came.
        waited: Seconds for which its calls have waited for their turn under the pace, those that failed included.
        ended: Whether it was read to its end.
        error: Why it was not, if it has failed.
        rounds: How often it was read from its start: where several states are wanted of EMR Serverless, lists that runs
            leave again are read until nothing new turns up.
        throttled: Those of the requests that the service has throttled; each was sent again.
    """

    name: str
    calls: int
    pages: int
    rows: int
    disorder: int
    waited: float
    ended: bool
    error: JobRunsError | None = attrs.field(eq=told_by)
    rounds: int = 1
    throttled: int = 0


@attrs.frozen
class WalkReport:
    """The progress of a walk: its sources, those that failed, and whether all are known.

    Attributes:
        sources: The same for each of its sources.
        failed: The jobs that could not be read, or not to the end, and those with a run that could not be fetched in
            full. Each run that was passed since it is gone is named.
        complete: Whether all sources were begun; where jobs are still being discovered it is not known how many follow.
        read_from: The creation time back to which runs are read (aware UTC), because of ``created_after``, or of the
            ``reach`` of a window of ends; None for all that the services remember.
    """

    sources: tuple[SourceReport, ...]
    failed: tuple[SourceError, ...]
    complete: bool
    read_from: datetime | None = None

    @property
    def calls(self) -> int:
        """Requests made for its pages, retries and failures included."""
        return sum(source.calls for source in self.sources)

    @property
    def pages(self) -> int:
        """Pages read."""
        return sum(source.pages for source in self.sources)

    @property
    def rows(self) -> int:
        """Rows read, before filters, each once."""
        return sum(source.rows for source in self.sources)

    @property
    def disorder(self) -> int:
        """Rows that came later than their time says; each was yielded where it came."""
        return sum(source.disorder for source in self.sources)

    @property
    def rounds(self) -> int:
        """The most rounds in which lists of active runs were read; 1 where none had to be read again."""
        return max((source.rounds for source in self.sources), default=1)

    @property
    def throttled(self) -> int:
        """Those of the requests that the service has throttled; each was sent again."""
        return sum(source.throttled for source in self.sources)

    @property
    def waited(self) -> float:
        """Seconds for which calls have waited for their turn under the pace, all of them added up."""
        return sum(source.waited for source in self.sources)


@attrs.frozen
class Progress:
    """The progress of a stream over many jobs.

    Attributes:
        sources: Sources begun: jobs, and on EMR Serverless their states where several are asked for.
        sources_done: Sources read to their end, or failed.
        pages: Pages read.
        runs: Runs read, before filters.
        calls: Requests made for its pages, retries and failures included.
        waited: Seconds for which calls have waited for their turn under the pace, all of them added up.
        throttled: Those of the requests that the service has throttled; each was sent again.
    """

    sources: int
    sources_done: int
    pages: int
    runs: int
    calls: int
    waited: float
    throttled: int = 0
