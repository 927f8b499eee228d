"""Answers and errors in the form in which each service puts them on the wire."""

import json
from typing import Final

from jobruns_sdk.testing.faults import Fault
from jobruns_sdk.testing.wire.answers import Answer, ServiceError
from jobruns_sdk.testing.wire.http import Delivery, Reply
from jobruns_sdk.testing.wire.routes import s3

_JSON_TYPES: Final = {
    "glue": "application/x-amz-json-1.1",
    "logs": "application/x-amz-json-1.1",
    "sqs": "application/x-amz-json-1.0",
}
# Clients that knew SQS as a service of XML go by these codes.
_OLD_CODES: Final = {"QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue"}
_BAD_TOKEN: Final = {
    "glue": "InvalidInputException",
    "logs": "InvalidParameterException",
    "s3": "InvalidArgument",
}
_FAILED: Final = {
    "glue": "InternalServiceException",
    "logs": "ServiceUnavailableException",
    "s3": "InternalError",
    "sqs": "InternalFailure",
}
_REST_TYPE: Final = "application/json"


def reply_of(service: str, operation: str, answer: Answer) -> Reply:
    """An operation's output."""
    if service == "s3":
        return s3.reply_of(operation, answer)
    content_type = _JSON_TYPES.get(service, _REST_TYPE)
    return Reply(200, json.dumps(answer, separators=(",", ":")).encode(), {"content-type": content_type})


def error_reply(service: str, error: ServiceError) -> Reply:
    """An error: EMR Serverless and DataZone name it in a header, the others in the body."""
    if service == "s3":
        return s3.error_reply(error)
    if service in _JSON_TYPES:
        code = f"com.amazonaws.sqs#{error.code}" if service == "sqs" else error.code
        body = {"__type": code, "Message" if service == "glue" else "message": error.message}
        headers = {"content-type": _JSON_TYPES[service]}
        if service == "sqs":
            headers["x-amzn-query-error"] = f"{_OLD_CODES.get(error.code, error.code)};Sender"
        return Reply(error.status, json.dumps(body).encode(), headers)
    headers = {"content-type": _REST_TYPE, "x-amzn-errortype": error.code}
    return Reply(error.status, json.dumps({"message": error.message}).encode(), headers)


def throttled(service: str) -> ServiceError:
    """Return the answer to calls above the quota."""
    if service == "s3":
        return ServiceError("SlowDown", "Please reduce your request rate.", 503)
    return ServiceError("ThrottlingException", "Rate exceeded", 429 if service == "datazone" else 400)


def bad_token(service: str, message: str) -> ServiceError:
    """Return the answer to a page token that is invalid or has expired."""
    return ServiceError(_BAD_TOKEN.get(service, "ValidationException"), message)


def broken_reply(service: str, fault: Fault) -> Reply | None:
    """Return the reply of a fault in place of the operation's, None if it only changes that.

    Raises:
        ServiceError: The fault is one of the service's own errors.
    """
    match fault.kind:
        case "throttle":
            raise throttled(service)
        case "error":
            raise ServiceError(fault.code, fault.message, fault.status)
        case "error500":
            code = _FAILED.get(service, "InternalServerException")
            raise ServiceError(code, "An internal error occurred.", 500)
        case "expired_token":
            raise bad_token(service, "The pagination token has expired.")
        case "html503":
            return Reply(503, fault.body, {"content-type": "text/html"})
        case "wrong_content":
            return Reply(200, fault.body, {"content-type": fault.content_type})
        case "reset_before" | "reset_after":
            return Reply(0, delivery=Delivery.RESET)
        case "silence":
            return Reply(0, delivery=Delivery.WITHHELD)
        case _:
            return None


def changed_answer(fault: Fault, answer: Answer, asked: str | None, token_name: str) -> Answer:
    """An operation's output with its page token, or its rows, as a fault wants them."""
    match fault.kind:
        case "repeat_token" | "cyclic_tokens":
            real = answer.get(token_name)
            token = fault.token(real if isinstance(real, str) else None, asked)
            return answer if token is None else {**answer, token_name: token}
        case "empty_page":
            return {name: [] if isinstance(value, list) else value for name, value in answer.items()}
        case _:
            return answer


def changed_reply(fault: Fault, reply: Reply) -> Reply:
    """A reply sent in the way that a fault wants it."""
    match fault.kind:
        case "truncate":
            reply.delivery = Delivery.TRUNCATED
            reply.at = len(reply.body) // 2 if fault.at is None else min(fault.at, max(0, len(reply.body) - 1))
        case "drip":
            reply.delivery, reply.pause = Delivery.DRIPPED, fault.seconds
        case "delay":
            reply.delay = fault.seconds
        case _:
            pass
    return reply
