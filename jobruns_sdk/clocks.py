"""Real time."""

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime


class RealClock:
    """The clock of a client that was given no other."""

    def now(self) -> datetime:
        """Return the time (aware UTC)."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed."""
        await asyncio.sleep(seconds)

    @contextmanager
    def calling(self) -> Generator[None]:
        """Enclose a call; real time goes on meanwhile."""
        yield
