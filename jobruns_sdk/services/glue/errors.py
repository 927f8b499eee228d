"""The error codes that Glue models for the operations used here; all but the internal one come with HTTP status 400."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.errors import (
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ServiceUnavailableError,
)

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "ConcurrentRunsExceededException": LimitExceededError,
    "EntityNotFoundException": NotFoundError,
    "InternalServiceException": ServiceUnavailableError,
    "InvalidInputException": InvalidRequestError,
    "OperationTimeoutException": ServiceUnavailableError,
    "ResourceNumberLimitExceededException": LimitExceededError,
    "ValidationException": InvalidRequestError,
}
