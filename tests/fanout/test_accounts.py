"""Regions and accounts: a reference says where to go and with whose credentials; quotas are kept for each."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from jobruns_sdk import InvalidRequestError, JobRef, JobRunsClient, Quota, Service
from jobruns_sdk.testing import LocalAccount, LocalService
from tests.fanout.kit import client_of, session_of
from tests.fanout.reading import Order
from tests.transport.clients import CountingSession

GLUE_RUNS = ("glue", "GetJobRuns")


@pytest_asyncio.fixture
async def accounts(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with accounts_of(local) as client:
        yield client


def accounts_of(local: LocalService, **options: Any) -> JobRunsClient:  # noqa: ANN401  # JobRunsClient's own options
    sessions = {"prod": session_of("prod-key"), "dev": session_of("dev-key")}
    return client_of(local, sessions=sessions, **options)


def sent(local: LocalService) -> Counter[tuple[str | None, str | None]]:
    """Return how many requests went to each region with each access key, by what they were signed for."""
    return Counter((request.region, request.access_key) for request in local.requests)


async def test_a_reference_goes_to_its_region_with_its_credentials(
    local: LocalService, accounts: JobRunsClient
) -> None:
    app = "00f1abcdefgh0909"

    def seed(account: LocalAccount) -> None:
        account.add_glue_job("etl")
        account.add_application(app)
        for job in ("glue:etl", f"emr-serverless:{app}"):
            account.add_runs(job, 2)

    local.everywhere(seed)
    jobs = [
        "glue:etl",
        "glue:etl?region=eu-west-1&profile=prod",
        "glue:etl?region=eu-west-1&profile=dev",
        f"emr-serverless:{app}?region=eu-central-1",
        f"emr-serverless:{app}?profile=dev",
    ]
    runs = await accounts.runs(jobs).collect()

    assert sent(local) == {
        ("us-east-1", "local"): 1,
        ("eu-west-1", "prod-key"): 1,
        ("eu-west-1", "dev-key"): 1,
        ("eu-central-1", "local"): 1,
        ("us-east-1", "dev-key"): 1,
    }
    # Keys that name no account are those of the service's own: the same runs are others by their references.
    assert len({run.ref for run in runs}) == len(runs) == 10
    assert {(run.job.region, run.job.profile) for run in runs} == {
        ("us-east-1", None),
        ("eu-west-1", "prod"),
        ("eu-west-1", "dev"),
        ("eu-central-1", None),
        ("us-east-1", "dev"),
    }


async def test_what_was_found_is_got_and_described_where_it_was_found(
    local: LocalService, accounts: JobRunsClient
) -> None:
    ireland = local.account(region_name="eu-west-1")
    app = ireland.add_application(name="etl")
    run = ireland.add_run(f"emr-serverless:{app}", state="FAILED")
    (job,) = await accounts.jobs(Service.EMR_SERVERLESS, region_name="eu-west-1", profile="dev").collect()
    assert job.ref == JobRef("emr-serverless", (app,), "eu-west-1", "dev")
    (found,) = await accounts.runs([job], hydrate=True).collect()
    assert (found.id, found.usage is None) == (run, False)
    await accounts.run(found.ref)
    await accounts.job(job)
    assert sent(local) == {("eu-west-1", "dev-key"): 5}


@pytest.mark.parametrize("order", ["newest", "any"])
async def test_an_unknown_profile_is_refused_before_anything_is_sent(
    local: LocalService, accounts: JobRunsClient, order: Order
) -> None:
    local.add_glue_job("etl")
    with pytest.raises(InvalidRequestError, match=r"profile 'stage' is not among the client's sessions \(dev, prod\)"):
        accounts.runs(["glue:etl", "glue:etl?profile=stage"], order=order)
    with pytest.raises(InvalidRequestError, match="profile 'stage'"):
        accounts.jobs("glue", profile="stage")
    assert local.calls() == 0


async def test_a_service_in_a_region_is_connected_to_once_for_each_session(local: LocalService) -> None:
    names = [f"etl-{index}" for index in range(20)]
    local.everywhere(lambda account: [account.add_glue_job(name) for name in names])
    session = CountingSession("counted")
    regions = ("eu-west-1", "us-west-2")
    async with client_of(local, sessions={"counted": session}) as client:
        jobs = [f"glue:{name}?region={region}&profile=counted" for name in names for region in regions]
        await client.runs(jobs, order="any").collect()
    assert sorted(session.clients, key=str) == [("glue", "eu-west-1"), ("glue", "us-west-2")]


async def waited(client: JobRunsClient, jobs: list[str]) -> float:
    """Return how long it took the clock to read the jobs."""
    async with client, client.runs(jobs, order="any").open() as walk:
        assert [run async for run in walk] == []
        return walk.report.waited


async def test_each_profile_region_and_service_has_its_own_bucket(local: LocalService) -> None:
    local.everywhere(lambda account: [account.add_glue_job(name) for name in ("a", "b")])
    quotas = {GLUE_RUNS: Quota(rate=1, burst=1)}
    ways = ["", "?profile=prod", "?profile=dev", "?region=eu-west-1", "?region=eu-west-1&profile=prod"]
    one_each = [f"glue:a{way}" for way in ways]
    assert await waited(accounts_of(local, quotas=quotas), one_each) == 0
    assert local.clock.monotonic() == 0

    two_each = [f"glue:{name}{way}" for name in ("a", "b") for way in ways]
    assert await waited(accounts_of(local, quotas=quotas), two_each) == pytest.approx(5)
    assert local.clock.monotonic() == pytest.approx(1)


async def test_profiles_of_one_account_share_a_bucket_where_they_are_told_to(local: LocalService) -> None:
    local.everywhere(lambda account: account.add_glue_job("a"))
    quotas = {GLUE_RUNS: Quota(rate=1, burst=1)}
    jobs = ["glue:a", "glue:a?profile=prod", "glue:a?profile=dev", "glue:a?region=eu-west-1&profile=dev"]
    shared = {"dev": "prod", None: "prod"}
    assert await waited(accounts_of(local, quotas=quotas, share_quotas=shared), jobs) == pytest.approx(0 + 1 + 2)
    assert local.clock.monotonic() == pytest.approx(2)
