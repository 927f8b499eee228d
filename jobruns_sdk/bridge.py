"""A private event loop in its own thread, for programs that have none."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterable, Callable, Coroutine, Generator, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, cast
from weakref import finalize

from jobruns_sdk.checks import check_whole
from jobruns_sdk.errors import ClientClosedError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.times import monotonic

__all__ = ["Bridge"]

T = TypeVar("T")

_AT_EXIT: Final = 10.0  # seconds that a forgotten loop may take to end
_LOOK: Final = 1.0  # seconds after which who waits looks up: an interrupt just before the waiting begins wakes nobody
_CLOSED: Final = "it was closed: open another one"
_FORKED: Final = "it belongs to the process that opened it: open another one after a fork"
_CROWDED: Final = (
    "another loop runs in this thread, as under gevent in a coroutine: use JobRunsClient of jobruns_sdk there"
)
_WITHIN: Final = "a callback cannot wait for the event loop that it is called by: let it note what is to be done"


class Bridge:
    """Runs coroutines for threads that have no event loop; any number of threads may share one.

        with Bridge() as bridge:
            client = bridge.enter(JobRunsClient(region_name="eu-west-1"))
            run = bridge.run(client.glue("nightly-etl").run(run_id))

    The thread starts with the first call. A thread with a running event loop, such as a notebook's, may call too: its
    loop is blocked meanwhile. A bridge that is not closed ends with the program.
    """

    def __init__(self) -> None:
        self._private = _PrivateLoop()
        self._forgotten = finalize(self, self._private.stop, _AT_EXIT)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine, which sees the caller's context variables, and return its result.

        An interrupt (``KeyboardInterrupt``) cancels the coroutine, and is raised when that has ended.

        Raises:
            ClientClosedError: The bridge is closed, was closed meanwhile, or belongs to the process before a fork.
            UnsupportedOperationError: It is called by a callback of what runs on this bridge.
            Exception: What the coroutine has raised; of a group of errors the first one of this package.
        """
        call = _Call(coroutine)
        try:
            self._private.begin(call)
            return call.result()
        finally:
            self._private.end(call)

    def iterate(self, items: AsyncIterable[T], *, ahead: int = 2) -> Generator[T]:
        """Iterate over what comes asynchronously; nothing begins before the first item is asked for.

        Leaving the loop early ends the asynchronous iteration, and closing the generator waits for that.

        Args:
            items: What is iterated over.
            ahead: How many items are made while the caller works on the present one.

        Raises:
            InvalidRequestError: ``ahead`` is not an integer of 0 or more.
            ClientClosedError: While iterating, as are the others: see ``run``.
        """
        check_whole("ahead", ahead)
        return self._iterate(items, ahead)

    def enter(self, manager: AbstractAsyncContextManager[T]) -> T:
        """Enter an asynchronous context, which is left when the bridge is closed, the last one first.

        Raises:
            Exception: As for ``run``.
        """
        return self.run(self._private.contexts.enter_async_context(manager))

    def close(self) -> None:
        """End what is under way, which fails with ``ClientClosedError``; the thread is gone when this returns.

        Raises:
            UnsupportedOperationError: It is called by a callback of what runs on this bridge.
        """
        self._private.refuse_within()
        self._private.stop(None)
        self._forgotten.detach()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _iterate(self, items: AsyncIterable[T], ahead: int) -> Generator[T]:
        arrived: SimpleQueue[tuple[T] | None] = SimpleQueue()
        room = asyncio.Semaphore(ahead)
        call = _Call(_pump(items, room, arrived))
        call.when_done(lambda: arrived.put(None))
        try:
            self._private.begin(call)
            self._private.soon(room.release)
            while (item := _taken(arrived)) is not None:
                yield item[0]
                self._private.soon(room.release)
            call.result()
        finally:
            self._private.end(call)


def _taken(arrived: "SimpleQueue[tuple[T] | None]") -> tuple[T] | None:
    while True:
        with suppress(Empty):
            return arrived.get(timeout=_LOOK)


async def _pump(items: AsyncIterable[T], room: asyncio.Semaphore, arrived: "SimpleQueue[tuple[T] | None]") -> None:
    iterator = aiter(items)
    try:
        await room.acquire()
        async for item in iterator:
            arrived.put((item,))
            await room.acquire()
    finally:
        close: Callable[[], Coroutine[Any, Any, object]] | None = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


