"""The virtual clock: what moves it, whom it wakes, and what it never loses."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta

import pytest

from jobruns_sdk.testing import LocalService, SpeedClock, VirtualClock


async def woken_at(clock: VirtualClock, seconds: float) -> float:
    await clock.sleep(seconds)
    return clock.monotonic()


def test_it_starts_on_a_monday_and_stands_still() -> None:
    clock = VirtualClock()
    assert clock.now() == clock.now() == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert clock.monotonic() == 0


def test_it_is_moved_by_spans_and_by_seconds_but_never_back() -> None:
    clock = VirtualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(timedelta(hours=1))
    clock.advance(0.5)
    assert clock.now() == datetime(2026, 1, 1, 1, 0, 0, 500_000, tzinfo=UTC)
    with pytest.raises(ValueError, match="forward only"):
        clock.advance(-1)
    for never in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="forward only"):
            clock.advance(never)


@pytest.mark.parametrize("clock", [VirtualClock(), SpeedClock(speed=1e300)])
def test_past_the_end_of_the_calendar_it_is_that_end(clock: VirtualClock | SpeedClock) -> None:
    clock.advance(timedelta.max)
    assert clock.now() == datetime.max.replace(tzinfo=UTC)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        VirtualClock(datetime(2026, 1, 1))  # noqa: DTZ001  # the point of the test


async def test_when_all_sleep_time_goes_from_one_to_the_next() -> None:
    clock = VirtualClock()
    wakings = await asyncio.gather(*(woken_at(clock, seconds) for seconds in (3600, 5, 60, 5)))
    assert wakings == [3600, 5, 60, 5]
    assert clock.sleepers == 0


async def test_time_stands_still_while_a_call_is_in_flight() -> None:
    clock = VirtualClock()
    sleeper = asyncio.create_task(clock.sleep(10))
    with clock.calling(), clock.calling():
        for _ in range(5_000):
            await asyncio.sleep(0)
        assert not sleeper.done()
        assert clock.monotonic() == 0
    await sleeper
    assert clock.monotonic() == 10


async def test_time_waits_for_work_that_is_ready() -> None:
    clock, seen = VirtualClock(), list[float]()

    async def work() -> None:
        for _ in range(200):
            await asyncio.sleep(0)
            seen.append(clock.monotonic())

    await asyncio.gather(work(), clock.sleep(1))
    assert set(seen) == {0}


async def test_a_task_that_never_rests_does_not_hold_time_for_ever() -> None:
    clock = VirtualClock()
    sleeper = asyncio.create_task(clock.sleep(1))
    while not sleeper.done():  # noqa: ASYNC110  # the point of the test
        await asyncio.sleep(0)
    assert clock.monotonic() == 1


async def test_two_clocks_in_one_loop_do_not_wait_for_each_other() -> None:
    first, second = VirtualClock(), VirtualClock()
    await asyncio.gather(first.sleep(1), second.sleep(2), first.sleep(3))
    assert (first.monotonic(), second.monotonic()) == (3, 2)


async def test_without_auto_advance_only_the_test_moves_it() -> None:
    clock = VirtualClock(auto_advance=False)
    sleeper = asyncio.create_task(clock.sleep(10))
    for _ in range(2_000):
        await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(9.5)
    await asyncio.sleep(0)
    assert not sleeper.done()
    clock.advance(0.5)
    await sleeper


async def test_advance_wakes_from_another_thread() -> None:
    clock = VirtualClock(auto_advance=False)
    sleepers = [asyncio.create_task(clock.sleep(seconds)) for seconds in (1, 2, 3)]
    await asyncio.sleep(0)
    thread = threading.Thread(target=clock.advance, args=(2,))
    thread.start()
    done, waiting = await asyncio.wait(sleepers, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(*sleepers[:2])
    thread.join()
    assert sleepers[2] in waiting
    assert done
    clock.advance(1)
    await sleepers[2]


async def test_cancelled_sleepers_leave_nothing_behind() -> None:
    clock = VirtualClock(auto_advance=False)
    for _ in range(20):
        tasks = [asyncio.create_task(clock.sleep(1e6 + index)) for index in range(50)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    assert clock.sleepers == 0
    assert len(vars(clock)["_heap"]) < 50  # the room they took is given back


async def test_a_cancelled_sleeper_does_not_keep_others_from_waking() -> None:
    clock = VirtualClock()
    with clock.calling():
        first = asyncio.create_task(clock.sleep(1))
        second = asyncio.create_task(woken_at(clock, 2))
        await asyncio.sleep(0)
        first.cancel()
    assert await second == 2
    assert first.cancelled()


def test_it_may_be_used_in_one_loop_after_another() -> None:
    clock = VirtualClock()

    async def leave_a_sleeper() -> None:
        sleeper = asyncio.ensure_future(clock.sleep(1e9))
        await clock.sleep(5)
        sleeper.cancel()

    asyncio.run(leave_a_sleeper())
    asyncio.run(clock.sleep(7))
    assert clock.monotonic() == 12


async def test_a_sleep_without_end_is_never_reached_by_itself() -> None:
    clock = VirtualClock()
    endless = asyncio.create_task(clock.sleep(float("inf")))
    await clock.sleep(1)
    assert clock.monotonic() == 1
    endless.cancel()


async def test_thousands_of_sleepers_keep_their_order() -> None:
    clock, order = VirtualClock(), list[float]()

    async def note(seconds: float) -> None:
        await clock.sleep(seconds)
        order.append(seconds)

    await asyncio.gather(*(note(1 + index * 7919 % 5000) for index in range(5_000)))
    assert order == sorted(order)
    assert clock.monotonic() == 5_000


async def test_a_speed_clock_runs_ahead_of_real_time() -> None:
    clock = SpeedClock(datetime(2026, 1, 1, tzinfo=UTC), speed=100_000)
    before = clock.monotonic()
    await clock.sleep(50)
    assert clock.monotonic() - before >= 50
    clock.advance(timedelta(days=2))
    assert clock.now() >= datetime(2026, 1, 3, 0, 0, 50, tzinfo=UTC)
    with clock.calling():
        pass


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_a_speed_is_a_positive_number(speed: float) -> None:
    with pytest.raises(ValueError, match="positive"):
        SpeedClock(speed=speed)


def test_a_service_begins_now_unless_it_is_told_when() -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    with LocalService(auto_advance=False) as local:
        now = local.clock.now()
        assert before <= now <= datetime.now(UTC)
        assert now.microsecond == 0
        local.add_demo()
        assert local.states("glue:hourly-ingest")

    assert LocalService(start=before).clock.now() == before
