"""An event loop with virtual time whose work belongs to processes, which can be killed.

Nothing real is waited for: where nothing is ready, time jumps to the next timer. What is ready runs in the order that
asyncio promises; timers fall due up to a tenth of a millisecond late, by chance, so that those of one moment come in
any order. Work that begins in a context that names a process stops for good when the process is killed.
"""

import asyncio
import heapq
import itertools
import random
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextvars import Context, ContextVar
from typing import Any, Final, TypeVar, TypeVarTuple

from attrs import define, field

Given = TypeVarTuple("Given")
Made = TypeVar("Made")

_LATE: Final = 1e-4  # seconds
MOST_STEPS: Final = 3_000_000


class StalledError(Exception):
    """Nothing is ready to run and nothing ever will be, or there is no end to it."""


@define(eq=False)
class Owner:
    """A process, as the loop knows it: what belongs to it, and what it had left to do when it was killed."""

    name: str
    alive: bool = True
    left: list[asyncio.Handle] = field(factory=list[asyncio.Handle])
    tasks: "list[asyncio.Task[Any]]" = field(factory=list["asyncio.Task[Any]"])

    def running(self) -> "list[asyncio.Task[Any]]":
        """Return its tasks that are not done."""
        self.tasks = [task for task in self.tasks if not task.done()]
        return list(self.tasks)


OWNER: ContextVar[Owner | None] = ContextVar("OWNER", default=None)
_serial = itertools.count()


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not hang on its address."""

    def __init__(self, coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any], **options: Any) -> None:  # noqa: ANN401
        self._serial = next(_serial)
        super().__init__(coro, **options)

    def __hash__(self) -> int:
        return self._serial


class _Future(asyncio.Future[Any]):
    """The same of a future."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._serial = next(_serial)
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._serial


class SimulationLoop(asyncio.BaseEventLoop):
    """An event loop whose time moves by jumping to the next timer."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self._now = 0.0
        self.steps = 0
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._note)
        self.noted: list[str] = []

    def time(self) -> float:
        return self._now

    def call_at(
        self,
        when: float,
        callback: Callable[[*Given], object],
        *args: *Given,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return super().call_at(when + self._rng.random() * _LATE, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(self)

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> asyncio.Task[Any]:  # noqa: ANN401
        task = _Task(coro, loop=loop, **options)
        context = options.get("context")
        owner = OWNER.get() if context is None else context.get(OWNER)
        if owner is not None:
            owner.tasks.append(task)
        return task

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Given], Made], *args: *Given
    ) -> asyncio.Future[Made]:
        """Run it at once: a thread would need real time, in which virtual time must not jump."""
        del executor
        future: asyncio.Future[Made] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it is the caller's
            future.set_exception(error)
        return future

    def release(self, owner: Owner) -> None:
        """Let a killed process go on, so that what it left can be cleared away."""
        owner.alive = True
        ready: Any = getattr(self, "_ready")  # noqa: B009
        ready.extend(owner.left)
        owner.left.clear()

    def _note(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        del loop
        self.noted.append(f"{context.get('message')}: {context.get('exception')!r:.200}")

    def _write_to_self(self) -> None:
        """There is no selector that would have to be woken."""

    def _process_events(self, event_list: object) -> None:
        """There are no events but timers."""

    def _run_once(self) -> None:
        # What BaseEventLoop does here, but for the selector. Its queues have no other names.
        ready: Any = getattr(self, "_ready")  # noqa: B009
        timers: list[Any] = getattr(self, "_scheduled")  # noqa: B009
        if not ready:
            while timers and timers[0].cancelled():
                self._due(timers)
            if not timers:
                raise StalledError(f"at {self._now:.1f} s everybody waits, and nothing is to come")
            self._now = max(self._now, timers[0].when())
        while timers and timers[0].when() <= self._now:
            ready.append(self._due(timers))
        for _ in range(len(ready)):
            self._turn(ready.popleft())
        if self.steps > MOST_STEPS:
            raise StalledError(f"{self.steps} steps by {self._now:.1f} s, and no end")

    def _due(self, timers: list[Any]) -> Any:  # noqa: ANN401 - a handle, of which asyncio says little
        timer = heapq.heappop(timers)
        timer._scheduled = False  # noqa: SLF001
        return timer

    def _turn(self, handle: Any) -> None:  # noqa: ANN401 - as above
        """Run what is ready, unless the process that it belongs to was killed."""
        if handle.cancelled():
            return
        owner: Owner | None = handle._context.get(OWNER)  # noqa: SLF001
        if owner is not None and not owner.alive:
            owner.left.append(handle)
            return
        self.steps += 1
        handle._run()  # noqa: SLF001
