"""An observer is told of calls, retries, turns, polls, waits, changes and walks, and breaks nothing."""

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from jobruns_sdk import (
    InvalidRequestError,
    JobRunsClient,
    Observer,
    Quota,
    RunState,
    ServiceUnavailableError,
    UnsupportedOperationError,
    WaitTimeoutError,
    sync,
)
from jobruns_sdk.observing import (
    CallEnded,
    CallRetried,
    CallStarted,
    PollEnded,
    PollStarted,
    RunChanged,
    TurnTaken,
    WaitEnded,
    WaitStarted,
    WalkEnded,
)
from jobruns_sdk.observing.seam import Observing
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import session_of
from tests.observing.kit import Told
from tests.transport.clients import settings_of
from tests.waiting.kit import HOUR, client_of

LOGGERS = ("jobruns_sdk.calls", "jobruns_sdk.polls", "jobruns_sdk.starts")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest_asyncio.fixture
async def client(local: LocalService, told: Told) -> AsyncIterator[JobRunsClient]:
    async with client_of(local, observer=told.observer) as client:
        yield client


@pytest.mark.local("glue:etl")
async def test_a_call_is_told_at_its_beginning_and_at_its_end(client: JobRunsClient, told: Told) -> None:
    await client.glue("etl").runs().collect()

    started, ended, _ = told.values
    assert (started.service, started.operation, started.region) == ("glue", "GetJobRuns", "us-east-1")
    assert str(started.job) == "glue:etl?region=us-east-1"
    assert isinstance(ended, CallEnded)
    assert ended.call is started
    assert (ended.requests, ended.waited, ended.http_status, ended.failure) == (1, 0.0, 200, None)
    assert ended.server == "127.0.0.1"
    assert ended.request_id
    with pytest.raises(AttributeError):
        setattr(ended, "requests", 5)  # noqa: B010  # which type checkers refuse


