"""The results of a call by aiobotocore: an answer's bytes, or an exception that says what the service said."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from inspect import isawaitable
from typing import Any, Final, cast

from botocore.exceptions import ClientError, ParamValidationError

from jobruns_sdk.errors import InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.transport.connections import BODY
from jobruns_sdk.transport.credentials import Frozen
from jobruns_sdk.transport.error_answers import error_from_response
from jobruns_sdk.transport.operation import Operation, Reply
from jobruns_sdk.transport.underlying import known_secrets

_MOCKED: Final = (
    "the request was answered within this process by something that cannot be awaited, as moto's mock_aws does: "
    "use moto's server (ThreadedMotoServer) as endpoint_url, or jobruns_sdk.testing.LocalService"
)


async def answer_of(
    operation: Operation[Any], request: Awaitable[dict[str, Any]], secrets: Callable[[], Iterable[str]]
) -> dict[str, Any]:
    """Return what a request is answered with.

    Args:
        operation: The operation.
        request: The request, which a client is to send.
        secrets: Gives what no error may show, though the answer repeats it.

    Raises:
        JobRunsError: The answer has an error status, other than the 304 that was asked for, or nothing was sent since
            an argument is invalid.
    """
    try:
        answer = await request
        if hasattr(answer.get(BODY), "read"):  # of an object of S3, whose range is what bounds it
            answer[BODY] = await _read(answer[BODY])
    except ParamValidationError as error:
        # It quotes values, which may be secrets, and is no cause of ours for that reason.
        fault = " ".join(str(error).partition(", value:")[0].split())
    except TypeError as error:
        if "await" not in str(error):
            raise
        raise UnsupportedOperationError(_MOCKED) from error
    except ClientError as error:
        if BODY not in error.response:
            raise
        if operation.conditional and error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.NOT_MODIFIED:
            return cast("dict[str, Any]", error.response)
        raise _error_from_answer(operation, error, secrets()) from None  # the service has said it all
    else:
        return answer
    raise InvalidRequestError(fault, service=operation.service, operation=operation.name)


async def _read(stream: Any) -> bytes:
    try:
        body: bytes = await stream.read()
        return body
    finally:  # one that broke, or whose reader was cancelled, would keep its connection
        closing = stream.close()
        if isawaitable(closing):
            await closing


def reply_from(answer: Mapping[str, Any], requests: int, waited: float) -> Reply:
    """Return an answer for those who called, with what it cost."""
    about: Mapping[str, Any] = answer["ResponseMetadata"]
    headers = about["HTTPHeaders"]
    request_id = headers.get("x-amzn-requestid") or headers.get("x-amz-request-id")
    status, date, etag = about["HTTPStatusCode"], headers.get("date"), headers.get("etag")
    return Reply(answer[BODY], request_id, requests, waited, status, date, etag)


def _error_from_answer(operation: Operation[Any], error: ClientError, secrets: Iterable[str]) -> JobRunsError:
    # What the stubs know of an error's answer is not all that ours holds.
    answer = cast("Mapping[str, Any]", error.response)
    return error_from_response(
        service=operation.service,
        operation=operation.name,
        status=answer["ResponseMetadata"]["HTTPStatusCode"],
        headers=answer["ResponseMetadata"]["HTTPHeaders"],
        body=answer[BODY],
        codes=operation.codes,
        secrets=secrets,
    )


def secrets_of(
    operation: Operation[Any], params: Mapping[str, object], keys: Frozen | None, proxies: Collection[str]
) -> Iterator[str]:
    """Yield what a request has said, to the service and to a proxy, that whoever answers may repeat."""
    yield from _texts([params.get(name) for name in operation.secret])
    if keys is not None:
        yield from filter(None, (keys.access_key, keys.secret_key, keys.token))
    yield from known_secrets(proxies)


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            yield from _texts([*cast("Mapping[str, object]", value).values()])
        case list() | tuple():
            for item in cast("Sequence[object]", value):
                yield from _texts(item)
        case _:
            pass
