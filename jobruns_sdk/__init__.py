"""Typed, asynchronous access to the job runs of EMR Serverless, DataZone and Glue.

Open a ``JobRunsClient``, name a job, and iterate over its runs and their attempts.
"""

from typing import TYPE_CHECKING

__version__ = "0.2.0"

if TYPE_CHECKING:
    __all__: list[str]

    from jobruns_sdk.client import JobRunsClient as JobRunsClient
    from jobruns_sdk.errors import AccessDeniedError as AccessDeniedError
    from jobruns_sdk.errors import CallTimeoutError as CallTimeoutError
    from jobruns_sdk.errors import ClientClosedError as ClientClosedError
    from jobruns_sdk.errors import ConflictError as ConflictError
    from jobruns_sdk.errors import CredentialsError as CredentialsError
    from jobruns_sdk.errors import CursorError as CursorError
    from jobruns_sdk.errors import InvalidRequestError as InvalidRequestError
    from jobruns_sdk.errors import JobRunsError as JobRunsError
    from jobruns_sdk.errors import LimitExceededError as LimitExceededError
    from jobruns_sdk.errors import LogsUnavailableError as LogsUnavailableError
    from jobruns_sdk.errors import NotFoundError as NotFoundError
    from jobruns_sdk.errors import PaginationError as PaginationError
    from jobruns_sdk.errors import ResponseFormatError as ResponseFormatError
    from jobruns_sdk.errors import ServiceUnavailableError as ServiceUnavailableError
    from jobruns_sdk.errors import StartOutcomeUnknownError as StartOutcomeUnknownError
    from jobruns_sdk.errors import StoreError as StoreError
    from jobruns_sdk.errors import ThrottledError as ThrottledError
    from jobruns_sdk.errors import TransportError as TransportError
    from jobruns_sdk.errors import UnknownAnswerError as UnknownAnswerError
    from jobruns_sdk.errors import UnsupportedOperationError as UnsupportedOperationError
    from jobruns_sdk.model.changes import StateChange as StateChange
    from jobruns_sdk.model.logs import LogLine as LogLine
    from jobruns_sdk.model.logs import LogLines as LogLines
    from jobruns_sdk.model.logs import LogPlace as LogPlace
    from jobruns_sdk.model.refs import JobRef as JobRef
    from jobruns_sdk.model.refs import RunRef as RunRef
    from jobruns_sdk.model.refs import Service as Service
    from jobruns_sdk.model.reports import Progress as Progress
    from jobruns_sdk.model.reports import SourceError as SourceError
    from jobruns_sdk.model.reports import SourceReport as SourceReport
    from jobruns_sdk.model.reports import WalkReport as WalkReport
    from jobruns_sdk.model.runs import Attempt as Attempt
    from jobruns_sdk.model.runs import Job as Job
    from jobruns_sdk.model.runs import JobRun as JobRun
    from jobruns_sdk.model.runs import RunFailedError as RunFailedError
    from jobruns_sdk.model.runs import RunNotFinishedError as RunNotFinishedError
    from jobruns_sdk.model.runs import StopOutcome as StopOutcome
    from jobruns_sdk.model.runs import Usage as Usage
    from jobruns_sdk.model.runs import WaitTimeoutError as WaitTimeoutError
    from jobruns_sdk.model.states import UNSUCCESSFUL as UNSUCCESSFUL
    from jobruns_sdk.model.states import RunState as RunState
    from jobruns_sdk.observing.observer import Observer as Observer
    from jobruns_sdk.paging.page import Page as Page
    from jobruns_sdk.paging.pages import Pages as Pages
    from jobruns_sdk.paging.pages import Walk as Walk
    from jobruns_sdk.runs.watch import Watch as Watch
    from jobruns_sdk.serialization.boto3 import run_from_response as run_from_response
    from jobruns_sdk.serialization.dicts import from_dict as from_dict
    from jobruns_sdk.serialization.dicts import to_dict as to_dict
    from jobruns_sdk.services.datazone.handle import DataZoneJob as DataZoneJob
    from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication as EmrServerlessApplication
    from jobruns_sdk.services.emr_serverless.start import HiveQuery as HiveQuery
    from jobruns_sdk.services.emr_serverless.start import SparkSubmit as SparkSubmit
    from jobruns_sdk.services.glue.handle import GlueJob as GlueJob
    from jobruns_sdk.transport.pace import Pace as Pace
    from jobruns_sdk.transport.quotas import Quota as Quota
else:
    import gc
    from importlib import import_module
    from sys import modules

    # The same names by module. Reading them from the source or the bytecode of the lines above would spare this table,
    # and fail in frozen programs, which have neither.
    _NAMES = {
        "client": ["JobRunsClient"],
        "errors": [
            "AccessDeniedError",
            "CallTimeoutError",
            "ClientClosedError",
            "ConflictError",
            "CredentialsError",
            "CursorError",
            "InvalidRequestError",
            "JobRunsError",
            "LimitExceededError",
            "LogsUnavailableError",
            "NotFoundError",
            "PaginationError",
            "ResponseFormatError",
            "ServiceUnavailableError",
            "StartOutcomeUnknownError",
            "StoreError",
            "ThrottledError",
            "TransportError",
            "UnknownAnswerError",
            "UnsupportedOperationError",
        ],
        "model.changes": ["StateChange"],
        "model.logs": ["LogLine", "LogLines", "LogPlace"],
        "model.refs": ["JobRef", "RunRef", "Service"],
        "model.reports": ["Progress", "SourceError", "SourceReport", "WalkReport"],
        "model.runs": [
            "Attempt",
            "Job",
            "JobRun",
            "RunFailedError",
            "RunNotFinishedError",
            "StopOutcome",
            "Usage",
            "WaitTimeoutError",
        ],
        "model.states": ["RunState", "UNSUCCESSFUL"],
        "observing.observer": ["Observer"],
        "paging.page": ["Page"],
        "paging.pages": ["Pages", "Walk"],
        "runs.watch": ["Watch"],
        "serialization.boto3": ["run_from_response"],
        "serialization.dicts": ["from_dict", "to_dict"],
        "services.datazone.handle": ["DataZoneJob"],
        "services.emr_serverless.handle": ["EmrServerlessApplication"],
        "services.emr_serverless.start": ["HiveQuery", "SparkSubmit"],
        "services.glue.handle": ["GlueJob"],
        "transport.pace": ["Pace"],
        "transport.quotas": ["Quota"],
    }
    _HOMES = {name: f"{__name__}.{module}" for module, names in _NAMES.items() for name in names}

    __all__ = list(_HOMES)

    def __getattr__(name: str) -> object:
        """Import a public name when it is first asked for: the package itself costs nothing to import."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        # A full collection that falls due meanwhile looks at all that botocore has loaded: 37 of 88 ms were that.
        was_collecting, is_first = gc.isenabled(), _HOMES[name] not in modules
        gc.disable()
        try:
            value: object = getattr(import_module(_HOMES[name]), name)
            # What is left of it lasts. It would be looked at twice more on its way to the old generation, which takes
            # 35 ms; so it goes there at once, unless a program has frozen objects, which would thaw.
            if is_first and not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
        finally:
            if was_collecting:
                gc.enable()
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])
