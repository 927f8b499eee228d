"""The attempts of many runs: the same as those of each run by itself, at fewer calls."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import pytest

from jobruns_sdk import (
    AccessDeniedError,
    Attempt,
    InvalidRequestError,
    JobRun,
    JobRunsClient,
    NotFoundError,
    RunRef,
    RunState,
    SourceError,
    UnsupportedOperationError,
)
from jobruns_sdk.paging.pages import Walk
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)
GLUE, EMR, DATAZONE = "glue:etl", "emr-serverless:00f1app", "datazone:dzd_x/job42"
JOBS: Final = (GLUE, EMR, DATAZONE)


@pytest.fixture(params=range(3))
def chance(request: pytest.FixtureRequest, local: LocalService) -> random.Random:
    """Put runs of one to four attempts into each job; return what else is to be drawn."""
    chance = random.Random(request.param)
    local.add_glue_job("etl", max_retries=3)
    local.add_application("00f1app", max_concurrent_runs=1000, max_retries=3)
    local.add_datazone_job("dzd_x", "job42")
    now = local.clock.now()
    for job in JOBS:
        for _ in range(chance.randint(8, 30)):
            attempts = 1 if job == DATAZONE else chance.choice([1, 1, 1, 2, 4])
            created = now - MINUTE * chance.randrange(20, 3000)
            state = chance.choice(["FAILED", "SUCCEEDED"])
            local.add_run(job, state=state, created_at=created, duration=MINUTE, attempts=attempts)
        local.add_run(job, created_at=now - MINUTE, duration=60 * MINUTE)
    return chance


def keys(attempts: Sequence[Attempt[Any]]) -> list[tuple[RunRef, int]]:
    return [(attempt.run, attempt.number) for attempt in attempts]


def told(attempt: Attempt[Any]) -> tuple[object, ...]:
    """What a list tells of an attempt, too: on EMR Serverless a get tells start, end and usage besides."""
    thin = attempt.run.job.service == "emr-serverless"
    every = (attempt.run, attempt.id, attempt.number, attempt.state, attempt.created_at, attempt.message)
    return every if thin else (*every, attempt.started_at, attempt.ended_at, attempt.updated_at, attempt.usage)


async def one_by_one(client: JobRunsClient, runs: Sequence[JobRun[Any]]) -> list[Attempt[Any]]:
    return [attempt for run in runs for attempt in await client.attempts(run).collect()]


@pytest.mark.usefixtures("chance")
@pytest.mark.parametrize("jobs", [*([job] for job in JOBS), JOBS])
async def test_they_are_those_of_each_run_in_the_order_of_the_runs(client: JobRunsClient, jobs: list[str]) -> None:
    runs = await client.runs(jobs).collect()
    found = await client.attempts(jobs).collect()
    assert list(map(told, found)) == list(map(told, await one_by_one(client, runs)))
    assert len(found) > len(runs) or jobs == [DATAZONE]


@pytest.mark.usefixtures("chance")
async def test_only_runs_that_were_tried_again_take_calls(local: LocalService, client: JobRunsClient) -> None:
    runs = await client.runs(JOBS).collect()
    local.forget_requests()
    async with client.attempts(JOBS).open() as walk:
        found = [attempt async for attempt in walk]
        assert walk.report.calls == local.calls()
    retried = [run for run in runs if run.attempt > 1]
    glue = sum(run.attempt for run in retried if run.service == "glue")
    assert local.calls("emr-serverless:ListJobRunAttempts") == sum(run.service == "emr-serverless" for run in retried)
    assert local.calls("glue:GetJobRun") <= glue + len(retried)  # one that may be retried is looked for once more
    assert local.calls("datazone:GetJobRun") == 0
    assert len(found) == sum(run.attempt for run in runs)


async def test_a_cursor_at_each_place_goes_on_with_the_next_attempt(
    client: JobRunsClient, chance: random.Random
) -> None:
    expected = keys(await client.attempts(JOBS).collect())
    for stop in [1, 2, 3, len(expected) - 1, *(chance.randrange(1, len(expected)) for _ in range(4))]:
        async with client.attempts(JOBS, page_size=7).open() as walk:
            seen = [await anext(walk) for _ in range(stop)]
            cursor = walk.cursor
        seen += await client.attempts(JOBS, page_size=7, cursor=cursor).collect()
        assert keys(seen) == expected


@pytest.mark.usefixtures("chance")
async def test_pages_chained_by_their_cursors(client: JobRunsClient) -> None:
    expected = keys(await client.attempts(JOBS).collect())
    seen: list[Attempt[Any]] = []
    cursor: str | None = None
    while cursor is not None or not seen:
        page = await anext(client.attempts(JOBS, limit=5, cursor=cursor).by_page())
        seen += page.items
        cursor = page.cursor
    assert keys(seen) == expected


@pytest.mark.usefixtures("chance")
async def test_attempts_in_full_have_their_end_and_usage(local: LocalService, client: JobRunsClient) -> None:
    runs = await client.runs(EMR).collect()
    local.forget_requests()
    found = await client.attempts(EMR, hydrate=True).collect()
    assert all(attempt.ended_at is not None for attempt in found if attempt.is_terminal)
    assert all(attempt.duration is not None for attempt in found if attempt.is_terminal)
    assert keys(found) == [(run.ref, number) for run in runs for number in range(1, run.attempt + 1)]
    assert local.calls("emr-serverless:GetJobRun") == len(found)
    assert local.calls("emr-serverless:ListJobRunAttempts") == 0
    one = next(run for run in runs if run.attempt > 1)
    assert await client.attempts(one, hydrate=True).collect() == [row for row in found if row.run == one.ref]


@pytest.mark.usefixtures("chance")
async def test_runs_that_are_named_and_jobs_together(client: JobRunsClient) -> None:
    glue, emr = await client.runs(GLUE).collect(), await client.runs(EMR).collect()
    named: list[JobRun[Any] | RunRef | str] = [glue[0], str(glue[3].ref), glue[0].ref, emr[1]]
    found = await client.attempts(named).collect()
    assert sorted(keys(found)) == sorted(keys(await one_by_one(client, [glue[0], glue[3], emr[1]])))
    mixed = await client.attempts([*named, DATAZONE, GLUE], states={RunState.SUCCEEDED}).collect()
    wanted = [run for run in glue if run.state == "SUCCEEDED" or run in (glue[0], glue[3])]
    others = [run for run in await client.runs(DATAZONE).collect() if run.state == "SUCCEEDED"]
    assert sorted(keys(mixed)) == sorted(keys(await one_by_one(client, [*wanted, emr[1], *others])))


@pytest.mark.usefixtures("chance")
async def test_filters_choose_runs(client: JobRunsClient, local: LocalService) -> None:
    since = local.clock.now() - MINUTE * 1500
    runs = await client.runs(JOBS, states={RunState.FAILED}, created_after=since).collect()
    found = await client.attempts(JOBS, states={RunState.FAILED}, created_after=since).collect()
    assert keys(found) == keys(await one_by_one(client, runs))
    ended = await client.runs(JOBS, ended_after=since).collect()
    assert keys(await client.attempts(JOBS, ended_after=since).collect()) == keys(await one_by_one(client, ended))
    with pytest.raises(InvalidRequestError, match="filters choose among the runs of jobs"):
        client.attempts(runs, states={RunState.FAILED})


async def test_runs_that_began_long_before_they_ended(client: JobRunsClient, local: LocalService) -> None:
    local.add_glue_job("etl", max_retries=3)
    now = local.clock.now()
    run = local.add_run(GLUE, state="SUCCEEDED", created_at=now - 10 * DAY, duration=5 * DAY - MINUTE, attempts=2)
    since = now - DAY
    assert await client.attempts(GLUE, ended_after=since).collect() == []
    found = await client.attempts(GLUE, ended_after=since, reach=14 * DAY).collect()
    assert [(attempt.run.run_id, attempt.number) for attempt in found] == [(run, 1), (run, 2)]
    with pytest.raises(InvalidRequestError, match="reach says how far back"):
        client.attempts(GLUE, reach=14 * DAY)


async def until_refused(walk: Walk[Attempt[Any]]) -> tuple[list[Attempt[Any]], str | None]:
    """Return what came before a refusal, and where the refusal says to go on."""
    seen: list[Attempt[Any]] = []
    try:
        while True:
            seen.append(await anext(walk))
    except AccessDeniedError as error:
        return seen, error.cursor


@pytest.mark.usefixtures("chance")
async def test_a_run_whose_attempts_cannot_be_read(local: LocalService, client: JobRunsClient) -> None:
    runs = await client.runs(EMR).collect()
    broken = next(run for run in runs if run.attempt > 1)
    fault: dict[str, Any] = {"match": {"jobRunId": broken.id}, "code": "AccessDeniedException", "status": 403}
    local.fault("ListJobRunAttempts", "error", times=None, **fault)
    told: list[SourceError] = []
    found = await client.attempts(EMR, on_error=told.append).collect()
    others = [run for run in runs if run != broken]
    assert keys(found) == [(run.ref, number) for run in others for number in range(1, run.attempt + 1)]
    assert [failure.run for failure in told] == [broken.ref]
    async with client.attempts(EMR).open() as walk:
        seen, cursor = await until_refused(walk)
    local.clear_faults()
    rest = await client.attempts(EMR, cursor=cursor).collect()
    assert keys([*seen, *rest]) == [(run.ref, number) for run in runs for number in range(1, run.attempt + 1)]


async def test_a_run_that_is_not_there(local: LocalService, client: JobRunsClient) -> None:
    local.add_application("00f1app")
    there = local.add_run(EMR, state="SUCCEEDED")
    refs = [f"{EMR}/00gone", f"{EMR}/{there}"]
    with pytest.raises(NotFoundError):
        await client.attempts(refs).collect()
    told: list[SourceError] = []
    found = await client.attempts(refs, on_error=told.append).collect()
    assert [attempt.run.run_id for attempt in found] == [there]
    assert [str(failure.run) for failure in told] == [f"{EMR}/00gone?region=us-east-1"]
    async with client.attempts(refs, on_error="skip").open() as walk:
        assert [attempt.run.run_id async for attempt in walk] == [there]
        assert [str(failure.job) for failure in walk.report.failed] == [f"{EMR}?region=us-east-1"]


async def test_no_targets_no_attempts(client: JobRunsClient) -> None:
    assert await client.attempts([]).collect() == []
    with pytest.raises((InvalidRequestError, UnsupportedOperationError)):
        client.attempts("nothing:at/all")


async def test_a_run_that_was_told_in_part_is_not_told_again(local: LocalService, client: JobRunsClient) -> None:
    now = local.clock.now()
    local.add_glue_job("etl", max_retries=3)
    for run_id, age in (("jr_new", 1), ("jr_old", 3)):
        local.add_run(
            GLUE, run_id=run_id, state="FAILED", created_at=now - 60 * MINUTE * age, duration=MINUTE, attempts=3
        )
    async with client.attempts([GLUE]).open() as walk:
        seen = [await anext(walk) for _ in range(4)]
        cursor = walk.cursor
    local.add_run(GLUE, run_id="jr_late", state="FAILED", created_at=now - 120 * MINUTE, duration=MINUTE, attempts=2)
    expected = [("jr_late", 1), ("jr_late", 2), ("jr_old", 2), ("jr_old", 3)]
    assert keys(seen)[-1] == (RunRef.parse("glue:etl/jr_old?region=us-east-1"), 1)
    pages = [page async for page in client.attempts([GLUE], cursor=cursor, limit=1).by_page()]
    while pages[-1].cursor is not None:  # each of them carries what the first one told of "jr_old"
        pages += [page async for page in client.attempts([GLUE], cursor=pages[-1].cursor, limit=1).by_page()]
    assert [(attempt.run.run_id, attempt.number) for page in pages for attempt in page.items] == expected


async def test_attempts_that_the_history_has_lost_meanwhile_hide_no_others() -> None:
    with LocalService(glue_retention=24 * 60 * MINUTE) as local:
        local.add_glue_job("etl", max_retries=3)
        now = local.clock.now()
        local.add_run(
            GLUE, run_id="jr_1", state="FAILED", created_at=now - 1200 * MINUTE, duration=300 * MINUTE, attempts=3
        )
        async with client_of(local) as client:
            before = await client.attempts([GLUE]).collect()
            async with client.attempts([GLUE]).open() as walk:
                assert (await anext(walk)).number == 1
                cursor = walk.cursor
            local.advance(300 * MINUTE)
            assert [attempt.number for attempt in await client.attempts([GLUE]).collect()] == [2, 3]
            rest = await client.attempts([GLUE], cursor=cursor).collect()
            assert keys(rest) == keys(before)[1:]


@pytest.mark.parametrize("target", [f"{GLUE}/jr_gone", [f"{GLUE}/jr_gone"]])
async def test_one_run_is_treated_as_several_are(local: LocalService, client: JobRunsClient, target: Any) -> None:  # noqa: ANN401  # one or several
    local.add_glue_job("etl")
    told: list[SourceError] = []
    assert await client.attempts(target, on_error="skip").collect() == []
    assert await client.attempts(target, on_error=told.append).collect() == []
    assert [failure.run and failure.run.run_id for failure in told] == ["jr_gone"]
    with pytest.raises(NotFoundError):
        await client.attempts(target).collect()
    wrong: list[dict[str, Any]] = [{"on_error": "never"}, {"concurrency": 0}, {"page_size": 0}, {"limit": 0}]
    for options in wrong:
        with pytest.raises(InvalidRequestError, match=next(iter(options))):
            client.attempts(target, **options)  # of a wrong type
