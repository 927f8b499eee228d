"""Exit codes: the one that stands for each error."""

from typing import Final

from jobruns_sdk import (
    AccessDeniedError,
    CredentialsError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    RunFailedError,
    WaitTimeoutError,
)

DONE: Final = 0
UNSUCCESSFUL: Final = 1
USAGE: Final = 2
FAILED: Final = 3
DENIED: Final = 4
NOT_FOUND: Final = 5
TIMED_OUT: Final = 124


def code_of(error: JobRunsError) -> int:
    """Return the exit code of an error."""
    match error:
        case WaitTimeoutError():
            return TIMED_OUT
        case RunFailedError():
            return UNSUCCESSFUL
        case CredentialsError() | AccessDeniedError():
            return DENIED
        case NotFoundError():
            return NOT_FOUND
        case InvalidRequestError() if error.http_status is None and error.code is None:
            return USAGE  # it was refused before anything was sent
        case _:
            return FAILED
