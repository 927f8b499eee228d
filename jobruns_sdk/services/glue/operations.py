"""The operations of Glue that are used here."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.errors import (
    InvalidRequestError,
    JobRunsError,
    LimitExceededError,
    NotFoundError,
    ServiceUnavailableError,
)
from jobruns_sdk.services.glue import native
from jobruns_sdk.transport.operation import Operation

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "ConcurrentRunsExceededException": LimitExceededError,
    "EntityNotFoundException": NotFoundError,
    "InternalServiceException": ServiceUnavailableError,
    "InvalidInputException": InvalidRequestError,
    "OperationTimeoutException": ServiceUnavailableError,
    "ResourceNumberLimitExceededException": LimitExceededError,
    "ValidationException": InvalidRequestError,
}

GET_JOB_RUNS: Final = Operation("glue", "GetJobRuns", native.GET_JOB_RUNS, CODES)
GET_JOB_RUN: Final = Operation("glue", "GetJobRun", native.GET_JOB_RUN, CODES)
GET_JOB: Final = Operation("glue", "GetJob", native.GET_JOB, CODES)
LIST_JOBS: Final = Operation("glue", "ListJobs", native.LIST_JOBS, CODES)

# Glue has no token that would make a start happen once.
START_JOB_RUN: Final = Operation(
    "glue", "StartJobRun", native.START_JOB_RUN, CODES, repeatable=False, secret=("Arguments",)
)

BATCH_STOP_JOB_RUN: Final = Operation("glue", "BatchStopJobRun", native.BATCH_STOP_JOB_RUN, CODES)
GET_JOB_BOOKMARK: Final = Operation("glue", "GetJobBookmark", native.GET_JOB_BOOKMARK, CODES)
RESET_JOB_BOOKMARK: Final = Operation("glue", "ResetJobBookmark", native.RESET_JOB_BOOKMARK, CODES)
