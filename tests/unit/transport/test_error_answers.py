import json
from collections.abc import Mapping

import pytest

from jobruns_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ServiceUnavailableError,
    ThrottledError,
    TransportError,
    UnknownAnswerError,
)
from jobruns_sdk.transport.error_answers import error_from_response

CODES: Mapping[str, type[JobRunsError]] = {"OwnException": ConflictError, "ThrottlingException": LimitExceededError}


def read(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> JobRunsError:
    return error_from_response(
        service="glue", operation="GetJobRun", status=status, headers=headers or {}, body=body, codes=CODES
    )


def test_every_fact_is_kept() -> None:
    error = read(409, b'{"__type":"OwnException","Message":"Not now."}', {"x-amzn-requestid": "r-1"})

    assert type(error) is ConflictError
    assert (error.service, error.operation, error.code) == ("glue", "GetJobRun", "OwnException")
    assert (error.message, error.request_id, error.http_status) == ("Not now.", "r-1", 409)
    assert error.retryable is False


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amzn-errortype": "OwnException"}, b""),
        ({"x-amzn-errortype": "OwnException:http://internal.amazon.com/coral/com.amazon.coral.service/"}, b"<html>"),
        ({"x-amzn-errortype": "com.amazonaws.glue#OwnException:http://x"}, b'{"__type":"Other"}'),
        ({}, b'{"__type":"OwnException"}'),
        ({}, b'{"__type":"com.amazonaws.glue#OwnException"}'),
        ({}, b'{"code":"com.amazonaws.glue#OwnException:http://x#y"}'),
        ({}, b'{"Code":"OwnException"}'),
        ({"x-amzn-errortype": ":http://x"}, b'{"__type":7,"code":"OwnException"}'),
    ],
)
def test_the_code_is_found_wherever_it_stands(headers: Mapping[str, str], body: bytes) -> None:
    error = read(400, body, headers)

    assert (type(error), error.code) == (ConflictError, "OwnException")


@pytest.mark.parametrize("name", ["message", "Message", "errorMessage"])
def test_the_message_is_found_wherever_it_stands(name: str) -> None:
    assert read(400, b'{"__type":"OwnException","%b":"Not now."}' % name.encode()).message == "Not now."


def test_the_services_own_table_comes_first() -> None:
    assert type(read(400, b'{"__type":"ThrottlingException"}')) is LimitExceededError


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ("Throttling ThrottledException TooManyRequestsException RequestLimitExceeded SlowDown", ThrottledError),
        ("AccessDeniedException AccessDenied NotAuthorized UnauthorizedOperation", AccessDeniedError),
        ("ExpiredToken ExpiredTokenException InvalidClientTokenId UnrecognizedClientException", CredentialsError),
        ("SignatureDoesNotMatch InvalidSignatureException IncompleteSignature RequestExpired", CredentialsError),
        ("MissingAuthenticationTokenException MissingAuthenticationToken", CredentialsError),
        ("ServiceUnavailableException InternalFailure InternalServerError", ServiceUnavailableError),
        ("ValidationError ValidationException InvalidParameterValue InvalidParameterException", InvalidRequestError),
        ("ResourceNotFoundException ResourceNotFoundFault", NotFoundError),
        ("ServiceQuotaExceededException", LimitExceededError),
    ],
)
@pytest.mark.parametrize("status", [400, 403])
def test_common_codes_say_more_than_the_status(codes: str, kind: type[JobRunsError], status: int) -> None:
    for code in codes.split():
        error = read(status, headers={"x-amzn-errortype": code})
        assert (type(error), error.code) == (kind, code)
        assert error.retryable is (kind in (ThrottledError, ServiceUnavailableError))


BY_STATUS: Mapping[int, type[JobRunsError]] = {
    301: TransportError,
    307: TransportError,
    400: InvalidRequestError,
    401: AccessDeniedError,
    403: AccessDeniedError,
    404: NotFoundError,
    408: ServiceUnavailableError,
    409: ConflictError,
    413: InvalidRequestError,
    418: InvalidRequestError,
    429: ThrottledError,
    500: ServiceUnavailableError,
    503: ServiceUnavailableError,
    599: ServiceUnavailableError,
}


