"""Answers that boto3 has parsed, as job runs: for programs that call AWS by themselves."""

from collections.abc import Mapping

from jobruns_sdk.checks import check_text
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import Service
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.boto3_answer import Boto3Answer
from jobruns_sdk.services.registry import Adapter, entries_with


def run_from_response(
    service: Service | str,
    data: Mapping[str, object],
    *,
    region_name: str | None = None,
    adapters: Mapping[str, Adapter] | None = None,
) -> JobRun[Native]:
    """Return the run of an answer that boto3 has parsed: of GetJobRun, or one item of a list.

    What Step Functions hands on of a run is taken as well, and the ``detail`` of an event of EventBridge about one.
    Times may be aware datetimes, as boto3 gives them, ISO 8601 strings with their offset, or seconds or milliseconds
    since 1970; one without a zone is refused, since it may be in any. A retry of Glue's is its run, in that attempt.

    Args:
        service: ``"emr-serverless"``, ``"datazone"`` or ``"glue"``.
        data: What GetJobRun answered (``{"JobRun": {...}}``), or a run of what ListJobRuns or GetJobRuns did.
        region_name: The region that was asked; answers do not tell, so that the reference has none without it.
        adapters: More services, as ``JobRunsClient`` takes them; each whose entry says ``from_boto3`` is known, too.

    Raises:
        InvalidRequestError: The service is unknown, or the region no region.
        ResponseFormatError: The data is not such an answer; ``where`` is the place in it.
    """
    check_text("service", service)
    readers = {name: entry.from_boto3 for name, entry in entries_with(adapters).items() if entry.from_boto3 is not None}
    if service not in readers:
        raise InvalidRequestError(f"unknown service {service!r}, known are {', '.join(readers)}")
    return readers[service](Boto3Answer(service, data, region_name))
