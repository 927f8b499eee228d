"""One entry a service: all that the client, runs, serialization and Spark know of it.

A service from outside is an entry too, which an adapter gives: it differs from those here in nothing but its place.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import Any, Final, TypeAlias, cast

import attrs

from jobruns_sdk.checks import check_callable, mapping_of
from jobruns_sdk.errors import InvalidRequestError, JobRunsError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobRef, Service
from jobruns_sdk.model.runs import Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services import datazone, emr_serverless, glue
from jobruns_sdk.services.boto3_answer import Boto3Answer
from jobruns_sdk.services.datazone import native as datazone_native
from jobruns_sdk.services.datazone import operations as datazone_operations
from jobruns_sdk.services.datazone.translate import run_from_boto3 as datazone_from_boto3
from jobruns_sdk.services.emr_serverless import native as emr_native
from jobruns_sdk.services.emr_serverless import native_application as emr_native_application
from jobruns_sdk.services.emr_serverless import operations as emr_operations
from jobruns_sdk.services.emr_serverless.start import HiveQuery, SparkSubmit
from jobruns_sdk.services.emr_serverless.translate import run_from_boto3 as emr_from_boto3
from jobruns_sdk.services.glue import native as glue_native
from jobruns_sdk.services.glue import operations as glue_operations
from jobruns_sdk.services.glue.translate import run_from_boto3 as glue_from_boto3
from jobruns_sdk.services.handle import ClientParts, Handle
from jobruns_sdk.transport.operation import Call, Operation
from jobruns_sdk.transport.quotas import Quota

_NO_STATES: Final[Mapping[str, RunState]] = MappingProxyType({})
_NO_QUOTAS: Final[Mapping[str, Quota]] = MappingProxyType({})


def _lacking(handle: object) -> list[str]:
    return [name for name in ("runs", "run") if not callable(getattr(handle, name, None))]


def _check_handle(_: object, __: object, handle: Callable[..., Handle]) -> None:
    check_callable("handle", handle)
    # A class can be judged before it is called; what a function returns is judged when a client first calls it.
    if isinstance(handle, type):
        _refuse_lacking(handle.__name__, _lacking(handle))


def _refuse_lacking(what: str, lacking: list[str]) -> None:
    if lacking:
        raise InvalidRequestError(f"{what} is not a handle: it lacks {' and '.join(lacking)}")


# Compared and hashed by identity: an entry holds mappings and modules.
@attrs.frozen(kw_only=True, eq=False)
class Entry:
    """A service: how its handles are made, and what is known of it. Only ``handle`` is needed.

    Attributes:
        handle: Makes the handle of a job from its complete reference and what calls the service: a class, mostly.
        names: The names that a job's reference consists of, such as ``("a queue's name",)``; None for any number.
        states: The service's states and what they mean; without them ``client.runs`` takes no ``native_states`` of it.
        operations: The module that holds its operations.
        reads: The operations by which Spark discovers and reads: tasks share their quotas. None for all operations.
        quotas: The published quotas, by operation.
        natives: The modules that hold its structures, for ``to_dict`` and ``from_dict``.
        requests: Classes of values that start runs; every member of theirs may hold a secret.
        jobs: Lists the jobs of a region, for ``client.jobs``: called with a ``Call``, a reference in the region and
            with the profile where to look, and the other arguments of ``client.jobs`` by name.
        from_boto3: Makes a run of what boto3 returned, for ``run_from_response``.
        shared: Makes what the handles of one client share, from parts of that client: more arguments of ``handle``, by
            name. None where they share nothing.
    """

    handle: Callable[..., Handle] = attrs.field(validator=_check_handle)
    names: tuple[str, ...] | None = None
    states: Mapping[str, RunState] = _NO_STATES
    operations: ModuleType | None = None
    reads: tuple[Operation[Any], ...] | None = None
    quotas: Mapping[str, Quota] = _NO_QUOTAS
    natives: tuple[ModuleType, ...] = ()
    requests: tuple[type, ...] = ()
    jobs: Callable[..., Pages[Job[Any]]] | None = None
    from_boto3: Callable[[Boto3Answer], JobRun[Any]] | None = None
    shared: Callable[[ClientParts], Mapping[str, Any]] | None = None

    def each_operation(self) -> Iterator[Operation[Any]]:
        """Yield its operations."""
        for value in () if self.operations is None else vars(self.operations).values():
            if isinstance(value, Operation):
                yield value

    def each_native(self) -> Iterator[type[Native]]:
        """Yield its structures."""
        for module in self.natives:
            for kind in vars(module).values():
                if isinstance(kind, type) and issubclass(kind, Native) and kind is not Native:
                    yield kind

    @property
    def codes(self) -> Mapping[str, type[JobRunsError]]:
        """The error codes that its operations answer with, and the errors that stand for them."""
        return {code: kind for operation in self.each_operation() for code, kind in operation.codes.items()}

    @property
    def read_names(self) -> tuple[str, ...]:
        """The names of the operations by which Spark discovers and reads."""
        return tuple(one.name for one in (self.each_operation() if self.reads is None else self.reads))

    def maker(self, parts: ClientParts) -> Callable[[JobRef, Call], Handle]:
        """Return what makes the handles of one client.

        The handles of services from outside are judged when they are made: a function does not tell before.
        """
        shared: Mapping[str, Any] = {} if self.shared is None else self.shared(parts)

        def made(ref: JobRef, call: Call) -> Handle:
            if self.names is not None and len(ref.path) != len(self.names):
                raise InvalidRequestError(f"a job of {ref.service} is named by {' and '.join(self.names)}, got {ref}")
            handle = self.handle(ref, call, **shared)
            lacking = _lacking(handle)
            if not isinstance(getattr(handle, "ref", None), JobRef):
                lacking.append("ref")
            _refuse_lacking(f"what the adapter of {ref.service} made, a {type(handle).__name__},", lacking)
            return handle

        return made


ENTRIES: Final[Mapping[str, Entry]] = {
    Service.EMR_SERVERLESS: Entry(
        handle=emr_serverless.EmrServerlessApplication,
        names=("an application id",),
        states=emr_serverless.STATES,
        operations=emr_operations,
        reads=(
            emr_operations.LIST_JOB_RUNS,
            emr_operations.GET_JOB_RUN,
            emr_operations.LIST_JOB_RUN_ATTEMPTS,
            emr_operations.LIST_APPLICATIONS,
        ),
        quotas=emr_operations.QUOTAS,
        natives=(emr_native_application, emr_native),
        requests=(HiveQuery, SparkSubmit),
        jobs=emr_serverless.jobs,
        from_boto3=emr_from_boto3,
        shared=emr_serverless.shared_by_handles,
    ),
    Service.DATAZONE: Entry(
        handle=datazone.DataZoneJob,
        names=("a domain id", "a job id"),
        states=datazone.STATES,
        operations=datazone_operations,
        natives=(datazone_native,),
        from_boto3=datazone_from_boto3,
    ),
    Service.GLUE: Entry(
        handle=glue.GlueJob,
        names=("a job name",),
        states=glue.STATES,
        operations=glue_operations,
        reads=(glue_operations.GET_JOB_RUNS, glue_operations.GET_JOB_RUN, glue_operations.LIST_JOBS),
        natives=(glue_native,),
        jobs=glue.jobs,
        from_boto3=glue_from_boto3,
        shared=glue.shared_by_handles,
    ),
}
"""The services that this package ships. A new one is added here, to its folder and to the typed names; nowhere else."""

OPERATIONS: Final = frozenset(
    (operation.service, operation.name) for entry in ENTRIES.values() for operation in entry.each_operation()
)
"""The operations of those services that are called here, by service and name."""


def quotas_of(entries: Mapping[str, Entry]) -> Mapping[tuple[str, str], Quota]:
    """Return the published quotas of some services, by service and operation."""
    return {(service, name): quota for service, entry in entries.items() for name, quota in entry.quotas.items()}


QUOTAS: Final[Mapping[tuple[str, str], Quota]] = quotas_of(ENTRIES)
"""The published quotas by service and operation.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html
"""


Adapter: TypeAlias = Entry | Callable[[JobRef, Call], Handle]
"""A service from outside: its entry, or a callable that makes its handles and nothing else."""


def entries_with(adapters: Mapping[str, Adapter] | None) -> Mapping[str, Entry]:
    """Return the entries of all services, those from outside among them.

    Raises:
        InvalidRequestError: It is not a mapping of custom services to adapters, or an adapter does not make handles.
    """
    if adapters is None:
        return ENTRIES
    given: dict[str, Entry] = {}
    for service, adapter in mapping_of("adapters", "a mapping of services to what makes handles", adapters):
        if isinstance(adapter, Entry):
            entry = adapter
        else:
            check_callable(f"adapters[{service!r:.80}]", adapter)
            entry = Entry(handle=cast("Callable[..., Handle]", adapter))
        if not isinstance(service, str) or service in ENTRIES:
            raise InvalidRequestError(f"adapters: {service!r:.80} is not the name of a custom service")
        given[service] = entry
    return {**ENTRIES, **given}
