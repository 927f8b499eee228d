"""Typed, asynchronous access to the job runs of EMR Serverless, DataZone and Glue.

Open a ``JobRunsClient``, name a job, and iterate over its runs and their attempts.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jobruns_sdk.client import JobRunsClient
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
        ServiceUnavailableError,
        StartOutcomeUnknownError,
        ThrottledError,
        TransportError,
        UnsupportedOperationError,
    )
    from jobruns_sdk.model.changes import StateChange, StopOutcome
    from jobruns_sdk.model.refs import JobRef, RunRef, Service
    from jobruns_sdk.model.reports import Progress, SourceError, SourceReport, WalkReport
    from jobruns_sdk.model.runs import (
        Attempt,
        Job,
        JobRun,
        RunFailedError,
        RunNotFinishedError,
        Usage,
        WaitTimeoutError,
    )
    from jobruns_sdk.model.states import UNSUCCESSFUL, RunState
    from jobruns_sdk.paging.pages import Page, Pages, Walk
    from jobruns_sdk.runs.watch import Watch
    from jobruns_sdk.serialization.boto3 import run_from_response
    from jobruns_sdk.serialization.dicts import from_dict, to_dict
    from jobruns_sdk.services.datazone.handle import DataZoneJob
    from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication
    from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit
    from jobruns_sdk.services.glue.handle import GlueJob
    from jobruns_sdk.transport.quotas import Quota

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
    "DataZoneJob",
    "EmrServerlessApplication",
    "GlueJob",
    "HiveQuery",
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
    "Progress",
    "Quota",
    "ResponseFormatError",
    "RunFailedError",
    "RunNotFinishedError",
    "RunRef",
    "RunState",
    "Service",
    "ServiceUnavailableError",
    "SourceError",
    "SourceReport",
    "SparkSubmit",
    "StartOutcomeUnknownError",
    "StateChange",
    "StopOutcome",
    "ThrottledError",
    "TransportError",
    "UnsupportedOperationError",
    "Usage",
    "WaitTimeoutError",
    "Walk",
    "WalkReport",
    "Watch",
    "from_dict",
    "run_from_response",
    "to_dict",
]

# Where each of them is kept.
_HOMES = {
    "JobRunsClient": "client",
    "AccessDeniedError": "errors",
    "CallTimeoutError": "errors",
    "ClientClosedError": "errors",
    "ConflictError": "errors",
    "CredentialsError": "errors",
    "CursorError": "errors",
    "InvalidRequestError": "errors",
    "JobRunsError": "errors",
    "LimitExceededError": "errors",
    "NotFoundError": "errors",
    "PaginationError": "errors",
    "ResponseFormatError": "errors",
    "RunFailedError": "model.runs",
    "RunNotFinishedError": "model.runs",
    "ServiceUnavailableError": "errors",
    "StartOutcomeUnknownError": "errors",
    "ThrottledError": "errors",
    "TransportError": "errors",
    "UnsupportedOperationError": "errors",
    "WaitTimeoutError": "model.runs",
    "Attempt": "model.runs",
    "Job": "model.runs",
    "JobRun": "model.runs",
    "RunState": "model.states",
    "StateChange": "model.changes",
    "StopOutcome": "model.changes",
    "UNSUCCESSFUL": "model.states",
    "Usage": "model.runs",
    "Progress": "model.reports",
    "Quota": "transport.quotas",
    "Page": "paging.pages",
    "SourceError": "model.reports",
    "SourceReport": "model.reports",
    "Pages": "paging.pages",
    "Walk": "paging.pages",
    "WalkReport": "model.reports",
    "JobRef": "model.refs",
    "RunRef": "model.refs",
    "Service": "model.refs",
    "from_dict": "serialization.dicts",
    "run_from_response": "serialization.boto3",
    "to_dict": "serialization.dicts",
    "HiveQuery": "services.emr_serverless.start",
    "SparkSubmit": "services.emr_serverless.start",
    "DataZoneJob": "services.datazone.handle",
    "EmrServerlessApplication": "services.emr_serverless.handle",
    "GlueJob": "services.glue.handle",
    "Watch": "runs.watch",
}


if not TYPE_CHECKING:  # for a type checker it would stand for every name

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for: the package itself costs nothing to import."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
