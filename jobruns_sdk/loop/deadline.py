"""A deadline that goes by the client's clock, which may be a virtual one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from jobruns_sdk.loop.clock import Clock


class DeadlineError(Exception):
    """The time is up; told apart from a ``TimeoutError`` that came from within."""


@asynccontextmanager
async def deadline(clock: Clock, seconds: float | None) -> AsyncGenerator[None]:
    """End what is enclosed with ``DeadlineError`` when that many seconds have passed; None is never."""
    if seconds is None:
        yield
        return
    task = asyncio.current_task()
    if task is None or seconds <= 0:
        raise DeadlineError
    cancelling = task.cancelling()
    expired = False

    async def expire() -> None:
        nonlocal expired
        await clock.sleep(seconds)
        expired = True
        task.cancel()

    timer = asyncio.get_running_loop().create_task(expire())
    try:
        yield
    except asyncio.CancelledError:
        # As asyncio.timeout does: a cancellation from outside goes on, ours becomes a DeadlineError.
        if expired and task.cancelling() - 1 <= cancelling:
            raise DeadlineError from None
        raise
    finally:
        timer.cancel()
        if expired:
            task.uncancel()
