"""No answer comes because nothing is there to answer, or because there is nothing to sign a request with."""

import json
import ssl
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiobotocore.session import AioSession
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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


async def test_a_refused_connection_is_tried_again() -> None:
    async with serving(NO_RUNS) as server:
        url = server.url
    session = CountingSession()
    failure = await failure_at(url, session)

    assert isinstance(failure, TransportError)
    assert (failure.sent, failure.retryable, session.sent) == (False, True, 3)


async def test_a_name_that_nobody_knows_is_tried_again() -> None:
    session = CountingSession()
    failure = await failure_at("https://nowhere.invalid", session)

    assert isinstance(failure, TransportError)
    assert (failure.sent, failure.retryable, session.sent) == (False, True, 3)
    assert "nowhere.invalid" in str(failure)


@pytest.fixture
def untrusted(tmp_path: Path) -> ssl.SSLContext:
    """Return what a server needs to present a certificate that nobody has signed."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


async def test_a_certificate_that_nobody_signed_is_not_trusted_at_the_third_look_either(
    untrusted: ssl.SSLContext,
) -> None:
    session = CountingSession()
    async with serving(NO_RUNS, tls=untrusted) as server:
        failure = await failure_at(server.url, session)

        assert isinstance(failure, TransportError)
        assert "certificate verify failed" in str(failure)
        assert (failure.sent, failure.retryable, session.sent, server.requests) == (False, False, 1, [])


async def test_without_credentials_nothing_is_sent() -> None:
    async with serving(NO_RUNS) as server:
        failure = await failure_at(server.url, CountingSession(access_key=None))

        assert isinstance(failure, CredentialsError)
        assert "Unable to locate credentials" in failure.message
        assert (failure.retryable, server.requests) == (False, [])


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
    with pytest.raises(InvalidRequestError, match="no region is known for glue:etl: pass region_name="):
        client_at(None, region_name=None).glue("etl")


async def test_a_region_that_cannot_be_one() -> None:
    session = CountingSession()
    failure = await failure_at(None, session, region_name="x" * 64)

    assert isinstance(failure, InvalidRequestError)
    assert "doesn't match a supported format" in failure.message
    assert session.sent == 0
