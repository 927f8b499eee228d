"""The bridge: what a program without an event loop may count on."""

import asyncio
import signal
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final

import pytest

from jobruns_sdk import ClientClosedError, InvalidRequestError, NotFoundError, UnsupportedOperationError
from jobruns_sdk.bridge import Bridge
from tests.programs import printed

NAME: Final[ContextVar[str]] = ContextVar("NAME", default="nobody")


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    with Bridge() as bridge:
        yield bridge


async def _running_loop() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class Endless:
    """Numbers, for ever; it keeps account of what becomes of it."""

    def __init__(self) -> None:
        self.made = 0
        self.closed = False
        self.at: dict[int, threading.Event] = {number: threading.Event() for number in range(10)}

    async def numbers(self) -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.sleep(0)
                self.made += 1
                self.at.get(self.made, threading.Event()).set()
                yield self.made
        finally:
            await asyncio.sleep(0)
            self.closed = True


class Stuck:
    """A coroutine that waits until it is cancelled, and takes a turn to end."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.ended = False

    async def wait(self) -> None:
        self.began.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            await asyncio.sleep(0)
            self.ended = True


async def _fails(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


async def _result(value: int) -> int:
    await asyncio.sleep(0)
    return value


def test_a_coroutine_runs_in_a_thread_of_its_own(bridge: Bridge) -> None:
    async def thread() -> threading.Thread:
        return threading.current_thread()

    first, second = bridge.run(thread()), bridge.run(thread())
    assert first is second is not threading.current_thread()
    assert first.daemon


def test_nothing_is_started_before_the_first_call() -> None:
    before = threading.active_count()
    with Bridge():
        assert threading.active_count() == before


@pytest.mark.parametrize(
    "error", [NotFoundError("x"), TimeoutError("x"), SystemExit(3), KeyboardInterrupt(), StopAsyncIteration()], ids=repr
)
def test_an_error_comes_as_it_is(bridge: Bridge, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        bridge.run(_fails(error))
    assert caught.value is error
    assert bridge.run(_result(1)) == 1


def test_of_a_group_the_first_error_of_ours_is_raised(bridge: Bridge) -> None:
    ours = NotFoundError("x")
    with pytest.raises(NotFoundError) as caught:
        bridge.run(_fails(ExceptionGroup("a", [OSError(), ExceptionGroup("b", [ValueError(), ours])])))
    assert caught.value is ours
    with pytest.raises(ValueError, match="first"):
        bridge.run(_fails(ExceptionGroup("a", [ValueError("first"), OSError()])))


def test_what_exits_in_a_task_of_its_own_reaches_the_caller_and_ends_the_bridge(bridge: Bridge) -> None:
    async def in_a_task() -> None:
        await asyncio.get_running_loop().create_task(_fails(SystemExit(3)))

    with pytest.raises(SystemExit):
        bridge.run(in_a_task())
    with pytest.raises(ClientClosedError):
        bridge.run(_result(1))


def test_context_variables_are_carried_over(bridge: Bridge) -> None:
    async def name() -> str:
        return NAME.get()

    async def names() -> AsyncIterator[str]:
        yield NAME.get()
        yield NAME.get()

    token = NAME.set("caller")
    try:
        assert bridge.run(name()) == "caller"
        assert list(bridge.iterate(names())) == ["caller", "caller"]
    finally:
        NAME.reset(token)
    assert bridge.run(name()) == "nobody"


def test_many_threads_share_one(bridge: Bridge) -> None:
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(bridge.run, _result(value)) for value in range(200)]
        assert [call.result() for call in calls] == list(range(200))


async def test_it_may_be_used_inside_a_running_loop_as_in_a_notebook(bridge: Bridge) -> None:
    assert bridge.run(_result(3)) == 3


def test_a_callback_that_would_wait_for_its_own_loop_is_refused(bridge: Bridge) -> None:
    async def call_back(callback: Callable[[], object]) -> None:
        callback()

    for callback in (lambda: bridge.run(_result(1)), bridge.close, lambda: next(bridge.iterate(Endless().numbers()))):
        with pytest.raises(UnsupportedOperationError, match="callback"):
            bridge.run(call_back(callback))
    assert bridge.run(_result(1)) == 1


def test_items_come_in_order_then_the_error(bridge: Bridge) -> None:
    async def items() -> AsyncIterator[int]:
        yield 1
        yield 2
        raise NotFoundError("x")

    iterator = bridge.iterate(items())
    assert [next(iterator), next(iterator)] == [1, 2]
    with pytest.raises(NotFoundError):
        next(iterator)
    with pytest.raises(StopIteration):
        next(iterator)


@pytest.mark.parametrize("ahead", [0, 1, 5])
def test_so_many_items_are_made_ahead_and_no_more(bridge: Bridge, ahead: int) -> None:
    source = Endless()
    iterator = bridge.iterate(source.numbers(), ahead=ahead)
    assert source.made == 0
    for item in range(1, 4):
        assert next(iterator) == item
        assert source.at[item + ahead].wait(10)
        for _ in range(10):  # turns of the loop in which more could be made
            bridge.run(_result(0))
        assert source.made == item + ahead
    iterator.close()


@pytest.mark.parametrize("ahead", [-1, 1.5, "2", True, None])
def test_a_number_ahead_that_is_none_is_refused(bridge: Bridge, ahead: Any) -> None:  # noqa: ANN401  # wrong on purpose
    with pytest.raises(InvalidRequestError, match="ahead must be an integer of 0 or more, got"):
        bridge.iterate(Endless().numbers(), ahead=ahead)


def _break(bridge: Bridge, source: Endless) -> None:
    for number in bridge.iterate(source.numbers()):
        if number == 3:
            break


def _close(bridge: Bridge, source: Endless) -> None:
    iterator = bridge.iterate(source.numbers())
    assert next(iterator) == 1
    iterator.close()


def _raise(bridge: Bridge, source: Endless) -> None:
    with pytest.raises(NotFoundError):  # noqa: PT012  # the loop is what is left
        for number in bridge.iterate(source.numbers()):
            raise NotFoundError(str(number))


def _forget(bridge: Bridge, source: Endless) -> None:
    next(bridge.iterate(source.numbers()))


def _close_the_bridge(bridge: Bridge, source: Endless) -> None:
    iterator = bridge.iterate(source.numbers(), ahead=0)
    assert next(iterator) == 1
    bridge.close()
    with pytest.raises(ClientClosedError):
        next(iterator)


@pytest.mark.parametrize("leave", [_break, _close, _raise, _forget, _close_the_bridge])
def test_leaving_early_ends_the_asynchronous_iteration(
    bridge: Bridge, leave: Callable[[Bridge, Endless], None]
) -> None:
    source = Endless()
    leave(bridge, source)
    assert source.closed


def test_an_iterator_that_was_never_begun_leaves_nothing(bridge: Bridge) -> None:
    source = Endless()
    bridge.iterate(source.numbers()).close()
    assert source.made == 0


def test_closing_ends_what_is_under_way_in_other_threads() -> None:
    bridge, stuck = Bridge(), Stuck()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(bridge.run, stuck.wait())
        assert stuck.began.wait(10)
        bridge.close()
        assert stuck.ended
        with pytest.raises(ClientClosedError):
            waiting.result(10)


def test_closing_twice_and_without_use_is_no_mistake() -> None:
    before = threading.active_count()
    bridge = Bridge()
    bridge.close()
    bridge.close()
    with Bridge() as other:
        other.run(_result(1))
    other.close()
    assert threading.active_count() == before


def test_use_after_close_is_refused_and_the_coroutine_closed(bridge: Bridge) -> None:
    bridge.close()
    with pytest.raises(ClientClosedError):
        bridge.run(_result(1))
    with pytest.raises(ClientClosedError):
        next(bridge.iterate(Endless().numbers()))


def test_contexts_are_left_when_it_is_closed_the_last_one_first() -> None:
    left: list[str] = []

    @asynccontextmanager
    async def context(name: str) -> AsyncGenerator[str]:
        yield name
        left.append(name)

    with Bridge() as bridge:
        assert [bridge.enter(context("a")), bridge.enter(context("b"))] == ["a", "b"]
        assert not left
    assert left == ["b", "a"]


def test_an_interrupt_cancels_what_is_under_way_and_is_raised(bridge: Bridge) -> None:
    stuck = Stuck()

    def interrupt() -> None:
        assert stuck.began.wait(10)
        signal.raise_signal(signal.SIGINT)  # which goes to this thread, and wakes no other

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        bridge.run(stuck.wait())
    thread.join()
    assert stuck.ended
    assert bridge.run(_result(1)) == 1


@pytest.mark.parametrize("is_begun", [True, False])
def test_an_interrupt_while_a_call_begins_ends_it(
    bridge: Bridge,
    monkeypatch: pytest.MonkeyPatch,
    is_begun: bool,  # noqa: FBT001  # given by name
) -> None:
    """It may come when the event loop knows of the call already, and when it does not yet."""
    assert bridge.run(_result(1)) == 1
    loop = bridge.run(_running_loop())
    tell = loop.call_soon_threadsafe

    def interrupted(callback: Callable[..., object], *args: object) -> None:
        monkeypatch.undo()
        if is_begun:
            tell(callback, *args)
            assert stuck.began.wait(10)
        raise KeyboardInterrupt

    stuck = Stuck()
    monkeypatch.setattr(loop, "call_soon_threadsafe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bridge.run(stuck.wait())
    assert (stuck.began.is_set(), stuck.ended) == (is_begun, is_begun)
    assert bridge.run(_result(2)) == 2


def test_an_interrupt_ends_an_iteration(bridge: Bridge) -> None:
    stuck = Stuck()

    async def items() -> AsyncIterator[int]:
        yield 1
        await stuck.wait()

    def interrupt() -> None:
        assert stuck.began.wait(10)
        signal.raise_signal(signal.SIGINT)  # which goes to this thread, and wakes no other

    iterator = bridge.iterate(items(), ahead=0)
    assert next(iterator) == 1
    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        next(iterator)
    thread.join()
    assert stuck.ended


def test_a_bridge_that_is_forgotten_ends_its_thread() -> None:
    before = threading.active_count()
    bridge = Bridge()
    bridge.run(_result(1))
    del bridge
    assert threading.active_count() == before


_PROGRAM: Final = """
import asyncio, os, sys
from jobruns_sdk import ClientClosedError
from jobruns_sdk.bridge import Bridge

