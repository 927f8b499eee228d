"""Several things at once, with nothing left behind."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable, Iterable
from copy import copy
from typing import Any, Generic, TypeVar

from jobruns_sdk.errors import ClientClosedError, JobRunsError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


async def concurrently(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of them at once and return their results in order; the first error ends the others and is raised.

    That makes it no place for cleanup that is promised for each: see ``each_to_its_end``.

    In Python 3.11 a TaskGroup whose task has failed leaves its parent marked as being cancelled, so that a TaskGroup or
    a timeout around it may take a later failure for a cancellation: https://github.com/python/cpython/issues/116720.
    """
    waiting = list(coroutines)
    if len(waiting) <= 1:
        return [await coroutine for coroutine in waiting]
    # Whoever is cancelled while one of them has failed raises the cancellation: nobody comes to see that error.
    tasks = [begun(coroutine) for coroutine in waiting]
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


async def each_to_its_end(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of them at once, each to its end whatever becomes of the others; then raise the first error."""
    tasks = [begun(coroutine) for coroutine in coroutines]
    try:
        if tasks:
            await asyncio.wait(tasks)
    finally:
        await cancelled(tasks)
    return [task.result() for task in tasks]


def begun(coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Begin something in a separate task: who waits for it by ``asyncio.wait`` may be cancelled without ending it."""
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


async def cancelled(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks, and return when none of them goes on."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
    if pending:
        await asyncio.wait(pending)


async def finished(coroutine: Coroutine[Any, Any, T]) -> T:
    """Let something come to its end, also if the caller is cancelled: that is heeded afterwards."""
    task = begun(coroutine)
    heard: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            heard = error
    if heard is not None:
        raise heard
    return task.result()


async def finished_soon(task: asyncio.Task[Any], seconds: float, *, is_cancelled: bool = False) -> None:
    """Return when a task is done; a cancellation of the caller is heeded then, or after that many seconds of real time.

    Args:
        task: The task, which is left to itself if the time is over.
        seconds: How long a cancellation is delayed at most.
        is_cancelled: True if the caller is being cancelled already, and raises that itself.
    """
    loop, heard = asyncio.get_running_loop(), None
    until = loop.time() + seconds if is_cancelled else None
    while not task.done() and (until is None or loop.time() < until):
        try:
            await asyncio.wait([task], timeout=None if until is None else until - loop.time())
        except asyncio.CancelledError as error:
            heard, until = error, loop.time() + seconds if until is None else until
    if heard is not None:
        raise heard


class Shared(Generic[K, T]):
    """Things that are made once for all who ask at the same time, each in a separate task.

    Who is cancelled harms nobody else; what nobody waits for any more is given up.
    """

    def __init__(self) -> None:
        self._making: dict[K, asyncio.Task[T]] = {}
        self._waiting: dict[asyncio.Task[T], int] = {}  # those that are given up, and have not ended yet, among them

    async def get(self, key: K, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what is being made under a key, or begin to make it.

        Raises:
            Exception: It could not be made; each who waits is given a separate error.
            ClientClosedError: All was given up meanwhile.
        """
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = begun(make())
            self._waiting[task] = 0
            task.add_done_callback(lambda done: self._end(key, done))
        self._waiting[task] += 1
        try:
            await asyncio.wait([task])
        finally:
            if not task.done():
                self._waiting[task] -= 1
                if not self._waiting[task]:
                    self._forget(key, task)
                    task.cancel()
        if task.cancelled():  # by ``aclose``: whoever waits here was not
            raise ClientClosedError("the client was closed meanwhile")
        return _result_of(task)

    def __len__(self) -> int:
        return len(self._waiting)

    async def aclose(self) -> None:
        """Give up everything, and return when nothing of it goes on."""
        await cancelled([*self._waiting])

    def _end(self, key: K, task: asyncio.Task[T]) -> None:
        self._forget(key, task)
        del self._waiting[task]

    def _forget(self, key: K, task: asyncio.Task[T]) -> None:
        if self._making.get(key) is task:
            del self._making[key]


def _result_of(task: asyncio.Task[T]) -> T:
    if (error := task.exception()) is None:
        return task.result()
    # Several may raise it, and each adds its own to it: where it was raised, and for which operation.
    own = copy(error) if isinstance(error, JobRunsError) else error
    own.__cause__, own.__context__ = error.__cause__, error.__context__
    own.__suppress_context__ = error.__suppress_context__
    raise own.with_traceback(error.__traceback__)


def _retrieve(task: asyncio.Task[Any]) -> None:
    # An error that nobody came to see is not worth a complaint of the event loop.
    if not task.cancelled():
        task.exception()
