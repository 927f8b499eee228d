"""What a polling round costs, next to what polling one by one costs."""

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from jobruns_sdk import JobRunsClient
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.quotas import UNPUBLISHED
from tests.waiting.kit import HOUR, MINUTE, calls_by_operation, client_of, others, tell

if TYPE_CHECKING:
    from datetime import datetime

ACTIVE: Final = 500


def rounds(local: LocalService) -> list[Counter[str]]:
    """Return the calls of each round: those that come without a pause of a poll interval between them."""
    found: list[Counter[str]] = []
    last: datetime | None = None
    for request in local.requests:
        if last is None or (request.at - last).total_seconds() >= 4:
            found.append(Counter())
        found[-1][request.operation] += 1
        last = request.at
    return found


def quota_time(calls: Counter[str]) -> float:
    """Return what calls cost of their quotas, in seconds."""
    total = 0.0
    for name, count in calls.items():
        service, _, operation = name.partition(":")
        total += count / QUOTAS.get((service, operation), UNPUBLISHED).rate
    return total


async def wait_for_all(client: JobRunsClient, refs: list[str], *, apart: bool) -> None:
    if apart:
        runs = await asyncio.gather(*(client.wait(ref, timeout=HOUR) for ref in refs))
    else:
        runs = await client.wait_all(refs, timeout=HOUR)
    assert all(run.succeeded for run in runs)


@pytest.mark.parametrize("apart", [False, True], ids=["wait_all", "500 waits"])
async def test_the_newest_500_runs_of_a_glue_job_take_3_calls_a_round(
    local: LocalService, client: JobRunsClient, capsys: pytest.CaptureFixture[str], *, apart: bool
) -> None:
    local.add_glue_job("etl", duration=3 * MINUTE)
    local.add_runs("glue:etl", 1000)
    local.advance(HOUR)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(ACTIVE)]
    await wait_for_all(client, refs, apart=apart)
    calls = rounds(local)
    tell(capsys, f"Glue, {ACTIVE} runs: {len(calls)} rounds of {dict(calls[0])}, one by one {ACTIVE} calls each")
    assert all(one.total() <= 3 and set(one) == {"GetJobRuns"} for one in calls)
    assert 5 < len(calls) <= local.clock.monotonic() / 5
    assert await others() == set()


@pytest.mark.parametrize("apart", [False, True], ids=["wait_all", "500 waits"])
async def test_500_active_runs_on_emr_serverless_take_10_calls_a_round(
    local: LocalService, client: JobRunsClient, capsys: pytest.CaptureFixture[str], *, apart: bool
) -> None:
    app = local.add_application(max_concurrent_runs=None, duration=3 * MINUTE)
    job = f"emr-serverless:{app}"
    local.add_runs(job, 1000)
    refs = [f"{job}/{local.add_run(job)}" for _ in range(ACTIVE)]
    await wait_for_all(client, refs, apart=apart)
    calls = rounds(local)
    rest = f"{len(calls)} rounds of {dict(calls[0])}, the last one {dict(calls[-1])}"
    tell(capsys, f"EMR Serverless, {ACTIVE} runs: {rest}, one by one {ACTIVE} calls each")
    # The last rounds have to get each run that has ended, for its end and usage.
    assert all(one["ListJobRuns"] <= 10 for one in calls)
    assert all(one["GetJobRun"] == 0 for one in calls[:-3])
    assert sum(one["GetJobRun"] for one in calls) == ACTIVE


@pytest.mark.parametrize("begins", [0, 60], ids=["at once", "within a minute"])
async def test_any_number_of_waits_of_one_job_makes_the_rounds_of_one(begins: float) -> None:
    found: dict[int, int] = {}
    for count in (1, 2, 30, 300):
        with LocalService() as local:
            local.add_glue_job("etl", duration=5 * HOUR, max_concurrent_runs=count)
            runs = [local.add_run("glue:etl") for _ in range(count)]
            async with client_of(local) as client:

                async def wait(index: int, local: LocalService = local, client: JobRunsClient = client) -> None:
                    await local.clock.sleep(begins * index / 300)
                    await client.wait(f"glue:etl/{runs[index]}", timeout=HOUR)  # noqa: B023  # ended within the loop

                await asyncio.gather(*(wait(index) for index in range(count)), return_exceptions=True)
            found[count] = len({request.at for request in local.requests})
            # The first poll of each wait is its own: it may not rest on what was seen before it began.
            found[count] -= count - 1 if begins else 0
    assert max(found.values()) <= 1.35 * min(found.values()), found


