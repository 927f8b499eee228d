"""The error codes that EMR Serverless models for the operations used here."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.errors import ConflictError, InvalidRequestError, JobRunsError, NotFoundError, ServiceUnavailableError

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "ConflictException": ConflictError,
    "InternalServerException": ServiceUnavailableError,
    "ResourceNotFoundException": NotFoundError,
    "ValidationException": InvalidRequestError,
}
