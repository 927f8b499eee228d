"""A walk that is left off leaves nothing under way."""

import asyncio
from pathlib import Path
from typing import Final

from jobruns_sdk.testing.contract.bench import Bench, failing, on_bench

_RUNS: Final = 6
_PACKAGE: Final = str(Path(__file__).parents[2])


def _tasks() -> set[asyncio.Task[object]]:
    """Return the tasks of this package: a service that is played in the same loop has its own tasks."""
    return {task for task in asyncio.all_tasks() if _PACKAGE in str(getattr(task.get_coro(), "cr_code", ""))}


async def _walking(bench: Bench) -> None:
    """Begin a walk whose second page never comes, and leave it off with an error while that is under way."""
    async for _ in bench.job.runs(page_size=2):
        await bench.client.until_called(2)
        raise KeyError


async def _expect_nothing_left(bench: Bench, before: set[asyncio.Task[object]]) -> None:
    await asyncio.sleep(0)
    assert _tasks() == before
    bench.client.answered = None
    assert len(await bench.job.runs(page_size=_RUNS).collect()) == _RUNS


class LeavingContract:
    """No task and no connection is held by what nobody reads any more."""

    @on_bench
    @staticmethod
    async def test_a_break_leaves_nothing(bench: Bench) -> None:
        bench.seed(_RUNS)
        bench.client.answered, before = 1, _tasks()
        async for _ in bench.job.runs(page_size=2):
            await bench.client.until_called(2)
            break
        await _expect_nothing_left(bench, before)

    @on_bench
    @staticmethod
    async def test_an_error_in_the_body_leaves_nothing(bench: Bench) -> None:
        bench.seed(_RUNS)
        bench.client.answered, before = 1, _tasks()
        await failing(KeyError, _walking(bench))
        await _expect_nothing_left(bench, before)

    @on_bench
    @staticmethod
    async def test_a_cancellation_leaves_nothing(bench: Bench) -> None:
        bench.seed(_RUNS)
        bench.client.answered, before = 1, _tasks()
        task = asyncio.ensure_future(bench.job.runs(page_size=2).collect())
        await bench.client.until_called(2)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await _expect_nothing_left(bench, before)

    @on_bench
    @staticmethod
    async def test_closing_a_walk_leaves_nothing(bench: Bench) -> None:
        bench.seed(_RUNS)
        bench.client.answered, before = 1, _tasks()
        async with bench.job.runs(page_size=2).open() as walk:
            await anext(walk)
            await bench.client.until_called(2)
        await _expect_nothing_left(bench, before)
