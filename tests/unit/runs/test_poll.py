"""The poller that all waits of a client share, over a service that answers from memory."""

import asyncio
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest

from jobruns_sdk import JobRef, JobRun, Service, run_from_response
from jobruns_sdk.errors import (
    CallTimeoutError,
    CredentialsError,
    JobRunsError,
    ResponseFormatError,
    ThrottledError,
)
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.testing import VirtualClock
from jobruns_sdk.transport.operation import Operation, Reply

STARTED: Final = 1767600000.0
RUN: Final = run_from_response("glue", {"Id": "a", "JobName": "etl", "JobRunState": "RUNNING"})


class Memory:
    """Glue with runs that are listed, and others that can only be got."""

    def __init__(self, listed: list[str], hidden: list[str]) -> None:
        self.listed = listed
        self.hidden = hidden
        self.calls: Counter[str] = Counter()
        self.errors: dict[str, JobRunsError] = {}
        self.newer: set[str] = set()  # operations that tell what has become of a run
        self.changed: tuple[int | None, int | None] = (10, 30)  # when it came to each state, if that is told

    async def __call__(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        self.calls[operation.name] += 1
        await asyncio.sleep(0)
        if operation.name in self.errors:
            raise self.errors[operation.name]
        if operation.name == "GetJobRuns":
            return Reply(msgspec.json.encode({"JobRuns": [self._run(name, operation.name) for name in self.listed]}))
        if operation.name == "GetJob":
            return Reply(msgspec.json.encode({"Job": {"MaxRetries": 3}}))
        return Reply(msgspec.json.encode({"JobRun": self._run(str(params["RunId"]), operation.name)}))

    def _run(self, name: str, told_by: str) -> dict[str, object]:
        is_newer = told_by in self.newer
        changed = self.changed[is_newer]
        told = {} if changed is None else {"LastModifiedOn": STARTED + changed}
        return {"Id": name, "JobRunState": "STOPPING" if is_newer else "RUNNING", "StartedOn": STARTED, **told}


def setting(listed: list[str], hidden: list[str]) -> tuple[Memory, VirtualClock, Poller, GlueJob]:
    memory, clock = Memory(listed, hidden), VirtualClock(auto_advance=False)
    job = GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), memory)
    return memory, clock, Poller(clock, lambda _: 0.05), job


@pytest.mark.parametrize("changed", [(10, 30), (10, 10), (None, None)])
@pytest.mark.parametrize("newer", ["GetJobRun", "GetJobRuns"])
async def test_an_answer_that_lags_behind_another_one_does_not_take_a_run_back(
    newer: str, changed: tuple[int | None, int | None]
) -> None:
    memory, clock, poller, job = setting(["a", "b", "c"], [])
    memory.newer.add(newer)
    memory.changed = changed

    async def state() -> str:
        seen = await poller.poll(job, "a", 10)
        assert isinstance(seen, JobRun)
        return seen.native_state

    with poller.watching(job, ["a", "b", "c"]):
        states = [await state()]
        poller.nudge(job.ref.run("a"))  # it is got now
        for _ in range(3):
            states.append(await state())
            clock.advance(10)
            memory.listed = memory.listed[1:] if newer == "GetJobRuns" else memory.listed
    assert states == ["RUNNING" if newer == "GetJobRun" else "STOPPING", "STOPPING", "STOPPING", "STOPPING"]
    assert memory.calls["GetJobRun"]


async def test_a_list_that_lags_behind_the_row_of_another_one_does_not_take_a_run_back() -> None:
    memory, clock, poller, job = setting(["a", "b", "c"], [])
    memory.newer.add("GetJobRun")
    stopping = await job.run("a")
    with poller.watching(job, ["a", "b", "c"]):
        poller.note(job, stopping, 0.0)
        clock.advance(10)
        seen = await poller.poll(job, "a", 10)
        assert isinstance(seen, JobRun)
        assert (seen.native_state, memory.calls["GetJobRuns"]) == ("STOPPING", 1)