class _Call(Generic[T]):
    """A coroutine that a thread waits for."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._coroutine = coroutine
        self._context = copy_context()
        self._outcome: Future[T] = Future()
        self._task: asyncio.Task[None] | None = None
        self._reason: BaseException | None = None

    @property
    def is_done(self) -> bool:
        return self._outcome.done()

    def when_done(self, callback: Callable[[], object]) -> None:
        self._outcome.add_done_callback(lambda _: callback())

    def result(self) -> T:
        """Wait for the end, and return what came of it."""
        self.wait()
        try:
            return self._outcome.result()
        except BaseExceptionGroup as group:
            raise _first(group) from group.__cause__

    def wait(self) -> None:
        """Wait for the end."""
        while not self._outcome.done():
            with suppress(TimeoutError):
                self._outcome.exception(_LOOK)

    def start(self, loop: asyncio.AbstractEventLoop) -> asyncio.Task[None]:
        """Begin; in the loop's thread, as are the following."""
        self._task = task = loop.create_task(self._run(), context=self._context)
        return task

    def cancel(self, reason: BaseException | None = None) -> None:
        """End it; the reason is raised where it is waited for."""
        self._reason = reason
        if self._task is None:  # it was never begun, since an interrupt came before that
            self.fail(asyncio.CancelledError())
        else:
            self._task.cancel()

    def fail(self, error: BaseException) -> None:
        """Say why there is no result, unless there is an outcome; a coroutine that was never begun is closed."""
        if not self._outcome.done():
            self._coroutine.close()
            self._outcome.set_exception(self._reason or error)

    async def _run(self) -> None:
        # Whatever is raised belongs to the caller: in a task, SystemExit would end the loop.
        try:
            result = await self._coroutine
        except asyncio.CancelledError as error:
            self._outcome.set_exception(self._reason or error)
            raise
        except BaseException as error:  # noqa: BLE001  # it is raised in the caller's thread
            self._outcome.set_exception(error)
        else:
            self._outcome.set_result(result)


