"""No error shows a secret, nor do those that it came of, also where the service repeats the request."""

import json
from datetime import timedelta
from typing import Any, Final, cast

import pytest

from jobruns_sdk import InvalidRequestError, JobRunsError, StartOutcomeUnknownError
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native_application import Configuration
from tests.dangers.input.calls import CALLS, ROLE, Call
from tests.dangers.secrets.canaries import ARGUMENTS, CREDENTIALS, SPARK, WORD, chain_of, texts_of
from tests.dangers.secrets.results import results_of, sending
from tests.dangers.secrets.service import CanarySession, Repeating, canary_client
from tests.transport.clients import client_at
from tests.transport.scripted import answer, serving

SENDING: Final = list(sending())
NAMES: Final = [f"{call.name}-{number}" for number, (call, _) in enumerate(SENDING)]
WRONG_OVERRIDES: Final = emr.ConfigurationOverrides(
    applicationConfiguration=(Configuration(classification="x", properties={"password": cast("str", [WORD])}),)
)
ERRORS: Final = [(400, "ValidationException"), (403, "InvalidSignatureException"), (500, "InternalFailure")]


def told(value: object) -> str:
    return chain_of(value) if isinstance(value, BaseException) else texts_of(value)


def shows_nothing(text: str) -> bool:
    return WORD not in text.lower() and not any(secret in text for secret in CREDENTIALS)


@pytest.mark.parametrize(("status", "code"), ERRORS)
@pytest.mark.parametrize(("call", "given"), SENDING, ids=NAMES)
async def test_a_service_that_repeats_the_request_betrays_nothing(
    call: Call, given: dict[str, Any], status: int, code: str
) -> None:
    async with canary_client(Repeating(status, code)) as (client, server):
        try:
            results = await results_of(client, call, given)
        except JobRunsError as error:
            results = [error]

        for value in results:
            assert shows_nothing(told(value))
            failure = getattr(value, "error", None)
            assert failure is None or shows_nothing(chain_of(failure))
        if isinstance(results[-1], InvalidRequestError) and server.requests:
            assert "<hidden>" in str(results[-1])  # of the signature at least
            assert "1 validation error detected" in str(results[-1])


@pytest.mark.parametrize("key", [None, "nightly"])
async def test_a_start_in_doubt_shows_neither_arguments_nor_their_digest(key: str | None) -> None:
    async with canary_client(Repeating(500, "InternalFailure", only="StartJobRun")) as (client, server):
        with pytest.raises(StartOutcomeUnknownError) as caught:
            await client.glue("etl").start(arguments=ARGUMENTS, idempotency_key=key, settle=timedelta(seconds=5))
        (sent,) = (json.loads(one.body) for one in server.requests if b"--password" in one.body)
        with pytest.raises(StartOutcomeUnknownError) as again:
            await client.emr_serverless("00f").start(SPARK, execution_role_arn=ROLE, idempotency_key=key)

    assert shows_nothing(chain_of(caught.value) + chain_of(again.value))
    if key is not None:
        digest, _, said = sent["Arguments"]["--jobruns-idempotency-key"].partition(":")
        assert (len(digest), said) == (16, key)
        assert digest not in chain_of(caught.value)
        assert "ends in ':nightly'" in str(caught.value)


@pytest.mark.parametrize(
    ("call", "given"),
    [
        ("glue.start", {"arguments": {"--password": [WORD]}}),
        ("glue.start", {"arguments": {"--password": f"{WORD}\ud800"}}),
        ("glue.start", {"arguments": f"--password={WORD}"}),
        ("glue.start", {"execution_role_session_policy": {"Statement": WORD}}),
        ("glue.start", {"idempotency_key": [WORD]}),
        ("emr_serverless.start", {"driver": {"sparkSubmit": WORD}}),
        ("emr_serverless.start", {"retry_policy": emr.RetryPolicy(maxAttempts=cast("int", WORD))}),
        ("emr_serverless.start", {"configuration_overrides": WRONG_OVERRIDES}),
        ("SparkSubmit", {"arguments": [[WORD]]}),
        ("SparkSubmit", {"arguments": WORD}),
        ("SparkSubmit", {"entry_point": [WORD]}),
        ("client.run", {"run": {"JobName": "etl", "Arguments": {"--password": WORD}}}),
    ],
)
async def test_a_refusal_shows_no_secret_that_was_of_the_wrong_type(call: str, given: dict[str, Any]) -> None:
    async with canary_client(answer(b"{}")) as (client, server):
        with pytest.raises(InvalidRequestError) as caught:
            await CALLS[call](client, **given)

        assert server.requests == []
    assert WORD not in chain_of(caught.value)


async def test_what_is_short_stays_and_what_is_escaped_goes() -> None:
    said = {"--a": "abc", "--b": 'a "quoted" \\ \n ü', "--c": "abcd"}

    async with canary_client(Repeating(400, "ValidationException")) as (client, _):
        with pytest.raises(InvalidRequestError) as caught:
            await client.glue("etl").start(arguments=said)

    assert "'--a': 'abc', '--b': '<hidden>', '--c': '<hidden>'" in str(caught.value)
    assert '"--a": "abc", "--b": "<hidden>", "--c": "<hidden>"' in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>%s</html>", b'{"jobRun": {"jobDriver": "%s"}}', b'{"JobRun": {"Id": ["%s"]}}', b"%s\xff"]
)
async def test_an_answer_that_cannot_be_read_is_not_shown(body: bytes) -> None:
    async with canary_client(answer(body.replace(b"%s", WORD.encode()))) as (client, _):
        for call in ("emr_serverless.run", "glue.run"):
            with pytest.raises(JobRunsError) as caught:
                await CALLS[call](client)

            assert shows_nothing(chain_of(caught.value))


async def test_credentials_show_in_no_error_of_the_network() -> None:
    async with client_at("http://127.0.0.1:9", session=CanarySession(), max_attempts=1) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.glue("etl").run("jr_0")
    assert shows_nothing(chain_of(caught.value))

    moved = answer(b"", status=302, headers={"location": "http://127.0.0.1:9/"})
    async with serving(moved) as server, client_at(server.url, session=CanarySession(), max_attempts=1) as client:
        with pytest.raises(JobRunsError) as caught:
            await client.glue("etl").run("jr_0")
    assert shows_nothing(chain_of(caught.value))