async def test_what_a_watch_has_told_holds_against_what_another_has_seen_since() -> None:
    memory, _, poller, job = setting(["a"], [])
    running = await job.run("a")
    memory.newer.add("GetJobRun")
    stopping = await job.run("a")
    memory.calls.clear()
    with poller.watching(job, ["a"]):
        poller.note(job, running, 0.0)
        poller.recall(job, stopping)
        seen = await poller.poll(job, "a", 10)
        assert isinstance(seen, JobRun)
        assert (seen.native_state, memory.calls.total()) == ("STOPPING", 0)


async def test_one_look_serves_all_that_wait_and_is_fresh_for_half_an_interval() -> None:
    memory, clock, poller, job = setting(["a", "b", "c"], [])
    with poller.watching(job, ["a", "b", "c"]):
        seen = await asyncio.gather(*(poller.poll(job, run, 10) for run in ("a", "b", "c")))
        assert [run.id for run in seen if isinstance(run, JobRun)] == ["a", "b", "c"]
        assert memory.calls == Counter(GetJobRuns=1)
        clock.advance(4.9)
        await poller.poll(job, "b", 10)
        assert memory.calls == Counter(GetJobRuns=1)
        clock.advance(0.1)
        await poller.poll(job, "b", 10)
        await poller.poll(job, "c", 10)
        assert memory.calls == Counter(GetJobRuns=2)


async def test_looks_are_no_closer_than_what_they_cost() -> None:
    memory, clock, _, job = setting([], ["a"])
    poller = Poller(clock, lambda _: 30.0)
    with poller.watching(job, ["a"]):
        await poller.poll(job, "a", 10)
        assert poller.quota_time(job) == 30
        clock.advance(29)
        await poller.poll(job, "a", 10)
        assert memory.calls.total() == 1
        clock.advance(1)
        await poller.poll(job, "a", 10)
        assert memory.calls.total() == 2
    assert poller.quota_time(job) == 0


async def test_a_run_that_is_not_listed_is_got_and_looked_for_ever_more_seldom() -> None:
    memory, clock, poller, job = setting(["a", "b", "c"], ["old"])
    runs = ["a", "b", "c", "old"]
    lists: list[float] = []
    with poller.watching(job, ["old", "older"]):
        for _ in range(200):
            before = memory.calls["GetJobRuns"]
            await poller.poll(job, "old", 10)
            if memory.calls["GetJobRuns"] > before:
                lists.append(clock.monotonic())
            clock.advance(10)
    assert lists == [0, 60, 180, 420, 900, 1860]
    assert memory.calls["GetJobRun"] == 2 * 200
    memory.calls.clear()
    with poller.watching(job, runs):
        for _ in range(5):
            await poller.poll(job, "a", 10)
            clock.advance(10)
    assert memory.calls == Counter(GetJobRuns=5, GetJobRun=5)


async def test_errors_are_observations_of_those_whom_they_concern() -> None:
    memory, clock, poller, job = setting(["a", "b"], [])
    with poller.watching(job, ["a", "b"]):
        memory.errors["GetJobRuns"] = ThrottledError("slow down")
        assert isinstance(await poller.poll(job, "a", 10), ThrottledError)
        assert isinstance(await poller.poll(job, "b", 10), ThrottledError)
        assert memory.calls == Counter(GetJobRuns=1)
        memory.errors["GetJobRuns"] = JobRunsError("no")
        clock.advance(10)
        assert isinstance(await poller.poll(job, "a", 10), JobRun)
        assert memory.calls == Counter(GetJobRuns=2, GetJobRun=2)


