"""Cancellation at every await: no task, connection or token is lost, and nobody is taken for waiting still."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final

import pytest
from botocore.config import Config

from jobruns_sdk import JobRunsClient
from jobruns_sdk.errors import WaitTimeoutError
from jobruns_sdk.pacing import Quota, TokenBucket
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.calling import Transport
from tests.waiting.kit import MINUTE, SECOND, client_of, groups_of, others, tell

EVERY: Final = 20 * SECOND
TIGHT: Final = {("glue", "GetJobRun"): Quota(1, 1), ("glue", "GetJobRuns"): Quota(1, 1)}
SHORT: Final = timedelta(seconds=30)


class Counted(Coroutine[Any, Any, Any]):
    """A coroutine that tells when it awaits something."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], told: Callable[[], None]) -> None:
        self._coroutine = coroutine
        self._told = told

    def __await__(self) -> Any:  # noqa: ANN401  # as Coroutine has it
        return self._coroutine.__await__()

    def send(self, value: Any) -> Any:  # noqa: ANN401  # as Coroutine has it
        awaited = self._coroutine.send(value)
        self._told()
        return awaited

    def throw(self, *error: Any) -> Any:  # noqa: ANN401  # as Coroutine has it
        awaited = self._coroutine.throw(*error)
        self._told()
        return awaited

    def close(self) -> None:
        self._coroutine.close()


class Ledger:
    """How many tokens were taken for good, and how many requests were begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = self.requests = 0
        take, give_back = TokenBucket.take, TokenBucket.give_back
        request = attrgetter("_request")(Transport)

        def counted_take(bucket: TokenBucket, now: float) -> float:
            self.tokens += 1
            return take(bucket, now)

        def counted_give_back(bucket: TokenBucket) -> None:
            self.tokens -= 1
            give_back(bucket)

        async def counted_request(transport: Transport, *given: Any) -> Any:  # noqa: ANN401  # passed on
            self.requests += 1
            return await request(transport, *given)

        monkeypatch.setattr(TokenBucket, "take", counted_take)
        monkeypatch.setattr(TokenBucket, "give_back", counted_give_back)
        monkeypatch.setattr(Transport, "_request", counted_request)


@contextmanager
def counting(told: Callable[[], None]) -> Generator[None]:
    """Tell of every await of every task that is made meanwhile."""
    loop = asyncio.get_running_loop()

    def make(
        loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any], context: Context | None = None
    ) -> "asyncio.Task[Any]":
        return asyncio.Task(Counted(coroutine, told), loop=loop, context=context)

    loop.set_task_factory(make)  # type: ignore[arg-type]  # typeshed wants a factory for any result
    try:
        yield
    finally:
        loop.set_task_factory(None)


async def cancelled_at(nth: int, work: Coroutine[Any, Any, object]) -> bool:
    """Cancel work at its nth await, in whichever of its tasks that is; return False if it had ended before."""
    passed = 0
    task: asyncio.Task[object] | None = None

    def told() -> None:
        nonlocal passed
        passed += 1
        if passed == nth and task is not None:
            task.cancel()

    with counting(told):
        task = asyncio.ensure_future(work)
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False


async def wait_for_a_retried_run(local: LocalService, client: JobRunsClient) -> None:
    run = local.add_run("glue:etl", fail_attempts=1, duration=SHORT)
    await client.wait(f"glue:etl/{run}", timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY)


async def wait_and_stop(local: LocalService, client: JobRunsClient) -> None:
    run = local.add_run("glue:etl", duration=30 * MINUTE)
    with pytest.raises(WaitTimeoutError):
        await client.wait(
            f"glue:etl/{run}", timeout=MINUTE, on_timeout="stop", poll_interval=EVERY, max_poll_interval=EVERY
        )


async def wait_for_many(local: LocalService, client: JobRunsClient) -> None:
    jobs = ("glue:etl", "glue:etl", "emr-serverless:00app", "emr-serverless:00app", "datazone:dzd_x/job42")
    runs = [f"{job}/{local.add_run(job, duration=SHORT)}" for job in jobs]
    await client.wait_all(runs, timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY)


async def watch_many(local: LocalService, client: JobRunsClient) -> None:
    jobs = ("glue:etl", "emr-serverless:00app")
    runs = [f"{job}/{local.add_run(job, duration=SHORT)}" for job in jobs for _ in range(2)]
    async for _ in client.watch(runs, timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY):
        pass


async def watch_a_job(local: LocalService, client: JobRunsClient) -> None:
    run = local.add_run("glue:etl", duration=SHORT)
    async for change in client.watch(["glue:etl"], timeout=30 * MINUTE, poll_interval=EVERY, max_poll_interval=EVERY):
        if change.run.id == run and change.run.is_terminal:
            break


@pytest.mark.parametrize("scenario", [wait_for_a_retried_run, wait_and_stop, wait_for_many, watch_many, watch_a_job])
async def test_nothing_is_lost_wherever_it_is_cancelled(
    scenario: Callable[[LocalService, JobRunsClient], Coroutine[Any, Any, None]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ledger = Ledger(monkeypatch)
    with LocalService() as local:
        local.add_glue_job("etl", max_retries=1)
        local.add_application("00app", max_concurrent_runs=None)
        local.add_datazone_job("dzd_x", "job42")
        over = local.add_run("glue:etl", state="SUCCEEDED")
        async with client_of(local, config=Config(max_pool_connections=2), quotas=TIGHT) as client:
            await scenario(local, client)
            nth, cut = 0, True
            while cut:
                nth += 1
                cut = await cancelled_at(nth, scenario(local, client))
                assert await others() == set(), nth
                assert groups_of(client) == 0, nth
                assert ledger.tokens == ledger.requests, nth
                async with asyncio.timeout(20):
                    await asyncio.gather(*(client.glue("etl").runs(limit=1).collect() for _ in range(3)))
                    await client.wait(f"glue:etl/{over}", timeout=None)
            tell(capsys, f"{scenario.__name__}: cancelled at each of {nth - 1} awaits")
            assert nth > 10
