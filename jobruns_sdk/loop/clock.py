"""Real time."""

import asyncio
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol, runtime_checkable

from jobruns_sdk import times


class RealClock:
    """The clock of a client that was given no other."""

    def now(self) -> datetime:
        """Return the time (aware UTC)."""
        return times.now()

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return times.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed."""
        await asyncio.sleep(seconds)

    @contextmanager
    def calling(self) -> Generator[None]:
        """Enclose a call; real time goes on meanwhile."""
        yield


@runtime_checkable
class Clock(Protocol):
    """Time, as the client sees it: back-off, quotas and polls go by it. Deadlines of calls go by real time."""

    def now(self) -> datetime:
        """Return the wall clock's time (aware UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed."""
        ...

    def calling(self) -> AbstractContextManager[None]:
        """Enclose a call that is under way, so that a virtual clock stands still meanwhile."""
        ...
