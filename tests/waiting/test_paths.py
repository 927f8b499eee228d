"""Every way that a run's life can go ends a wait at its end, in its state, and never before."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk import JobRef, RunState, Service
from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.runs.wait import WaitRules, Waits
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.services.datazone.translate import STATES as DATAZONE
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.services.emr_serverless.translate import STATES as EMR_SERVERLESS
from jobruns_sdk.services.glue import GlueJob
from jobruns_sdk.services.glue.translate import STATES as GLUE
from jobruns_sdk.services.handle import Follows
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import VirtualClock
from jobruns_sdk.transport.operation import Operation, Reply
from jobruns_sdk.transport.quotas import UNPUBLISHED

START: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
GRACE: Final = timedelta(minutes=5)
LONGEST: Final = timedelta(days=30)

EXAMPLES: Final = settings(max_examples=200)

Steps = Sequence[tuple[float, str]]
"""States, and how many seconds after the one before each begins."""


class Script:
    """A service in which one run goes through given states; its attempts are lists of them."""

    def __init__(self, attempts: Sequence[Steps], max_retries: int | None = None) -> None:
        self.clock = VirtualClock(START)
        self.max_retries = max_retries
        at = 0.0
        self.lives: list[list[tuple[float, str]]] = []
        for steps in attempts:
            life: list[tuple[float, str]] = []
            for gap, state in steps:
                at += gap
                life.append((at, state))
            self.lives.append(life)
        self.end = at

    def state(self, attempt: int) -> str | None:
        """Return what an attempt is doing, None before it is there."""
        now = self.clock.monotonic()
        begun = [state for at, state in self.lives[attempt] if at <= now] if attempt < len(self.lives) else []
        return begun[-1] if begun else None

    def ended(self, attempt: int) -> float | None:
        at, state = self.lives[attempt][-1]
        over = GLUE.get(state, RunState.UNKNOWN).is_terminal and at <= self.clock.monotonic()
        return START.timestamp() + at if over else None

    async def __call__(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        """Answer a call."""
        name = (operation.service, operation.name)
        if name == ("glue", "GetJob"):
            return self._reply({"Job": {"Name": "etl", "MaxRetries": self.max_retries}})
        if operation.service == "glue":
            _, _, number = cast("str", params["RunId"]).partition("_attempt_")
            state = self.state(int(number or 0))
            if state is None:
                raise NotFoundError("no such attempt")
            ended = self.ended(int(number or 0))
            run = {"Id": params["RunId"], "JobRunState": state, "StartedOn": START.timestamp(), "CompletedOn": ended}
            return self._reply({"JobRun": run})
        attempts = [number for number in range(len(self.lives)) if self.state(number) is not None]
        state = self.state(attempts[-1])
        if operation.service == "datazone":
            return self._reply({"id": "run1", "jobId": "job42", "status": state})
        return self._reply({"jobRun": {"jobRunId": "00run", "state": state, "attempt": len(attempts)}})

    def _reply(self, answer: object) -> Reply:
        return Reply(msgspec.json.encode(answer))

    async def wait(self, handle: Follows, run_id: str) -> tuple[str, int]:
        """Wait for the run; return the state and the attempt in which it was found to have ended."""

        def seconds(operation: Operation[Any]) -> float:
            return 1 / QUOTAS.get((operation.service, operation.name), UNPUBLISHED).rate

        pace = PollIntervals(retry_grace=GRACE)
        poller = Poller(self.clock, seconds)
        waits = Waits(poller, Stopper(poller, 60), WaitRules(pace=pace, timeout=LONGEST))
        run = await waits.one(handle, handle.ref.run(run_id))
        return run.native_state, run.attempt


def names(table: Mapping[str, RunState], *, terminal: bool) -> list[str]:
    return [name for name, state in table.items() if state.is_terminal is terminal]


def early(table: Mapping[str, RunState]) -> st.SearchStrategy[list[tuple[float, str]]]:
    """Any way through states that are no end, those that nobody knows among them."""
    gaps = st.floats(0.001, 300)
    return st.lists(st.tuples(gaps, st.sampled_from([*names(table, terminal=False), "PONDERING"])), max_size=4)


def lives(table: Mapping[str, RunState]) -> st.SearchStrategy[list[tuple[float, str]]]:
    """Any life from its first moment to an end."""
    first = st.sampled_from(names(table, terminal=False))
    last = st.sampled_from(names(table, terminal=True))
    return st.builds(_life, first, early(table), st.floats(0.001, 600), last)


def _life(begin: str, way: list[tuple[float, str]], gap: float, end: str) -> list[tuple[float, str]]:
    return [(0.0, begin), *way, (gap, end)]


@given(lives(DATAZONE))
@EXAMPLES
async def test_datazone(life: list[tuple[float, str]]) -> None:
    script = Script([life])
    job = DataZoneJob(JobRef(Service.DATAZONE, ("dzd_x", "job42"), "us-east-1"), script)
    assert await script.wait(job, "run1") == (life[-1][1], 1)
    assert script.end <= script.clock.monotonic() <= script.end + 61


@given(st.lists(early(EMR_SERVERLESS), max_size=3), lives(EMR_SERVERLESS))
@EXAMPLES
async def test_emr_serverless_whose_retries_are_no_end(
    tries: list[list[tuple[float, str]]], life: list[tuple[float, str]]
) -> None:
    attempts = [[(0.0, "SUBMITTED"), *steps] for steps in tries]
    script = Script([*attempts, life])
    app = EmrServerlessApplication(JobRef(Service.EMR_SERVERLESS, ("00app",), "us-east-1"), script)
    assert await script.wait(app, "00run") == (life[-1][1], len(attempts) + 1)
    assert script.end <= script.clock.monotonic() <= script.end + 61


FAILED_POLLS: Final = [name for name, state in GLUE.items() if state.is_failure]


@given(
    st.lists(st.tuples(early(GLUE), st.sampled_from(FAILED_POLLS), st.floats(0.001, 290)), max_size=3),
    lives(GLUE),
    st.none() | st.integers(0, 2),
)
@EXAMPLES
async def test_glue_with_retries_that_come_in_time(
    tries: list[tuple[list[tuple[float, str]], str, float]], life: list[tuple[float, str]], more: int | None
) -> None:
    attempts: list[Steps] = []
    pause = 0.0
    for way, failure, late in tries:
        attempts.append([(pause, "STARTING"), *way, (1.0, failure)])
        pause = late
    attempts.append([(pause, life[0][1]), *life[1:]])
    script = Script(attempts, None if more is None else len(tries) + more)
    job = GlueJob(JobRef(Service.GLUE, ("etl",), "us-east-1"), script)
    assert await script.wait(job, "jr_1") == (life[-1][1], len(attempts))
    hopeless = more == 0
    slack = 61 if hopeless or life[-1][1] not in FAILED_POLLS else 61 + GRACE.total_seconds()
    assert script.end <= script.clock.monotonic() <= script.end + slack
