"""Cancelling at the nth await: coroutines that tell when they await something, and work that is cancelled then."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context
from typing import Any, Literal

Moment = Literal["waiting", "woken"]
"""When an await is cut: as soon as it begins, or when what it waits for has come and it has not gone on yet."""


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine that tells when it awaits something, or when that has come."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], told: Callable[[], None], moment: Moment) -> None:
        self._coroutine = coroutine
        self._told = told
        self._moment = moment

    def __await__(self) -> Any:  # noqa: ANN401  # as Coroutine has it
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:  # noqa: ANN401  # as Coroutine has it
        return self._tell(self._coroutine.send(value))

    def throw(self, *error: Any) -> Any:  # noqa: ANN401  # as Coroutine has it
        return self._tell(self._coroutine.throw(*error))

    def close(self) -> None:
        self._coroutine.close()

    is_paused = False

    def _tell(self, awaited: Any) -> Any:  # noqa: ANN401  # a future, or None where only a turn is awaited
        if Counted.is_paused:
            return awaited
        if self._moment == "woken" and awaited is not None:
            # A task asks its future to be woken after this, so that this comes first.
            awaited.add_done_callback(self._tell_that_it_came)
        else:
            self._told()
        return awaited

    def _tell_that_it_came(self, _: "asyncio.Future[Any]") -> None:
        self._told()


@contextmanager
def uncounted() -> Generator[None]:
    """Wait for what has to be so before the next await that counts."""
    Counted.is_paused = True
    try:
        yield
    finally:
        Counted.is_paused = False


@contextmanager
def counting(told: Callable[[], None], moment: Moment) -> Generator[None]:
    """Tell of every await of every task that is made meanwhile."""
    loop = asyncio.get_running_loop()

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> "asyncio.Task[Any]":
        return asyncio.Task(Counted(coroutine, told, moment), loop=loop, context=context)

    loop.set_task_factory(make)  # type: ignore[arg-type]  # typeshed wants a factory for any result
    try:
        yield
    finally:
        loop.set_task_factory(None)


async def cancelled_at(nth: int, work: Coroutine[Any, Any, object], moment: Moment = "waiting") -> bool:
    """Cancel work at its nth await, in whichever of its tasks that is; return False if it had ended before."""
    passed = 0
    task: asyncio.Task[object] | None = None

    def told() -> None:
        nonlocal passed
        passed += 1
        if passed == nth and task is not None:
            task.cancel()

    with counting(told, moment):
        task = asyncio.ensure_future(work)
        try:
            await task
        except asyncio.CancelledError:
            return True
    return passed >= nth


async def awaits_in(work: Coroutine[Any, Any, object]) -> int:
    """Return how often work awaits something, in whichever of its tasks, when nobody cancels it."""
    passed = 0

    def told() -> None:
        nonlocal passed
        passed += 1

    with counting(told, "waiting"):
        await asyncio.ensure_future(work)
    return passed
