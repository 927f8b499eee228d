"""An account with a quota of its own, and clients that read from it: all in a time that is counted, not waited for."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from jobruns_sdk import Quota
from jobruns_sdk.transport.pace import PaceKeeper, Ticket

LATENCY: Final = 0.05  # seconds from a request to its answer


@dataclass
class Account:
    """The service's side: a bucket that is full at first, and counts what it refuses."""

    quota: Quota
    calls: int = 0
    throttled: int = 0
    _level: float = field(init=False)
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._level = float(self.quota.burst)

    def lets_through(self, now: float) -> bool:
        self._level = min(self.quota.burst, self._level + self.quota.rate * (now - self._at))
        self._at = now
        self.calls += 1
        if self._level < 1 - 1e-9:
            self.throttled += 1
            return False
        self._level -= 1
        return True


@dataclass
class Reader:
    """A client that makes calls of one operation, some at once, and repeats what is throttled.

    Attributes:
        keeper: The pace that is tried.
        calls: How many calls are to be let through.
        at_once: How many are under way together.
        begins: When the first is made, in seconds.
        answers: When calls were let through.
    """

    keeper: PaceKeeper
    calls: int
    at_once: int = 1
    begins: float = 0.0
    answers: list[float] = field(default_factory=list[float])
    busy_until: float = 0.0


@dataclass(order=True)
class _Event:
    at: float
    order: int
    reader: Reader = field(compare=False)
    ticket: Ticket | None = field(compare=False, default=None)
    passed: bool = field(compare=False, default=False)
    asked_at: float | None = field(compare=False, default=None)


def read(account: Account, readers: Sequence[Reader], rng: Random, until: float = 1e9) -> float:
    """Let all readers make their calls, or go on until a moment; return when the last one was answered."""
    events: list[_Event] = []
    count = 0

    def push(at: float, reader: Reader, **more: object) -> None:
        nonlocal count
        count += 1
        heapq.heappush(events, _Event(at, count, reader, **more))  # type: ignore[arg-type]

    for reader in readers:
        for _ in range(reader.at_once):
            push(reader.begins, reader, asked_at=reader.begins)
    left = {id(reader): reader.calls for reader in readers}
    while events and (event := heapq.heappop(events)).at <= until:
        now, reader, keeper = event.at, event.reader, event.reader.keeper
        if event.ticket is None:
            if left[id(reader)] <= 0:
                continue
            if wait := keeper.wait(now):
                push(now + wait, reader, asked_at=event.asked_at)
                continue
            left[id(reader)] -= 1
            ticket = keeper.sent(now, now - (now if event.asked_at is None else event.asked_at))
            push(now + LATENCY, reader, ticket=ticket, passed=account.lets_through(now + LATENCY / 2))
        elif event.passed:
            keeper.let_through(event.ticket, now)
            reader.answers.append(now)
            push(now, reader, asked_at=now)
        else:
            keeper.throttled(event.ticket, now, rng.random())
            left[id(reader)] += 1
            push(now, reader, asked_at=now)
    return max((reader.answers[-1] for reader in readers if reader.answers), default=0.0)
