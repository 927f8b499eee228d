"""Several things at once, with nothing left behind."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def concurrently(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of them at once and return their results in order; the first error ends the others and is raised.

    In Python 3.11 a TaskGroup whose task has failed leaves its parent marked as being cancelled, so that a TaskGroup or
    a timeout around it may take a later failure for a cancellation: https://github.com/python/cpython/issues/116720.
    """
    waiting = list(coroutines)
    if len(waiting) <= 1:
        return [await coroutine for coroutine in waiting]
    tasks = [asyncio.get_running_loop().create_task(coroutine) for coroutine in waiting]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        pending = [task for task in tasks if not task.done()]
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)
    errors = [error for task in tasks if not task.cancelled() and (error := task.exception()) is not None]
    if errors:
        raise errors[0]
    return [task.result() for task in tasks]
