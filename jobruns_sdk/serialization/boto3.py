"""Answers that boto3 has parsed, as job runs: for programs that call AWS by themselves."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar, cast

import msgspec

from jobruns_sdk.checks import check_text
from jobruns_sdk.errors import InvalidRequestError, ResponseFormatError
from jobruns_sdk.model.native import Native, fault_and_place, utc
from jobruns_sdk.model.refs import JobRef, Service
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.datazone import translate as from_datazone
from jobruns_sdk.services.emr_serverless import native as emr_serverless
from jobruns_sdk.services.emr_serverless import translate as from_emr_serverless
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.glue import translate as from_glue

N = TypeVar("N", bound=Native)


def run_from_response(
    service: Service | str, data: Mapping[str, object], *, region_name: str | None = None
) -> JobRun[Native]:
    """Return the run of an answer that boto3 has parsed: of GetJobRun, or one item of a list.

    Times may be aware datetimes, as boto3 gives them, ISO 8601 text with its offset or seconds since 1970; one without
    a zone is refused, since it may be in any. A retry of Glue's is its run, in that attempt.

    Args:
        service: ``"emr-serverless"``, ``"datazone"`` or ``"glue"``.
        data: What GetJobRun answered (``{"JobRun": {...}}``), or a run of what ListJobRuns or GetJobRuns did.
        region_name: The region that was asked; answers do not tell, so that the reference has none without it.

    Raises:
        InvalidRequestError: The service is unknown, or the region no region.
        ResponseFormatError: The data is not such an answer; ``where`` is the place in it.
    """
    check_text("service", service)
    if service not in _READERS:
        raise InvalidRequestError(f"unknown service {service!r}, known are {', '.join(_READERS)}")
    return _READERS[service](_Answer(service, data, region_name))


class _Answer:
    """A response of boto3, and the place in it that is being read."""

    def __init__(self, service: str, data: object, region_name: str | None) -> None:
        self._service = service
        self._region_name = region_name
        self.where = "$"
        self.members = self._mapping(data)

    def enter(self, name: str) -> None:
        """Go on inside a member, if there is one of that name."""
        if self.members.get(name) is not None:
            self.where = f"$.{name}"
            self.members = self._mapping(self.members[name])

    def text(self, name: str) -> str:
        """Return a member that has to be there."""
        value = self.members.get(name)
        if not isinstance(value, str) or not value:
            raise self._fault(f"expected a text, got {type(value).__name__}", f"{self.where}.{name}")
        return value

    def job(self, *names: str) -> JobRef:
        """Return the job that those members name."""
        return JobRef(self._service, tuple(map(self.text, names)), self._region_name)

    def native(self, kind: type[N]) -> N:
        """Return the service's structure of what is there."""
        try:
            native = msgspec.convert(_clean(self.members), kind, strict=False)
        except msgspec.ValidationError as error:
            fault, place = fault_and_place(str(error))
            raise self._fault(fault, self.where + place.removeprefix("$")) from error
        for place in _naive(native, self.where):
            raise self._fault("expected a time with its zone, got one without", place)
        return native

    def _mapping(self, data: object) -> Mapping[str, object]:
        if not isinstance(data, Mapping):
            raise self._fault(f"expected a dict, got {type(data).__name__}", self.where)
        return cast("Mapping[str, object]", data)

    def _fault(self, fault: str, where: str) -> ResponseFormatError:
        return ResponseFormatError(f"the answer cannot be read at {where}: {fault}", where=where, service=self._service)


def _clean(value: object) -> object:
    """Return the value with times in UTC, where boto3 has them in the machine's zone, and without nulls."""
    match value:
        case datetime() if value.utcoffset() is not None:
            return utc(value)
        case Mapping():
            members = cast("Mapping[object, object]", value)
            return {name: _clean(item) for name, item in members.items() if item is not None}
        case list() | tuple():
            return [_clean(item) for item in cast("list[object]", value) if item is not None]
        case _:
            return value


def _naive(value: object, where: str) -> Iterator[str]:
    """Yield the places of times without a zone."""
    match value:
        case datetime() if value.utcoffset() is None:
            yield where
        case Native():
            for name in value.__struct_fields__:
                yield from _naive(getattr(value, name), f"{where}.{name}")
        case tuple():
            for index, item in enumerate(cast("tuple[object, ...]", value)):
                yield from _naive(item, f"{where}[{index}]")
        case _:
            pass


def _emr_serverless(answer: _Answer) -> JobRun[Native]:
    answer.enter("jobRun")
    job = answer.job("applicationId")
    if "id" in answer.members:
        summary = answer.native(emr_serverless.JobRunSummary)
        return from_emr_serverless.run_from_summary(job, answer.text("id"), summary)
    run = answer.native(emr_serverless.JobRun)
    return from_emr_serverless.run_from_native(job, answer.text("jobRunId"), run)


def _datazone(answer: _Answer) -> JobRun[Native]:
    job = answer.job("domainId", "jobId")
    if "runId" in answer.members:
        return from_datazone.run_from_summary(job, answer.text("runId"), answer.native(datazone.JobRunSummary))
    return from_datazone.run_from_native(job, answer.text("id"), answer.native(datazone.GetJobRunOutput))


def _glue(answer: _Answer) -> JobRun[Native]:
    answer.enter("JobRun")
    root, _ = from_glue.root_and_number(answer.text("Id"))
    return from_glue.run_from_attempts(answer.job("JobName"), root, [answer.native(glue.JobRun)])


_READERS: Final[Mapping[str, Callable[[_Answer], JobRun[Native]]]] = {
    Service.EMR_SERVERLESS: _emr_serverless,
    Service.DATAZONE: _datazone,
    Service.GLUE: _glue,
}