@pytest.mark.local("glue:etl")
async def test_a_call_that_is_tried_again_is_one_call(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.fault("GetJobRuns", "error500", times=2)
    await client.glue("etl").runs().collect()

    assert told.kinds == ["CallStarted", "CallRetried", "CallRetried", "CallEnded", "WalkEnded"]
    retries, (ended,) = told.of(CallRetried), told.of(CallEnded)
    assert [retry.requests for retry in retries] == [1, 2]
    assert {retry.failure.type for retry in retries} == {"InternalServiceException"}
    assert {retry.call for retry in retries} == {ended.call}
    assert all(retry.pause > 0 for retry in retries)
    assert ended.requests == 3
    assert ended.seconds == pytest.approx(sum(retry.pause for retry in retries))


@pytest.mark.local("glue:etl")
async def test_a_call_that_fails_says_why(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.fault("GetJobRuns", "error500", times=4)
    with pytest.raises(ServiceUnavailableError) as caught:
        await client.glue("etl").runs().collect()

    (ended,), (walk,) = told.of(CallEnded), told.of(WalkEnded)
    failure = ended.failure
    assert (failure.kind, failure.code, failure.http_status) == (
        "ServiceUnavailableError",
        "InternalServiceException",
        500,
    )
    assert failure.request_id == ended.request_id == caught.value.request_id
    assert failure.message == caught.value.message
    assert ended.requests == 4
    assert "4 requests" in str(caught.value)
    assert (walk.failure, walk.is_left, walk.report.calls) == (failure, False, 4)


@pytest.mark.local("glue:etl")
async def test_a_call_that_is_cancelled_has_ended(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.fault("GetJobRun", "silence")
    task = asyncio.create_task(client.glue("etl").run("jr_1"))
    while not local.calls("GetJobRun"):  # noqa: ASYNC110  # the local service sets no event of this loop
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    (ended,) = told.of(CallEnded)
    assert (ended.failure.kind, ended.failure.message) == ("CancelledError", "")


@pytest.mark.local("glue:etl")
async def test_a_throttled_call_waits_for_its_turn(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.fault("GetJobRuns", "throttle", times=1)
    await client.glue("etl").runs().collect()

    assert told.kinds == ["CallStarted", "CallRetried", "TurnTaken", "CallEnded", "WalkEnded"]
    (retry,), (turn,), (ended,) = told.of(CallRetried), told.of(TurnTaken), told.of(CallEnded)
    assert (retry.failure.kind, retry.pause) == ("ThrottledError", 0.0)
    assert turn.seconds > 0
    assert (ended.requests, ended.waited) == (2, turn.seconds)


@pytest.mark.local("glue:etl")
async def test_a_quota_holds_calls_back(local: LocalService, told: Told) -> None:
    quotas = {("glue", "GetJobRuns"): Quota(1, 1)}
    async with client_of(local, observer=told.observer, quotas=quotas) as client:
        await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(3)))

    assert sorted(turn.seconds for turn in told.of(TurnTaken)) == pytest.approx([1.0, 2.0])


async def test_a_wait_is_told_with_its_polls_and_what_they_saw(
    local: LocalService, client: JobRunsClient, told: Told
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2), max_retries=1, outcome="FAILED")
    ref = await client.glue("etl").start()
    told.values.clear()
    run = await client.wait(ref, timeout=HOUR)

    (begun,), (ended,) = told.of(WaitStarted), told.of(WaitEnded)
    assert (begun.run, ended.wait, ended.state, ended.failure) == (ref, begun, RunState.FAILED, None)
    polls = told.of(PollStarted)
    assert polls
    assert all(poll.waits == (begun,) and poll.runs == 1 and poll.job == ref.job for poll in polls)
    assert [poll.poll for poll in told.of(PollEnded)] == polls
    changes = told.of(RunChanged)
    # The end of the first attempt may lie between two polls.
    assert [change.before for change in changes] == [None, *(change.after for change in changes[:-1])]
    assert {(change.after, change.attempt) for change in changes} >= {
        (RunState.RUNNING, 1),
        (RunState.RUNNING, 2),
        (RunState.FAILED, 2),
    }
    assert (changes[-1].after, changes[-1].attempt) == (RunState.FAILED, 2)
    assert changes[-1].native_state == run.native_state
    assert all(change.run == ref and change.at.tzinfo for change in changes)


async def test_waits_of_one_job_share_their_polls(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2), max_concurrent_runs=100)
    refs = [await client.glue("etl").start() for _ in range(30)]
    await client.wait_all(refs, timeout=HOUR)

    assert {wait.run for wait in told.of(WaitStarted)} == set(refs)
    assert max(len(poll.waits) for poll in told.of(PollStarted)) == 30
    assert sum(change.after is RunState.SUCCEEDED for change in told.of(RunChanged)) == 30
    assert told.of(WalkEnded) == []  # a poll's own list is no walk of anybody's


