"""Regions and accounts: each has jobs of its own, whoever asks and however the call is signed."""

from collections import Counter
from contextlib import closing
from datetime import timedelta
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import boto3
import pytest
from aiobotocore.session import AioSession
from botocore.exceptions import ClientError

from jobruns_sdk import GlueJob, JobRef, JobRunsClient, NotFoundError, Service
from jobruns_sdk.testing import LocalAccount, LocalService
from jobruns_sdk.testing.clock import START
from tests.testing.conftest import emr_at, glue_at

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

PROD: Final = "111122223333"
DEV: Final = "444455556666"
REGIONS: Final = ("us-east-1", "eu-west-1")


def etl(client: JobRunsClient, region: str, profile: str | None) -> GlueJob:
    handle = client.handle(JobRef(Service.GLUE, ("etl",), region, profile))
    assert isinstance(handle, GlueJob)
    return handle


def listed() -> list[str]:
    """Return the jobs that a client finds that is told nothing."""
    client = cast("GlueClient", methodcaller("client", "glue")(boto3.Session()))
    with closing(client):
        return client.list_jobs()["JobNames"]


@pytest.fixture
def places(local: LocalService) -> dict[tuple[str, str], LocalAccount]:
    """Return two regions of two accounts, in each of which a job of the same name has two runs."""
    places = {
        (account, region): local.account(account, region_name=region) for account in (PROD, DEV) for region in REGIONS
    }
    for place in places.values():
        place.add_glue_job("etl")
        place.add_application("00f1spark00000000")
        place.add_runs("glue:etl", 2, every=timedelta(hours=1))
        place.add_runs("emr-serverless:00f1spark00000000", 2, state="SUCCESS")
    return places


async def test_a_dashboard_of_two_regions_and_two_accounts_reads_each_run_once(
    local: LocalService, places: dict[tuple[str, str], LocalAccount]
) -> None:
    sessions = {"prod": local.session(), "dev": local.account(DEV).session()}
    accounts = {"prod": PROD, "dev": DEV}
    async with local.client(sessions=sessions) as client:
        jobs = [
            job.ref
            for profile in sessions
            for region in REGIONS
            for service in (Service.GLUE, Service.EMR_SERVERLESS)
            async for job in client.jobs(service, profile=profile, region_name=region)
        ]
        assert len(set(jobs)) == 8
        runs = await client.runs(jobs).collect()
        for run in runs:
            full = await client.run(run.ref)
            assert (full.ref, full.created_at) == (run.ref, run.created_at)

    assert Counter(map(attrgetter("id"), runs)).most_common(1)[0][1] == 1
    assert len(runs) == 16
    for run in runs:
        assert run.job.profile is not None
        assert run.job.region is not None
        place = places[accounts[run.job.profile], run.job.region]
        assert run.id in place.states(f"{run.service}:{run.job.path[0]}")


async def test_a_start_is_seen_in_its_own_region_and_account_only(
    local: LocalService, places: dict[tuple[str, str], LocalAccount]
) -> None:
    async with local.client(sessions={"dev": local.account(DEV).session()}) as client:
        ref = await etl(client, "eu-west-1", "dev").start(idempotency_key="today")
        for region, profile in (("eu-west-1", None), ("us-east-1", "dev"), ("us-east-1", None)):
            other = etl(client, region, profile)
            assert await other.find("today") is None
            with pytest.raises(NotFoundError):
                await other.run(ref.run_id)
    sizes = {place: len(account.states("glue:etl")) for place, account in places.items()}
    assert sizes == {place: 3 if place == (DEV, "eu-west-1") else 2 for place in places}
    assert local.requests[-1].account_id == PROD


def test_what_was_looked_for_in_the_wrong_place_is_told_where_it_is(local: LocalService) -> None:
    local.account(DEV).add_glue_job("etl")
    local.account(region_name="eu-west-1").add_glue_job("etl")
    where = "(This local service has etl in us-east-1 of 444455556666 and eu-west-1 of 111122223333, not in us-east-1"
    with glue_at(local.url) as glue, pytest.raises(ClientError) as caught:
        glue.get_job(JobName="etl")
    assert where in str(caught.value)
    with glue_at(local.url) as glue, pytest.raises(ClientError) as caught:
        glue.get_job(JobName="none")
    assert "This local service" not in str(caught.value)


def test_a_run_that_is_missing_is_looked_for_nowhere_else(local: LocalService) -> None:
    local.add_glue_job("etl")
    local.account(DEV).add_glue_job("etl")
    with glue_at(local.url) as glue, pytest.raises(ClientError) as caught:
        glue.get_job_run(JobName="etl", RunId="jr_1")
    assert "This local service" not in str(caught.value)


@pytest.mark.parametrize("key", ["local", "AKIAIOSFODNN7EXAMPLE", "1234", PROD])
def test_an_access_key_that_names_no_account_is_for_the_services_own(local: LocalService, key: str) -> None:
    local.add_glue_job("etl")
    with glue_at(local.url, aws_access_key_id=key, aws_secret_access_key="any") as glue:  # noqa: S106  # it means nothing
        assert glue.list_jobs()["JobNames"] == ["etl"]


