"""Windows by end on the three services: equal to what the runs themselves say, got one by one."""

import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import attrs
import pytest
import pytest_asyncio

from jobruns_sdk import AccessDeniedError, InvalidRequestError, JobRun, JobRunsClient, SourceError
from jobruns_sdk.testing import LocalService

DAY: Final = timedelta(days=1)
HOUR: Final = timedelta(hours=1)
JOBS: Final = ("glue:etl", "emr-serverless:00f1app", "datazone:dzd_x/job42")


def seeded(local: LocalService, chance: random.Random) -> None:
    """Put runs of ten days into each job: short ones, ones that took days, retried ones, and some that go on."""
    local.add_glue_job("etl", max_retries=2)
    local.add_application("00f1app", max_concurrent_runs=1000)
    local.add_datazone_job("dzd_x", "job42")
    now = local.clock.now()
    for job in JOBS:
        for _ in range(40):
            created = now - timedelta(seconds=chance.randrange(10 * 86_400))
            took = timedelta(seconds=chance.choice([60, 3_000, 90_000, 250_000]) * chance.random() + 1)
            if created + took < now:
                state = chance.choice(["SUCCEEDED", "FAILED"])
                attempts = chance.randint(1, 3) if job == "glue:etl" and state == "FAILED" else 1
                local.add_run(job, state=state, created_at=created, ended_at=created + took, attempts=attempts)
            else:
                local.add_run(job, created_at=created, duration=took + 3 * DAY)
        for days in (1, 9):
            local.add_run(job, created_at=now - days * DAY, duration=20 * DAY)


@attrs.frozen
class Told:
    """A local service, and what each of its runs tells of itself."""

    local: LocalService
    now: datetime
    truth: Mapping[str, Mapping[str, JobRun[Any]]]


@pytest.fixture(scope="module", params=range(3))
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    with LocalService(check=True) as local:
        seeded(local, random.Random(request.param))
        truth: dict[str, dict[str, JobRun[Any]]] = {}
        with local.sync_client(quotas=None) as client:
            for job in JOBS:
                handle = client.handle(job)
                truth[job] = {row.id: handle.run(row.id) for row in handle.runs().collect()}
        yield Told(local, local.clock.now(), truth)
        assert local.problems == []


class World:
    """The same with a client of the test's own."""

    def __init__(self, told: Told, client: JobRunsClient) -> None:
        self.local = told.local
        self.client = client
        self.now = told.now
        self.truth = told.truth

    def expected(self, wanted: Callable[[JobRun[Any]], bool], *jobs: str) -> set[str]:
        return {run_id for job in jobs for run_id, run in self.truth[job].items() if wanted(run)}


@pytest_asyncio.fixture
async def world(told: Told) -> AsyncIterator[World]:
    async with told.local.client(quotas=None) as client:
        yield World(told, client)


def ended_in(since: datetime | None, until: datetime | None) -> Callable[[JobRun[Any]], bool]:
    return lambda run: (
        run.ended_at is not None
        and (since is None or run.ended_at >= since)
        and (until is None or run.ended_at < until)
    )


@pytest.mark.parametrize("page_size", [None, 3])
@pytest.mark.parametrize("job", JOBS)
async def test_runs_that_have_ended_since(world: World, job: str, page_size: int | None) -> None:
    for hours in (1, 20, 49):
        since = world.now - hours * HOUR
        pages = world.client.runs(job, ended_after=since, reach=11 * DAY, page_size=page_size)
        found = await pages.collect()
        assert {run.id for run in found} == world.expected(ended_in(since, None), job)
        assert len(found) == len({run.id for run in found})
        assert [run.created_at for run in found] == sorted((run.created_at for run in found), reverse=True)  # type: ignore[type-var]


@pytest.mark.parametrize("job", JOBS)
async def test_runs_that_have_ended_in_a_window_and_before_a_time(world: World, job: str) -> None:
    since, until = world.now - 60 * HOUR, world.now - 13 * HOUR
    inside = await world.client.runs(job, ended_after=since, ended_before=until, reach=11 * DAY).collect()
    assert {run.id for run in inside} == world.expected(ended_in(since, until), job)
    before = await world.client.runs(job, ended_before=until).collect()
    assert {run.id for run in before} == world.expected(ended_in(None, until), job)


@pytest.mark.parametrize("job", JOBS)
async def test_runs_that_were_active_since(world: World, job: str) -> None:
    since = world.now - 5 * HOUR
    found = await world.client.runs(job, active_after=since, reach=11 * DAY).collect()
    still = world.expected(lambda run: not run.is_terminal, job)
    assert still
    assert {run.id for run in found} == world.expected(ended_in(since, None), job) | still


