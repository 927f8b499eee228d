"""Roles are assumed with the credentials of this machine, when they are needed, and again when they expire."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobruns_sdk import CredentialsError, JobRunsClient
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.sessions import default_session, profile_session, role_session
from tests.transport.clients import CountingSession
from tests.transport.tokens import TokenService

ROLE = "arn:aws:iam::111122223333:role/{}"


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenService]:
    with TokenService("canary") as service:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", service.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own-key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "own-secret")
        yield service


async def keys_of(local: LocalService, name: str, jobs: list[str], external_id: str | None = None) -> list[str | None]:
    """Return the access keys that jobs of the profile "other" were asked with."""
    session = default_session()
    other = role_session(ROLE.format(name), external_id=external_id, source=session)
    sessions = {"other": other}
    async with JobRunsClient(
        session=session, sessions=sessions, endpoint_url=local.url, region_name="us-east-1"
    ) as client:
        await client.runs(jobs).collect()
    return [request.access_key for request in local.requests]


@pytest.mark.parametrize("external_id", [None, "x-1"])
async def test_a_role_is_assumed_once_and_only_for_its_profile(tokens: TokenService, external_id: str | None) -> None:
    with LocalService() as local:
        local.add_glue_job("a")
        local.add_glue_job("b")
        jobs = ["glue:a", "glue:a?profile=other", "glue:b?profile=other"]
        assert sorted(map(str, await keys_of(local, "read", jobs, external_id))) == ["own-key", "read-key", "read-key"]
    (asked,) = tokens.asked
    assert (asked["RoleArn"], asked["RoleSessionName"]) == (ROLE.format("read"), "jobruns_sdk")
    assert asked.get("ExternalId") == external_id


async def test_a_role_that_is_not_needed_is_not_assumed(tokens: TokenService) -> None:
    with LocalService() as local:
        local.add_glue_job("a")
        assert await keys_of(local, "read", ["glue:a"]) == ["own-key"]
    assert tokens.asked == []


async def test_a_role_that_may_not_be_assumed_is_an_error_of_credentials(tokens: TokenService) -> None:
    with LocalService() as local:
        local.add_glue_job("a")
        with pytest.raises(CredentialsError, match=r"glue.GetJobRuns: AccessDenied: .* sts:AssumeRole"):
            await keys_of(local, "denied", ["glue:a?profile=other"])
    assert len(tokens.asked) == 1


@pytest.mark.parametrize(
    ("partition", "own", "asked"),
    [
        ("aws", None, "us-east-1"),
        ("aws", "eu-west-1", "eu-west-1"),
        ("aws-cn", None, "cn-north-1"),
        ("aws-cn", "cn-northwest-1", "cn-northwest-1"),
        ("aws-cn", "eu-west-1", "cn-north-1"),
        ("aws-us-gov", None, "us-gov-west-1"),
        ("aws-us-gov", "us-gov-east-1", "us-gov-east-1"),
        ("aws", "xx-new-1", "xx-new-1"),
    ],
)
async def test_a_role_is_asked_for_in_its_own_partition(
    tokens: TokenService, monkeypatch: pytest.MonkeyPatch, partition: str, own: str | None, asked: str
) -> None:
    if own is not None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", own)
    source = CountingSession(access_key="own-key")
    session = role_session(f"arn:{partition}:iam::111122223333:role/read", source=source)
    credentials: Any = await session.get_credentials()
    await credentials.get_frozen_credentials()

    assert (source.clients, len(tokens.asked)) == ([("sts", asked)], 1)


async def test_without_credentials_no_role_is_assumed(tokens: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with LocalService() as local:
        local.add_glue_job("a")
        with pytest.raises(CredentialsError):
            await keys_of(local, "read", ["glue:a?profile=other"])
    assert tokens.asked == []


@pytest.fixture
def prod(no_aws_environment: Path) -> None:
    text = "[profile prod]\naws_access_key_id = prod-key\naws_secret_access_key = x\n"
    no_aws_environment.write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("prod")
async def test_a_profile_has_the_credentials_of_the_shared_files() -> None:
    session = default_session()
    other = profile_session("prod", like=session)
    assert other.get_component("data_loader") is session.get_component("data_loader")
    credentials = await other.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "prod-key"
