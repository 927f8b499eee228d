"""The operations of DataZone that are used here."""

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
from jobruns_sdk.services.datazone import native
from jobruns_sdk.transport.operation import Operation

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "AccessDeniedException": AccessDeniedError,
    "InternalServerException": ServiceUnavailableError,
    "ResourceNotFoundException": NotFoundError,
    "ThrottlingException": ThrottledError,
    # A permission of the domain, with HTTP status 401: the AWS credentials themselves are in order.
    "UnauthorizedException": AccessDeniedError,
    "ValidationException": InvalidRequestError,
}

LIST_JOB_RUNS: Final = Operation("datazone", "ListJobRuns", native.LIST_JOB_RUNS, CODES)
GET_JOB_RUN: Final = Operation("datazone", "GetJobRun", native.GET_JOB_RUN, CODES)
