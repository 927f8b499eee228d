"""How long the event loop stands still between two turns."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def turns(clock: Callable[[], float], pause: float) -> AsyncGenerator[list[float]]:
    """Let a task take its turn after every such pause; return how late it was each time, in seconds."""
    late: list[float] = []

    async def watch() -> None:
        last = clock()
        while True:
            await asyncio.sleep(pause)
            now = clock()
            late.append(now - last - pause)
            last = now

    task = asyncio.get_running_loop().create_task(watch())
    await asyncio.sleep(0)
    try:
        yield late
    finally:
        task.cancel()
