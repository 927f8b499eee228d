"""Watching runs and jobs: a stream of state changes."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import JobRun, WaitTimeoutError
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.wait import Done, Follower, GiveUp, PollIntervals, decide
from jobruns_sdk.services.handle import Follows

if TYPE_CHECKING:
    from jobruns_sdk.model.states import RunState

_LATE: Final = timedelta(minutes=30)  # how much later than its time says a run may be listed


class WatchedRun:
    """A run that is being watched."""

    def __init__(self, poller: Poller, handle: Follows, run: RunRef, pace: PollIntervals) -> None:
        """Begin to watch; nothing has been seen."""
        self.handle = handle
        self.run = run
        self.done: bool = False
        self._poller = poller
        self._follower = Follower(poller, handle, run, pace)
        self._before: tuple[RunState, int] | None = None
        self._due = float("-inf")
        self._watching = ExitStack()
        self._is_attached = False

    @property
    def due(self) -> float:
        """When to look next, on the clock that never goes backwards."""
        return self._due

    async def poll(self) -> StateChange | None:
        """Poll, and return what has changed since the last time.

        Raises:
            JobRunsError: The run cannot be followed.
        """
        verdict = await self._follower.poll()
        clock, run = self._poller.clock, self._follower.last
        if isinstance(verdict, GiveUp):
            raise verdict.error
        if isinstance(verdict, Done):
            self.done = True
            self.detach()
        else:
            self._due = clock.monotonic() + max(verdict.seconds, self._poller.quota_time(self.handle))
        if run is None or self._before == (run.state, run.attempt):
            return None
        before, self._before = self._before, (run.state, run.attempt)
        return StateChange(run, before and before[0], run.state, run.attempt, clock.now())

    def attach(self) -> None:
        """Let the run be looked at whenever others of its job are."""
        if not self._is_attached:
            self._watching.enter_context(self._poller.watching(self.handle, (self.run.run_id,)))
            self._is_attached = True

    def detach(self) -> None:
        """Let the run not be looked at until it is attached again."""
        self._is_attached = False
        self._watching.close()


class WatchedJob:
    """A job whose new runs join, and those that have not ended for good when the watch begins."""

    def __init__(self, poller: Poller, handle: Follows, pace: PollIntervals) -> None:
        """Begin to watch; nothing has been seen."""
        self.handle = handle
        self.due: float = float("-inf")
        self._poller = poller
        self._clock = poller.clock
        self._pace = pace
        self._interval = pace.poll_interval.total_seconds()
        self._known: dict[RunRef, datetime] = {}
        self._looked_at: datetime | None = None
        self._failures = 0

    async def poll(self) -> list[RunRef]:
        """Return the runs that were not there before, oldest first; at the first look those that go on.

        Raises:
            JobRunsError: The job cannot be followed.
        """
        new: list[RunRef] = []
        try:
            new = await self._news()
        except JobRunsError as error:
            if isinstance(decide(error, self._interval, failures=self._failures), GiveUp):
                raise
            self._failures += 1
        else:
            self._failures = 0
        self.due = self._clock.monotonic() + self._interval
        return new

    async def _news(self) -> list[RunRef]:
        now = self._clock.now()
        since = (self._looked_at or now) - _LATE
        runs = await self.handle.runs(created_after=since).collect()
        joining = runs if self._looked_at else await self._active()
        new = [run.ref for run in reversed(joining) if run.ref not in self._known]
        known = self._known | {run.ref: run.created_at or now for run in (*runs, *joining)}
        self._known = {ref: created for ref, created in known.items() if created >= since - _LATE}
        self._looked_at = now
        return new

    async def _active(self) -> list[JobRun[Native]]:
        active: list[JobRun[Native]] = []
        with self._poller.watching(self.handle, ()):
            async for page in self.handle.survey(None).by_page():
                found = [run for run in page.items if await self._goes_on(run)]
                active += found
                # The list is newest first: past a page of runs that have ended there is hardly one that goes on.
                if not found:
                    break
        return active

    async def _goes_on(self, run: JobRun[Native]) -> bool:
        """Whether a run has not ended for good: one that has failed just now may be retried."""
        return not isinstance(await Follower(self._poller, self.handle, run.ref, self._pace).decide(run), Done)


class Watch:
    """A stream of state changes, made by ``JobRunsClient.watch``."""

    def __init__(
        self,
        poller: Poller,
        runs: Sequence[tuple[Follows, RunRef]],
        jobs: Sequence[Follows],
        pace: PollIntervals,
        timeout: timedelta | None,
    ) -> None:
        """Prepare to watch; nothing is requested until the first change is asked for."""
        self._poller = poller
        self._pace = pace
        self._timeout = timeout
        self._until: float | None = None
        self._changes: deque[StateChange] = deque()
        self._jobs = [WatchedJob(poller, handle, pace) for handle in {job.ref: job for job in jobs}.values()]
        self._runs: dict[RunRef, WatchedRun] = {}
        for handle, run in runs:
            self._join(handle, run)

    def __repr__(self) -> str:
        return f"<Watch: runs followed: {len(self._runs)}, jobs: {len(self._jobs)}>"

    def __aiter__(self) -> Self:
        """Go on watching."""
        return self

    async def __anext__(self) -> StateChange:
        """Return the next change.

        Raises:
            WaitTimeoutError: The time is up.
            JobRunsError: A run cannot be followed.
        """
        clock = self._poller.clock
        if self._until is None and self._timeout is not None:
            self._until = clock.monotonic() + self._timeout.total_seconds()
        if self._has_to_poll_all():
            try:
                async with deadline(clock, None if self._until is None else self._until - clock.monotonic()):
                    while self._has_to_poll_all():
                        await self._round()
            except DeadlineError:
                # What was seen in the last moment is told first.
                if not self._changes:
                    self._close()
                    raise WaitTimeoutError(f"the watch ended after {self._timeout}") from None
            except JobRunsError:
                self._close()
                raise
            except asyncio.CancelledError:
                # Nobody waits any more; but who has lost patience may come back and ask for the next change.
                self._detach()
                raise
        if not self._changes:
            raise StopAsyncIteration
        return self._changes.popleft()

    def _has_to_poll_all(self) -> bool:
        return not self._changes and bool(self._runs or self._jobs)

    async def aclose(self) -> None:
        """End the watch; it yields nothing more."""
        self._close()

    def __del__(self) -> None:
        self._close()

    def _close(self) -> None:
        self._detach()
        self._runs.clear()
        self._jobs.clear()
        self._changes.clear()

    def _detach(self) -> None:
        for run in self._runs.values():
            run.detach()

    def _join(self, handle: Follows, run: RunRef) -> None:
        if run not in self._runs:
            self._runs[run] = WatchedRun(self._poller, handle, run, self._pace)

    async def _round(self) -> None:
        """Sleep until something is due, and look at all that is."""
        clock = self._poller.clock
        due = min([job.due for job in self._jobs] + [run.due for run in self._runs.values()])
        if (pause := due - clock.monotonic()) > 0:
            await self._poller.sleep(pause)
        for job in self._jobs:
            if job.due <= clock.monotonic():
                for run in await job.poll():
                    self._join(job.handle, run)
        now = clock.monotonic()
        by_job: dict[JobRef, list[WatchedRun]] = {}
        for ref, watched in self._runs.items():
            if watched.due <= now:
                watched.attach()
                by_job.setdefault(ref.job, []).append(watched)
        await concurrently(map(self._poll_all, by_job.values()))

    async def _poll_all(self, runs: Sequence[WatchedRun]) -> None:
        for watched in runs:
            change = await watched.poll()
            if watched.done:
                del self._runs[watched.run]
            if change is not None:
                self._changes.append(change)
