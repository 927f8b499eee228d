"""Clocks for the local service: one that a test owns, and one that runs at a chosen speed.

Both answer `now()` (aware UTC) and `monotonic()` (seconds since the clock was made), and offer an awaitable `sleep`.
The same object serves the service's thread, which only reads it, and the client's event loop, which sleeps on it.
"""

import asyncio
import heapq
import itertools
import math
import threading
import time
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Protocol, cast
from weakref import WeakKeyDictionary


def _exact(moment: datetime) -> datetime:
    """The same time of Python's own class, also where a test has frozen time and another one stands in for it."""
    own = next(kind for kind in type(moment).__mro__ if (kind.__module__, kind.__name__) == ("datetime", "datetime"))
    return cast("type[datetime]", own).combine(moment.date(), moment.time(), moment.tzinfo)


START = _exact(datetime(2026, 1, 5, 8, tzinfo=UTC))
"""The instant at which a virtual clock starts unless told otherwise: a Monday morning."""

_QUIET_TURNS = 3  # loop turns in a row with nothing ready; the loop polls its sockets between two of them
_BLIND_TURNS = 50  # turns given to a loop that does not show what it has ready
_PATIENCE = 1000  # turns after which time moves although some task keeps the loop busy, for instance with sleep(0)

# How many clocks' turns are queued in a loop: they do not count as work, or two clocks would wait for each other.
_queued_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, int] = WeakKeyDictionary()