@pytest.mark.parametrize("status", BY_STATUS)
def test_the_status_decides_about_a_code_that_nobody_knows(status: int) -> None:
    error = read(status, b'{"__type":"Unheard","message":null}')

    assert (type(error), error.http_status, error.code) == (BY_STATUS[status], status, "Unheard")
    assert error.retryable is (type(error) in (ThrottledError, ServiceUnavailableError))


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'"text"', b"<html>\xff</html>", b"[" * 100_000, b'{"message":"no Route matched"}', b"\x1b["],
)
def test_an_answer_without_a_code_says_nothing_about_jobs_and_runs(status: int, body: bytes) -> None:
    refuses = 400 <= status < 500 and status not in (408, 429)
    error = read(status, body)

    assert (type(error), error.http_status) == (UnknownAnswerError if refuses else BY_STATUS[status], status)
    assert (error.code, error.retryable) == (None, type(error) in (ThrottledError, ServiceUnavailableError))
    assert error.in_doubt is (status == 408 or not 400 <= status < 500)
    assert not refuses or str(error).startswith("glue.GetJobRun: this answer is not from the service, since it has")


@pytest.mark.parametrize(
    ("content", "body", "told"),
    [
        (
            "text/html; charset=utf-8",
            b"<html><style>p {}</style><p>404 page\nnot found (nginx)</p>",
            "404 page not found (nginx)",
        ),
        ("text/html", b"<HTML><script>\nx < 1\n</script><b>Access\x1b[2J denied", "Access [2J denied"),
        ("text/plain", "Zugriff verweigert: Schl\u00fcssel fehlt".encode(), "Zugriff verweigert: Schlüssel fehlt"),
        ("application/json", b'{"message":"no Route matched"}', '{"message":"no Route matched"}'),
        ("text/plain", b"word " * 100, "word " * 23 + "word ..."),
    ],
)
@pytest.mark.parametrize("status", [404, 503])
def test_whoever_has_answered_is_told_by_the_type_and_the_first_words(
    content: str, body: bytes, told: str, status: int
) -> None:
    if content == "application/json":
        status = 404  # of a failure the text that it has is told alone
    error = read(status, body, {"content-type": content})

    assert error.message.endswith(f" ({content.partition(';')[0]}): {told}")


@pytest.mark.parametrize("code", ["OwnException", "ValidationException"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status_that_asks_for_patience_is_heeded_whatever_the_code(code: str, status: int) -> None:
    assert read(status, headers={"x-amzn-errortype": code}).retryable is True


@pytest.mark.parametrize("code", ["OwnException", "ValidationException", "InternalServerException"])
@pytest.mark.parametrize("status", [301, 400, 429, 499, 500, 503])
def test_a_failure_inside_the_service_leaves_the_effect_in_doubt(code: str, status: int) -> None:
    inside = status >= 500 or code == "InternalServerException"

    assert read(status, headers={"x-amzn-errortype": code}).in_doubt is inside


def test_a_throttle_has_no_effect_whatever_its_status() -> None:
    assert read(503, headers={"x-amzn-errortype": "SlowDown"}).in_doubt is False


def test_an_answer_from_elsewhere_leaves_the_effect_in_doubt() -> None:
    assert read(307).in_doubt is True


@pytest.mark.parametrize(
    ("secrets", "message", "told"),
    [
        (["s3cr"], "No s3cr here.", "No <hidden> here."),
        (["s3c"], "No s3c here.", "No s3c here."),
        (["word", "a password"], "A word, a password.", "A <hidden>, <hidden>."),
        (["äpfel"], r"No \u00e4pfel, no äpfel.", "No <hidden>, no <hidden>."),
        (["a\"b'c"], r"""No a\"b'c, no a"b\'c, no a"b'c.""", "No <hidden>, no <hidden>, no <hidden>."),
    ],
    ids=["whole", "too short", "one in another", "as JSON has it", "as Python has it"],
)
def test_what_the_request_kept_secret_is_hidden_in_whichever_form(secrets: list[str], message: str, told: str) -> None:
    error = error_from_response(
        service="glue",
        operation="StartJobRun",
        status=400,
        headers={},
        body=json.dumps({"__type": "OwnException", "message": message}).encode(),
        codes=CODES,
        secrets=secrets,
    )
    assert error.message == told


def test_long_messages_are_cut() -> None:
    assert read(400, b'{"code":"OwnException","message":"%b"}' % (b"x" * 1000)).message == "x" * 1000
    assert read(400, b'{"code":"OwnException","message":"%b"}' % (b"x" * 1001)).message == "x" * 1000 + "..."


def test_the_request_id_has_two_names() -> None:
    assert read(400, headers={"x-amz-request-id": "r-2"}).request_id == "r-2"
