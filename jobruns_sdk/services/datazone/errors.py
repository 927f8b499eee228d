"""The error codes that DataZone models for the operations used here."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.errors import (
    AccessDeniedError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    ServiceUnavailableError,
    ThrottledError,
)

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "AccessDeniedException": AccessDeniedError,
    "InternalServerException": ServiceUnavailableError,
    "ResourceNotFoundException": NotFoundError,
    "ThrottlingException": ThrottledError,
    # A permission of the domain, with HTTP status 401: the AWS credentials themselves are in order.
    "UnauthorizedException": AccessDeniedError,
    "ValidationException": InvalidRequestError,
}
