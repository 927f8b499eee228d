"""Typed, asynchronous access to the job runs of EMR Serverless, DataZone and Glue.

Open a ``JobRunsClient``, name a job, and iterate over its runs and their attempts.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobruns_sdk.client import (
        JobRunsClient,
    )
    from jobruns_sdk.errors import (
        AccessDeniedError,
        CallTimeoutError,
        ClientClosedError,
        ConflictError,
        CredentialsError,
        CursorError,
        InvalidRequestError,
        JobRunsError,
        LimitExceededError,
        NotFoundError,
        PaginationError,
        ResponseFormatError,
        RunFailedError,
        RunNotFinishedError,
        ServiceUnavailableError,
        StartOutcomeUnknownError,
        ThrottledError,
        TransportError,
        UnsupportedOperationError,
        WaitTimeoutError,
    )
    from jobruns_sdk.model import (
        UNSUCCESSFUL,
        Attempt,
        Job,
        JobRun,
        RunState,
        Usage,
    )
    from jobruns_sdk.pacing import (
        Quota,
    )
    from jobruns_sdk.paging import (
        Page,
        Pages,
        Walk,
        WalkReport,
    )
    from jobruns_sdk.refs import (
        JobRef,
        RunRef,
        Service,
    )
    from jobruns_sdk.serialization import (
        from_dict,
        run_from_response,
        to_dict,
    )

__version__ = "0.1.0"

__all__ = [
    "UNSUCCESSFUL",
    "AccessDeniedError",
    "Attempt",
    "CallTimeoutError",
    "ClientClosedError",
    "ConflictError",
    "CredentialsError",
    "CursorError",
    "InvalidRequestError",
    "Job",
    "JobRef",
    "JobRun",
    "JobRunsClient",
    "JobRunsError",
    "LimitExceededError",
    "NotFoundError",
    "Page",
    "Pages",
    "PaginationError",
    "Quota",
    "ResponseFormatError",
    "RunFailedError",
    "RunNotFinishedError",
    "RunRef",
    "RunState",
    "Service",
    "ServiceUnavailableError",
    "StartOutcomeUnknownError",
    "ThrottledError",
    "TransportError",
    "UnsupportedOperationError",
    "Usage",
    "WaitTimeoutError",
    "Walk",
    "WalkReport",
    "from_dict",
    "run_from_response",
    "to_dict",
]

_HOMES = {
    "client": "JobRunsClient",
    "errors": "AccessDeniedError CallTimeoutError ClientClosedError ConflictError CredentialsError CursorError InvalidRequestError JobRunsError LimitExceededError NotFoundError PaginationError ResponseFormatError RunFailedError RunNotFinishedError ServiceUnavailableError StartOutcomeUnknownError ThrottledError TransportError UnsupportedOperationError WaitTimeoutError",
    "model": "Attempt Job JobRun RunState UNSUCCESSFUL Usage",
    "pacing": "Quota",
    "paging": "Page Pages Walk WalkReport",
    "refs": "JobRef RunRef Service",
    "serialization": "from_dict run_from_response to_dict",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: the package itself costs nothing to import."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
