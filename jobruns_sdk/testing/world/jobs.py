"""Jobs and what happens among their runs: slots, queues, retries and bookmarks.

A job keeps a heap of instants at which something is to be decided. `settle(now)` works through those that have passed,
in their order, whenever the job is looked at, so nothing runs in between and the outcome does not depend on when it is
looked at.
"""

import heapq
import itertools
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from jobruns_sdk.testing.world.bookmarks import Bookmarks
from jobruns_sdk.testing.world.lifecycle import Attempt, Machine, Native, Run, Script, plan, stop

Key = tuple[int, int, int]

_sequence = itertools.count(1)


class _Event(IntEnum):
    END = 0
    RELEASE = 1
    RETRY = 2
    GIVE_UP = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a job. Times are milliseconds; None stands for no limit."""

    max_retries: int = 0
    max_concurrent: int | None = None
    queues: bool = False
    queue_timeout: int = 900_000
    queue_message: str = ""
    slot_release: int = 0
    retry_delay: int = 0
    timeout: int | None = None


@dataclass(slots=True, eq=False)
class Job:
    """A Glue job, an EMR Serverless application or a DataZone job, with all its runs.

    `settings` are the native members that describing it shows; `rows` is what its list operation walks, oldest first:
    every attempt on Glue, the first attempt of each run elsewhere.
    """

    machine: Machine
    name: str
    created: int
    script: Script
    limits: Limits
    settings: dict[str, object]
    attempts_are_rows: bool = False
    state: str = ""
    tags: dict[str, str] = field(default_factory=dict[str, str])
    runs: dict[str, Run] = field(default_factory=dict[str, Run])
    rows: list[Attempt] = field(default_factory=list[Attempt])
    upcoming: deque[Script] = field(default_factory=deque[Script])
    tokens: dict[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    bookmarks: Bookmarks = field(default_factory=Bookmarks)
    active: int = 0
    _events: list[tuple[int, int, _Event, Attempt]] = field(default_factory=list[tuple[int, int, _Event, Attempt]])
    _waiting: deque[Attempt] = field(default_factory=deque[Attempt])
    _sorted: bool = True

    def describe_as(self, other: "Job") -> None:
        """Be from now on as another job is, and keep the runs and what is known of them."""
        self.script, self.limits, self.settings = other.script, other.limits, other.settings
        self.state, self.tags, self.bookmarks.enabled = other.state, other.tags, other.bookmarks.enabled

    def has_slot(self) -> bool:
        """True if a run started now would begin at once."""
        return self.limits.max_concurrent is None or self.active < self.limits.max_concurrent

    def next_script(self) -> Script:
        """Return the script of the next run: the one that was set for it alone, else the job's."""
        return self.upcoming.popleft() if self.upcoming else self.script

    def add(
        self,
        run_id: str,
        at: int,
        *,
        request: Native,
        script: Script,
        timeout: int | None = None,
        max_retries: int | None = None,
    ) -> Run:
        """Put a new run into the history without beginning it."""
        run = Run(
            run_id,
            next(_sequence),
            at,
            machine=self.machine,
            script=script,
            request=request,
            max_retries=self.limits.max_retries if max_retries is None else max_retries,
            timeout=timeout,
        )
        self.runs[run_id] = run
        self.append(run.last)
        return run

    def append(self, attempt: Attempt) -> None:
        """Add a row to the history; rows may come in any order."""
        if self.rows and attempt.key < self.rows[-1].key:
            self._sorted = False
        self.rows.append(attempt)

    def begin(self, attempt: Attempt, at: int, *, queue: bool) -> None:
        """Give an attempt a slot, or a place in the queue where there is none."""
        if queue and (self._waiting or not self.has_slot()):
            self._waiting.append(attempt)
            self._expect(at + self.limits.queue_timeout, _Event.GIVE_UP, attempt)
            return
        self.active += 1
        plan(attempt, at)
        self._expect_end(attempt)

    def stop(self, attempt: Attempt, now: int, delay: int) -> bool:
        """Ask an attempt to stop; False if it has already ended."""
        planned = attempt.ended
        accepted = stop(attempt, now, delay)
        if accepted and attempt.admitted is not None and attempt.ended != planned:
            self._expect_end(attempt)
        return accepted

    def settle(self, now: int) -> None:
        """Decide all that was due by now."""
        while self._events and self._events[0][0] <= now:
            at, _, event, attempt = heapq.heappop(self._events)
            match event:
                case _Event.END if attempt.ended == at:
                    self._end(attempt, at)
                case _Event.RELEASE:
                    self._release(at)
                case _Event.RETRY:
                    self._retry(attempt, at)
                case _Event.GIVE_UP if attempt.admitted is None and attempt.ended is None:
                    attempt.ended, attempt.final = at, self.machine.failed
                    attempt.message = self.limits.queue_message
                case _:
                    pass

    def newest(self, before: Key | None = None) -> Iterator[Attempt]:
        """The rows from the newest on, or from the newest that stands before a key."""
        rows = self._ordered()
        end = len(rows) if before is None else bisect_left(rows, before, key=_key)
        return map(rows.__getitem__, range(end - 1, -1, -1))

    def oldest(self, after: Key | None = None) -> Iterator[Attempt]:
        """The rows from the oldest on, or from the oldest that stands after a key."""
        rows = self._ordered()
        begin = 0 if after is None else bisect_left(rows, (after[0], after[1], after[2] + 1), key=_key)
        return map(rows.__getitem__, range(begin, len(rows)))

    def _ordered(self) -> list[Attempt]:
        if not self._sorted:
            self.rows.sort(key=_key)
            self._sorted = True
        return self.rows

    def _expect(self, at: int, event: _Event, attempt: Attempt) -> None:
        heapq.heappush(self._events, (at, next(_sequence), event, attempt))

    def _expect_end(self, attempt: Attempt) -> None:
        if attempt.ended is not None:
            self._expect(attempt.ended, _Event.END, attempt)

    def _end(self, attempt: Attempt, at: int) -> None:
        run = attempt.run
        if attempt.final == self.machine.succeeded:
            self.bookmarks.record(run, attempt.number)
        retried = attempt.final == self.machine.failed and attempt.number < run.max_retries
        if retried and self.limits.retry_delay == 0:
            self.active -= 1
            self._retry(attempt, at)
            return
        if retried:
            self._expect(at + self.limits.retry_delay, _Event.RETRY, attempt)
        if self.limits.slot_release:
            self._expect(at + self.limits.slot_release, _Event.RELEASE, attempt)
        else:
            self._release(at)

    def _release(self, at: int) -> None:
        self.active -= 1
        while self._waiting and self.has_slot():
            attempt = self._waiting.popleft()
            if attempt.ended is None:
                self.begin(attempt, max(at, attempt.created + 1), queue=False)

    def _retry(self, failed: Attempt, at: int) -> None:
        attempt = Attempt(failed.run, failed.number + 1, at, failed)
        failed.run.last = attempt
        if self.attempts_are_rows:
            self.append(attempt)
        self.begin(attempt, at, queue=False)


def _key(attempt: Attempt) -> Key:
    return attempt.key


Matches = Callable[[Attempt], bool]


def put(jobs: dict[str, Job], job: Job) -> None:
    """Add a job to others, or replace the description of the one of its name."""
    if job.name in jobs:
        jobs[job.name].describe_as(job)
    else:
        jobs[job.name] = job
