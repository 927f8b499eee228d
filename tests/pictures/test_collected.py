"""What a list call collects can be drawn as it is."""

from datetime import UTC, timedelta

import pytest

from jobruns_sdk import InvalidRequestError, RunState
from jobruns_sdk.pictures import timeline
from jobruns_sdk.testing import LocalService


async def test_runs_that_were_collected_can_be_drawn(local: LocalService) -> None:
    local.add_application("00f1", name="analytics", max_retries=1)
    local.add_glue_job("etl", max_retries=2)
    now = local.clock.now()
    for job, state in (("emr-serverless:00f1", "SUCCESS"), ("glue:etl", "FAILED")):
        begin = now - timedelta(hours=3)
        local.add_run(job, state=state, attempts=2, created_at=begin, ended_at=begin + timedelta(hours=1))
    local.add_run("glue:etl", state="RUNNING", created_at=now - timedelta(hours=1))
    async with local.client() as client:
        jobs = [*await client.jobs("glue").collect(), *await client.jobs("emr-serverless").collect()]
        runs = await client.runs(jobs, hydrate=True).collect()
        attempts = await client.attempts(runs, hydrate=True).collect()

    picture = runs.timeline(attempts=attempts, now=now, zone=UTC)

    assert picture == timeline(runs, attempts=attempts, now=now, zone=UTC)
    assert {bar.lane for bar in picture.rows()} == {"analytics", "etl"}
    drawn = [bar for bar in picture.rows() if bar.kind == "attempt"]
    assert sorted((bar.lane, bar.attempt, bar.state) for bar in drawn) == [
        ("analytics", 1, RunState.FAILED),
        ("analytics", 2, RunState.SUCCEEDED),
        ("etl", 1, RunState.FAILED),
        ("etl", 1, RunState.RUNNING),
        ("etl", 2, RunState.FAILED),
    ]
    assert [run.state for run in runs[:1]] == [bar.state for bar in runs[:1].timeline(now=now).rows()]


def test_runs_of_a_client_without_an_event_loop_too(local: LocalService) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 3)
    with local.sync_client() as client:
        runs = client.glue("etl").runs().collect()
        jobs = client.jobs("glue").collect()

    assert len({bar.run for bar in runs.timeline().rows()}) == 3
    with pytest.raises(InvalidRequestError, match="each of runs must be a JobRun"):
        jobs.timeline()  # type: ignore[misc]  # which is refused
