"""One run that is being watched: what has changed from poll to poll."""

from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.runs.follow import Done, Follower, GiveUp
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.handle import Follows

if TYPE_CHECKING:
    from jobruns_sdk.model.states import RunState


class WatchedRun:
    """A run that is being watched.

    Attributes:
        run: The run.
        due: When to poll next, on the clock that never goes backwards.
        woken: True if others have polled.
        is_done: True once it has ended for good.
    """

    def __init__(self, poller: Poller, handle: Follows, run: RunRef, pace: PollIntervals, most_unseen: float) -> None:
        self.run = run
        self.due: float = float("-inf")
        self.woken: bool = False
        self.is_done: bool = False
        self._poller = poller
        self._handle = handle
        self._follower = Follower(poller, handle, run, pace, most_unseen=most_unseen)
        self._before: tuple[RunState, int] | None = None
        self._age = 0.0
        self._since: float | None = None
        self._watching = ExitStack()
        self._is_attached = False

    async def poll(self) -> StateChange | None:
        """Poll, and return what has changed since the last time.

        Raises:
            JobRunsError: The run cannot be followed.
        """
        woken, self.woken = self.woken, False
        verdict = await self._follower.poll(woken=woken)
        # What others saw of a run that had ended before this watch began is news to it now.
        elapsed = self._follower.elapsed if self._since is None else self._poller.clock.monotonic() - self._since
        self._age = min(self._poller.age(self._handle, self.run.run_id), elapsed)
        run = self._follower.last
        if isinstance(verdict, GiveUp):
            raise verdict.error
        if isinstance(verdict, Done):
            self.is_done = True
        else:
            self.due = self._poller.plan(self._handle, verdict.seconds)
        if run is None or self._before == (run.state, run.attempt):
            return None
        before, self._before = self._before, (run.state, run.attempt)
        at = self._poller.clock.now() - timedelta(seconds=self._age)
        return StateChange(run, before and before[0], run.state, run.attempt, at)

    def attach(self, row: JobRun[Native] | None, shown_at: float) -> None:
        """Let the run be polled whenever others of its job are; it may have been listed at that moment."""
        if not self._is_attached:
            self._watching.enter_context(self._poller.watching(self._handle, (self.run.run_id,)))
            self._is_attached = True
            if self._follower.last is not None:  # a watch that was cancelled goes on: no older answer counts
                self._poller.recall(self._handle, self._follower.last)
        if row is not None:
            self._since = shown_at
            self._poller.note(self._handle, row, shown_at)

    def detach(self) -> None:
        """Let the run not be polled until it is attached again."""
        self._is_attached = False
        self._watching.close()
