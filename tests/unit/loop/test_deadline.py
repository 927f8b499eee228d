"""The deadline that goes by a virtual clock."""

import asyncio

import pytest

from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.testing import VirtualClock


def pending() -> int:
    """Return how often the present task was asked to end and was not told otherwise."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


async def test_it_ends_what_it_encloses_when_its_time_has_come() -> None:
    clock = VirtualClock()
    with pytest.raises(DeadlineError):
        async with deadline(clock, 60):
            await clock.sleep(3600)
    assert clock.monotonic() == 60
    assert pending() == 0
    await clock.sleep(1)


async def test_what_ends_earlier_is_left_alone() -> None:
    clock = VirtualClock()
    async with deadline(clock, 60):
        await clock.sleep(59)
    await asyncio.sleep(0)
    assert clock.sleepers == 0
    await clock.sleep(3600)
    assert pending() == 0


async def test_none_is_never() -> None:
    clock = VirtualClock()
    async with deadline(clock, None):
        await clock.sleep(1e9)


@pytest.mark.parametrize("seconds", [0, -1])
async def test_no_time_is_over_at_once(seconds: float) -> None:
    with pytest.raises(DeadlineError):
        async with deadline(VirtualClock(), seconds):
            pytest.fail("there was no time for this")


async def test_a_cancellation_from_outside_wins() -> None:
    clock = VirtualClock(auto_advance=False)

    async def work() -> None:
        async with deadline(clock, 60):
            await clock.sleep(3600)

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert clock.sleepers == 0


async def test_a_cancellation_from_outside_wins_also_in_the_moment_of_the_deadline() -> None:
    clock = VirtualClock(auto_advance=False)

    async def work() -> None:
        async with deadline(clock, 60):
            await clock.sleep(3600)

    task = asyncio.create_task(work())
    for _ in range(2):
        await asyncio.sleep(0)
    clock.advance(60)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_from_within_is_told_apart() -> None:
    clock = VirtualClock()
    with pytest.raises(TimeoutError, match="within"):
        async with deadline(clock, 60):
            raise TimeoutError("within")
    assert not issubclass(DeadlineError, TimeoutError)


async def test_the_inner_of_two_deadlines_is_not_taken_for_the_outer_one() -> None:
    clock = VirtualClock()
    async with deadline(clock, 60):
        with pytest.raises(DeadlineError):
            async with deadline(clock, 10):
                await clock.sleep(3600)
        assert clock.monotonic() == 10
        await clock.sleep(40)
    with pytest.raises(DeadlineError):
        async with deadline(clock, 10), deadline(clock, 60):
            await clock.sleep(3600)
    assert clock.monotonic() == 60


async def test_an_error_in_the_moment_of_the_deadline_leaves_no_cancellation_behind() -> None:
    clock = VirtualClock()

    async def fail() -> None:
        try:
            await clock.sleep(3600)
        except asyncio.CancelledError:
            raise KeyError from None

    with pytest.raises(KeyError):
        async with deadline(clock, 60):
            await fail()
    assert pending() == 0
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(clock.sleep(1))
