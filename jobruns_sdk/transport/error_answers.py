"""The translation of error answers into the error tree: pure over status, headers and body.

A code is looked up in the service's own table, then in the table of codes that any AWS service may send, and the status
decides about the rest. An answer without a code is none of the service's. Codes arrive in three places, see
https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html#operation-error-serialization.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from html import escape, unescape
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

import msgspec

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

_MESSAGE_LIMIT: Final = 1000
_READ: Final = 4000  # bytes of an answer of somebody else's that are looked at
_WORDS_LIMIT: Final = 120
_MARKUP: Final = re.compile(r"<(script|style)\b.*?</\1>|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_HIDDEN: Final = "<hidden>"
_SHORTEST_SECRET: Final = 4  # characters: what is shorter stands in texts by chance, and does not hide much
# A signature that does not match is answered with the request that it should have been made of, session token included.
_SIGNATURE: Final = re.compile(r"(x-amz-security-token: ?|credential=|signature=)[^\s,;&'\"]+", re.IGNORECASE)
_SERVER_FAULT: Final = HTTPStatus.INTERNAL_SERVER_ERROR
_RETRYABLE: Final = frozenset({ThrottledError, ServiceUnavailableError})
# S3's errors: <?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>...</Message>...</Error>
_XML: Final = re.compile(rb"\s*(?:<\?xml[^>]*>\s*)?<Error>")
_XML_MEMBERS: Final = {
    "Code": re.compile(rb"<Code>([^<]*)</Code>"),
    "Message": re.compile(rb"<Message>([^<]*)</Message>"),
}
_BODY: Final = msgspec.json.Decoder(dict[str, object])

# Codes that any service may answer, without their endings: ThrottlingException is Throttling here.
_WORDS: Final[Mapping[type[JobRunsError], str]] = {
    ThrottledError: """
        Throttling Throttled RequestThrottled TooManyRequests RequestLimitExceeded RequestRateTooLarge SlowDown
        BandwidthLimitExceeded ProvisionedThroughputExceeded EC2Throttled PriorRequestNotComplete""",
    AccessDeniedError: """
        AccessDenied Unauthorized UnauthorizedOperation UnauthorizedAccess NotAuthorized OptInRequired Forbidden""",
    CredentialsError: """
        ExpiredToken TokenRefreshRequired InvalidToken RequestExpired RequestTimeTooSkewed AuthFailure
        InvalidClientTokenId UnrecognizedClient InvalidAccessKeyId SignatureDoesNotMatch InvalidSignature
        IncompleteSignature MissingAuthenticationToken InvalidAuthenticationToken""",
    ServiceUnavailableError: """
        ServiceUnavailable Unavailable InternalFailure Internal InternalServer InternalService RequestTimeout
        OperationTimeout""",
    InvalidRequestError: """
        Validation InvalidInput InvalidRequest InvalidAction InvalidParameter InvalidParameterValue
        InvalidParameterCombination InvalidQueryParameter MalformedQueryString MissingAction MissingParameter
        Serialization UnknownOperation""",
    NotFoundError: "ResourceNotFound EntityNotFound NotFound",
    ConflictError: "Conflict",
    LimitExceededError: "LimitExceeded ServiceQuotaExceeded ResourceNumberLimitExceeded ConcurrentRunsExceeded",
}
_COMMON: Final = {word: error for error, words in _WORDS.items() for word in words.split()}
_BY_STATUS: Final[Mapping[int, type[JobRunsError]]] = {
    HTTPStatus.UNAUTHORIZED: AccessDeniedError,
    HTTPStatus.FORBIDDEN: AccessDeniedError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.REQUEST_TIMEOUT: ServiceUnavailableError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.TOO_MANY_REQUESTS: ThrottledError,
}
_OF_ANYBODY: Final[Mapping[int, type[JobRunsError]]] = {
    HTTPStatus.REQUEST_TIMEOUT: ServiceUnavailableError,
    HTTPStatus.TOO_MANY_REQUESTS: ThrottledError,
}


def error_from_response(
    *,
    service: str,
    operation: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    codes: Mapping[str, type[JobRunsError]],
    secrets: Iterable[str] = (),
) -> JobRunsError:
    """Return the error that an answer with an error status means; it is never raised here, and no body is too odd.

    Args:
        service: The service's name, kept in the error.
        operation: The AWS operation, kept in the error.
        status: The HTTP status.
        headers: The answer's headers, their names in lower case.
        body: The answer's body: JSON, HTML, nothing.
        codes: The service's own table of modelled error codes.
        secrets: What the request said, or was signed with, that no error may show, though the answer repeats it.
    """
    members = _members(body)
    code = _code(headers, members)
    kind = kind_from_code(code, codes) or _kind_from_status(status, has_code=bool(code))
    said = _first_text(members, "message", "Message", "errorMessage")
    hide = _hiding(secrets)
    if kind is UnknownAnswerError:
        message = f"this answer is not from the service, since it has no error code{_beginning(headers, body, hide)}"
    else:
        message = hide(said) if said else f"the answer holds no error text{_beginning(headers, body, hide)}"
    error = kind(
        message if len(message) <= _MESSAGE_LIMIT else f"{message[:_MESSAGE_LIMIT]}...",
        service=service,
        operation=operation,
        code=code or None,
        request_id=headers.get("x-amzn-requestid") or headers.get("x-amz-request-id"),
        http_status=status,
        retryable=kind in _RETRYABLE or status >= _SERVER_FAULT or status == HTTPStatus.TOO_MANY_REQUESTS,
    )
    # A service that failed inside may have done what it was asked for; one that throttles has not begun.
    error.in_doubt = error.in_doubt or (status >= _SERVER_FAULT and kind is not ThrottledError)
    return error


def kind_from_code(code: str, codes: Mapping[str, type[JobRunsError]]) -> type[JobRunsError] | None:
    """Return the error that a code stands for, None if nobody knows it.

    Args:
        code: The bare code.
        codes: The service's own table of modelled error codes.
    """
    return codes.get(code) or _COMMON.get(_stem(code))


def _hiding(secrets: Iterable[str]) -> Callable[[str], str]:
    """Return what hides secrets in a string, in whatever form pages, JSON and Python have them."""
    forms = {
        form
        for text in secrets
        for form in (text, json.dumps(text)[1:-1], repr(text)[1:-1], escape(text), quote(text, "", errors="replace"))
        if len(form) >= _SHORTEST_SECRET
    }
    longest_first = sorted(forms, key=len, reverse=True)  # it may hold another one

    def hide(text: str) -> str:
        for form in longest_first:
            text = text.replace(form, _HIDDEN)
        return _SIGNATURE.sub(rf"\1{_HIDDEN}", text)

    return hide


def _members(body: bytes) -> Mapping[str, object]:
    try:
        return _BODY.decode(body)
    except (ValueError, OverflowError, RecursionError):
        if _XML.match(body) is None:
            return {}
        found = {name: _XML_MEMBERS[name].search(body[:_READ]) for name in _XML_MEMBERS}
        return {name: unescape(told[1].decode("utf-8", "replace")) for name, told in found.items() if told is not None}


def _beginning(headers: Mapping[str, str], body: bytes, hide: Callable[[str], str]) -> str:
    """Return the type of an answer's content and its first printable words; nothing if there are none."""
    text = hide(_MARKUP.sub(" ", body[:_READ].decode("utf-8", "replace")).replace("\ufffd", " "))
    words = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    kind = headers.get("content-type", "no content type").partition(";")[0].strip()[:_WORDS_LIMIT]
    if not words:
        return ""
    return f" ({hide(kind)}): {words if len(words) <= _WORDS_LIMIT else f'{words[:_WORDS_LIMIT]}...'}"


def _first_text(members: Mapping[str, object], *names: str) -> str:
    values = (members.get(name) for name in names)
    return next((value for value in values if isinstance(value, str) and value), "")


# awsJson services may name the code in the header, in __type or in code; botocore's own parser reads __type alone.
def _code(headers: Mapping[str, str], members: Mapping[str, object]) -> str:
    return _bare(headers.get("x-amzn-errortype", "")) or _bare(_first_text(members, "__type", "code", "Code"))


def _bare(code: str) -> str:
    # A code may come with its namespace before a "#", and with an address behind a ":".
    return code.partition(":")[0].rpartition("#")[2].strip()


def _stem(code: str) -> str:
    return code.removesuffix("Exception").removesuffix("Error").removesuffix("Fault")


def _kind_from_status(status: int, *, has_code: bool) -> type[JobRunsError]:
    if status >= _SERVER_FAULT:
        return ServiceUnavailableError
    if status < HTTPStatus.BAD_REQUEST:
        return TransportError
    # A service never refuses without a code: only who asks for patience is believed whoever it is.
    return _BY_STATUS.get(status, InvalidRequestError) if has_code else _OF_ANYBODY.get(status, UnknownAnswerError)
