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


def begun(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin something in a task of its own: who waits for it by ``asyncio.wait`` may be cancelled without ending it."""
    task = asyncio.get_running_loop().create_task(coroutine)
    task.add_done_callback(_retrieve)
    return task


def ended(task: asyncio.Task[T] | None) -> list[asyncio.Task[T]]:
    """Cancel a task if there is one, and return it, to be waited for."""
    if task is None:
        return []
    if not (task.done() or task.get_loop().is_closed()):
        task.cancel()
    return [task]


async def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Let something come to its end, also if the caller is cancelled: that is heeded afterwards."""
    task = begun(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
    return task.result()


def _retrieve(task: asyncio.Task[Any]) -> None:
    # An error that nobody came to see is not worth a complaint of the event loop.
    if not task.cancelled():
        task.exception()
