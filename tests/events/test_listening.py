"""Listening: who is woken, how often polls come meanwhile, and what becomes of a source that fails. Time is virtual."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from jobruns_sdk import (
    ClientClosedError,
    InvalidRequestError,
    JobRun,
    JobRunsClient,
    RunState,
    ServiceUnavailableError,
    StateChange,
    WaitTimeoutError,
    Watch,
)
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.runs.listening import Listening
from jobruns_sdk.services.events import RunHint
from jobruns_sdk.testing import LocalService
from tests.events.kit import Hint, Scheduled, tells_ends
from tests.waiting.kit import HOUR, MINUTE, SECOND, client_of, until

EMR = "emr-serverless:00f1"
GLUE = "glue:etl"


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    local.add_glue_job("etl", duration=50 * MINUTE, startup=0 * SECOND)
    local.add_application("00f1", duration=50 * MINUTE, startup=0 * SECOND)
    local.add_datazone_job("dzd_1", "job1", duration=50 * MINUTE)
    async with client_of(local) as client:
        yield client


def begun(local: LocalService, job: str, **options: Any) -> RunRef:  # noqa: ANN401  # those of add_run
    ref = RunRef.parse(f"{job}/{local.add_run(job, **options)}?region=us-east-1")
    local.forget_requests()
    return ref


async def within(listening: Listening, wait: Awaitable[JobRun[Native]]) -> JobRun[Native]:
    async with listening:
        return await wait


def looks(local: LocalService) -> list[int]:
    """The seconds at which the service was asked for a run, or for a list of them."""
    start = local.requests[0].at if local.requests else local.clock.now()
    names = {"GetJobRun", "GetJobRuns", "ListJobRuns"}
    return [round((request.at - start).total_seconds()) for request in local.requests if request.operation in names]


async def test_polls_rest_for_ten_minutes_while_events_are_heard(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR)
    async with client.listening(Scheduled(local.clock)) as listening:
        done = await client.wait(ref, timeout=HOUR)
        assert listening.is_hearing
    assert done.succeeded
    assert looks(local) == [0, 600, 1200, 1800, 2400, 3000]
    assert not listening.is_hearing


@pytest.mark.parametrize("job", [EMR, GLUE])
async def test_an_event_lets_a_run_be_polled_at_once(local: LocalService, client: JobRunsClient, job: str) -> None:
    ref = begun(local, job, duration=200 * SECOND)
    source = Scheduled(local.clock, [(200.5, Hint(ref))])
    async with client.listening(source):
        assert (await client.wait(ref, timeout=HOUR)).succeeded
    assert local.clock.monotonic() < 201
    assert looks(local) == [0, 200]
    assert source.confirmed == 1


async def test_a_pace_that_was_given_is_kept(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR, duration=90 * SECOND)
    async with client.listening(Scheduled(local.clock)):
        await client.wait(ref, timeout=HOUR, poll_interval=30 * SECOND, max_poll_interval=30 * SECOND)
    assert looks(local) == [0, 30, 60, 90]


async def test_runs_that_nothing_tells_of_are_polled_as_usual(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, "datazone:dzd_1/job1")
    source = Scheduled(local.clock, tells=lambda job: None if job.service == "datazone" else "changes")
    async with client.listening(source):
        await client.wait(ref, timeout=HOUR)
    assert local.calls() > 50


async def test_a_wait_for_another_state_is_polled_as_usual_where_ends_alone_are_told(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, GLUE, startup=35 * SECOND)
    async with client.listening(Scheduled(local.clock, tells=tells_ends)):
        run = await client.wait(ref, timeout=HOUR, until={RunState.RUNNING})
    assert run.state is RunState.RUNNING
    assert local.clock.monotonic() < 100


async def test_an_end_that_the_service_does_not_show_yet_is_looked_for_again(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, EMR, duration=104 * SECOND)
    async with client.listening(Scheduled(local.clock, [(100, Hint(ref))])):
        assert (await client.wait(ref, timeout=HOUR)).succeeded
    assert looks(local) == [0, 100, 101, 102, 105]


async def test_an_end_that_does_not_come_brings_the_slow_pace_back(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR, duration=HOUR)
    async with client.listening(Scheduled(local.clock, [(100, Hint(ref))])):
        with pytest.raises(WaitTimeoutError):
            await client.wait(ref, timeout=12 * MINUTE)
    assert looks(local) == [0, 100, 101, 102, 105, 110, 600]


async def test_a_wait_that_begins_after_its_event_does_not_miss_the_end(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, EMR, duration=104 * SECOND)
    async with client.listening(Scheduled(local.clock, [(100, Hint(ref))])):
        await local.clock.sleep(101.5)
        assert (await client.wait(ref, timeout=HOUR)).succeeded
    assert local.clock.monotonic() < 106


async def test_the_end_of_an_attempt_that_was_retried_is_not_looked_for_again(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", max_retries=1, duration=100 * SECOND, startup=0 * SECOND, retry_delay=0 * SECOND)
    ref = begun(local, GLUE, fail_attempts=1)
    source = Scheduled(local.clock, [(100.5, Hint(ref, attempt=1)), (200.5, Hint(ref, attempt=2))], tells_ends)
    async with client.listening(source):
        done = await client.wait(ref, timeout=HOUR)
    assert (done.attempt, done.succeeded) == (2, True)
    assert set(looks(local)) == {0, 100, 200}


@pytest.mark.parametrize(("is_curious", "expected"), [(False, [0, 600]), (True, [0, 50, 600])])
async def test_only_who_wants_changes_is_woken_by_what_is_no_end(
    local: LocalService, client: JobRunsClient, expected: list[int], *, is_curious: bool
) -> None:
    ref = begun(local, EMR)
    source = Scheduled(
        local.clock, [(50, Hint(ref, tells_end=False)), (60, Hint(ref, tells_end=False, tells_change=False))]
    )
    async with client.listening(source):
        with pytest.raises(WaitTimeoutError):
            await client.wait(ref, timeout=11 * MINUTE, on_poll=print if is_curious else None)
    assert looks(local) == expected


async def test_a_hint_that_comes_again_is_passed_over(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR)
    hint = Hint(ref, tells_end=False)
    source = Scheduled(local.clock, [(50, hint), (60, hint), (70, hint)])
    async with client.listening(source):
        with pytest.raises(WaitTimeoutError):
            await client.wait(ref, timeout=5 * MINUTE, on_poll=lambda _: None)
    assert looks(local) == [0, 50]
    assert source.confirmed == 3


async def test_waits_from_before_the_block_and_beyond_it(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR, duration=3 * HOUR)
    waiting = asyncio.ensure_future(client.wait(ref, timeout=2 * HOUR))
    await local.clock.sleep(5)
    async with client.listening(Scheduled(local.clock)):
        await local.clock.sleep(1800)
        inside = local.calls()
        assert inside <= 5
    await local.clock.sleep(0.001)
    assert local.calls() == inside + 1  # what was due by the usual pace
    await local.clock.sleep(600)
    assert local.calls() > inside + 10
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_the_usual_pace_comes_back_while_events_cannot_be_received(
    local: LocalService, client: JobRunsClient, caplog: pytest.LogCaptureFixture
) -> None:
    ref = begun(local, EMR, duration=3 * HOUR)
    source = Scheduled(local.clock)
    source.failing = (300, 1200, ServiceUnavailableError("no queue"))
    async with client.listening(source) as listening:
        waiting = asyncio.ensure_future(client.wait(ref, timeout=2 * HOUR))
        await local.clock.sleep(299)
        assert looks(local) == [0]
        with caplog.at_level(logging.WARNING, "jobruns_sdk.events"):
            await local.clock.sleep(600)
        failing = looks(local)
        assert failing[1] == 300
        assert len(failing) > 8
        await local.clock.sleep(600)
        assert listening.is_hearing
        local.forget_requests()
        await local.clock.sleep(3000)
        assert local.calls() <= 6
        waiting.cancel()
        await asyncio.wait([waiting])
    (record,) = caplog.records
    assert "events cannot be received: runs are polled as usual until they can be: no queue" in record.message
    retried = [after - before for before, after in zip(source.asked, source.asked[1:], strict=False) if before > 300]
    assert max(retried) <= 80  # 20 seconds of waiting, and a minute's pause


async def test_messages_that_cannot_be_deleted_are_told_of_once(
    local: LocalService, client: JobRunsClient, caplog: pytest.LogCaptureFixture
) -> None:
    ref = begun(local, EMR, duration=100 * SECOND)
    source = Scheduled(local.clock, [(10, Hint(ref)), (20, Hint(ref)), (100.5, Hint(ref))])
    source.confirm_error = ServiceUnavailableError("no queue")
    with caplog.at_level(logging.WARNING, "jobruns_sdk.events"):
        async with client.listening(source):
            assert (await client.wait(ref, timeout=HOUR)).succeeded
    assert ["cannot be deleted" in record.message for record in caplog.records] == [True]


async def test_an_error_of_a_source_is_raised_where_the_block_ends(
    local: LocalService, client: JobRunsClient, caplog: pytest.LogCaptureFixture
) -> None:
    ref = begun(local, EMR, duration=20 * MINUTE)
    source = Scheduled(local.clock, [(30, KeyError("a bug"))])
    with caplog.at_level(logging.WARNING, "jobruns_sdk.events"), pytest.raises(KeyError, match="a bug"):
        await within(client.listening(source), client.wait(ref, timeout=HOUR))
    assert len(looks(local)) > 10
    assert ["has ended by an error" in record.message for record in caplog.records] == [True]


async def test_an_error_of_the_block_is_not_hidden_by_one_of_the_source(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, EMR, duration=20 * MINUTE)
    source = Scheduled(local.clock, [(30, KeyError("a bug"))])
    with pytest.raises(WaitTimeoutError):
        await within(client.listening(source), client.wait(ref, timeout=MINUTE))


async def test_one_block_within_another(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR)
    outer, inner = Scheduled(local.clock), Scheduled(local.clock, [(50, Hint(ref))])
    async with client.listening(outer):
        async with client.listening(inner):
            waiting = asyncio.ensure_future(client.wait(ref, timeout=2 * HOUR))
            await local.clock.sleep(300)
            assert looks(local) == [0, 50, 51, 52, 55, 60]
        await local.clock.sleep(290)
        assert looks(local)[6:] == [300]  # the end of a block lets what may have been missed be looked at
        assert (await waiting).succeeded
    assert len(looks(local)) < 16


async def test_nothing_is_left_behind(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR)
    before = asyncio.all_tasks()
    async with client.listening(Scheduled(local.clock, [(5, Hint(ref))])):
        await local.clock.sleep(6)
    assert asyncio.all_tasks() == before


async def test_a_client_that_is_closed_within_the_block_ends_it(local: LocalService) -> None:
    async with client_of(local) as client, client.listening(Scheduled(local.clock)):
        await local.clock.sleep(1)
        await client.aclose()
    with pytest.raises(ClientClosedError):
        client.nudge("glue:etl/jr_1")


async def test_what_is_no_source_is_refused(client: JobRunsClient, local: LocalService) -> None:
    url: Any = "https://sqs.us-east-1.amazonaws.com/1/q"
    with pytest.raises(InvalidRequestError, match="events must be a source of events, such as SqsEvents"):
        client.listening(url)
    listening = client.listening(Scheduled(local.clock))
    async with listening:
        pass
    with pytest.raises(InvalidRequestError, match="entered once"):
        async with listening:
            pass


async def test_a_new_run_of_an_application_joins_its_watch_at_once(local: LocalService, client: JobRunsClient) -> None:
    source = Scheduled(local.clock)
    async with client.listening(source):
        watch = client.watch(EMR, timeout=3 * HOUR)
        coming = asyncio.ensure_future(anext(watch))
        await local.clock.sleep(100)
        ref = begun(local, EMR, duration=MINUTE)
        local.fault("emr-serverless:ListJobRuns", "stale_list", times=None, seconds=1000)
        source.add(local.clock.monotonic() + 20, Hint(ref, tells_end=False))
        change = await coming
        assert (change.run.ref, change.before, change.after) == (ref, None, RunState.RUNNING)
        assert local.clock.monotonic() < 121
        assert local.calls("emr-serverless:GetJobRun") == 1
        source.add(161, Hint(ref))
        assert (await anext(watch)).after is RunState.SUCCEEDED
        assert local.clock.monotonic() < 162
        # It comes once more, and late, when nobody follows the run any more.
        source.add(200, Hint(ref))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(watch), 0.05)
        await watch.aclose()


async def test_an_event_of_a_run_that_had_ended_before_the_watch_brings_nothing(
    local: LocalService, client: JobRunsClient
) -> None:
    old = begun(local, EMR, state="SUCCESS", ended_at=local.clock.now() - MINUTE)
    source = Scheduled(local.clock, [(50, Hint(old)), (60, Hint(RunRef(old.job, "00f999")))])
    async with client.listening(source):
        watch = client.watch(EMR, timeout=2 * MINUTE)
        with pytest.raises(WaitTimeoutError):
            await anext(watch)


async def test_watches_of_glue_jobs_go_on_to_look_for_new_runs(local: LocalService, client: JobRunsClient) -> None:
    async with client.listening(Scheduled(local.clock, tells=tells_ends)):
        watch = client.watch(GLUE, timeout=3 * HOUR)
        coming = asyncio.ensure_future(anext(watch))
        await local.clock.sleep(100)
        begun(local, GLUE)
        await coming
        assert local.clock.monotonic() < 115
        await watch.aclose()


async def test_a_profile_of_the_client_is_found_by_the_run_alone(local: LocalService) -> None:
    local.add_application("00f1", duration=50 * MINUTE, startup=timedelta(0))
    ref = begun(local, EMR, duration=200 * SECOND)
    named = RunRef.parse(f"{EMR}/{ref.run_id}?region=us-east-1&profile=prod")
    async with (
        client_of(local, sessions={"prod": local.session()}) as client,
        client.listening(Scheduled(local.clock, [(200.5, Hint(ref))])),
    ):
        assert (await client.wait(named, timeout=HOUR)).succeeded
    assert local.clock.monotonic() < 201


def test_threads_without_an_event_loop_listen_as_well() -> None:
    with LocalService(auto_advance=False) as local:
        local.add_application("00f1", duration=200 * SECOND, startup=timedelta(0))
        ref = begun(local, EMR)
        source = Scheduled(local.clock, [(200, Hint(ref))])
        with local.sync_client() as client, client.listening(source) as listening, ThreadPoolExecutor() as threads:
            waiting = threads.submit(client.wait, ref, timeout=HOUR)
            while not (local.calls("GetJobRun") and listening.is_hearing):
                waiting.done()
            local.advance(200)
            assert waiting.result().succeeded
        assert local.calls("GetJobRun") == 2


def test_an_error_of_a_source_is_raised_where_a_block_of_threads_ends() -> None:
    with LocalService() as local, local.sync_client() as client:
        local.add_application("00f1", duration=MINUTE)
        listening = client.listening(Scheduled(local.clock, [(5, KeyError("a bug"))]))
        listening.__enter__()
        assert client.wait(begun(local, EMR), timeout=HOUR).succeeded
        with pytest.raises(KeyError, match="a bug"):
            listening.__exit__(None, None, None)


async def test_the_end_of_a_block_wakes_nobody_of_whom_it_did_not_hear(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, EMR, duration=3 * HOUR)
    async with client.listening(Scheduled(local.clock, tells=lambda _: None)) as listening:
        waiting = asyncio.ensure_future(client.wait(ref, timeout=2 * HOUR))
        await local.clock.sleep(7.5)
        assert listening.is_hearing
    await local.clock.sleep(1)
    assert looks(local) == [0]
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_hints_are_remembered_ten_thousand_at_a_time(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR)
    first = Hint(ref, tells_end=False)
    other = RunRef(ref.job, "00f999")
    many = [(20.0, Hint(other, tells_end=False, tells_change=False)) for _ in range(10_000)]
    source = Scheduled(local.clock, [(10, first), (15, first), *many, (30, first)])
    async with client.listening(source):
        with pytest.raises(WaitTimeoutError):
            await client.wait(ref, timeout=MINUTE, on_poll=lambda _: None)
    assert looks(local) == [0, 10, 30]


async def test_an_error_that_hides_a_run_lets_it_be_looked_for_again(
    local: LocalService, client: JobRunsClient
) -> None:
    ref = begun(local, EMR, duration=100 * SECOND)
    local.fault("GetJobRun", "error", code="ValidationException", status=400, after=1, times=1)
    async with client.listening(Scheduled(local.clock, [(100, Hint(ref))])):
        assert (await client.wait(ref, timeout=HOUR)).succeeded
    assert looks(local) == [0, 100, 101]


async def test_many_new_runs_of_an_application_are_listed_and_not_got_one_by_one(
    local: LocalService, client: JobRunsClient
) -> None:
    source = Scheduled(local.clock)
    async with client.listening(source):
        watch = client.watch(EMR, timeout=3 * HOUR)
        coming = asyncio.ensure_future(anext(watch))
        await local.clock.sleep(100)
        refs = [begun(local, EMR) for _ in range(9)]
        for ref in refs:
            source.add(local.clock.monotonic() + 5, Hint(ref, tells_end=False))
        changes = [await coming, *[await anext(watch) for _ in range(8)]]
        assert {change.run.ref for change in changes} == set(refs)
        assert local.clock.monotonic() < 106
        assert local.calls("emr-serverless:ListJobRuns") <= 2
        await watch.aclose()


async def told(watch: Watch, local: LocalService, seconds: float) -> list[StateChange]:
    """Return the changes of the next seconds."""
    changes: list[StateChange] = []

    async def read() -> None:
        async for change in watch:
            changes.append(change)  # noqa: PERF401  # they are wanted when the reading is cancelled

    reading = asyncio.ensure_future(read())
    await local.clock.sleep(seconds)
    reading.cancel()
    await asyncio.wait([reading])
    return changes


async def test_an_application_is_listed_every_ten_minutes_while_its_changes_are_heard(
    local: LocalService, client: JobRunsClient
) -> None:
    async with client.listening(Scheduled(local.clock)):
        watch = client.watch(EMR, timeout=3 * HOUR)
        await told(watch, local, 30)
        local.forget_requests()
        await told(watch, local, 1800)
        assert local.calls("ListJobRuns") == 3
        await watch.aclose()


async def test_an_event_that_is_hours_late_tells_of_no_run_again(local: LocalService, client: JobRunsClient) -> None:
    source = Scheduled(local.clock)
    async with client.listening(source):
        watch = client.watch(EMR, timeout=9 * HOUR)
        await told(watch, local, 10)
        first = begun(local, EMR, duration=MINUTE)
        source.add(20, Hint(first, tells_end=False))
        source.add(80, Hint(first))
        assert [change.after for change in await told(watch, local, 100)] == [RunState.RUNNING, RunState.SUCCEEDED]
        local.forget_requests()
        source.add(local.clock.monotonic() + 1, Hint(first, tells_end=False))
        assert await told(watch, local, 10) == []
        assert local.calls("GetJobRun") == 0  # it is known
        await told(watch, local, 2 * 3600)
        second = begun(local, EMR, duration=5 * HOUR)
        assert [change.run.ref for change in await told(watch, local, 1300)] == [second]
        source.add(local.clock.monotonic() + 1, Hint(first))
        assert await told(watch, local, 60) == []
        await watch.aclose()


async def test_an_event_during_a_look_lets_its_run_be_looked_for_after_it(
    local: LocalService, client: JobRunsClient
) -> None:
    async with client.listening(Scheduled(local.clock)):
        watch = client.watch(EMR, timeout=3 * HOUR)
        coming = asyncio.ensure_future(anext(watch))
        await local.clock.sleep(30)
        local.forget_requests()
        local.fault("ListJobRuns", "delay", seconds=0.3)  # the answer is as of the time when the request came
        sleeping = asyncio.ensure_future(local.clock.sleep(1200))
        await until(lambda: local.calls("ListJobRuns") == 1)
        ref = begun(local, EMR)
        client.nudge(ref)
        assert (await coming).run.ref == ref
        assert local.clock.monotonic() < 630
        sleeping.cancel()
        await asyncio.wait([sleeping])
        await watch.aclose()


async def test_an_application_is_listed_as_usual_when_listening_has_ended(
    local: LocalService, client: JobRunsClient
) -> None:
    watch = client.watch(EMR, timeout=3 * HOUR)
    async with client.listening(Scheduled(local.clock)):
        coming = asyncio.ensure_future(anext(watch))
        await local.clock.sleep(100)
    await local.clock.sleep(5)
    ref = begun(local, EMR)
    assert (await coming).run.ref == ref
    assert local.clock.monotonic() < 130
    await watch.aclose()


async def test_a_source_that_does_not_wait_is_asked_less_and_less_often(
    local: LocalService, client: JobRunsClient
) -> None:
    class Hasty(Scheduled):
        async def receive(self) -> list[RunHint]:
            self.asked.append(local.clock.monotonic())
            return []

    source = Hasty(local.clock)
    async with client.listening(source):
        await local.clock.sleep(600)
    assert 25 < len(source.asked) < 45


async def test_a_watch_that_was_interrupted_misses_no_event(local: LocalService, client: JobRunsClient) -> None:
    ref = begun(local, EMR, duration=100 * SECOND)
    source = Scheduled(local.clock, [(100.5, Hint(ref))])
    async with client.listening(source):
        watch = client.watch(ref, timeout=HOUR)
        assert (await anext(watch)).after is RunState.RUNNING
        assert await told(watch, local, 50) == []
        await local.clock.sleep(60)  # nobody reads the watch when the event comes
        assert [change.after for change in await told(watch, local, 1)] == [RunState.SUCCEEDED]
        await watch.aclose()
