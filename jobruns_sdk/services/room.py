"""Waiting for room: a start that is refused because as many run as may is made again."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from jobruns_sdk.errors import LimitExceededError
from jobruns_sdk.loop.clock import Clock, RealClock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.transport import quotas

T = TypeVar("T")

_FIRST_PAUSE: Final = 10.0
_LONGEST_PAUSE: Final = 60.0


class Pauses:
    """The pauses of a client: by its clock, and over when it is closed."""

    def __init__(self, clock: Clock | None = None, lifetime: Lifetime | None = None) -> None:
        self.clock: Clock = clock or RealClock()
        self.lifetime: Lifetime = lifetime or Lifetime()

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        async with self.lifetime.scope():
            await self.clock.sleep(seconds)


async def room_made(begin: Callable[[], Awaitable[T]], pauses: Pauses, slot_timeout: timedelta | None) -> T:
    """Return what was begun, as soon as there is room for it.

    Args:
        begin: Makes the start, with all looks before it: while it waited, another program may have made it.
        pauses: The pauses of the client.
        slot_timeout: How long to wait for room, None for not at all.

    Raises:
        LimitExceededError: There was no room in that time.
    """
    until = pauses.clock.monotonic() + (0.0 if slot_timeout is None else slot_timeout.total_seconds())
    pause = _FIRST_PAUSE
    while True:
        try:
            return await begin()
        except LimitExceededError:
            left = until - pauses.clock.monotonic()
            if left <= 0:
                raise
        # With jitter: forty starts that wait for one slot do not ask in the same moment.
        await pauses.sleep(min(left, pause * (0.5 + quotas.jitter.random() / 2)))
        pause = min(_LONGEST_PAUSE, 1.5 * pause)
