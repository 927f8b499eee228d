"""The public values by the names under which they are serialized: the ``kind`` of a dict."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_origin

from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.model.changes import StateChange, StopOutcome
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef, Service
from jobruns_sdk.model.reports import Progress, SourceError, SourceReport, WalkReport
from jobruns_sdk.model.runs import Attempt, Job, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Page
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.emr_serverless import native as emr_serverless
from jobruns_sdk.services.emr_serverless import native_application
from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.transport.quotas import Quota

SECRET: Final = (HiveQuery, SparkSubmit)
"""Records whose every member may hold a secret."""

# A new public class is added here, and nothing else is to be done: its members are read by their annotations.
RECORDS: Final[Mapping[str, Any]] = {
    kind.__name__: kind
    for kind in (
        Attempt[object],
        Job[object],
        JobRun[object],
        Page[object],
        Progress,
        Quota,
        SourceError,
        SourceReport,
        StateChange,
        StopOutcome,
        Usage,
        WalkReport,
        *SECRET,
    )
}
"""Values with members; an ``object`` among them is again a value that says its kind."""

TEXTS: Final[Mapping[type, Callable[[str], object]]] = {
    JobRef: JobRef.parse,
    RunRef: RunRef.parse,
    RunState: RunState,
    Service: Service,
}
"""Values that are a text, and what reads it."""

TEXT_KINDS: Final[Mapping[str, type]] = {kind.__name__: kind for kind in TEXTS}


def _errors(kind: type[JobRunsError] = JobRunsError) -> Iterator[tuple[str, type[JobRunsError]]]:
    """Yield the classes of the error tree; programs may have derived classes of their own from them."""
    if kind.__module__.startswith("jobruns_sdk.") and not kind.__name__.startswith("_"):
        yield kind.__name__, kind
    for derived in kind.__subclasses__():
        yield from _errors(derived)


ERRORS: Final[Mapping[str, type[JobRunsError]]] = dict(_errors())


def _natives() -> Iterator[tuple[str, type[Native]]]:
    for service, module in (
        (Service.EMR_SERVERLESS, native_application),
        (Service.EMR_SERVERLESS, emr_serverless),
        (Service.DATAZONE, datazone),
        (Service.GLUE, glue),
    ):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, Native) and kind is not Native:
                yield f"{service}.{kind.__name__}", kind


NATIVES: Final[Mapping[str, type[Native]]] = dict(_natives())
"""The services' own structures, such as ``"glue.JobRun"``."""

_NAMES: Final[Mapping[Any, str]] = {
    get_origin(kind) or kind: name for name, kind in {**RECORDS, **TEXT_KINDS, **ERRORS, **NATIVES}.items()
}


def name_of(value: object) -> str:
    """Return the name of a value's kind.

    Raises:
        InvalidRequestError: It is no public value of this package.
    """
    kind = type(value)
    if kind not in _NAMES:
        raise InvalidRequestError(f"only values of this package can become a dict, got {kind.__qualname__}")
    return _NAMES[kind]
