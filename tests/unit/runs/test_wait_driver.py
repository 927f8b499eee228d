"""The driver around the pure core of waiting: when it looks, whom it asks, and what it says at the end."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, Literal

import attrs
import msgspec
import pytest

from jobruns_sdk import InvalidRequestError, JobRef, JobRun, RunRef, RunState, StopOutcome
from jobruns_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    JobRunsError,
    NotFoundError,
    ThrottledError,
    UnsupportedOperationError,
)
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import WaitTimeoutError
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.runs.wait import WaitRules, Waits
from jobruns_sdk.services.handle import Follows, Polling
from jobruns_sdk.testing import VirtualClock
from jobruns_sdk.transport.operation import Operation

START: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
JOB: Final = JobRef("glue", "etl", "eu-west-1")
GRACE: Final = 25
STEADY: Final = PollIntervals(
    poll_interval=timedelta(seconds=10), max_poll_interval=timedelta(seconds=10), retry_grace=timedelta(seconds=GRACE)
)
GROWING: Final = PollIntervals(poll_interval=timedelta(seconds=10), max_poll_interval=timedelta(minutes=10))
READ: Final = Operation("glue", "GetJobRun", msgspec.json.Decoder(Native), {})
NEVER: Final = timedelta(days=1)


def seen(state: str, attempt: int = 1, ended: float | None = None) -> JobRun[Native]:
    ended_at = None if ended is None else START + timedelta(seconds=ended)
    return JobRun(
        JOB, "jr_1", None, RunState(state), state, None, attempt, START, START, None, ended_at, None, None, Native()
    )


RUNNING: Final = seen("RUNNING")
DONE: Final = seen("SUCCEEDED")
THROTTLED: Final = ThrottledError("slow down")


class Story:
    """A job with one run, which is found as told from that many seconds on; `looks` are the seconds at which it was."""

    def __init__(self, told: Mapping[float, JobRun[Native] | JobRunsError]) -> None:
        self.ref = JOB
        self.polling = Polling(READ, READ, 200, thin=False)
        self.clock = VirtualClock(START)
        self.told = told
        self.looks: list[float] = []
        self.polled: list[JobRun[Native]] = []
        self.failed: list[JobRunsError] = []

    async def run(self, run_id: str) -> JobRun[Native]:
        assert run_id == "jr_1"
        now = self.clock.monotonic()
        self.looks.append(round(now, 6))
        (*_, found) = (found for since, found in self.told.items() if since <= now)
        if isinstance(found, JobRunsError):
            raise found
        return found

    def run_ref(self, run_id: str) -> RunRef:
        return JOB.run(run_id)

    def runs(self, **_: Any) -> Pages[JobRun[Native]]:  # noqa: ANN401  # nobody lists a single run
        raise NotImplementedError

    def survey(self, since: datetime | None) -> Pages[JobRun[Native]]:
        raise NotImplementedError


class Retried(Story):
    """A job whose failed runs are tried again, as often as `limit` says."""

    def __init__(self, told: Mapping[float, JobRun[Native] | JobRunsError], limit: int | None) -> None:
        super().__init__(told)
        self.limit = limit
        self.asked = 0

    async def retry_limit(self) -> int | None:
        self.asked += 1
        return self.limit


class Stream(Story):
    """A job of which it takes a call to know whether its runs go on for ever; `answers` are what it brings."""

    def __init__(self, told: Mapping[float, JobRun[Native]], *answers: bool | JobRunsError) -> None:
        super().__init__(told)
        self.answers = list(answers)

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        assert run.id == "jr_1"
        answer = self.answers.pop(0)
        if isinstance(answer, JobRunsError):
            raise answer
        return answer


class Stoppable(Story):
    """A job that takes or refuses to stop a run."""

    refusal: JobRunsError | None = None

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        assert (list(run_ids), grace_period) == (["jr_1"], None)
        return [StopOutcome(JOB.run("jr_1"), self.refusal is None, self.refusal)]


async def waited(
    story: Story,
    pace: PollIntervals = STEADY,
    *,
    timeout: timedelta | None = NEVER,
    unseen_for: timedelta | None = None,
    on_timeout: Literal["leave", "stop"] = "leave",
    quota: float = 0.05,
) -> JobRun[Native]:
    """Wait for the run of a story; a call costs so many seconds of the quota."""
    handle: Follows = story
    rules = WaitRules(
        pace=pace,
        timeout=timeout,
        unseen_for=unseen_for,
        on_timeout=on_timeout,
        on_poll=story.polled.append,
        on_failed_poll=story.failed.append,
    )
    return await waits(Poller(story.clock, lambda _: quota), rules).one(handle, JOB.run("jr_1"))


def waits(poller: Poller, rules: WaitRules) -> Waits:
    return Waits(poller, Stopper(poller, 60), rules)


async def test_it_looks_until_the_run_has_ended_and_tells_of_every_look() -> None:
    story = Story({0: RUNNING, 25: DONE})

    assert await waited(story) is DONE
    assert story.looks == [0, 10, 20, 30]
    assert story.polled == [RUNNING, RUNNING, RUNNING, DONE]


async def test_it_looks_no_more_often_than_the_quota_allows() -> None:
    story = Story({0: RUNNING, 100: DONE})

    await waited(story, quota=60)
    assert story.looks == [0, 60, 120]


async def test_looks_become_rare_and_begin_afresh_with_another_state_or_attempt() -> None:
    story = Story({0: RUNNING, 3600: seen("RUNNING", 2), 7200: seen("STOPPING", 2), 10800: seen("STOPPED", 2)})
    await waited(story, GROWING)
    pauses = [after - before for before, after in pairwise(story.looks)]
    changed = [next(index for index, at in enumerate(story.looks) if at >= since) for since in (0, 3600, 7200)]

    assert [pauses[index] for index in changed] == [10, 10, 10]
    assert all(pauses[index + 2] > 10 for index in changed)


@pytest.mark.parametrize(("delay", "looks"), [(0, [0, 10, 20, 30]), (4, [0, 4, 10, 20, 30]), (6, [0, 6, 10, 20, 30])])
async def test_looks_are_shared_by_all_that_wait_but_for_the_first(delay: float, looks: list[float]) -> None:
    story = Story({0: RUNNING, 25: DONE})
    poller = Poller(story.clock, lambda _: 0.05)

    async def join(after: float) -> None:
        await story.clock.sleep(after)
        await waits(poller, WaitRules(pace=STEADY, timeout=None)).one(story, JOB.run("jr_1"))

    await asyncio.gather(join(0), join(delay))
    assert story.looks == looks


@pytest.mark.parametrize("error", [THROTTLED, AccessDeniedError("no"), NotFoundError("gone")])
async def test_a_run_that_was_seen_may_go_unseen_for_so_long(error: JobRunsError) -> None:
    story = Story({0: RUNNING, 5: error})

    with pytest.raises(type(error)) as caught:
        await waited(story, unseen_for=timedelta(seconds=95))
    assert story.looks == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95]
    assert story.polled == [RUNNING]
    assert [told.run for told in story.failed] == [RUNNING] * 10
    assert caught.value.run is RUNNING
    assert (caught.value.message, error.run) == (error.message, None)


async def test_that_is_an_hour_where_there_is_no_timeout() -> None:
    story = Story({0: RUNNING, 5: NotFoundError("gone")})

    with pytest.raises(NotFoundError):
        await waited(story, timeout=None)
    assert story.looks[-1] == 3600


async def test_the_timeout_decides_where_nothing_else_is_said() -> None:
    story = Story({0: RUNNING, 5: NotFoundError("gone")})

    with pytest.raises(WaitTimeoutError) as caught:
        await waited(story, timeout=timedelta(hours=9))
    assert story.clock.monotonic() == 9 * 3600
    assert caught.value.run is RUNNING
    assert isinstance(caught.value.__cause__, NotFoundError)


async def test_a_run_that_was_started_here_is_there_whatever_a_service_says() -> None:
    story = Story({0: NotFoundError("not yet"), 15: RUNNING, 25: DONE})
    poller = Poller(story.clock, lambda _: 0.05)

    poller.known.remember(JOB.run("jr_1"))
    assert await waits(poller, WaitRules(pace=STEADY, timeout=NEVER)).one(story, JOB.run("jr_1")) is DONE
    assert story.looks == [0, 10, 20, 30]


def test_a_run_that_has_ended_is_known_to_be_there_for_another_day() -> None:
    clock = VirtualClock()
    poller = Poller(clock, lambda _: 0.05)
    over, again, going_on, later = (JOB.run(f"jr_{number}") for number in range(4))
    for run in (over, again, going_on):
        poller.known.remember(run)
    poller.known.forget_later(over)
    poller.known.forget_later(again)
    poller.known.remember(again)
    clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    poller.known.remember(later)
    poller.known.forget_later(later)
    assert over in poller.known
    clock.advance(timedelta(seconds=1))
    poller.known.forget_later(later)
    assert over not in poller.known
    assert all(run in poller.known for run in (again, going_on, later))


async def test_patience_is_new_after_every_look_that_succeeds() -> None:
    story = Story({0: THROTTLED, 195: RUNNING, 205: THROTTLED, 395: DONE})

    assert await waited(story, unseen_for=timedelta(seconds=200)) is DONE
    assert story.polled == [RUNNING, DONE]


async def test_a_run_that_was_never_seen_is_not_waited_for_if_it_is_refused() -> None:
    error = AccessDeniedError("no")
    story = Story({0: error})

    with pytest.raises(AccessDeniedError) as caught:
        await waited(story)
    assert caught.value is error
    assert story.looks == [0]


FAILED: Final = seen("FAILED", ended=0)
AGAIN: Final = seen("FAILED", 2, ended=10)


@pytest.mark.parametrize(
    ("told", "limit", "looks"),
    [
        pytest.param({0: FAILED}, 0, [0], id="no retries"),
        pytest.param({0: FAILED}, 1, [0, 10, 20, 25], id="none came in time"),
        pytest.param({0: FAILED}, None, [0, 10, 20, 25], id="nobody knows how many"),
        pytest.param({0: seen("FAILED", ended=-315)}, 1, [0, 10], id="ended a while ago for sure"),
        pytest.param({0: seen("FAILED", ended=-299)}, 1, [0, 10, 20, 25], id="ended a while ago by this clock"),
        pytest.param({0: seen("FAILED")}, 1, [0, 10, 20, 25], id="nobody knows when"),
        pytest.param({0: seen("FAILED", ended=99)}, 1, [0, 10, 20, 25], id="ended by a clock that is fast"),
        pytest.param({0: FAILED, 5: seen("RUNNING", 2), 30: AGAIN}, 1, [0, 10, 20, 30], id="the last of two"),
        pytest.param({0: FAILED, 5: AGAIN}, 2, [0, 10, 20, 30, 35], id="the time counts for each"),
        pytest.param({0: DONE}, 1, [0], id="nothing to try again"),
    ],
)
async def test_a_failed_run_is_watched_while_a_retry_may_come(
    told: Mapping[float, JobRun[Native]], limit: int | None, looks: list[float]
) -> None:
    story = Retried(told, limit)

    assert await waited(story) == list(told.values())[-1]
    assert story.looks == looks
    assert story.asked == (0 if told == {0: DONE} else 1)


async def test_nobody_is_asked_for_retries_that_can_no_longer_come() -> None:
    story = Retried({0: seen("FAILED", ended=-GRACE - 300)}, 5)

    await waited(story)
    assert (story.looks, story.asked) == ([0], 0)


async def test_without_a_timeout_a_stream_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await waited(Stream({0: RUNNING}, True), timeout=None)  # noqa: FBT003  # an answer
    assert caught.value.message == (
        f"{RUNNING.ref} is a streaming run, which does not end by itself: give a timeout, or states in until="
    )


@pytest.mark.parametrize(
    "answers",
    [(False,), (THROTTLED, False), (THROTTLED, THROTTLED, AccessDeniedError("no")), (AccessDeniedError("no"),)],
)
async def test_whether_a_run_is_a_stream_is_asked_until_somebody_can_tell(
    answers: tuple[bool | JobRunsError, ...],
) -> None:
    story = Stream({0: RUNNING, 65: DONE}, *answers)

    assert await waited(story, timeout=None) is DONE
    assert story.answers == []


async def test_with_a_timeout_nobody_asks() -> None:
    assert await waited(Stream({0: RUNNING, 65: DONE})) is DONE


async def timed_out(story: Story, on_timeout: Literal["leave", "stop"] = "leave") -> WaitTimeoutError:
    with pytest.raises(WaitTimeoutError) as caught:
        await waited(story, timeout=timedelta(seconds=45), on_timeout=on_timeout)
    assert story.clock.monotonic() == 45
    assert caught.value.service == "glue"
    return caught.value


HEAD: Final = f"{JOB.run('jr_1')} had not ended within 0:00:45: "


async def test_at_its_end_the_time_leaves_the_run_as_it_was_seen() -> None:
    error = await timed_out(Story({0: seen("QUEUED"), 15: RUNNING}))

    assert error.message == f"{HEAD}it was RUNNING"
    assert error.run is RUNNING


async def test_at_its_end_the_time_leaves_a_run_that_was_never_seen() -> None:
    error = await timed_out(Story({0: THROTTLED}))

    assert error.message == f"{HEAD}it was never seen"
    assert error.run is None


async def test_at_its_end_the_time_stops_the_run() -> None:
    story = Stoppable({0: RUNNING})
    assert (await timed_out(story, "stop")).message == f"{HEAD}it was RUNNING; it was asked to stop"
    assert (await timed_out(Stoppable({0: RUNNING}))).message == f"{HEAD}it was RUNNING"
    waiting = attrs.evolve(RUNNING, state=RunState.QUEUED, native_state="WAITING")
    assert (await timed_out(Stoppable({0: waiting}))).message == f"{HEAD}it was QUEUED (WAITING)"


async def test_at_its_end_the_time_tells_why_a_run_could_not_be_stopped() -> None:
    story = Stoppable({0: RUNNING})
    story.refusal = ConflictError("too late")

    error = await timed_out(story, "stop")
    assert error.message == f"{HEAD}it was RUNNING; it could not be stopped: too late"


async def test_what_cannot_be_stopped_is_not_waited_for() -> None:
    story = Story({0: RUNNING})

    with pytest.raises(UnsupportedOperationError) as caught:
        await waited(story, on_timeout="stop")
    assert str(caught.value) == "glue: cannot stop runs: use on_timeout='leave'"
    assert story.looks == []


@pytest.mark.parametrize(
    ("least", "most", "expected"), [(10, None, 60), (60, None, 60), (90, None, 90), (10, 20, 20), (10, 10, 10)]
)
def test_the_longest_interval_is_a_minute_unless_it_must_be_more(least: int, most: int | None, expected: int) -> None:
    pace = PollIntervals(
        poll_interval=timedelta(seconds=least), max_poll_interval=None if most is None else timedelta(seconds=most)
    )

    assert pace.longest == timedelta(seconds=expected)


@pytest.mark.parametrize(
    ("least", "message"),
    [
        (0, "poll_interval must be a timedelta greater than 0, such as timedelta(hours=2), got datetime.timedelta(0)"),
        (61, "max_poll_interval is poll_interval (0:01:01) or more, got 0:01:00"),
    ],
)
def test_a_pace_says_which_intervals_cannot_be(least: int, message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        PollIntervals(poll_interval=timedelta(seconds=least), max_poll_interval=timedelta(minutes=1))
    assert caught.value.message == message
