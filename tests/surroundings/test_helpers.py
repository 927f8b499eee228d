"""Credentials of profiles: helper processes that hang, fail or talk, and roles by an STS of the caller's choice."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, cast

import pytest
from aiobotocore.credentials import AioCredentialResolver
from aiobotocore.session import AioSession

from jobruns_sdk import CallTimeoutError, CredentialsError, JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.surroundings.sessions import Waiting
from tests.transport.clients import client_at
from tests.transport.gated import until
from tests.transport.tokens import TokenService

CANARY: Final = "canary/0123456789abcdef0123456789abcdef"
ROLE: Final = "arn:aws:iam::111122223333:role/{}"

pytestmark = pytest.mark.local("glue:etl")


@pytest.fixture
def tokens() -> Iterator[TokenService]:
    with TokenService(CANARY) as service:
        yield service


@pytest.fixture
def helper(no_aws_environment: Path, tmp_path: Path) -> Path:
    """Return the program, yet to be written, of the profile `helped`, from which the profile `role` assumes a role."""
    program = tmp_path / "helper.py"
    no_aws_environment.write_text(
        f"[profile helped]\ncredential_process = {sys.executable} {program}\n"
        f"[profile role]\nrole_arn = {ROLE.format('lab')}\nsource_profile = helped\n"
        f"[profile plain]\naws_access_key_id = plain-key\naws_secret_access_key = secret\n"
        f"[profile audit]\nrole_arn = {ROLE.format('audit')}\nsource_profile = plain\n"
        f"[profile chained]\nrole_arn = {ROLE.format('chained')}\nsource_profile = audit\n",
        encoding="utf-8",
    )
    return program


def write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def giving(seconds: float = 3600) -> str:
    expiration = datetime.now(UTC) + timedelta(seconds=seconds)
    keys = {"AccessKeyId": "helped-key", "SecretAccessKey": CANARY, "SessionToken": CANARY}
    text = json.dumps({"Version": 1, **keys, "Expiration": expiration.isoformat()})
    return f"print({text!r})\n"


async def key_of(local: LocalService, profile: str, **options: Any) -> str | None:  # noqa: ANN401  # the client's own
    """Return the access key that a request of a profile was signed with."""
    async with client_at(local.url, session=AioSession(profile=profile), **options) as client:
        await client.glue("etl").runs().collect()
    return local.requests[-1].access_key


async def test_a_helper_gives_keys(local: LocalService, helper: Path) -> None:
    write(helper, giving())
    assert await key_of(local, "helped") == "helped-key"


async def test_a_helper_is_asked_once_for_all_clients_of_a_session(local: LocalService, helper: Path) -> None:
    write(helper, f"open({str(helper.with_suffix('.log'))!r}, 'a').write('asked ')\n{giving()}")
    session = AioSession(profile="helped")
    for _ in range(2):
        async with client_at(local.url, session=session) as client:
            await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(5)))
    assert read(helper.with_suffix(".log")) == "asked "


@pytest.mark.parametrize("profile", ["helped", "role"])
async def test_a_helper_that_hangs_ends_with_the_call(
    local: LocalService, helper: Path, tokens: TokenService, profile: str
) -> None:
    begun = helper.with_suffix(".pid")
    write(
        helper,
        f"import os, time\nopen({str(begun)!r} + '.new', 'w').write(str(os.getpid()))\n"
        f"os.rename({str(begun)!r} + '.new', {str(begun)!r})\ntime.sleep(600)\n",
    )
    session = AioSession(profile=profile)
    urls = {"sts": tokens.url}
    async with client_at(local.url, session=session, endpoint_urls=urls, call_timeout=30) as client:
        reading = asyncio.create_task(client.glue("etl").runs().collect())
        await until(begun.exists)
        reading.cancel()
        await asyncio.wait([reading])
        await until(lambda: has_ended(int(read(begun))))


async def test_a_helper_ends_though_a_child_of_its_own_holds_its_output(
    local: LocalService, no_aws_environment: Path, tmp_path: Path
) -> None:
    script, told = tmp_path / "fetch.sh", tmp_path / "processes"
    write(script, f"sleep 100 & echo $$ $! > {told}.new; mv {told}.new {told}; wait\n")
    write(no_aws_environment, f"[default]\ncredential_process = sh {script}\n")
    async with client_at(local.url, session=AioSession()) as client:
        reading = asyncio.create_task(client.glue("etl").runs().collect())
        await until(told.exists)
        reading.cancel()
        await asyncio.wait([reading])
    shell, child = map(int, read(told).split())
    try:
        await until(lambda: has_ended(shell))
    finally:
        os.kill(child, signal.SIGKILL)  # it is nobody's


@pytest.fixture
def meeting(no_aws_environment: Path, tmp_path: Path) -> list[str]:
    """Return profiles each of whose helpers gives keys when all of them have been begun."""
    names = [f"p{number}" for number in range(20)]
    keys = json.dumps({"Version": 1, "AccessKeyId": "met-key", "SecretAccessKey": "secret"})
    write(
        tmp_path / "meet.sh",
        f"cd {tmp_path}\ntouch $1.here\n"
        f"while [ $(ls *.here | wc -l) -lt {len(names)} ]; do sleep 0.1; done\necho '{keys}'\n",
    )
    sections = [f"[profile {name}]\ncredential_process = sh {tmp_path / 'meet.sh'} {name}\n" for name in names]
    write(no_aws_environment, "".join(sections))
    return names


async def test_helpers_of_many_profiles_run_at_once(local: LocalService, meeting: list[str]) -> None:
    sessions = {name: AioSession(profile=name) for name in meeting}
    async with client_at(local.url, sessions=sessions, call_timeout=120) as client:
        assert await client.runs([f"glue:etl?profile={name}" for name in meeting]).collect() == []
    assert {request.access_key for request in local.requests} == {"met-key"}


def has_ended(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_helper_that_hangs_is_told_within_the_time_of_a_call(local: LocalService, helper: Path) -> None:
    write(helper, "import time; time.sleep(600)")
    async with client_at(local.url, session=AioSession(profile="helped"), call_timeout=0.3) as client:
        with pytest.raises(CallTimeoutError, match="no credentials and no connection") as caught:
            await client.glue("etl").start()
    assert caught.value.in_doubt is False


@pytest.mark.parametrize("profile", ["helped", "role"])
async def test_asyncio_in_debug_mode_tells_nothing_of_keys(
    local: LocalService, helper: Path, tokens: TokenService, caplog: pytest.LogCaptureFixture, profile: str
) -> None:
    write(helper, giving())
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    with caplog.at_level(logging.DEBUG, logger="asyncio"):
        await key_of(local, profile, endpoint_urls={"sts": tokens.url})
    loop.set_debug(False)
    assert "took" in caplog.text
    for text in (CANARY[:12], "SecretAccessKey", '"Version"'):
        assert text not in caplog.text


async def test_a_refresh_that_fails_is_logged_without_what_the_helper_said(
    local: LocalService, helper: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(helper, giving(seconds=700))  # which is to be renewed, and need not be yet
    async with client_at(local.url, session=AioSession(profile="helped")) as client:
        assert await client.glue("etl").runs().collect() == []
        write(helper, f"import sys; sys.exit('SecretAccessKey={CANARY}')")
        assert await client.glue("etl").runs().collect() == []
    assert "Refreshing temporary credentials failed" in caplog.text
    assert "CredentialRetrievalError" in caplog.text
    assert CANARY not in caplog.text


async def test_what_others_log_of_their_own_sessions_is_left_as_it_is(
    helper: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(helper, giving(seconds=700))
    credentials: Any = await AioSession(profile="helped").get_credentials()
    write(helper, "import sys; sys.exit('the password=right is wrong')")
    await credentials.get_frozen_credentials()
    assert "the password=right is wrong" in caplog.text


@pytest.mark.parametrize(
    ("profile", "roles"), [("audit", ["audit"]), ("chained", ["audit", "chained"]), ("role", ["lab"])]
)
async def test_roles_of_profiles_are_assumed_by_the_sts_that_is_named(
    local: LocalService, helper: Path, tokens: TokenService, profile: str, roles: list[str]
) -> None:
    write(helper, giving())
    assert await key_of(local, profile, endpoint_urls={"sts": tokens.url}) == f"{roles[-1]}-key"
    assert [asked["RoleArn"] for asked in tokens.asked] == [*map(ROLE.format, roles)]


async def test_a_web_identity_is_taken_to_the_sts_that_is_named(
    local: LocalService, no_aws_environment: Path, tmp_path: Path, tokens: TokenService
) -> None:
    write(tmp_path / "token", "a token")
    write(
        no_aws_environment,
        f"[profile web]\nrole_arn = {ROLE.format('web')}\nweb_identity_token_file = {tmp_path / 'token'}\n",
    )
    with pytest.raises(CredentialsError):  # this one answers as to AssumeRole
        await key_of(local, "web", endpoint_urls={"sts": tokens.url})
    assert {asked["Action"] for asked in tokens.asked} == {"AssumeRoleWithWebIdentity"}


@pytest.mark.usefixtures("helper")
async def test_keys_that_a_program_has_set_come_before_a_role(local: LocalService, tokens: TokenService) -> None:
    session = AioSession(profile="audit")
    session.set_credentials("set-key", "secret")
    async with client_at(local.url, session=session, endpoint_urls={"sts": tokens.url}) as client:
        await client.glue("etl").runs().collect()
    assert (local.requests[-1].access_key, tokens.asked) == ("set-key", [])


@pytest.mark.usefixtures("helper")
async def test_a_resolver_of_a_programs_own_is_asked_as_it_is(local: LocalService, tokens: TokenService) -> None:
    session = AioSession(profile="audit")
    session.register_component("credential_provider", AioCredentialResolver([cast("Any", Waiting(0))]))
    async with client_at(local.url, session=session, endpoint_urls={"sts": tokens.url}) as client:
        await client.glue("etl").runs().collect()
    assert (local.requests[-1].access_key, tokens.asked) == ("key", [])


@pytest.mark.usefixtures("helper")
async def test_a_cache_of_assumed_roles_is_used_as_the_session_does(local: LocalService, tokens: TokenService) -> None:
    cache: dict[str, object] = {}
    for _ in range(2):
        session: Any = AioSession(profile="audit")
        session.get_component("credential_provider").get_provider("assume-role").cache = cache
        async with client_at(local.url, session=session, endpoint_urls={"sts": tokens.url}) as client:
            await client.glue("etl").runs().collect()
    assert (len(cache), len(tokens.asked)) == (1, 1)


@pytest.mark.usefixtures("helper")
async def test_the_users_session_looks_for_itself(local: LocalService, tokens: TokenService) -> None:
    session = AioSession(profile="audit")
    before = session.get_component("credential_provider")
    async with JobRunsClient(
        session=session, endpoint_url=local.url, endpoint_urls={"sts": tokens.url}, region_name="us-east-1"
    ) as client:
        await client.glue("etl").runs().collect()
    assert session.get_component("credential_provider") is before