async def test_what_was_seen_once_is_no_change_for_the_next_wait(
    local: LocalService, client: JobRunsClient, told: Told
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    ref = await client.glue("etl").start()
    await client.wait(ref, timeout=HOUR)
    before = len(told.of(RunChanged))
    await client.wait(ref, timeout=HOUR)

    assert len(told.of(WaitEnded)) == 2
    assert len(told.of(RunChanged)) == before


async def test_a_poll_tells_what_an_error_has_hidden(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    ref = await client.glue("etl").start()
    local.fault("GetJobRun", "error500", times=4)
    await client.wait(ref, timeout=HOUR)

    assert [poll.hidden for poll in told.of(PollEnded)][:2] == [1, 0]


async def test_a_wait_that_is_given_up_says_why(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.add_glue_job("etl", duration=timedelta(hours=2))
    ref = await client.glue("etl").start()
    with pytest.raises(WaitTimeoutError):
        await client.wait(ref, timeout=timedelta(minutes=5))

    (ended,) = told.of(WaitEnded)
    assert (ended.state, ended.failure.kind) == (RunState.RUNNING, "CancelledError")


async def test_a_watch_tells_the_same_changes(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    ref = await client.glue("etl").start()
    seen: list[tuple[Any, ...]] = []
    async for change in client.watch(client.glue("etl"), timeout=None):
        seen.append((change.run.ref, change.before, change.after, change.attempt))
        if change.run.is_terminal:
            break

    assert [(one.run, one.before, one.after, one.attempt) for one in told.of(RunChanged)] == seen
    assert {wait.run for wait in told.of(WaitStarted)} == {ref}


async def test_each_way_out_of_a_walk_is_told_once(local: LocalService, client: JobRunsClient, told: Told) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 5)
    pages = client.glue("etl").runs(page_size=2)

    def ends() -> list[tuple[bool, int]]:
        found = [(walk.is_left, walk.report.rows) for walk in told.of(WalkEnded)]
        told.values.clear()
        return found

    await pages.collect()
    assert ends() == [(False, 5)]
    assert await pages.first() is not None
    assert [left for left, _ in ends()] == [True]
    async with pages.open() as walk:
        assert await walk.next_page() is not None
    assert [left for left, _ in ends()] == [True]
    async for _ in client.glue("etl").runs(limit=2):
        pass
    assert [left for left, _ in ends()] == [False]
    async for _ in pages:
        break
    gc.collect()
    await asyncio.sleep(0)
    assert [left for left, _ in ends()] == [True]


async def test_a_walk_that_failed_and_goes_on_ends_again(
    local: LocalService, client: JobRunsClient, told: Told
) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 5)
    async with client.glue("etl").runs().open() as walk:
        local.fault("GetJobRuns", "error500", times=4)
        with pytest.raises(ServiceUnavailableError):
            await walk.next_page()
        while await walk.next_page():
            pass

    assert [(one.failure is None, one.is_left, one.report.rows) for one in told.of(WalkEnded)] == [
        (False, False, 0),
        (True, False, 5),
    ]


async def test_a_walk_over_many_jobs_is_one_walk(local: LocalService, client: JobRunsClient, told: Told) -> None:
    jobs = [f"glue:etl-{number}" for number in range(5)]
    for job in jobs:
        local.add_glue_job(job.partition(":")[2])
        local.add_runs(job, 3)
    await client.runs([*jobs, "glue:gone"], on_error="skip").collect()

    (walk,) = told.of(WalkEnded)
    assert (walk.report.rows, walk.report.calls, [str(one.job) for one in walk.report.failed]) == (
        15,
        6,
        ["glue:gone?region=us-east-1"],
    )


@pytest.mark.local("glue:etl")
async def test_several_observers_are_told_in_order(local: LocalService) -> None:
    order: list[str] = []
    first = Observer(call=lambda event: order.append(f"first {type(event).__name__}"))
    second = Observer(call=lambda event: order.append(f"second {type(event).__name__}"))
    async with client_of(local, observer=(first, Observer(), second)) as client:
        await client.glue("etl").runs().collect()

    assert order == ["first CallStarted", "second CallStarted", "first CallEnded", "second CallEnded"]


async def test_an_observer_that_raises_breaks_nothing_and_is_told_once(
    local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    told = Told()

    def broken(_: object) -> None:
        raise LookupError("mine")

    failing = Observer(call=broken, retry=broken, turn=broken, poll=broken, wait=broken, change=broken, walk=broken)
    with caplog.at_level("WARNING", "jobruns_sdk"):
        async with client_of(local, observer=[failing, told.observer]) as client:
            local.fault("GetJobRun", "throttle", times=1)
            ref = await client.glue("etl").start()
            run = await client.wait(ref, timeout=HOUR)
            assert await client.glue("etl").runs().collect() == [run]

    (record,) = caplog.records
    assert record.name.startswith("jobruns_sdk.")
    assert "broken" in record.getMessage()
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], LookupError)
    assert {CallEnded, CallRetried, TurnTaken, PollEnded, WaitEnded, RunChanged, WalkEnded} <= set(
        map(type, told.values)
    )


async def test_a_cancellation_that_an_observer_raises_is_its_own(local: LocalService) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    gone = asyncio.get_running_loop().create_future()
    gone.cancel()

    def broken(_: object) -> None:
        gone.result()

    failing = Observer(call=broken, retry=broken, turn=broken, poll=broken, wait=broken, change=broken, walk=broken)
    async with client_of(local, observer=failing) as client:
        local.fault("GetJobRun", "throttle", times=1)
        run = await client.wait(await client.glue("etl").start(), timeout=HOUR)
        assert await client.glue("etl").runs().collect() == [run]


async def test_a_handler_of_logs_that_raises_breaks_nothing(local: LocalService) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise LookupError(record.getMessage())

    logger, handler = logging.getLogger("jobruns_sdk"), Broken()
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        async with client_of(local) as client:
            run = await client.wait(await client.glue("etl").start(), timeout=HOUR)
            assert await client.glue("etl").runs().collect() == [run]
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)