async def test_nobody_is_watched_longer_than_somebody_waits() -> None:
    memory, clock, poller, job = setting(["a", "b"], [])
    with poller.watching(job, ["a", "b"]), poller.watching(job, ["a"]):
        await poller.poll(job, "a", 10)
    with poller.watching(job, ["a"]):
        clock.advance(10)
        memory.calls.clear()
        await poller.poll(job, "a", 10)
        assert memory.calls == Counter(GetJobRun=1)
    with pytest.raises(KeyError):
        await poller.poll(job, "a", 10)


async def test_who_is_cancelled_while_looking_for_all_leaves_the_look_to_the_next() -> None:
    memory, _, poller, job = setting(["a", "b"], [])
    with poller.watching(job, ["a", "b"]):
        first = asyncio.ensure_future(poller.poll(job, "a", 10))
        second = asyncio.ensure_future(poller.poll(job, "b", 10))
        for _ in range(2):
            await asyncio.sleep(0)
        first.cancel()
        assert isinstance(await second, JobRun)
        assert first.cancelled()
    assert memory.calls["GetJobRuns"] == 2


@pytest.mark.parametrize("kind", [ThrottledError, CallTimeoutError, CredentialsError, ResponseFormatError])
async def test_retries_are_asked_for_once_unless_that_failed_for_the_moment(kind: type[JobRunsError]) -> None:
    memory, clock, poller, job = setting(["a"], [])
    with poller.watching(job, ["a"]):
        memory.errors["GetJob"] = kind("not now")
        assert await asyncio.gather(*(poller.facts.retry_limit(job) for _ in range(5))) == [sys.maxsize] * 5
        memory.errors.clear()
        clock.advance(5)
        assert await asyncio.gather(*(poller.facts.retry_limit(job) for _ in range(5))) == [3] * 5
        assert not await poller.facts.is_streaming(job, RUN)
        assert memory.calls["GetJob"] == 2


async def test_what_was_listed_is_as_old_as_the_list_however_long_the_gets_take() -> None:
    memory, clock, poller, job = setting(["a", "b"], ["x"])

    async def slowly(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        if operation.name == "GetJobRun":
            clock.advance(17)
        return await memory(operation, params)

    job = GlueJob(job.ref, slowly)
    with poller.watching(job, ["a", "b", "x"]):
        await poller.poll(job, "a", 10)
        assert memory.calls == Counter(GetJobRuns=1, GetJobRun=1)
        assert [poller.age(job, run) for run in ("a", "b", "x")] == [17, 17, 0]
        await poller.poll(job, "b", 10)  # the poll was over just now, and serves all
        assert memory.calls == Counter(GetJobRuns=1, GetJobRun=1)
        clock.advance(20)
        await poller.poll(job, "a", 10)  # "x" is known not to be listed: it is got first, and the list is new
        assert memory.calls == Counter(GetJobRuns=2, GetJobRun=2)
        assert [poller.age(job, run) for run in ("a", "b", "x")] == [0, 0, 0]


async def test_waits_that_a_round_has_woken_do_not_wake_each_other_for_ever() -> None:
    memory, clock = Memory(["a", "b", "c", "d"], []), VirtualClock()

    async def slowly(operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        await clock.sleep(0.15)
        return await memory(operation, params)

    poller = Poller(clock, lambda _: 1e-6)
    job = GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), slowly)

    async def wait(run: str, begins: float) -> None:
        await clock.sleep(begins)
        began = polled = clock.monotonic()
        with poller.watching(job, [run]):
            interval, woken = 10.0, False
            while clock.monotonic() < 600:
                await poller.poll(job, run, interval, since=began, woken=woken)
                polled = clock.monotonic()
                woken = await poller.pause(job, run, 10)
                interval = clock.monotonic() - polled

    # The first poll of c ends as the round of a begins, which has no need to see it again, and wakes it all the same.
    await asyncio.gather(wait("a", 0), wait("b", 3), wait("c", 10.05), wait("d", 20.1))
    assert memory.calls["GetJobRuns"] <= 62
    assert memory.calls["GetJobRun"] <= 6
