"""The same against the three services: their listings, tokens, filters and retries."""

import random
from datetime import timedelta
from typing import Literal

import pytest

from jobruns_sdk import JobRef, JobRunsClient, RunState
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import Run, client_of, newest, times_of
from tests.fanout.reading import Order

MINUTE = timedelta(minutes=1)


def seed(local: LocalService, chance: random.Random) -> list[str]:
    """Put jobs with runs into the service; return their references."""
    now = local.clock.now()
    jobs: list[str] = []
    for index in range(5):
        local.add_glue_job(f"etl-{index}", max_retries=2)
        jobs.append(f"glue:etl-{index}")
    jobs += [f"emr-serverless:{local.add_application()}" for _ in range(3)]
    local.add_datazone_job("dzd_x", "job42")
    jobs.append("datazone:dzd_x/job42")
    for job in jobs:
        local.add_runs(job, chance.randrange(90), every=MINUTE * chance.randint(1, 9))
        for _ in range(chance.randrange(9)):
            attempts = chance.randint(1, 3) if job.startswith("glue") else 1
            created = now - MINUTE * chance.randrange(600)
            local.add_run(job, state="FAILED", created_at=created, attempts=attempts)
    return jobs


async def expected(client: JobRunsClient, jobs: list[str]) -> dict[str, Run]:
    """Return all runs, read job by job."""
    return {str(run.ref): run for job in jobs for run in await client.handle(job).runs().collect()}


@pytest.mark.parametrize("order", ["newest", "any"])
@pytest.mark.parametrize("tokens", ["key", "offset"])
@pytest.mark.parametrize("number", range(3))
async def test_cursors_at_random_places_lose_nothing_and_repeat_nothing(
    order: Order, tokens: Literal["key", "offset"], number: int
) -> None:
    chance = random.Random(number)
    with LocalService(check=True, tokens=tokens) as local:
        jobs = seed(local, chance)
        size = chance.choice([None, 7, 20])
        async with client_of(local) as client:
            everything = await expected(client, jobs)
        seen: list[Run] = []
        cursor: str | None = None
        added = 0
        while True:
            chance.shuffle(jobs)
            stop = chance.randrange(1, 150)
            async with (
                client_of(local) as client,
                client.runs(jobs, order=order, cursor=cursor, page_size=size, concurrency=5).open() as walk,
            ):
                async for run in walk:
                    seen.append(run)
                    stop -= 1
                    if not stop:
                        break
                    if added < 40 and chance.random() < 0.05:  # a few are begun while the others are read
                        added += 1
                        local.add_run(chance.choice(jobs))
                cursor = walk.cursor
            if cursor is None:
                break
        assert len({str(run.ref) for run in seen}) == len(seen)
        old = [run for run in seen if str(run.ref) in everything]
        assert {str(run.ref): run for run in old} == everything
        if order == "newest":
            assert times_of(old) == newest(everything.values())
        assert local.problems == []


async def test_filters_mean_the_same_on_all_services(local: LocalService, client: JobRunsClient) -> None:
    jobs = seed(local, random.Random(7))
    since, until = local.clock.now() - 300 * MINUTE, local.clock.now() - 20 * MINUTE
    everything = await expected(client, jobs)
    states = {RunState.FAILED, RunState.RUNNING}
    found = await client.runs(jobs, states=states, created_after=since, created_before=until).collect()

    wanted = [
        run
        for run in everything.values()
        if run.state in states and run.created_at is not None and since <= run.created_at < until
    ]
    assert wanted
    assert {run.ref for run in found} == {run.ref for run in wanted}
    assert times_of(found) == newest(wanted)


async def test_native_states_of_one_service_ask_the_others_for_nothing(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl")
    local.add_datazone_job("dzd_x", "job42")
    app = local.add_application()
    run = local.add_run("glue:etl", state="EXPIRED")
    jobs = ["glue:etl", "datazone:dzd_x/job42", f"emr-serverless:{app}"]

    assert [found.id for found in await client.runs(jobs, native_states={"EXPIRED"}).collect()] == [run]
    assert [request.operation for request in local.requests] == ["GetJobRuns"]


async def test_a_job_that_is_given_twice_is_read_once(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    run = local.add_run("glue:etl", state="FAILED")
    ref = JobRef("glue", ("etl",), local.region_name)
    same = ("glue:etl", "glue:etl?region=us-east-1", ref, client.glue("etl"))

    assert [found.id for found in await client.runs(same).collect()] == [run]
    assert [found.id for found in await client.runs(client.glue("etl")).collect()] == [run]
    assert [found.id for found in await client.runs("glue:etl").collect()] == [run]
    assert local.calls() == 3
