"""The operations of Amazon SQS by which events are received."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jobruns_sdk.errors import (
    AccessDeniedError,
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ThrottledError,
)
from jobruns_sdk.events import native_queue
from jobruns_sdk.transport.operation import Operation

_CODES: Final[Mapping[str, type[JobRunsError]]] = MappingProxyType(
    {
        "QueueDoesNotExist": NotFoundError,
        "AWS.SimpleQueueService.NonExistentQueue": NotFoundError,
        "InvalidAddress": InvalidRequestError,
        "InvalidSecurity": AccessDeniedError,
        "KmsAccessDenied": AccessDeniedError,
        "KmsThrottled": ThrottledError,
        "OverLimit": LimitExceededError,
    }
)

# What was received by a request whose answer was lost comes again; what was deleted twice is gone all the same.
RECEIVE_MESSAGE: Final = Operation("sqs", "ReceiveMessage", native_queue.RECEIVE_MESSAGE, _CODES)
DELETE_MESSAGE_BATCH: Final = Operation("sqs", "DeleteMessageBatch", native_queue.DELETE_MESSAGE_BATCH, _CODES)

OPERATIONS: Final = (RECEIVE_MESSAGE, DELETE_MESSAGE_BATCH)
