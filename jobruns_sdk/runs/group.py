"""The shared state of all waits for runs of one job."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Final

import msgspec

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.runs.changed import is_state_behind

if TYPE_CHECKING:
    from jobruns_sdk.observing.values import WaitStarted
    from jobruns_sdk.runs.intervals import PollIntervals

Observation = JobRun[Native] | JobRunsError
"""The outcome of a poll: the run, or the error that hid it."""

TICK: Final = 1e-6
"""Seconds: times that are equal but for rounding."""

EVERY: Final = ""
"""Told to sleepers in place of a run's id: the pace has changed, and whoever is due by the new one polls."""

_UNLISTED: Final = 30.0  # seconds, doubled each time: how long a run that was not in the list is not looked for there
_CUT_OFF: Final = timedelta(seconds=1)  # a list may tell whole seconds where a get tells milliseconds


class Cadence(msgspec.Struct, eq=False):
    """The intervals between polls of a job, for all waits of one pace: they grow together.

    Attributes:
        intervals: The intervals to come.
        began: The round in which they began to grow.
        round: The round for which the last one was drawn.
        seconds: The last one.
    """

    intervals: Iterator[float]
    began: int
    round: int
    seconds: float


class Group:
    """The shared state of all waits for runs of one job: run ids, last observations, planned polls, locks."""

    def __init__(self) -> None:
        self.users = 0
        self.watched: Counter[str] = Counter()
        self.curious: Counter[str] = Counter()  # of those, by whom each change is wanted, and not the end alone
        self.waits: dict[WaitStarted, None] = {}  # those that observers were told of, in the order in which they began
        self.seen: dict[str, tuple[float, Observation]] = {}  # and when the poll was over that saw it
        self.told_at: dict[str, float] = {}
        self.newest: dict[str, JobRun[Native]] = {}
        self.polling: asyncio.Lock = asyncio.Lock()
        self.unlisted: dict[str, tuple[float, float]] = {}
        self.quota_time: float = 0.0
        self.round: int = 0
        self.round_at: float = -inf  # when the last one began
        self.due: float = -inf  # when the next round is
        self.cadences: dict[PollIntervals, Cadence] = {}
        self.nudges: Counter[str] = Counter()
        self.sleepers: dict[object, tuple[float, Callable[[str | None], object]]] = {}

    def note_unlisted(self, run_ids: Iterable[str], now: float) -> None:
        """Remember that runs are too old for the list, or too new: they are got, and looked for in the list later."""
        for run_id in run_ids:
            span = 2 * self.unlisted.get(run_id, (now, _UNLISTED))[1]
            self.unlisted[run_id] = (now + span, span)

    def is_behind(self, row: JobRun[Native]) -> bool:
        """True if an answer tells what was so before the run was last seen: a list may lag behind, and so may a get.

        08:00:10  a get, after a nudge, tells that attempt 2 is starting
        08:00:40  the list still has attempt 1, which has failed: the run is got once more

        Within an attempt times tell, and where they are the same, or where there are none, as in lists of DataZone, how
        far the run is.
        """
        seen = self.newest.get(row.id)
        if seen is None or row.attempt != seen.attempt:
            return seen is not None and row.attempt < seen.attempt
        if row.is_terminal == seen.is_terminal and row.updated_at is not None and seen.updated_at is not None:
            passed = row.updated_at - seen.updated_at
            if abs(passed) > _CUT_OFF:
                return passed < -_CUT_OFF
        return is_state_behind(row.state, seen.state)

    def newer(self, run_id: str, seen: Observation) -> Observation:
        """Return what was seen, or the run as it was told before if this is behind that."""
        if not isinstance(seen, JobRun):
            return seen
        if not self.is_behind(seen):
            self.newest[run_id] = seen
        return self.newest.get(run_id, seen)

    def end_round(self, began: float, now: float) -> None:
        """Count a round, and wake those who would sleep on: their runs were seen, too, then or just before it began."""
        self.round += 1
        self.round_at = began
        for due, wake in list(self.sleepers.values()):
            if due > now + TICK:
                wake(None)

    def forget(self, run_id: str) -> None:
        """Forget all that was seen of a run."""
        for known in (self.watched, self.curious, self.seen, self.told_at, self.newest, self.unlisted, self.nudges):
            known.pop(run_id, None)