@pytest.mark.local("glue:etl")
async def test_what_an_observer_sets_holds_for_the_requests_and_is_reset(local: LocalService) -> None:
    variable: ContextVar[str] = ContextVar("observed", default="nothing")
    seen: list[str] = []

    def call(event: CallStarted | CallEnded) -> None:
        if isinstance(event, CallStarted):
            tokens.append(variable.set("a call"))
        else:
            variable.reset(tokens.pop())

    tokens: list[Any] = []
    observer = Observer(call=call, retry=lambda _: seen.append(variable.get()))
    local.fault("GetJobRuns", "error500", times=1)
    async with client_of(local, observer=observer) as client:
        await client.glue("etl").runs().collect()

    assert (seen, tokens, variable.get()) == (["a call"], [], "nothing")


def test_the_synchronous_client_calls_them_in_the_thread_of_its_loop(local: LocalService) -> None:
    local.add_glue_job("etl")
    threads: list[int] = []
    refused: list[Exception] = []

    def call(_: object) -> None:
        threads.append(threading.get_ident())
        try:
            blocking.glue("etl").run("jr_1")
        except UnsupportedOperationError as error:
            refused.append(error)

    with sync.JobRunsClient(**settings_of(local, session=session_of(), observer=Observer(call=call))) as blocking:
        list(blocking.glue("etl").runs())

    assert len(refused) == len(threads) == 2
    assert threading.get_ident() not in threads


@pytest.mark.parametrize("level", [logging.WARNING, logging.INFO])
async def test_nothing_is_made_where_nobody_observes(
    local: LocalService, monkeypatch: pytest.MonkeyPatch, level: int
) -> None:
    local.add_glue_job("etl", duration=timedelta(minutes=2))
    for name in LOGGERS:
        monkeypatch.setattr(logging.getLogger(name), "level", level)
        logging.getLogger(name).manager._clear_cache()  # type: ignore[attr-defined]  # noqa: SLF001  # as setLevel does
    made: list[object] = []

    def make(**facts: object) -> None:
        made.append(facts)

    for place in ("transport.observed.CallStarted", "runs.observed.WaitStarted", "observing.walks.WalkEnded"):
        monkeypatch.setattr(f"jobruns_sdk.{place}", make)
    assert (Observing().now is None) == (level == logging.WARNING)
    if level == logging.INFO:
        return
    async with client_of(local) as client:
        ref = await client.glue("etl").start()
        await client.wait(ref, timeout=HOUR)
        await client.glue("etl").runs().collect()

    assert made == []


@pytest.mark.parametrize("observer", [5, "observer", [5], print])
async def test_what_is_no_observer_is_refused(observer: Any) -> None:  # noqa: ANN401  # of a wrong type
    with pytest.raises(InvalidRequestError, match="observer"):
        JobRunsClient(region_name="eu-west-1", observer=observer)