def test_a_profile_of_any_client_names_its_account(
    local: LocalService, no_aws_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.account(DEV, region_name="eu-west-1").add_glue_job("etl")
    no_aws_environment.write_text(
        f"[profile dev]\naws_access_key_id = {DEV}\naws_secret_access_key = any\n"
        f"region = eu-west-1\nendpoint_url = {local.url}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "dev")
    assert listed() == ["etl"]


def test_pages_of_one_region_do_not_go_on_in_another(
    local: LocalService, places: dict[tuple[str, str], LocalAccount]
) -> None:
    del places
    with glue_at(local.url) as here, glue_at(local.url, region_name="eu-west-1") as there:
        token = here.get_job_runs(JobName="etl", MaxResults=1).get("NextToken", "")
        with pytest.raises(ClientError, match="token"):
            there.get_job_runs(JobName="etl", MaxResults=1, NextToken=token)
        assert here.get_job_runs(JobName="etl", MaxResults=1, NextToken=token)["JobRuns"]


def test_names_of_aws_say_the_region_and_the_account(
    local: LocalService, places: dict[tuple[str, str], LocalAccount]
) -> None:
    del places
    account = local.account(DEV, region_name="eu-west-1")
    keys = {"aws_access_key_id": DEV, "aws_secret_access_key": DEV}
    with emr_at(local.url, region_name=account.region_name, **keys) as emr:
        (app,) = emr.list_applications()["applications"]
    assert app["arn"] == f"arn:aws:emr-serverless:eu-west-1:{DEV}:/applications/00f1spark00000000"


async def test_an_account_has_a_client_and_an_environment_of_its_own(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    dev = local.account(DEV, region_name="eu-west-1")
    dev.add_glue_job("etl")
    async with dev.client() as client:
        assert [str(job.ref) async for job in client.jobs("glue")] == ["glue:etl?region=eu-west-1"]
    with dev.sync_client() as sync_client:
        assert len(sync_client.jobs("glue").collect()) == 1
    for name, value in dev.environment.items():
        monkeypatch.setenv(name, value)
    assert listed() == ["etl"]
    async with JobRunsClient(clock=local.clock) as client:
        assert len(await client.jobs("glue").collect()) == 1


async def test_credentials_of_this_machine_are_not_looked_for(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    local.add_glue_job("etl")
    async with local.client(sessions={"own": local.session()}) as client:
        assert await client.handle("glue:etl?profile=own").runs().collect() == []
    assert (local.requests[-1].region, local.requests[-1].access_key) == ("us-east-1", "local")


async def test_a_session_that_is_given_is_the_only_one(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    local.account(DEV).add_glue_job("etl")
    session = local.account(DEV).session()

    def made(*_: object) -> AioSession:
        raise AssertionError("a session was made")

    monkeypatch.setattr("aiobotocore.session.get_session", made)
    async with local.client(session=session) as client:
        assert len(await client.jobs("glue").collect()) == 1


def test_the_demo_is_wherever_it_is_looked_for_and_nowhere_the_same(local: LocalService) -> None:
    local.add_demo()
    ids: list[str] = []
    for region in REGIONS:
        for keys in ({}, {"aws_access_key_id": DEV, "aws_secret_access_key": DEV}):
            with glue_at(local.url, region_name=region, **keys) as glue:
                rows = glue.get_job_runs(JobName="hourly-ingest")["JobRuns"]
                ids += [row["Id"] for row in rows if "Id" in row]
    assert len(set(ids)) == len(ids) > 600


def test_what_is_said_of_every_region_is_said_once_of_each(local: LocalService) -> None:
    local.account(DEV)
    said: list[str] = []
    local.everywhere(lambda account: said.append(f"{account.account_id} {account.region_name}"))
    for region in ("eu-west-1", "eu-west-1", "us-east-1"):
        with glue_at(local.url, region_name=region) as glue:
            glue.list_jobs()
    assert sorted(said) == [f"{PROD} eu-west-1", f"{PROD} us-east-1", f"{DEV} us-east-1"]


def test_ids_do_not_depend_on_who_came_first() -> None:
    def made(*regions: str) -> dict[str, str]:
        local = LocalService(start=START)
        ids: dict[str, str] = {}
        for region in regions:
            place = local.account(region_name=region)
            place.add_glue_job("etl")
            ids[region] = place.add_run("glue:etl")
        return ids

    assert made("us-east-1", "eu-west-1") == made("eu-west-1", "us-east-1")


@pytest.mark.parametrize("account", ["12", "44445555666x", "4444555566667", 444455556666])
def test_an_account_is_twelve_digits(local: LocalService, account: Any) -> None:  # noqa: ANN401  # one of them is no string
    with pytest.raises(ValueError, match="account_id must be an account's id: twelve digits"):
        local.account(account)


def test_a_job_of_another_region_is_refused(local: LocalService) -> None:
    local.add_glue_job("etl")
    assert local.add_run("glue:etl?region=us-east-1")
    with pytest.raises(ValueError, match=r"account\(region_name='eu-west-1'\)"):
        local.add_run("glue:etl?profile=dev&region=eu-west-1")


def test_quotas_are_those_of_an_account_whatever_key_it_uses() -> None:
    with LocalService(quotas={"GetJobRuns": (1, 2)}, auto_advance=False) as local:
        local.everywhere(lambda account: account.add_glue_job("etl"))
        for key, left in (("local", 2), ("other", 0), (DEV, 2)):
            with glue_at(local.url, aws_access_key_id=key, aws_secret_access_key=key) as glue:
                for _ in range(left):
                    glue.get_job_runs(JobName="etl")
                with pytest.raises(ClientError, match="ThrottlingException"):
                    glue.get_job_runs(JobName="etl")
