"""Whatever becomes of events on their way, waits and watches end in the same answers as by polling alone."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from jobruns_sdk import JobRunsClient, RunRef, ServiceUnavailableError
from jobruns_sdk.events import SqsEvents, event_from
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.events import Tells
from jobruns_sdk.testing import LocalService
from tests.events.kit import Hint, Scheduled
from tests.waiting.kit import SECOND, client_of

WATCHED: Final = ("glue:retried", "emr-serverless:00f2")
JOBS: Final = ("glue:etl", "glue:retried", "emr-serverless:00f1", "emr-serverless:00f2")
REST: Final = 600.0


@attrs.frozen
class Planned:
    """A run to be: of which job, when it is started, how long it takes, and how it ends."""

    job: str
    begins: int
    seconds: int
    outcome: str
    failures: int


RUNS = st.lists(
    st.builds(
        Planned,
        job=st.sampled_from(JOBS),
        begins=st.integers(0, 200),
        seconds=st.integers(1, 700),
        outcome=st.sampled_from(["SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"]),
        failures=st.integers(0, 2),
    ),
    min_size=1,
    max_size=4,
)
# For each event in turn the delays of its deliveries, in seconds: none if it is lost, several if it is doubled.
FATES = st.lists(st.lists(st.sampled_from([0, 0, 1, 7, 100, 900]), max_size=3), min_size=1, max_size=40)
OUTAGES = st.none() | st.tuples(st.integers(0, 600), st.integers(1, 600))


def tells(job: JobRef) -> Tells | None:
    return "ends" if job.service == "glue" else "changes"


def prepared(local: LocalService) -> None:
    for number in (1, 2):
        local.add_application(f"00f{number}", startup=9 * SECOND, max_retries=number - 1)
    local.add_glue_job("etl", startup=2 * SECOND)
    local.add_glue_job("retried", startup=2 * SECOND, max_retries=1, retry_delay=20 * SECOND)


Answer = tuple[str, str, int, datetime | None]


async def answers(local: LocalService, client: JobRunsClient, runs: Sequence[Planned]) -> Mapping[str, Answer]:
    """Begin the runs, and return how they ended, by waits and by a watch of all jobs alike."""
    prepared(local)
    watched: dict[str, str] = {}
    begun: asyncio.Queue[RunRef] = asyncio.Queue()

    async def watch() -> None:
        async for change in client.watch(WATCHED, timeout=None):
            watched[change.run.id] = change.run.native_state

    async def begin(number: int, planned: Planned) -> tuple[int, RunRef]:
        await local.clock.sleep(planned.begins + number / 10)  # the same order in each world, and so the same ids
        how: dict[str, Any] = {"outcome": planned.outcome, "fail_attempts": planned.failures}
        run = local.add_run(planned.job, duration=planned.seconds * SECOND, **how)
        ref = RunRef.parse(f"{planned.job}/{run}?region=us-east-1")
        begun.put_nowait(ref)
        return number, ref

    async def end(number: int, planned: Planned) -> tuple[str, Answer]:
        _, ref = await begin(number, planned)
        run = await client.wait(ref, timeout=None)
        late = (local.clock.now() - (run.ended_at or local.clock.now())).total_seconds()
        # Whether Glue tries a run again that took too long is waited for, for half an hour.
        may_go_on = planned.job == "glue:retried" and run.native_state == "TIMEOUT"
        assert late < REST + 100 + 1800 * may_go_on
        return run.id, (run.state, run.native_state, run.attempt, run.ended_at)

    watching = asyncio.ensure_future(watch())
    ended = dict(await asyncio.gather(*(end(number, planned) for number, planned in enumerate(runs))))
    await local.clock.sleep(REST + 10)
    watching.cancel()
    await asyncio.wait([watching])
    assert watched == {run_id: ended[run_id][1] for job in WATCHED for run_id in local.states(job)}
    return ended


@settings(max_examples=12, phases=[Phase.explicit, Phase.generate])  # to shrink an example takes minutes
@given(RUNS, FATES, OUTAGES, st.permutations(range(5)))
@example([Planned("glue:retried", 0, 100, "FAILED", 1)], [[]], None, [0, 1, 2, 3, 4])
@example([Planned("emr-serverless:00f2", 0, 100, "SUCCEEDED", 1)], [[900, 0, 100]], (50, 500), [4, 3, 2, 1, 0])
def test_any_schedule_ends_in_the_same_answers_as_polling(
    runs: list[Planned], fates: list[list[int]], outage: tuple[int, int] | None, order: Sequence[int]
) -> None:
    start = datetime.fromisoformat("2026-01-05T08:00:00Z")

    async def polled() -> tuple[Mapping[str, Answer], list[dict[str, Any]]]:
        with LocalService(start=start, check=True) as local:
            async with client_of(local, quotas=None) as client:
                found = await answers(local, client, runs)
            assert local.problems == []
            return found, local.events

    expected, events = asyncio.run(polled())

    async def heard() -> Mapping[str, Answer]:
        with LocalService(start=start, check=True) as local:
            source = Scheduled(local.clock, tells=tells)
            for number, envelope in enumerate(events):
                event = event_from(envelope)
                assert event is not None
                at = (event.at - start).total_seconds() + order[number % len(order)] / 10
                for delay in fates[number % len(fates)]:
                    source.add(at + delay, event)
                # Of others, and of a run that is not there.
                source.add(at, Hint(RunRef(JobRef("glue", ("etl",), "us-east-1"), f"jr_{number}"), attempt=1))
            if outage is not None:
                source.failing = (outage[0], sum(outage), ServiceUnavailableError("no queue"))
            async with client_of(local, quotas=None) as client, client.listening(source):
                return await answers(local, client, runs)

    assert asyncio.run(heard()) == expected


@pytest.mark.parametrize("seed", range(3))
async def test_the_same_by_a_queue_that_loses_doubles_and_delays(seed: int) -> None:
    runs = [
        Planned(JOBS[number % 4], 17 * number, 60 + 51 * number, outcome, number % 3)
        for number, outcome in enumerate(["SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"] * 2)
    ]
    start = datetime.fromisoformat("2026-01-05T08:00:00Z")
    with LocalService(start=start) as local:
        async with client_of(local, quotas=None) as client:
            expected = await answers(local, client, runs)
        polled = local.calls()
    with LocalService(start=start, check=True) as local:
        url = local.add_queue(drop=0.2, duplicate=0.3, late=timedelta(seconds=90), seed=seed, max_receives=3)
        local.add_message(url, "not JSON")
        local.add_message(url, '{"id": "1", "source": "x", "detail-type": "x", "time": "2026-01-05T08:00:00Z", ' + MORE)
        async with client_of(local, quotas=None) as client, client.listening(SqsEvents(url, jobs=JOBS)):
            assert await answers(local, client, runs) == expected
        assert local.messages("job-runs-dead")[0] == "not JSON"
        assert local.calls() - local.calls("sqs:*") < polled
        assert local.problems == []


MORE: Final = '"region": "us-east-1", "detail": {}}'
