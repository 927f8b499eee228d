"""No answer comes because nothing is there to answer, or because there is nothing to sign a request with."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.credentials import AioCredentialResolver
from aiobotocore.session import AioSession

from jobruns_sdk import CredentialsError, InvalidRequestError, JobRunsError, TransportError
from tests.transport.clients import CountingSession, client_at
from tests.transport.scripted import answer, serving

NO_RUNS = answer(b'{"JobRuns":[]}')


async def failure_at(url: str | None, session: AioSession, *, region_name: str = "eu-west-1") -> JobRunsError:
    async with client_at(url, session=session, region_name=region_name, max_attempts=3) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.glue("etl").runs().collect()
    assert (caught.value.service, caught.value.operation) == ("glue", "GetJobRuns")
    return caught.value


async def test_half_a_pair_of_credentials_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    async with serving(NO_RUNS) as server:
        failure = await failure_at(server.url, CountingSession(access_key=None))

        assert isinstance(failure, CredentialsError)
        assert server.requests == []


@pytest.fixture
def config_file(no_aws_environment: Path) -> Callable[[str], object]:
    return no_aws_environment.write_text


def process_that_prints(text: str) -> str:
    return f"[default]\ncredential_process = {sys.executable} -c \"print('''{text}''')\"\n"


@pytest.mark.parametrize("text", ["no JSON", '{"Version": 7}'])
async def test_a_credential_process_that_says_nothing_of_use(config_file: Callable[[str], object], text: str) -> None:
    config_file(process_that_prints(text.replace('"', '\\"')))
    async with serving(NO_RUNS) as server:
        failure = await failure_at(server.url, AioSession())

        assert isinstance(failure, CredentialsError)
        assert server.requests == []


async def test_credentials_that_are_expired_right_after_their_refresh(config_file: Callable[[str], object]) -> None:
    expired = {"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c"}
    expired["Expiration"] = "2020-01-01T00:00:00Z"
    config_file(process_that_prints(json.dumps(expired).replace('"', '\\"')))
    async with serving(NO_RUNS) as server:
        failure = await failure_at(server.url, AioSession())

        assert isinstance(failure, CredentialsError)
        assert "still expired" in failure.message
        assert server.requests == []


DENIED = b"""<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>
<Message>Not this role.</Message></Error><RequestId>s-1</RequestId></ErrorResponse>"""


async def test_a_role_that_may_not_be_assumed(
    config_file: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    config_file(
        "[default]\nrole_arn = arn:aws:iam::111122223333:role/reader\nsource_profile = base\n"
        "[profile base]\naws_access_key_id = a\naws_secret_access_key = b\n"
    )
    async with (
        serving(answer(DENIED, status=403, headers={"content-type": "text/xml"})) as sts,
        serving(NO_RUNS) as server,
    ):
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", sts.url)
        failure = await failure_at(server.url, AioSession())

        assert isinstance(failure, CredentialsError)
        assert (failure.code, failure.retryable) == ("AccessDenied", False)
        assert "Not this role." in failure.message
        assert (len(sts.requests), server.requests) == (1, [])


async def test_a_profile_that_is_not_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    with pytest.raises(CredentialsError, match="nobody"):
        client_at(None, region_name=None, session=AioSession()).glue("etl")


async def test_no_region_is_known() -> None:
    with pytest.raises(
        InvalidRequestError,
        match=r"for glue:etl: say it in the reference .* region_name=, in AWS_DEFAULT_REGION, or in the profile",
    ):
        client_at(None, region_name=None).glue("etl")


async def test_a_region_that_cannot_be_one() -> None:
    session = CountingSession()
    failure = await failure_at(None, session, region_name="12345")

    assert isinstance(failure, InvalidRequestError)
    assert "12345" in failure.message
    assert session.sent == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_DEFAULTS_MODE", "nonsense"),
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "nonsense"),
        pytest.param("AWS_CONFIG_FILE", __file__, id="a configuration that is none"),
    ],
)
async def test_settings_that_cannot_be_right_leave_no_start_in_doubt(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    async with serving(NO_RUNS) as server:
        async with client_at(server.url, session=AioSession()) as client:
            with pytest.raises(InvalidRequestError) as caught:
                await client.glue("etl").start()

        assert (caught.value.service, caught.value.operation) == ("glue", "StartJobRun")
        assert (caught.value.retryable, caught.value.in_doubt, server.requests) == (False, False, [])


@pytest.mark.parametrize("kind", ["missing", "a folder", "no certificates"])
async def test_certificates_that_cannot_be_read_leave_no_start_in_doubt(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    path = {"missing": tmp_path / "none.pem", "a folder": tmp_path, "no certificates": Path(__file__)}[kind]
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    async with serving(NO_RUNS) as server:
        async with client_at(server.url) as client:
            with pytest.raises(TransportError, match="see AWS_CA_BUNDLE") as caught:
                await client.glue("etl").start()

        assert (caught.value.retryable, caught.value.in_doubt, server.requests) == (False, False, [])


async def test_a_region_in_a_variable_that_botocore_does_not_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with pytest.raises(InvalidRequestError, match=r"botocore does not read AWS_REGION, which is set"):
        client_at(None, region_name=None).glue("etl")


async def test_a_device_that_nobody_can_type_a_code_of_is_told_in_words() -> None:
    class Prompting:
        METHOD = "assume-role"
        CANONICAL_NAME = None

        async def load(self) -> None:
            raise EOFError  # as getpass does where there is no terminal

    session = CountingSession(access_key=None)
    providers: Any = [Prompting()]
    session.register_component("credential_provider", AioCredentialResolver(providers))
    async with serving(NO_RUNS) as server:
        failure = await failure_at(server.url, session)

    assert isinstance(failure, CredentialsError)
    assert "a code of an MFA device is asked for, and there is no terminal" in failure.message
    assert (failure.retryable, server.requests) == (False, [])