class Clock(Protocol):
    """The clock of a local service."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def advance(self, by: timedelta | float) -> None:
        """Move time forward by a timedelta, or by a number of seconds."""
        ...


def seconds_from(by: timedelta | float) -> float:
    """A span in seconds.

    Raises:
        ValueError: The span is negative, endless or not a number; clocks only move forward.
    """
    seconds = by.total_seconds() if isinstance(by, timedelta) else float(by)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"time moves forward only: advance by {seconds} s")
    return seconds


def _aware(start: datetime) -> datetime:
    if start.tzinfo is None:
        raise ValueError("a clock starts at an aware datetime, for instance datetime(2026, 1, 5, tzinfo=UTC)")
    return _exact(start.astimezone(UTC))


def _instant(start: datetime, elapsed: float) -> datetime:
    """The instant that many seconds after the start; past the end of the calendar that end."""
    try:
        return start + timedelta(seconds=elapsed)
    except OverflowError:
        return _exact(datetime.max.replace(tzinfo=UTC))


class _Calling(AbstractContextManager[None]):
    """Marks one call as in flight; one object serves all calls, since the clock only counts them."""

    def __init__(self, clock: "VirtualClock") -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._clock.count_call(1)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._clock.count_call(-1)


class VirtualClock:
    """Time that moves only when a test says so, or when all that is left to do is to wait.

    `advance` moves it by a span and wakes every sleeper whose time has come. With `auto_advance` (the default) it also
    moves by itself to the earliest sleeper's time, under these conditions:

    - no call is in flight, that is, nobody is inside `with clock.calling()`;
    - in the sleepers' event loop nothing was ready to run for three turns in a row, and the loop looked for finished
      network and thread work in between.

    What waits for something real (another client's HTTP call, a thread, a subprocess) without `calling()` is not seen,
    and time may pass while it does. A task that never lets the loop become idle, say `while ...: await sleep(0)`, holds
    time for a thousand turns, not for ever. The loop's ready queue is asyncio's own; a loop without one (uvloop) is
    given a fixed number of turns instead.

    Sleepers belong to one event loop at a time; `now`, `monotonic`, `advance` and `calling` may be used in any thread.
    """

    def __init__(self, start: datetime | None = None, *, auto_advance: bool = True) -> None:
        self._start = _aware(START if start is None else start)
        self._elapsed = 0.0
        self._auto = auto_advance
        self._lock = threading.RLock()
        self._heap: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._live: set[asyncio.Future[None]] = set()
        self._calls = 0
        self._changes = 0
        self._driver: asyncio.AbstractEventLoop | None = None
        self._quiet = self._turns = self._seen = 0
        self._calling = _Calling(self)

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return _instant(self._start, self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    @property
    def sleepers(self) -> int:
        """The number of sleeps under way."""
        with self._lock:
            return len(self._live)

    def calling(self) -> AbstractContextManager[None]:
        """While the block runs, a call is in flight and time does not move by itself."""
        return self._calling

    def count_call(self, by: int) -> None:
        """One call more (1) or less (-1) in flight; `calling` does this."""
        with self._lock:
            self._calls += by
            self._changes += 1
            self._drive()

    def advance(self, by: timedelta | float) -> None:
        """Move time forward by a timedelta, or by a number of seconds, and wake the sleepers whose time has come.

        Raises:
            ValueError: The span is negative.
        """
        with self._lock:
            self._move(self._elapsed + seconds_from(by))

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of this clock's time have passed; after one turn of the loop for 0 or less."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            heapq.heappush(self._heap, (self._elapsed + seconds, next(self._order), future))
            self._live.add(future)
            self._changes += 1
            self._drive()
        try:
            await future
        finally:
            if future.cancelled():
                self._forget(future)

    def _forget(self, future: asyncio.Future[None]) -> None:
        """Let a cancelled sleep go, and sweep the heap once most of it is cancelled."""
        with self._lock:
            self._live.discard(future)
            self._changes += 1
            if len(self._heap) > 2 * len(self._live) + 8:
                self._heap = [entry for entry in self._heap if entry[2] in self._live]
                heapq.heapify(self._heap)

    def _move(self, to: float) -> None:
        """Set the time and wake all that are due, in the order of their times."""
        self._elapsed = max(self._elapsed, to)
        while self._heap and self._heap[0][0] <= self._elapsed:
            future = heapq.heappop(self._heap)[2]
            self._live.discard(future)
            _wake(future)
        self._changes += 1
        self._drive()

    def _next(self) -> tuple[float, asyncio.AbstractEventLoop] | None:
        """The earliest live sleeper's time and loop, if time may go there by itself."""
        while self._heap and (self._heap[0][2].done() or self._heap[0][2].get_loop().is_closed()):
            self._live.discard(heapq.heappop(self._heap)[2])
        if not self._auto or self._calls or not self._heap or math.isinf(self._heap[0][0]):
            return None
        return self._heap[0][0], self._heap[0][2].get_loop()

    def _drive(self) -> None:
        """See to it that turns are being counted in the earliest sleeper's loop."""
        if self._driver is not None and not self._driver.is_closed():
            return
        due = self._next()
        self._driver = None if due is None else due[1]
        if due is not None:
            self._quiet = self._turns = 0
            self._queue_turn(due[1])

    def _queue_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        _queued_turns[loop] = _queued_turns.get(loop, 0) + 1
        if _running_loop() is loop:
            loop.call_soon(self._turn, loop)
        else:
            loop.call_soon_threadsafe(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """One turn of the loop: count it, and move time once the loop has been idle long enough."""
        with self._lock:
            _queued_turns[loop] -= 1
            due = self._next()
            if due is None or due[1] is not loop:
                self._driver = None
                self._drive()
                return
            if self._changes != self._seen:
                self._seen, self._quiet, self._turns = self._changes, 0, 0
            self._turns += 1
            self._quiet = self._quiet + 1 if _is_idle(loop) else 0
            if self._quiet >= (_QUIET_TURNS if hasattr(loop, "_ready") else _BLIND_TURNS) or self._turns >= _PATIENCE:
                self._move(due[0])
            self._queue_turn(loop)


class SpeedClock:
    """Real time from `start` on, `speed` times as fast: with 60 an hour passes in a minute."""

    def __init__(self, start: datetime | None = None, *, speed: float = 1.0) -> None:
        if not speed > 0 or math.isinf(speed):
            raise ValueError(f"speed is a positive number, not {speed}")
        self._start = _aware(datetime.now(UTC) if start is None else start)
        self._speed = speed
        self._skipped = 0.0
        self._origin = time.monotonic()

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return _instant(self._start, self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the clock was made, in this clock's time."""
        return (time.monotonic() - self._origin) * self._speed + self._skipped

    def calling(self) -> AbstractContextManager[None]:
        """A call is in flight; this clock runs on regardless."""
        return _NotCounted()

    def advance(self, by: timedelta | float) -> None:
        """Skip a timedelta, or a number of seconds.

        Raises:
            ValueError: The span is negative.
        """
        self._skipped += seconds_from(by)

    async def sleep(self, seconds: float) -> None:
        """Return when `seconds` of this clock's time have passed; a skip is noticed within a quarter of a second."""
        until = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := until - self.monotonic()) > 0:  # noqa: ASYNC110  # real time passes without an event
            await asyncio.sleep(min(left / self._speed, 0.25))


class _NotCounted(AbstractContextManager[None]):
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_idle(loop: asyncio.AbstractEventLoop) -> bool:
    """True if nothing but clocks' turns is ready in the loop, or the loop does not show it."""
    ready = getattr(loop, "_ready", None)
    return ready is None or len(ready) <= _queued_turns[loop]


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _wake(future: asyncio.Future[None]) -> None:
    """End a sleep from whatever thread this is."""
    loop = future.get_loop()
    if loop.is_closed():
        return
    if _running_loop() is loop:
        _finish(future)
    else:
        loop.call_soon_threadsafe(_finish, future)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since the epoch, rounded down, of an aware datetime."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def timestamp(at: int | None) -> float | None:
    """A time on the wire: epoch seconds with milliseconds."""
    return None if at is None else at / 1000
