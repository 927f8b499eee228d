"""The event loop's time, put forward by a test: a deadline ends when the test says so, not when the machine is slow."""

import asyncio
from collections.abc import Callable
from typing import Final

import pytest

from tests.transport.gated import until

CALL_TIMEOUT: Final = 30.0
"""Seconds: a deadline that no call on a busy machine needs, and that ends before aiohttp's own of a minute."""


class LoopTime:
    """The running loop's time, which goes on as ever but for what it is put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self._real, self._ahead = loop.time, 0.0
        monkeypatch.setattr(loop, "time", lambda: self._real() + self._ahead)

    def forward(self, seconds: float = CALL_TIMEOUT) -> None:
        """Make due what is due within so many seconds."""
        self._ahead += seconds

    async def forward_at(self, count: Callable[[], int], *numbers: int, seconds: float = CALL_TIMEOUT) -> None:
        """Put it forward each time that a count, of this loop or of another thread, has come to one of the numbers."""
        left = list(numbers)
        while left:
            await until(lambda: count() == left[0])
            self.forward(seconds)
            left.pop(0)


@pytest.fixture
async def loop_time(monkeypatch: pytest.MonkeyPatch) -> LoopTime:
    """Return the time of the test's event loop."""
    return LoopTime(monkeypatch)
