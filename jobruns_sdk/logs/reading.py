"""Reading what there is of a run's logs: the streams of an attempt as one, by time, or the last lines alone."""

import heapq
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Protocol

import attrs

from jobruns_sdk.checks import check_count, check_flag, check_moment, check_time, optional, validated
from jobruns_sdk.errors import LimitExceededError, LogsUnavailableError, NotFoundError
from jobruns_sdk.logs.finding import Finder, Found
from jobruns_sdk.logs.objects import ObjectReader
from jobruns_sdk.logs.streams import StreamReader, milliseconds
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.logs import LogLine, LogSource, check_attempt, sources_of
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.logs import AttemptLogs, KeepsLogs
from jobruns_sdk.transport.operation import Call

_BEFORE: Final = timedelta(minutes=1)  # what a run logs may be told earlier than its start, by other clocks
_AFTER: Final = timedelta(minutes=1)
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_EVENTS: Final = 10_000  # of a page; streams that are read side by side share that
_LEAST_EVENTS: Final = 100


def _drivers() -> frozenset[LogSource]:
    return frozenset({"driver"})


@attrs.frozen(kw_only=True)
class LogRules:
    """The options of a reading of logs; see ``JobRunsClient.logs``."""

    follow: bool = attrs.field(default=False, validator=validated(check_flag))
    attempt: int | str | None = attrs.field(default=None, validator=validated(check_attempt))
    sources: frozenset[LogSource] = attrs.field(factory=_drivers, converter=sources_of)
    tail: int | None = attrs.field(default=None, validator=validated(optional(check_count)))
    since: datetime | None = attrs.field(default=None, validator=validated(optional(check_moment)))
    max_bytes: int | None = attrs.field(default=None, validator=validated(optional(check_count)))
    settle: timedelta = attrs.field(default=timedelta(seconds=10), validator=validated(check_time))


class Reader(Protocol):
    """A log that is read page by page.

    Attributes:
        least_pause: Seconds from one reading to its end to the next at least.
    """

    least_pause: float

    async def page(self) -> Sequence[LogLine] | None:
        """Return the next lines, which may be none; None where there are no more so far."""
        ...

    async def last(self, most: int) -> list[LogLine]:
        """Return the last lines so far; ``page`` goes on behind them."""
        ...

    def rest(self) -> Sequence[LogLine]:
        """Return a last line without its end."""
        ...


class Budget:
    """The most bytes of lines that may be read."""

    def __init__(self, run: RunRef, most: int | None) -> None:
        self._run = run
        self._most = most
        self._read = 0

    def take(self, line: LogLine) -> LogLine:
        """Return a line that was read.

        Raises:
            LimitExceededError: It is one too many.
        """
        self._read += len(line.text.encode("utf-8", "replace")) + 1
        if self._most is not None and self._read > self._most:
            raise LimitExceededError(
                f"the logs of {self._run} hold more than max_bytes={self._most}: read fewer sources or one attempt, "
                "give a larger max_bytes, or fetch them from where client.log_places() says",
                service=self._run.job.service,
            )
        return line