@pytest.mark.parametrize("job", JOBS)
async def test_the_reach_bounds_what_has_ended_and_not_what_goes_on(world: World, job: str) -> None:
    since = world.now - 5 * HOUR
    async with world.client.runs(job, active_after=since, reach=10 * HOUR).open() as walk:
        found = {run.id async for run in walk}
        assert walk.report.read_from == since - 10 * HOUR
    near = world.expected(lambda run: run.created_at is not None and run.created_at >= since - 10 * HOUR, job)
    ended = world.expected(ended_in(since, None), job)
    going_on = world.expected(lambda run: not run.is_terminal, job)
    assert found >= (ended | going_on) & near
    assert found - going_on == ended & near
    if job != "glue:etl":  # whose list knows no states
        assert going_on <= found
        assert going_on - near


async def test_many_jobs_at_once_and_a_cursor_at_each_place(world: World) -> None:
    since = world.now - 30 * HOUR
    expected = world.expected(ended_in(since, None), *JOBS)
    options: Any = {"ended_after": since, "reach": 11 * DAY}
    for order in ("newest", "any"):
        found = await world.client.runs(JOBS, order=order, **options).collect()
        assert sorted(run.id for run in found) == sorted(expected)
    for stop in (1, 7, len(expected) - 1):
        async with world.client.runs(JOBS, **options, page_size=5).open() as walk:
            before = [await anext(walk) for _ in range(stop)]
            cursor = walk.cursor
        rest = await world.client.runs(JOBS, cursor=cursor).collect()
        assert sorted(run.id for run in [*before, *rest]) == sorted(expected)


async def test_states_and_ends_together(world: World) -> None:
    since = world.now - 49 * HOUR
    for job in JOBS:
        found = await world.client.runs(job, states={"FAILED"}, ended_after=since, reach=11 * DAY).collect()
        wanted = world.expected(lambda run: run.state == "FAILED" and ended_in(since, None)(run), job)
        assert {run.id for run in found} == wanted


async def test_only_runs_whose_end_decides_are_got(world: World) -> None:
    since = world.now - 20 * HOUR
    ended_later = world.expected(
        lambda run: ended_in(since, None)(run) and run.created_at is not None and run.created_at < since,
        "emr-serverless:00f1app",
    )
    calls = world.local.calls("emr-serverless:GetJobRun")
    found = await world.client.runs("emr-serverless:00f1app", ended_after=since, reach=11 * DAY).collect()
    assert world.local.calls("emr-serverless:GetJobRun") - calls == len(ended_later)
    assert all(run.ended_at for run in found if run.id in ended_later)


async def test_a_run_whose_end_is_refused_hides_no_other() -> None:
    with LocalService() as local:
        local.add_application("00f1app")
        now = local.clock.now()
        ids = [
            local.add_run(JOBS[1], state="FAILED", created_at=now - hours * HOUR, ended_at=now - HOUR)
            for hours in (30, 40, 50)
        ]
        fault: dict[str, Any] = {"match": {"jobRunId": ids[1]}, "code": "AccessDeniedException", "status": 403}
        local.fault("GetJobRun", "error", times=None, **fault)
        async with local.client() as client:
            app, since = client.emr_serverless("00f1app"), now - DAY
            with pytest.raises(AccessDeniedError):
                await app.runs(ended_after=since).collect()
            for reading in (app.runs, partial(client.runs, app)):
                told: list[SourceError] = []
                found = await reading(ended_after=since, on_error=told.append).collect()
                assert [run.id for run in found] == ids
                assert [failure.run and failure.run.run_id for failure in told] == [ids[1]]
                assert [run.id for run in await reading(ended_after=since, on_error="skip").collect()] == ids


async def test_an_example_a_run_of_thirty_hours_that_failed_an_hour_ago() -> None:
    with LocalService() as local:
        local.add_glue_job("etl")
        now = local.clock.now()
        run_id = local.add_run("glue:etl", state="FAILED", created_at=now - 30 * HOUR, ended_at=now - HOUR)
        async with local.client() as client:
            yesterday = now - DAY
            assert await client.glue("etl").runs(created_after=yesterday).collect() == []
            assert [run.id for run in await client.glue("etl").runs(ended_after=yesterday).collect()] == [run_id]


async def test_a_reach_without_an_end_is_refused() -> None:
    with LocalService() as local:
        local.add_glue_job("etl")
        async with local.client() as client:
            with pytest.raises(InvalidRequestError, match="reach says how far back"):
                client.glue("etl").runs(reach=DAY)
            now = local.clock.now()
            with pytest.raises(InvalidRequestError, match="ended_after must not be later than ended_before"):
                client.glue("etl").runs(ended_after=now, ended_before=now - DAY)
