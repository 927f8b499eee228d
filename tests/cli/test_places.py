"""Several profiles and regions: each profile in each region, and none taken for another."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobruns_sdk import RunRef
from jobruns_sdk.testing import LocalAccount, LocalService
from tests.cli.kit import Shell

ACCOUNTS = {"prod": "111122223333", "dev": "444455556666"}
REGIONS = ("eu-west-1", "us-east-1")


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with LocalService(start=datetime.now(UTC), check=True, auto_advance=False) as service:
        service.everywhere(seed)
        yield service
        assert service.problems == []


def seed(account: LocalAccount) -> None:
    account.add_glue_job("etl")
    account.add_run("glue:etl", state="FAILED")


@pytest.fixture
def jobruns(service: LocalService, tmp_path: Path) -> Shell:
    (tmp_path / "config").write_text(
        "".join(
            f"[profile {name}]\naws_access_key_id = {account}\naws_secret_access_key = local\nregion = {REGIONS[0]}\n"
            for name, account in ACCOUNTS.items()
        )
    )
    return Shell(service, tmp_path)


def places(*words: str) -> list[str]:
    regions = [word for region in REGIONS for word in ("--region", region)]
    return [*words, *regions, "--profile", "prod", "--profile", "dev"]


def test_each_profile_is_read_in_each_region(jobruns: Shell) -> None:
    expected = [f"glue:etl?region={region}&profile={profile}" for region in REGIONS for profile in ("dev", "prod")]
    for word in ("glue:etl", "glue:e*"):
        assert sorted(jobruns(*places("ls", word, "--fields", "job")).lines) == expected
    table = jobruns(*places("ls", "glue:etl", "-o", "table")).lines
    # A column of messages is there where a run has one, which depends on the hour.
    assert table[0].split()[:7] == ["state", "job", "region", "profile", "run", "created", "took"]
    assert len(jobruns(*places("jobs", "glue")).lines) == 4


def test_a_reference_leads_back_to_its_account_without_options(jobruns: Shell, service: LocalService) -> None:
    names = jobruns(*places("ls", "glue:etl", "-o", "name")).lines
    service.forget_requests()
    shown = [line for name in names[::3] for line in jobruns("show", name, "-o", "name").lines]
    assert shown == names[::3]
    asked = {(request.account_id, request.region) for request in service.requests}
    refs = [RunRef.parse(name).job for name in names[::3]]
    assert asked == {(ACCOUNTS[ref.profile or ""], ref.region) for ref in refs}
    assert len(asked) == 2


def test_one_run_is_wanted_where_several_places_are_named(jobruns: Shell) -> None:
    done = jobruns(*places("show", "glue:etl"))
    assert (done.code, done.out) == (2, "")
    assert "several places" in done.err


def test_a_place_that_fails_is_named_and_the_others_are_listed(jobruns: Shell, service: LocalService) -> None:
    (jobruns.folder / "credentials").write_text("")
    done = jobruns(
        "ls", "glue:etl", "--region", "us-east-1", "--profile", "prod", "--profile", "none", "--fields", "job"
    )
    assert (done.code, done.out) == (4, "glue:etl?region=us-east-1&profile=prod\n")
    assert "profile=none" in done.err
    assert done.err.count("\n") == 1
    assert {request.account_id for request in service.requests} <= set(ACCOUNTS.values())


def test_the_region_of_the_environment_is_that_of_aws_own_clients(jobruns: Shell) -> None:
    done = jobruns("ls", "glue:etl", "--fields", "region", env={"AWS_REGION": "eu-north-1", "AWS_DEFAULT_REGION": "x"})
    assert done.out == "eu-north-1\n"
    only = {"AWS_REGION": None, "AWS_DEFAULT_REGION": None, "AWS_PROFILE": "dev"}
    assert jobruns("ls", "glue:etl", "--fields", "region,profile", env=only).out == "eu-west-1\t\n"
