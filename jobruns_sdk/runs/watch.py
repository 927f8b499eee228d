"""Watching runs and jobs: a stream of state changes."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Final, Self

from jobruns_sdk.errors import ClientClosedError, JobRunsError
from jobruns_sdk.hints import AsyncOnly
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.loop.tasks import begun, cancelled, ended
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import OnSourceError, SourceError
from jobruns_sdk.model.runs import JobRun, WaitTimeoutError
from jobruns_sdk.runs.discover import WatchedJob
from jobruns_sdk.runs.follow import patience
from jobruns_sdk.runs.group import EVERY
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.watched import WatchedRun
from jobruns_sdk.services.handle import Follows

_AT_ONCE: Final = 64  # jobs that are polled at the same time


class JobWatch:
    """The runs of one job that are watched, and the job itself if new runs are to join.

    Attributes:
        due: When to poll next, on the clock that never goes backwards.
        is_polling: True while a task polls it.
    """

    def __init__(self, poller: Poller, handle: Follows, pace: PollIntervals, most_unseen: float) -> None:
        self.due: float = float("-inf")
        self.is_polling = False
        self.runs: dict[RunRef, WatchedRun] = {}
        self._poller = poller
        self._handle = handle
        self._pace = pace
        self._most_unseen = most_unseen
        self._job: WatchedJob | None = None
        self._given: set[RunRef] = set()
        self._told: set[RunRef] = set()  # to the end, of those that were given
        self._attached = ExitStack()
        self._is_attached = False
        self._polled_at: float | None = None

    @property
    def is_over(self) -> bool:
        """True if nothing is left to poll."""
        return not self.runs and self._job is None

    @property
    def follows_job(self) -> bool:
        """True if new runs of the job join."""
        return self._job is not None

    def join(self, run: RunRef) -> None:
        """Watch a run that was given, too."""
        self._given.add(run)
        self._watch(run)

    def _watch(self, run: RunRef) -> None:
        if run not in self.runs:
            self.runs[run] = WatchedRun(self._poller, self._handle, run, self._pace, self._most_unseen)

    def join_job(self) -> None:
        """Watch the job, too."""
        self._job = self._job or WatchedJob(self._poller, self._handle, self._pace, self._most_unseen)

    def begin(self) -> None:
        """Let the watch begin now, however late the first poll is."""
        if self._job is not None:
            self._job.begin()

    def attach(self, wake: Callable[[], object]) -> None:
        """Hear of nudges, and let the due poll be made then."""

        def hear(run_id: str | None) -> None:
            if run_id is None and self.is_polling:  # it was this watch that has polled for all
                return
            is_for_all = run_id in (None, EVERY)
            named = None if is_for_all else self.runs.get(self._handle.ref.run(run_id or ""))
            if self._job is not None and run_id == EVERY:
                self._job.hurry()
                self.due = min(self.due, self._job.due)
            elif self._job is not None and run_id is not None and named is None and self._job.expects(run_id):
                self.due = float("-inf")
            for one in self.runs.values() if is_for_all else [named] if named else ():
                one.due = self.due = float("-inf")
                one.woken = run_id is None
            wake()

        if not self._is_attached:
            self._attached.enter_context(self._poller.woken_by(self._handle, hear))
            self._is_attached = True

    def resume(self, wake: Callable[[], object]) -> None:
        """Hear of nudges again after an interruption, in which an event may have come; polls may rest for long."""
        if self._is_attached or self._polled_at is None:
            return
        self.attach(wake)
        rests = self._pace.rests and self._poller.rest.holds(self._handle.ref)
        if rests and self._poller.clock.monotonic() - self._polled_at >= self._pace.poll_interval.total_seconds():
            for run in self.runs.values():
                run.due = float("-inf")
            if self._job is not None:
                self._job.look_again()
            self.due = float("-inf")

    def detach(self) -> None:
        """Leave nothing behind with the poller."""
        for run in self.runs.values():
            run.detach()
        self._is_attached = False
        self._attached.close()

    async def poll(
        self,
        tell: Callable[[StateChange], object],
        fail: Callable[[SourceError], object],
        warn: Callable[[SourceError], object],
    ) -> None:
        """Poll all that is due, and tell each change as it is seen.

        A run or a job that cannot be followed fails, and the others go on. A job that seems to be gone is warned of,
        and looked for all the same.
        """
        self.due = float("inf")  # a nudge meanwhile makes it due again
        self._polled_at = self._poller.clock.monotonic()
        await self._poll_runs(tell, fail, {})
        if self._job is not None and self._job.due <= self._poller.clock.monotonic():
            try:
                rows = await self._job.poll()
            except ClientClosedError:
                raise
            except JobRunsError as error:
                self._job = None
                fail(SourceError(self._handle.ref, error))
            else:
                # A run that was given may have been told of to its end before the job is read for the first time.
                rows = [row for row in rows if row.ref not in self._told]
                for row in rows:
                    self._poller.known.remember(row.ref)  # listed is seen: a get that is refused then proves nothing
                    self._watch(row.ref)
                if self._job.missing is not None:
                    warn(SourceError(self._handle.ref, self._job.missing))
                    self._job.missing = None
                # For these polls alone: of a run that is not due a row is old by the time that it is.
                shown = {row.ref: (row, self._job.shown_at(row)) for row in rows if row.attempt == 1}
                await self._poll_runs(tell, fail, shown)
        dues = [self.due, *(run.due for run in self.runs.values())]
        self.due = min(dues if self._job is None else [*dues, self._job.due])

    async def _poll_runs(
        self,
        tell: Callable[[StateChange], object],
        fail: Callable[[SourceError], object],
        shown: Mapping[RunRef, tuple[JobRun[Native], float]],
    ) -> None:
        now = self._poller.clock.monotonic()
        due = [run for run in self.runs.values() if run.due <= now]
        for run in due:
            run.attach(*shown.get(run.run, (None, now)))
        for run in due:
            change = None
            try:
                change = await run.poll()
            except ClientClosedError:
                raise
            except JobRunsError as error:
                run.is_done = True
                fail(SourceError(run.run.job, error, run.run))
            else:
                if run.is_done and run.run in self._given:
                    self._told.add(run.run)
            if run.is_done:
                run.detach()
                del self.runs[run.run]
            if change is not None:
                tell(change)


class Fleet:
    """The jobs of a watch, polled side by side; it knows nothing of who reads the changes.

    Attributes:
        jobs: Each job with what is watched of it.
        changes: The changes that nobody has taken yet.
        failure: The error that ends the watch once the changes are taken.
    """

    def __init__(self, poller: Poller, jobs: dict[JobRef, JobWatch], on_error: OnSourceError) -> None:
        self.jobs: dict[JobRef, JobWatch] = jobs
        self.changes: deque[StateChange] = deque()
        self.failure: JobRunsError | None = None
        self._poller = poller
        self._on_error: OnSourceError = on_error
        self._tasks: dict[asyncio.Task[None], JobWatch] = {}
        self._woken: asyncio.Future[None] | None = None

    @property
    def is_waiting(self) -> bool:
        """True if there is no change, and one may still come."""
        if self.changes:
            return False
        return bool(self._tasks) or (bool(self.jobs) and self.failure is None)

    def begin(self) -> None:
        """Let the watch begin now."""
        for job in self.jobs.values():
            job.begin()

    async def advance(self) -> None:
        """Poll whatever is due until there is a change, or none can come any more.

        Raises:
            ClientClosedError: The client was closed.
        """
        for job in self.jobs.values():
            job.resume(self._wake)
        while self.is_waiting:
            self._begin_due()
            await self._turn()

    def _begin_due(self) -> None:
        if self.failure is not None:
            return  # what is under way is told of first
        now = self._poller.clock.monotonic()
        waiting = [job for job in self.jobs.values() if not job.is_polling and job.due <= now]
        for job in sorted(waiting, key=lambda job: job.due)[: _AT_ONCE - len(self._tasks)]:
            job.attach(self._wake)
            job.is_polling = True
            self._tasks[begun(job.poll(self.changes.append, self._fail, self._warn))] = job

    async def _turn(self) -> None:
        """Wait until a poll is done, or the next is due, or a run is nudged."""
        self._woken = asyncio.get_running_loop().create_future()
        sleeping: list[asyncio.Task[None]] = []
        idle = [job.due for job in self.jobs.values() if not job.is_polling]
        if idle and self.failure is None and len(self._tasks) < _AT_ONCE:
            sleeping = [begun(self._poller.sleep(max(0.0, min(idle) - self._poller.clock.monotonic())))]
        try:
            await asyncio.wait([*self._tasks, *sleeping, self._woken], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._woken = None
            done = [task for task in sleeping if task.done()]
            await cancelled(sleeping)
        for task in done:
            task.result()
        for task in [task for task in self._tasks if task.done()]:
            job = self._tasks.pop(task)
            job.is_polling = False
            task.result()
            if job.is_over:
                self._drop(job)

    def _drop(self, over: JobWatch) -> None:
        over.detach()
        self.jobs = {ref: job for ref, job in self.jobs.items() if job is not over}

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def _fail(self, failed: SourceError) -> None:
        if self._on_error == "raise":
            self.failure = self.failure or failed.error
        elif callable(self._on_error):
            self._on_error(failed)

    def _warn(self, missing: SourceError) -> None:
        if callable(self._on_error):
            self._on_error(missing)

    async def interrupt(self) -> None:
        """End what is under way, which is begun again by the next ``advance``."""
        await cancelled(self._tasks)
        self._release()

    def close(self) -> None:
        """End all; what is under way ends within a few turns of the event loop."""
        for task in self._tasks:
            ended(task)
        self._release()
        self.jobs = {}
        self.changes.clear()

    def _release(self) -> None:
        for job in self._tasks.values():
            job.is_polling, job.due = False, float("-inf")
        self._tasks.clear()
        for job in self.jobs.values():
            job.detach()


class Watch(AsyncOnly):
    """A stream of state changes, made by ``JobRunsClient.watch``."""

    _use_instead = "`async for change in client.watch(...)`"

    def __init__(
        self,
        poller: Poller,
        runs: Sequence[tuple[Follows, RunRef]],
        jobs: Sequence[Follows],
        *,
        pace: PollIntervals,
        timeout: timedelta | None,
        unseen_for: timedelta | None,
        on_error: OnSourceError,
    ) -> None:
        """Prepare to watch; nothing is requested until the first change is asked for."""
        self._poller = poller
        self._timeout = timeout
        self._until: float | None = None
        self._has_begun = False
        most = patience(unseen_for, timeout)
        watched: dict[JobRef, JobWatch] = {}
        for handle, run in runs:
            watched.setdefault(handle.ref, JobWatch(poller, handle, pace, most)).join(run)
        for handle in jobs:
            watched.setdefault(handle.ref, JobWatch(poller, handle, pace, most)).join_job()
        self._fleet = Fleet(poller, watched, on_error)

    def __repr__(self) -> str:
        watched = self._fleet.jobs.values()
        runs, jobs = sum(len(job.runs) for job in watched), sum(job.follows_job for job in watched)
        return f"<Watch: runs followed: {runs}, jobs: {jobs}>"

    def __aiter__(self) -> Self:
        """Go on watching."""
        return self

    async def __anext__(self) -> StateChange:
        """Return the next change.

        Raises:
            WaitTimeoutError: The time is up.
            JobRunsError: A run or a job cannot be followed; what was seen until then was told before.
        """
        fleet, clock = self._fleet, self._poller.clock
        if not self._has_begun:
            self._has_begun = True
            fleet.begin()
            self._until = None if self._timeout is None else clock.monotonic() + self._timeout.total_seconds()
        if fleet.is_waiting:
            try:
                async with deadline(clock, None if self._until is None else self._until - clock.monotonic()):
                    await fleet.advance()
            except DeadlineError:
                # What was seen in the last moment is told first.
                if not fleet.changes:
                    await self.aclose()
                    raise WaitTimeoutError(f"the watch ended after {self._timeout}") from None
            except asyncio.CancelledError:
                # Nobody waits any more; but who has lost patience may come back and ask for the next change.
                await fleet.interrupt()
                raise
            except BaseException:
                await self.aclose()
                raise
        if fleet.changes:
            return fleet.changes.popleft()
        failure, fleet.failure = fleet.failure, None
        await self.aclose()
        if failure is not None:
            raise failure
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the watch; it yields nothing more."""
        await self._fleet.interrupt()
        self._fleet.close()

    def __del__(self) -> None:
        if hasattr(self, "_fleet"):
            self._fleet.close()
