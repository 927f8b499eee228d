"""One look of a stream at its jobs: which runs are new, and which of those that are followed have changed."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import attrs

from jobruns_sdk.client import JobRunsClient
from jobruns_sdk.errors import JobRunsError, NotFoundError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.handle import Retries
from jobruns_sdk.spark.offsets import Offset, Row, micros, moment, row_of, status
from jobruns_sdk.spark.options import ReadOptions
from jobruns_sdk.spark.read import skipped


@attrs.frozen
class Look:
    """The result of one look at the jobs.

    Attributes:
        offset: Where the stream comes to; where it was, if there is nothing to tell.
        busy: The jobs of which runs have to be read for the batch.
    """

    offset: Offset
    busy: frozenset[str]


@attrs.define
class Looking:
    """A look under way: what it looks at, and what it has found."""

    client: JobRunsClient
    start: Offset
    options: ReadOptions
    now: datetime
    followed: dict[str, str] = attrs.field(init=False)
    rows: dict[str, Row] = attrs.field(factory=dict[str, Row], init=False)
    busy: set[str] = attrs.field(factory=set[str], init=False)
    failed: set[str] = attrs.field(factory=set[str], init=False)

    def __attrs_post_init__(self) -> None:
        """Follow what was followed."""
        self.followed = dict(self.start.followed)

    async def look(self, jobs: Iterable[JobRef]) -> Look:
        """Look for new runs, and for changes of those that are followed.

        If there is nothing to tell, the offset is the one that it began with: Spark makes no batch then.

        Raises:
            JobRunsError: A job cannot be read, unless such jobs are skipped: those are read again next time.
        """
        until = max(self.start.until, micros(self.now - self.options.lag))
        groups: defaultdict[int, list[JobRef]] = defaultdict(list)
        for job in jobs:
            groups[self._since(str(job))].append(job)
        windows = [(since, until, group) for since, group in sorted(groups.items()) if since < until]
        services, followed = self.options.access.services, self.start.followed
        await concurrently(
            [
                *(self._list(since, until, group) for since, until, group in windows),
                *(self._get(RunRef.parse(ref, services=services), before) for ref, before in followed.items()),
            ]
        )
        self.busy -= self.failed
        if not self.busy and not self.rows and self.followed == self.start.followed:
            return Look(self.start, frozenset())
        return Look(self._offset(until, [str(job) for _, _, group in windows for job in group]), frozenset(self.busy))

    def _since(self, job: str) -> int:
        return self.start.behind.get(job, self.start.until)

    def _offset(self, until: int, listed: list[str]) -> Offset:
        behind = {job: since for job, since in self.start.behind.items() if job not in listed}
        behind.update((job, self._since(job)) for job in listed if job in self.failed)
        caught_up = {job: self._since(job) for job in listed if job in self.start.behind and job not in self.failed}
        return Offset(
            since=self.start.until,
            until=until,
            followed=dict(sorted(self.followed.items())),
            rows=dict(sorted(self.rows.items())),
            behind=dict(sorted(behind.items())),
            caught_up=dict(sorted(caught_up.items())),
        )

    async def _list(self, since: int, until: int, jobs: list[JobRef]) -> None:
        new: list[JobRun[Any]] = []
        pages = self.client.runs(
            jobs,
            created_after=moment(since),
            created_before=moment(until),
            order="any",
            on_error="raise" if self.options.on_error == "raise" else self._skip,
        )
        async for run in pages:
            if self._may_change(run):
                new.append(run)
            else:
                self.busy.add(str(run.job))
        for run in new:
            if str(run.job) not in self.failed:
                self._tell(run)

    async def _get(self, ref: RunRef, before: str) -> None:
        try:
            run = await self.client.run(ref)
        except NotFoundError:
            del self.followed[str(ref)]
        except JobRunsError as error:
            if self.options.on_error == "raise":
                raise
            skipped(SourceError(ref.job, error))
        else:
            if status(run) != before:
                self._tell(run)
            elif not self._may_change(run):
                del self.followed[str(ref)]

    def _skip(self, failure: SourceError) -> None:
        skipped(failure)
        self.failed.add(str(failure.job))

    def _tell(self, run: JobRun[Any]) -> None:
        ref = str(run.ref)
        self.rows[ref] = row_of(run)
        if self._may_change(run):
            self.followed[ref] = status(run)
        else:
            self.followed.pop(ref, None)

    def _may_change(self, run: JobRun[Any]) -> bool:
        """True if a run has not ended, or has failed so lately that its service may still retry it."""
        if not run.is_terminal or not run.state.is_failure or not isinstance(self.client.handle(run.job), Retries):
            return not run.is_terminal
        seen = run.ended_at or run.updated_at
        return seen is not None and seen + self.options.retry_grace > self.now