async def items():
    try:
        yield 1
        await asyncio.sleep(3600)
    finally:
        print("items closed")

bridge = Bridge()
"""


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("iterator = bridge.iterate(items()); next(iterator)", "items closed"),
        ("iterator = bridge.iterate(items()); next(iterator); sys.exit(0)", "items closed"),
        ("bridge.run(asyncio.sleep(0)); cycle = [bridge]; cycle.append(cycle)", ""),
    ],
)
def test_a_program_ends_quietly_without_closing_it(rest: str, said: str) -> None:
    assert printed(_PROGRAM + rest) == said


def test_after_a_fork_it_is_refused_in_the_child_and_goes_on_in_the_parent() -> None:
    program = """
bridge.run(asyncio.sleep(0))
iterator = bridge.iterate(items(), ahead=0)
next(iterator)
child = os.fork()
if child == 0:
    for use in (lambda: bridge.run(asyncio.sleep(0)), lambda: next(bridge.iterate(items()))):
        try:
            use()
        except ClientClosedError as error:
            print(error, flush=True)
    iterator.close()
    bridge.close()
    with Bridge() as other:
        other.run(asyncio.sleep(0))
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
bridge.run(asyncio.sleep(0))
"""
    refused = "it belongs to the process that opened it: open another one after a fork"
    assert printed(_PROGRAM + program).splitlines() == [refused, refused, "items closed"]


def test_what_cancels_itself_says_so(bridge: Bridge) -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        bridge.run(cancels_itself())