class _PrivateLoop:
    """The loop and its thread, which keeps this alive, and not the bridge.

    Where gevent has made threads greenlets, all are in one thread of the system, in which one loop can run: then the
    first is the host of the others, which are its guests, and its loop runs until all have left.
    """

    _HOSTS: ClassVar[dict[int, "_PrivateLoop"]] = {}  # by the system's number of their threads

    def __init__(self) -> None:
        self.contexts = AsyncExitStack()
        self._lock = threading.Lock()
        self._process: int | None = None  # unknown until the thread runs
        self.thread = threading.Thread(target=self._main, name="jobruns-bridge", daemon=True)
        self._starter: threading.Thread | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self._early: list[Callable[[], object]] = []  # what the loop is to call as soon as there is one
        self._host: _PrivateLoop | None = None
        self.guests: set[_PrivateLoop] = set()
        self.left = asyncio.Event()
        self._closing = asyncio.Event()
        self._served = threading.Event()
        self.begun = threading.Event()
        self.gone = threading.Event()
        self._calls: dict[_Call[Any], asyncio.Task[None]] = {}
        self._unanswered: set[_Call[Any]] = set()
        self._is_closed = False

    def begin(self, call: _Call[Any]) -> None:
        """Begin a call.

        Raises:
            ClientClosedError: There is no loop any more, or not in this process.
            UnsupportedOperationError: This is the loop's own thread.
        """
        try:
            self._begin(call)
        except Exception as error:
            call.fail(error)
            raise
        except BaseException as error:
            # An interrupt: once there is a loop it may know of the call, which is then ended there, by ``end``.
            if self._process is None:
                call.fail(error)
            raise

    def end(self, call: _Call[Any]) -> None:
        """End a call if it has not ended, and wait for that; garbage may be collected in the loop's own thread."""
        if call.is_done or self._process != os.getpid():
            return
        self.soon(call.cancel)
        if not (self._is_within() or sys.is_finalizing()):
            call.wait()

    def soon(self, callback: Callable[[], object]) -> None:
        """Let the loop call something, unless it is closed."""
        with self._lock:
            if not self._is_closed:
                self._soon(callback)

    def refuse_within(self) -> None:
        """Refuse to wait for the loop in its own thread."""
        if self._is_within():
            raise UnsupportedOperationError(_WITHIN)

    def stop(self, patience: float | None) -> None:
        """End everything, and wait for that so long; in a process that was forked off, nothing is there to be ended."""
        if self._process not in (None, os.getpid()):
            return
        with self._lock:
            if not self._is_closed and self._process is not None:
                self._soon(self._closing.set)
            self._is_closed = True
        if self._process is not None and not self._is_within():
            self._served.wait(patience)
            self.join(patience)
            if self._host is not None:
                self._host.join(patience)

    def join(self, patience: float | None) -> None:
        """Wait until the thread has ended, unless its loop is still needed."""
        if self._is_closed and not self.guests:
            self.thread.join(patience)

    def _is_within(self) -> bool:
        current = threading.current_thread()
        return current is self.thread or (self._host is not None and current is self._host.thread)

    def _soon(self, callback: Callable[[], object]) -> None:
        if self.loop is None:
            self._early.append(callback)
        else:
            self.loop.call_soon_threadsafe(callback)

    def _begin(self, call: _Call[Any]) -> None:
        self.refuse_within()
        if self._process not in (None, os.getpid()):
            raise ClientClosedError(_FORKED)
        with self._lock:
            if self._is_closed:
                raise ClientClosedError(_CLOSED)
            if self._process is None:
                self._starter = threading.current_thread()
                self.thread.start()
                self._process = os.getpid()
            self._unanswered.add(call)
            call.when_done(lambda: self._unanswered.discard(call))
            self._soon(partial(self._start, call))

    def _start(self, call: _Call[Any]) -> None:
        self._calls[call] = task = call.start(asyncio.get_running_loop())
        task.add_done_callback(lambda _: self._forget(call))

    def _forget(self, call: _Call[Any]) -> None:
        call.fail(asyncio.CancelledError())
        del self._calls[call]

    def _main(self) -> None:
        try:
            self._host = host = self._host_here()
            if host is None or host.loop is None:
                self._run_loop()
            else:
                self._be_guest_of(host, host.loop)
        except BaseException as error:  # noqa: BLE001  # SystemExit in a task: it is raised where a call is waited for
            self._end(error)
        else:
            self._end(None)

    def _host_here(self) -> "_PrivateLoop | None":
        """Return whose loop runs in this thread; None where none does, as in each thread that is not a greenlet."""
        while (host := self._HOSTS.setdefault(threading.get_native_id(), self)) is not self:
            if host.thread is self._starter:
                raise RuntimeError(_WITHIN)
            host.begun.wait()
            if host.loop is not None:
                return host
            host.gone.wait()
        return None

    def _run_loop(self) -> None:
        try:
            if _is_in_loop():
                raise RuntimeError(_CROWDED)
            with asyncio.Runner(loop_factory=_new_loop) as runner:
                self._begin_in(runner.get_loop())
                try:
                    runner.run(self._be_host())
                except BaseException as error:
                    with self._lock:
                        self._is_closed = True
                    self.cancel_all(error)
                    for guest in self.guests:
                        guest.cancel_all(ClientClosedError(_ended(error)))
                    raise
                finally:
                    self.loop = None
        finally:
            del self._HOSTS[threading.get_native_id()]

    def _be_guest_of(self, host: "_PrivateLoop", loop: asyncio.AbstractEventLoop) -> None:
        serving = asyncio.run_coroutine_threadsafe(self._serve(), loop)
        host.guests.add(self)
        self._begin_in(loop)
        try:
            serving.result()
        finally:
            host.guests.discard(self)
            with suppress(RuntimeError):  # it has died
                loop.call_soon_threadsafe(host.left.set)

    def _begin_in(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self.loop, early = loop, self._early
            for callback in early:
                loop.call_soon_threadsafe(callback)
        self.begun.set()

    def _end(self, error: BaseException | None) -> None:
        with self._lock:
            self._is_closed = True
        # Nobody else will tell those who wait for what was never begun.
        reason = _CLOSED if error is None else _ended(error)
        for call in list(self._unanswered):
            call.fail(ClientClosedError(reason))
        for event in (self.begun, self._served, self.gone):
            event.set()

    async def _be_host(self) -> None:
        await self._serve()
        self._served.set()
        while self.guests:
            await self.left.wait()
            self.left.clear()
        self.loop = None  # who comes now waits until this is over, and runs a loop of its own

    async def _serve(self) -> None:
        async with self.contexts:
            await self._closing.wait()
        if tasks := self.cancel_all(ClientClosedError(_CLOSED)):
            await asyncio.wait(tasks)

    def cancel_all(self, reason: BaseException) -> list[asyncio.Task[None]]:
        """Cancel all calls, for a reason that is raised where they are waited for; return their tasks."""
        for call in self._calls:
            call.cancel(reason)
        return list(self._calls.values())


def _ended(error: BaseException) -> str:
    return f"its event loop has ended: {str(error) or type(error).__name__}"


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose timers go on while a test has frozen time: other threads wait for it."""
    loop = asyncio.new_event_loop()
    with suppress(TypeError):  # one that is not of Python's own goes by a clock of its own
        vars(loop)["time"] = monotonic
    return loop


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first error of this package in a group, else the first error."""
    errors = list(_errors(group))
    return next((error for error in errors if isinstance(error, JobRunsError)), errors[0])


def _errors(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
            yield from _errors(inner)
    else:
        yield error