async def test_200_runs_in_200_applications_cost_no_more_than_gets(local: LocalService, client: JobRunsClient) -> None:
    refs: list[str] = []
    for _ in range(200):
        app = local.add_application(duration=MINUTE)
        refs.append(f"emr-serverless:{app}/{local.add_run(f'emr-serverless:{app}')}")
    await wait_for_all(client, refs, apart=False)
    assert set(calls_by_operation(local)) == {"emr-serverless:GetJobRun"}


@pytest.mark.parametrize("count", [1, 2, 3, 9, 10, 11, 12, 25, 49, 60, 130])
async def test_a_round_never_costs_more_quota_time_than_gets_and_pages_that_pay(
    local: LocalService, count: int
) -> None:
    app = local.add_application(max_concurrent_runs=None, duration=5 * HOUR)
    job = f"emr-serverless:{app}"
    runs = [local.add_run(job) for _ in range(count)]
    async with client_of(local) as client:
        await asyncio.gather(*(client.wait(f"{job}/{run}", timeout=9 * MINUTE) for run in runs), return_exceptions=True)
    for one in rounds(local):
        assert (
            quota_time(Counter({f"emr-serverless:{name}": calls for name, calls in one.items()})) <= count * 0.1 + 1e-9
        )


async def test_runs_too_old_for_the_list_are_got(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl")
    old = [local.add_run("glue:etl", duration=5 * HOUR) for _ in range(3)]
    local.advance(HOUR)
    local.add_runs("glue:etl", 2000, every=MINUTE / 60)
    done = await client.wait_all([f"glue:etl/{run}" for run in old], timeout=9 * HOUR, poll_interval=MINUTE)
    assert all(run.succeeded for run in done)
    calls = rounds(local)
    assert all(one["GetJobRun"] == 3 for one in calls)
    assert sum(one["GetJobRuns"] for one in calls) < 20
    assert len(calls) > 200


async def test_without_quotas_fewer_calls_are_what_counts(local: LocalService) -> None:
    app = local.add_application(max_concurrent_runs=None)
    job = f"emr-serverless:{app}"
    refs = [f"{job}/{local.add_run(job)}" for _ in range(5)]
    async with client_of(local, quotas=None) as client:
        await wait_for_all(client, refs, apart=False)
    assert rounds(local)[0] == Counter({"ListJobRuns": 1})


async def test_a_client_polls_no_faster_than_its_quotas_allow(local: LocalService) -> None:
    app = local.add_application(max_concurrent_runs=None, duration=2 * MINUTE)
    job = f"emr-serverless:{app}"
    refs = [f"{job}/{local.add_run(job)}" for _ in range(ACTIVE)]
    async with client_of(local) as client:
        done = await client.wait_all(refs, timeout=HOUR, poll_interval=MINUTE / 60, max_poll_interval=MINUTE / 60)
    assert all(run.succeeded for run in done)
    lists = [request.at for request in local.requests if request.operation == "ListJobRuns"]
    seconds = (lists[-1] - lists[0]).total_seconds()
    assert len(lists) <= seconds + 25
    ends = [run.ended_at for run in done if run.ended_at]
    assert (local.clock.now() - min(ends)).total_seconds() < 120


async def test_waits_that_begin_at_different_times_come_to_share_their_polls(
    local: LocalService, client: JobRunsClient
) -> None:
    local.add_glue_job("etl", duration=HOUR)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(30)]

    async def one(at: int, ref: str) -> None:
        await local.clock.sleep(at * 1.5)
        assert (await client.wait(ref, timeout=2 * HOUR)).succeeded

    waiting = asyncio.gather(*(one(at, ref) for at, ref in enumerate(refs)))
    await local.clock.sleep(600)
    before = len(local.requests)
    await local.clock.sleep(600)
    polls = [request.operation for request in local.requests[before:]]
    assert set(polls) == {"GetJobRuns"}
    assert len(polls) <= 30  # each on its own they made 40 and more
    await waiting


async def test_the_definition_of_a_job_is_asked_for_once_a_client(local: LocalService, client: JobRunsClient) -> None:
    local.add_glue_job("etl", max_retries=1, fail_attempts=2)
    refs = [f"glue:etl/{local.add_run('glue:etl')}" for _ in range(50)]
    await asyncio.gather(*(client.wait(ref, timeout=None) for ref in refs))
    await client.wait_all(refs, timeout=None)
    await anext(client.watch(["glue:etl", refs[0]], timeout=HOUR))
    assert local.calls("GetJob") == 1
