"""Things that are made once for all who ask at the same time."""

import asyncio

import pytest

from jobruns_sdk.errors import ClientClosedError
from jobruns_sdk.loop.tasks import Shared


async def test_who_waits_when_all_is_given_up_is_told_so_and_not_cancelled() -> None:
    shared = Shared[str, None]()
    waiting = [asyncio.ensure_future(shared.get("a", lambda: asyncio.sleep(3600))) for _ in range(3)]
    await asyncio.sleep(0)
    await shared.aclose()

    for task in waiting:
        with pytest.raises(ClientClosedError):
            await task
    assert len(shared) == 0


async def test_who_is_cancelled_harms_nobody_else() -> None:
    shared, gate = Shared[str, int](), asyncio.Event()

    async def make() -> int:
        await gate.wait()
        return 7

    first, second = (asyncio.ensure_future(shared.get("a", make)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()

    assert await second == 7
    assert first.cancelled()


async def test_what_nobody_waits_for_any_more_is_given_up() -> None:
    shared, was_given_up = Shared[str, None](), asyncio.Event()

    async def make() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            was_given_up.set()

    only = asyncio.ensure_future(shared.get("a", make))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    only.cancel()
    await was_given_up.wait()
    with pytest.raises(asyncio.CancelledError):
        await only