class AttemptReading:
    """The logs of one attempt: where they are, and the readers of those that were found."""

    def __init__(
        self, call: Call, run: RunRef, attempt: int, logs: AttemptLogs, *, rules: LogRules, budget: Budget
    ) -> None:
        self.attempt = attempt
        self.logs = logs
        self._budget = budget
        self.finder: Finder = Finder(call, logs.folders, attempt, rules.sources)
        self._call = call
        self._run = run
        self._rules = rules

    def reader(self, found: Found, *, end: datetime | None, beside: int = 1) -> Reader:
        """Return the reader of a log.

        Args:
            found: The log.
            end: The time after which lines are those of another attempt, None for none.
            beside: How many logs are read side by side.
        """
        folder, file = found.folder, found.file
        name = found.name.removeprefix(folder.prefix) if folder.kind == "s3" else found.name
        make = partial(self._made, file.source, name)
        if folder.kind == "s3":
            return ObjectReader(self._call, folder.group, found.name, make)
        begin = self.logs.begin or _EARLIEST
        if not folder.is_shared and begin > _EARLIEST + _BEFORE:
            begin -= _BEFORE
        begin = max(begin, self._rules.since or begin)
        return StreamReader(
            self._call,
            folder.group,
            found.name,
            make,
            begin=max(0, milliseconds(begin)),
            end=milliseconds(end) if folder.is_shared and end is not None else None,
            limit=max(_LEAST_EVENTS, _MOST_EVENTS // beside),
        )

    def _made(self, source: LogSource, stream: str, at: datetime | None, text: str) -> LogLine:
        return self._budget.take(LogLine(self._run, self.attempt, source, stream, at, text))

    async def unavailable(self) -> LogsUnavailableError:
        """Return the error that says why nothing is to be read, and where else to look."""
        await self.finder.look_elsewhere()
        wanted, others = " and ".join(sorted(self._rules.sources)), sorted(self.finder.others)
        run, service = f"attempt {self.attempt} of {self._run}", self._run.job.service
        if not self.logs.folders:
            return LogsUnavailableError(f"no logs of {run} can be read: {self.logs.elsewhere}", service=service)
        places = "; ".join(map(str, self.finder.folders)) or "any place that it logs to"
        there = f"; there are logs of {' and '.join(others)}: name them in sources=" if others else ""
        fault = f"{run} has no log of {wanted} in {places}{there}"
        return LogsUnavailableError(
            f"{fault}. A run that ended before its script began leaves none, groups may forget them, and logging may "
            "be off: run.message says why it failed",
            service=service,
        )


async def read_now(
    handle: KeepsLogs, call: Call, run: RunRef, rules: LogRules, clock: Clock
) -> AsyncGenerator[LogLine]:
    """Yield the lines that are there by now, attempt after attempt.

    Raises:
        LogsUnavailableError: They cannot be read, or there are none although the run has ended.
        LimitExceededError: There is more than ``max_bytes``.
        NotFoundError: There is no such run, or it has no such attempt.
    """
    seen = await handle.run(run.run_id)
    numbers = attempts_of(seen, rules)
    budget, kept = Budget(run, rules.max_bytes), deque[LogLine](maxlen=rules.tail)
    readings = [
        AttemptReading(call, run, number, await handle.attempt_logs(run.run_id, number), rules=rules, budget=budget)
        for number in numbers
    ]
    is_found = False
    for index, reading in enumerate(readings):
        end = _end_of(reading, readings[index + 1] if index + 1 < len(readings) else None)
        found = await reading.finder.all()
        is_found = is_found or bool(found)
        readers = [reading.reader(one, end=end, beside=len(found)) for one in found]
        lines = merged(readers) if rules.tail is None else _last(readers, rules.tail)
        async for line in lines:
            if rules.tail is None:
                yield line
            else:
                kept.append(line)
    for line in kept:
        yield line
    if not is_found and (not readings[-1].logs.folders or _is_over(seen, rules, clock)):
        raise await readings[-1].unavailable()


def attempts_of(run: JobRun[Native], rules: LogRules) -> Sequence[int]:
    """Return the numbers of the attempts that are wanted.

    Raises:
        NotFoundError: The run has no such attempt.
    """
    if rules.attempt == "all":
        return range(1, run.attempt + 1)
    number = run.attempt if rules.attempt is None else int(rules.attempt)
    if number > run.attempt:
        raise NotFoundError(f"{run.ref} has {run.attempt} attempts, and no attempt {number}", service=run.service)
    return (number,)


def _end_of(reading: AttemptReading, following: AttemptReading | None) -> datetime | None:
    if following is not None and following.logs.begin is not None:
        return following.logs.begin
    return None if reading.logs.end is None else reading.logs.end + _AFTER


def _is_over(run: JobRun[Native], rules: LogRules, clock: Clock) -> bool:
    return run.is_terminal and (run.ended_at is None or clock.now() - run.ended_at >= rules.settle)


async def _pages(reader: Reader) -> AsyncIterator[Sequence[LogLine]]:
    while (page := await reader.page()) is not None:
        if page:
            yield page
    if rest := reader.rest():
        yield rest


async def merged(readers: Sequence[Reader]) -> AsyncIterator[LogLine]:
    """Yield the lines of several logs by time, each log in its order; of each one page is held.

    Lines without a time come first, log by log.
    """
    pages = [_pages(reader) for reader in readers]
    firsts = await concurrently(_next(page) for page in pages)
    held = [deque(first) for first in firsts]
    heads = [(lines[0].at or _EARLIEST, index) for index, lines in enumerate(held) if lines]
    heapq.heapify(heads)
    while heads:
        _, index = heads[0]
        lines = held[index]
        yield lines.popleft()
        if not lines:
            lines.extend(await _next(pages[index]))
        if lines:
            heapq.heapreplace(heads, (lines[0].at or _EARLIEST, index))
        else:
            heapq.heappop(heads)


async def _next(pages: AsyncIterator[Sequence[LogLine]]) -> Sequence[LogLine]:
    async for page in pages:  # anext() fails in Python 3.11 where its default is a tuple
        return page
    return ()


async def _last(readers: Sequence[Reader], most: int) -> AsyncIterator[LogLine]:
    tails = [await _tail(reader, most) for reader in readers]
    for line in last_of(tails, most):
        yield line


async def _tail(reader: Reader, most: int) -> list[LogLine]:
    return [*await reader.last(most), *reader.rest()][-most:]


def last_of(tails: Sequence[Sequence[LogLine]], most: int) -> list[LogLine]:
    """Return the last lines of several logs by time."""
    return [*heapq.merge(*tails, key=lambda line: line.at or _EARLIEST)][-most:]
