"""Following the logs of a run, from attempt to attempt, until it has ended as a wait understands the end."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from math import inf
from typing import Final

from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.logs.reading import AttemptReading, Budget, LogRules, Reader, last_of
from jobruns_sdk.model.logs import LogLine
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.runs.follow import UNSEEN, Done, Follower, GiveUp
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.logs import KeepsLogs, LogFolder
from jobruns_sdk.transport.operation import Call

_LEAST: Final = 2.0  # seconds between two readings, growing while nothing comes
_MOST: Final = 10.0
_GROWTH: Final = 1.5
_LISTED_EVERY: Final = 30.0  # seconds between two lists of what is there, where something was found


class _Open:
    """A log that was found and is read on.

    Attributes:
        read_at: When it was last read to its end.
    """

    def __init__(self, folder: LogFolder, reader: Reader) -> None:
        self.folder = folder
        self.reader = reader
        self.read_at = -inf

    def is_due(self, now: float) -> bool:
        return now - self.read_at >= self.reader.least_pause


class Following:
    """The lines of one run as they come, each log in its order.

    It ends when the run has ended, and from then on for ``settle`` nothing has come:

        08:00:00  the run is seen to have ended
        08:00:04  a line
        08:00:14  all logs were looked for, and read to their end, once more: it ends
    """

    def __init__(self, poller: Poller, handle: KeepsLogs, call: Call, run: RunRef, rules: LogRules) -> None:
        """Begin; nothing has been read.

        Args:
            poller: Polls for all waits of a client.
            handle: The run's job.
            call: Calls the services that keep the logs.
            run: The run.
            rules: What is wanted.
        """
        self._poller = poller
        self._handle = handle
        self._call = call
        self._run = run
        self._rules = rules
        self._follower = Follower(poller, handle, run, PollIntervals(), most_unseen=UNSEEN.total_seconds())
        self._budget = Budget(run, rules.max_bytes)
        self._readings: list[AttemptReading] = []
        self._open: list[_Open] = []
        self._listed: dict[int, float] = {}  # when each folder was last listed
        self._polled_next = -inf
        self._quiet_since = -inf  # when the run was seen to have ended, or the last line came after that
        self._has_ended = False
        self._tells_tail = rules.tail is not None

    async def lines(self) -> AsyncGenerator[LogLine]:
        """Yield the lines.

        Raises:
            LogsUnavailableError: They cannot be read, or there are none although the run has ended.
            LimitExceededError: There is more than ``max_bytes``.
            NotFoundError: There is no such run, or it has ended without such an attempt.
            JobRunsError: The run cannot be followed, or its logs cannot be read.
        """
        with self._poller.watching(self._handle, (self._run.run_id,)):
            pause = _LEAST
            while True:
                await self._poll()
                is_last = self._is_last()
                await self._look()
                due = [one for one in self._open if self._tells_tail or one.is_due(self._now)]
                has_come = False
                async for line in self._round(due):
                    has_come = True
                    yield line
                if has_come:
                    self._quiet_since = self._now
                elif is_last and len(due) == len(self._open):
                    break
                pause = _LEAST if has_come else min(_MOST, pause * _GROWTH)
                await self._poller.sleep(self._until_next(pause))
        for one in self._open:
            for line in one.reader.rest():
                yield line
        if not any(reading.finder.has_found() for reading in self._readings):
            raise await self._readings[-1].unavailable()

    async def _round(self, due: Sequence[_Open]) -> AsyncIterator[LogLine]:
        """Yield what has come of the logs that are due: at first the last lines alone, where so many are wanted."""
        if self._tells_tail:
            self._tells_tail = False
            most = self._rules.tail or 0
            for line in last_of([await one.reader.last(most) for one in due], most):
                yield line
        for one in due:
            while (page := await one.reader.page()) is not None:
                for line in page:
                    yield line
            one.read_at = self._now

    @property
    def _now(self) -> float:
        return self._poller.clock.monotonic()

    @property
    def _settle(self) -> float:
        return self._rules.settle.total_seconds()

    def _is_last(self) -> bool:
        return self._has_ended and self._now - self._quiet_since >= self._settle

    def _until_next(self, pause: float) -> float:
        """Return the seconds to the next round: sooner than planned where a poll or the end of settling is due."""
        now = self._now
        if not self._has_ended:
            return max(0.0, min(pause, self._polled_next - now)) or pause
        left = self._quiet_since + self._settle - now
        if left > 0:
            return min(pause, left)
        # What is left are logs that may not be read so soon again.
        return max(_LEAST, min((one.read_at + one.reader.least_pause - now for one in self._open), default=0.0))

    async def _poll(self) -> None:
        if self._has_ended or self._now < self._polled_next:
            return
        verdict = await self._follower.poll()
        if isinstance(verdict, GiveUp):
            raise verdict.error
        seen = self._follower.last
        if seen is not None:
            await self._go_to(seen)
        number = self._rules.attempt
        is_passed = isinstance(number, int) and seen is not None and seen.attempt > number
        if isinstance(verdict, Done) or is_passed:
            self._has_ended, self._quiet_since = True, self._now
            if not self._readings:
                raise NotFoundError(f"{self._run} has ended without an attempt {number}", service=self._run.job.service)
        else:
            self._polled_next = self._now + verdict.seconds

    async def _go_to(self, seen: JobRun[Native]) -> None:
        """Begin with the attempts that there are by now and that are wanted."""
        wanted = self._rules.attempt
        if isinstance(wanted, int):
            numbers = range(wanted, min(wanted, seen.attempt) + 1)
        else:
            first = 1 if wanted == "all" or self._readings else seen.attempt
            numbers = range(first, seen.attempt + 1)
        begun = self._readings[-1].attempt if self._readings else 0
        for number in numbers:
            if number <= begun:
                continue
            logs = await self._handle.attempt_logs(self._run.run_id, number)
            reading = AttemptReading(self._call, self._run, number, logs, rules=self._rules, budget=self._budget)
            if not logs.folders:
                raise await reading.unavailable()
            # What runs share a stream only time tells apart: from here on it is the new attempt's.
            self._open = [one for one in self._open if not one.folder.is_shared]
            self._readings.append(reading)

    async def _look(self) -> None:
        """Open the logs that have come; of earlier attempts too, whose last lines may come late."""
        for reading in self._readings:
            for folder in reading.finder.folders:
                if folder.is_shared and reading is not self._readings[-1]:
                    continue
                every = _LISTED_EVERY if folder.kind == "s3" or reading.finder.has_found(folder) else 0.0
                if self._is_last() or self._now - self._listed.get(id(folder), -inf) >= every:
                    found = await reading.finder.look(folder)
                    self._listed[id(folder)] = self._now
                    self._open += [_Open(folder, reading.reader(one, end=None)) for one in found]
