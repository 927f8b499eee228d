"""The public values by the names under which they are serialized: the ``kind`` of a dict."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any, Final, get_origin

import attrs

from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.logs import LogLine, LogPlace
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, RunRef, Service
from jobruns_sdk.model.reports import Progress, SourceError, SourceReport, WalkReport
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.page import Page
from jobruns_sdk.services.registry import Adapter, Entry, entries_with
from jobruns_sdk.transport.pace import Pace
from jobruns_sdk.transport.quotas import Quota

# A new public class is added here, and nothing else is to be done: its members are read by their annotations.
_RECORDS: Final[Mapping[str, Any]] = {
    kind.__name__: kind
    for kind in (
        Attempt[object],
        Job[object],
        JobRun[object],
        LogLine,
        LogPlace,
        Page[object],
        Progress,
        Pace,
        Quota,
        SourceError,
        SourceReport,
        StateChange,
        StopOutcome,
        Usage,
        WalkReport,
    )
}
"""Values with members; an ``object`` among them is again a value that says its kind."""


def _errors(kind: type[JobRunsError] = JobRunsError) -> Iterator[tuple[str, type[JobRunsError]]]:
    """Yield the classes of the error tree; programs may have derived classes from them."""
    if kind.__module__.startswith("jobruns_sdk.") and not kind.__name__.startswith("_"):
        yield kind.__name__, kind
    for derived in kind.__subclasses__():
        yield from _errors(derived)


ERRORS: Final[Mapping[str, type[JobRunsError]]] = dict(_errors())


@attrs.frozen(eq=False)  # compared and hashed by identity: converters are kept by it
class Kinds:
    """The classes of the values that can become a dict, by the names of their kinds.

    Attributes:
        records: Values with members; an ``object`` among them is again a value that says its kind.
        secret: Records whose every member may hold a secret.
        texts: Values that are a string, and what reads it.
        text_kinds: The same by the names of their kinds.
        natives: The services' own structures, such as ``"glue.JobRun"``.
    """

    records: Mapping[str, Any]
    secret: tuple[type, ...]
    texts: Mapping[type, Callable[[str], object]]
    natives: Mapping[str, type[Native]]
    text_kinds: Mapping[str, type] = attrs.field(init=False)
    _names: Mapping[Any, str] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "text_kinds", {kind.__name__: kind for kind in self.texts})
        named: dict[str, Any] = {**self.records, **self.text_kinds, **ERRORS, **self.natives}
        object.__setattr__(self, "_names", {get_origin(kind) or kind: name for name, kind in named.items()})

    def name_of(self, value: object) -> str:
        """Return the name of a value's kind.

        Raises:
            InvalidRequestError: It is not a public value of this package, and none of the services' structures.
        """
        kind = type(value)
        if kind not in self._names:
            raise InvalidRequestError(f"only values of this package can become a dict, got {kind.__qualname__}")
        return self._names[kind]


def kinds_with(adapters: Mapping[str, Adapter] | None) -> Kinds:
    """Return the kinds of values with those of services from outside.

    Raises:
        InvalidRequestError: These are not adapters.
    """
    # Programs hand over the same entries with every call: what is made of them is kept.
    return _kinds_of(tuple(entries_with(adapters).items()))


@lru_cache(maxsize=16)
def _kinds_of(entries: tuple[tuple[str, Entry], ...]) -> Kinds:
    requests = tuple(kind for _, entry in entries for kind in entry.requests)
    services = frozenset(service for service, _ in entries)
    return Kinds(
        records={**_RECORDS, **{kind.__name__: kind for kind in requests}},
        secret=requests,
        texts={
            JobRef: partial(JobRef.parse, services=services),
            RunRef: partial(RunRef.parse, services=services),
            RunState: RunState,
            Service: Service,
        },
        natives={f"{service}.{kind.__name__}": kind for service, entry in entries for kind in entry.each_native()},
    )
