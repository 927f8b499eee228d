"""The synchronous face against the local service: the same answers, and nothing left behind."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, Final

import pytest

from jobruns_sdk import (
    CallTimeoutError,
    ClientClosedError,
    InvalidRequestError,
    JobRun,
    JobRunsError,
    NotFoundError,
    ResponseFormatError,
    RunState,
    ServiceUnavailableError,
    StateChange,
    ThrottledError,
    TransportError,
    UnsupportedOperationError,
    WaitTimeoutError,
)
from jobruns_sdk.sync import JobRunsClient, Walk
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.fanout.kit import SERVICE, Job, client_of, memory_client
from tests.sync.conftest import JOBS, SESSION, others
from tests.unit.values import CANARY

HOUR: Final = timedelta(hours=1)


async def test_every_answer_is_that_of_the_asynchronous_face(local: LocalService) -> None:
    async with client_of(local) as asynchronous:
        expected = [await asynchronous.handle(job).runs().collect() for job in JOBS]
        merged = await asynchronous.runs(JOBS).collect()
        run = next(run for run in merged if run.attempt == 3)
        attempts = await asynchronous.attempts(run).collect()
        jobs = await asynchronous.jobs("glue").collect()
        one = await asynchronous.run(run)

    def read(client: JobRunsClient) -> None:
        assert [list(client.handle(job).runs()) for job in JOBS] == expected
        assert list(client.runs(JOBS)) == client.runs(JOBS).collect() == merged
        assert [item for page in client.runs(JOBS).by_page() for item in page.items] == merged
        assert client.runs(JOBS).first() == merged[0]
        assert {run.ref: run for run in client.changes(JOBS)} == {run.ref: run for run in merged}
        assert list(client.attempts(run)) == attempts
        assert client.run(run) == client.glue("nightly-etl").run(run.id) == one
        assert [job.ref for job in client.jobs("glue")] == [job.ref for job in jobs]
        assert client.job("glue:nightly-etl").ref == jobs[0].ref
        assert others(client) == 0

    with local.sync_client(session=SESSION, quotas=None) as client:
        read(client)  # inside a running event loop, as in a notebook
        await asyncio.to_thread(read, client)


def test_jobs_may_be_handles_pages_or_a_generator(client: JobRunsClient, local: LocalService) -> None:
    glue = client.glue("nightly-etl")
    runs = glue.runs().collect()
    local.forget_requests()
    discovered = client.runs(client.jobs("glue"))
    assert local.calls() == 0  # nor are the jobs asked for before it is iterated
    assert list(discovered) == runs
    assert list(client.runs(job.ref for job in client.jobs("glue"))) == runs
    assert list(client.runs([glue])) == list(client.runs(glue)) == runs
    assert client.wait_all((run.ref for run in glue.runs(limit=2)), timeout=HOUR) == runs[:2]
    assert client.wait_all(glue.runs(limit=2), timeout=HOUR) == runs[:2]
    outcomes = client.stop(glue.runs(limit=2))
    assert [outcome.ref for outcome in outcomes] == [run.ref for run in runs[:2]]


def test_a_walk_stops_in_the_middle_of_a_page_and_goes_on_from_its_cursor(client: JobRunsClient) -> None:
    runs = client.runs(JOBS).collect()
    with client.runs(JOBS).open() as walk:
        first = [next(walk) for _ in range(5)]
        cursor = walk.cursor
        assert walk.report.rows >= 5
        page = walk.next_page()
        assert page is not None
        assert page.items[0] == runs[5]
    assert list(walk) == []
    assert [*first, *client.runs(JOBS, cursor=cursor)] == runs
    assert others(client) == 0


def test_each_loop_starts_afresh_and_a_limit_holds(client: JobRunsClient) -> None:
    pages = client.glue("nightly-etl").runs(limit=3, page_size=2)
    assert len(list(pages)) == len(list(pages)) == 3


def test_start_wait_watch_and_stop(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("hourly", duration=HOUR)
    job = client.glue("hourly")
    seen: list[JobRun[Any]] = []
    run = client.wait(job.start(idempotency_key="a"), timeout=2 * HOUR, on_poll=seen.append)
    assert run.succeeded
    assert seen[-1] == run
    changes = list(client.watch([job.start()], timeout=2 * HOUR))
    assert [change.after for change in changes][-1] is RunState.SUCCEEDED
    (outcome,) = job.stop([job.start().run_id])
    assert outcome.accepted
    with pytest.raises(WaitTimeoutError):
        client.wait(job.start(), timeout=HOUR / 60)
    assert others(client) == 0


def test_a_callback_that_nobody_would_await_is_refused(client: JobRunsClient, local: LocalService) -> None:
    async def lost(_: object) -> None: ...

    calls: dict[str, Callable[[], object]] = {
        "on_error": lambda: client.runs(JOBS, on_error=lost),
        "progress": lambda: client.runs(JOBS, progress=lost),
        "on_poll": lambda: client.wait("glue:nightly-etl/jr_0", timeout=HOUR, on_poll=lost),
    }
    for name, call in calls.items():
        with pytest.raises(InvalidRequestError, match=f"^{name} must be .*not a coroutine function"):
            call()
    assert local.calls() == 0


def test_an_error_takes_the_place_of_a_run_that_is_not_there(client: JobRunsClient) -> None:
    (found,) = client.wait_all(["glue:nightly-etl/jr_none"], timeout=HOUR, return_exceptions=True)
    assert isinstance(found, NotFoundError)


def test_bookmarks_and_dashboards(client: JobRunsClient, local: LocalService) -> None:
    assert client.glue("nightly-etl").bookmark() is None
    with pytest.raises(NotFoundError):
        client.glue("nightly-etl").reset_bookmark()
    app = client.emr_serverless("00f1abcdefgh0909")
    assert app.dashboard_url("00f0000000000000").startswith("https://")
    assert local.calls("GetDashboardForJobRun") == 1


FAULTS: Final[list[tuple[FaultKind, type[JobRunsError]]]] = [
    ("throttle", ThrottledError),
    ("error500", ServiceUnavailableError),
    ("html503", ServiceUnavailableError),
    ("reset_after", TransportError),
    ("truncate", TransportError),
    ("silence", CallTimeoutError),
    ("wrong_content", ResponseFormatError),
]
READS: Final[list[Callable[[JobRunsClient], object]]] = [
    lambda client: client.run(f"{JOBS[1]}/00f0000000000000"),
    lambda client: list(client.emr_serverless("00f1abcdefgh0909").runs()),
    lambda client: client.runs(JOBS).collect(),
    lambda client: list(client.attempts(f"{JOBS[1]}/00f0000000000000")),
    lambda client: list(client.emr_serverless("00f1abcdefgh0909").runs().by_page()),
    lambda client: client.job(JOBS[1]),
]


@pytest.mark.parametrize(("kind", "error"), FAULTS)
@pytest.mark.parametrize("read", READS, ids=["run", "runs", "merged", "attempts", "by_page", "job"])
def test_a_fault_is_the_error_that_it_is_elsewhere(
    local: LocalService, kind: FaultKind, error: type[JobRunsError], read: Callable[[JobRunsClient], object]
) -> None:
    patience = 0.2 if kind == "silence" else 60.0  # so short that the other services might not answer in time either
    local.fault("*" if kind == "silence" else "emr-serverless:*", kind, times=None)
    with local.sync_client(session=SESSION, quotas=None, max_attempts=2, call_timeout=patience) as client:
        with pytest.raises(error) as caught:
            read(client)
        assert kind == "silence" or caught.value.service == "emr-serverless"
        assert CANARY not in f"{caught.value!r}"
        assert others(client) == 0
        local.clear_faults()
        if kind != "silence":
            assert len(client.runs(JOBS).collect()) == 27


def test_one_in_five_answers_throttled_loses_nothing(client: JobRunsClient, local: LocalService) -> None:
    for after in range(0, 40, 5):
        local.fault("*", "throttle", after=after)
    assert len(list(client.runs(JOBS, page_size=2))) == 27


def test_what_is_not_open_says_so(local: LocalService) -> None:
    client = local.sync_client(session=SESSION)
    with pytest.raises(ClientClosedError, match="the client is not open: use it inside `with`"):
        client.runs(JOBS).collect()
    with client:
        pages, walk = client.runs(JOBS), client.runs(JOBS).open()
        next(walk)
    for use in (client.runs(JOBS).collect, pages.first, lambda: list(pages), lambda: next(walk), client.__enter__):
        with pytest.raises(ClientClosedError):
            use()
    walk.close()
    client.close()


class Left(Exception):  # noqa: N818  # it is no error
    """What a consumer raises."""


def _break(runs: Iterable[object]) -> None:
    for _ in runs:
        break


def _raise(runs: Iterable[object]) -> None:
    with pytest.raises(Left):  # noqa: PT012  # the loop is what is left
        for _ in runs:
            raise Left


def _drop(runs: Iterable[object]) -> None:
    next(iter(runs))


@pytest.fixture
def memory() -> Job:
    return Job("a", range(0, -30, -1))


@pytest.fixture
def memory_sync(memory: Job) -> JobRunsClient:
    """A client of jobs in memory, which needs not be opened."""
    client = JobRunsClient(session=SESSION, region_name="eu-west-1")
    client.carried = memory_client([memory])
    return client


@pytest.mark.parametrize("leave", [_break, _raise, _drop])
@pytest.mark.parametrize("open_walk", [False, True])
def test_leaving_early_ends_what_is_under_way(
    memory: Job, memory_sync: JobRunsClient, leave: Callable[[Iterable[object]], None], *, open_walk: bool
) -> None:
    memory.withheld = {"0:a-2"}  # the second page, which is fetched ahead, never comes
    pages = memory_sync.runs([memory.ref])
    leave(pages.open() if open_walk else pages)
    assert others(memory_sync) == 0
    assert (memory.under_way, len(memory.asked)) == (0, 2)
    memory_sync.close()


def test_closing_the_client_ends_what_other_threads_wait_for(memory: Job, memory_sync: JobRunsClient) -> None:
    memory.withheld = {None}
    began = threading.Event()

    def read() -> object:
        began.set()
        return memory_sync.runs([memory.ref]).collect()

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(read)
        assert began.wait(10)
        memory_sync.close()
        with pytest.raises(ClientClosedError):
            waiting.result(10)
    assert memory.under_way == 0


def test_an_interrupt_ends_the_call_and_nothing_else(memory: Job, memory_sync: JobRunsClient) -> None:
    memory.withheld = {None}
    waiting = threading.Event()
    walk = memory_sync.runs([memory.ref]).open()

    def interrupt() -> None:
        while not memory.under_way:
            waiting.wait(0.001)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        next(walk)
    thread.join()
    assert memory.under_way == 0
    memory.withheld = ()
    assert len(list(walk)) == 30
    memory_sync.close()


def test_a_callback_cannot_call_the_client(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("hourly", duration=HOUR)

    def call(run: JobRun[Any]) -> None:
        client.run(run)

    with pytest.raises(UnsupportedOperationError, match="callback"):
        client.wait(client.glue("hourly").start(), timeout=2 * HOUR, on_poll=call)
    assert others(client) == 0


def test_the_runs_of_a_list_call_are_stopped_and_waited_for(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("hourly", duration=HOUR)
    hourly = client.glue("hourly")
    ref = hourly.start()
    assert [outcome.ref for outcome in client.stop(hourly.runs())] == [ref]
    assert [run.ref for run in client.wait_all(hourly.runs(), timeout=HOUR)] == [ref]
    assert [run.ref for run in client.wait_all(ref, timeout=HOUR)] == [ref]


def test_leaving_a_watch_ends_it(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("hourly", duration=HOUR)
    changes: list[StateChange] = []
    watch = client.watch([client.glue("hourly"), client.glue("hourly").start()], timeout=None)
    changes.append(next(watch))
    watch.close()
    assert others(client) == 0
    calls = local.calls()
    local.advance(HOUR)
    assert (local.calls(), len(changes)) == (calls, 1)


def test_arguments_are_checked_at_the_call(client: JobRunsClient) -> None:
    with pytest.raises(InvalidRequestError):
        client.glue("nightly-etl").runs(limit=0)
    with pytest.raises(InvalidRequestError):
        client.watch(["glue:nightly-etl/a/b"], timeout=None)
    with pytest.raises(UnsupportedOperationError):
        client.jobs("datazone")


def test_an_adapter_of_ones_own_is_carried_too(memory: Job, memory_sync: JobRunsClient) -> None:
    handle = memory_sync.handle(memory.ref)
    assert (handle.ref.service, len(list(handle.runs()))) == (SERVICE, 30)
    assert handle.run("a-3").message == "full"
    memory_sync.close()


def test_nothing_secret_shows(client: JobRunsClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        glue = client.glue("nightly-etl")
        pages = glue.runs()
        shown = [repr(client), repr(glue), repr(pages), repr(pages.open()), repr(pages.collect()), repr(client.bridge)]
        glue.start(arguments={"--password": CANARY})
        with pytest.raises(NotFoundError) as caught:
            client.glue("none").start(arguments={"--password": CANARY})
    names = {record.name for record in caplog.records if CANARY in record.getMessage()}
    assert CANARY not in "".join([*shown, repr(caught.value), str(caught.value)])
    assert not {name for name in names if name.startswith("jobruns_sdk")}


def test_a_walk_that_is_dropped_with_its_client_says_nothing(local: LocalService) -> None:
    with local.sync_client(session=SESSION) as client:
        walk: Walk[object] = client.runs(JOBS, page_size=2).open()
        next(walk)
    del walk
