"""The pattern of a rule of EventBridge that matches the events of job runs."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from jobruns_sdk.checks import items_of
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.events.decoding import KINDS
from jobruns_sdk.model.refs import JobLike, JobRef, Service, ref_of
from jobruns_sdk.services.events import Tells

_SOURCES: Final = {
    Service.GLUE: ("aws.glue", "jobName"),
    Service.EMR_SERVERLESS: ("aws.emr-serverless", "applicationId"),
}

TELLS: Final[Mapping[str, Tells]] = {Service.GLUE: "ends", Service.EMR_SERVERLESS: "changes"}
"""The events that services send of their runs."""


def event_pattern(jobs: Iterable[JobLike] | None = None) -> dict[str, Any]:
    """Return the pattern that matches the events of jobs: ``put_rule(EventPattern=json.dumps(event_pattern(jobs)))``.

    A rule belongs to one region and one account; which ones the jobs name is not looked at.

    Args:
        jobs: Glue jobs and EMR Serverless applications; None for all.

    Raises:
        InvalidRequestError: A job is invalid, there is none, or it is of a service that sends no events of job runs.
    """
    if jobs is None:
        return _either([_of_source(source, None) for source, _ in _SOURCES.values()])
    names: dict[str, set[str]] = {}
    for job in items_of("jobs", jobs, "jobs"):
        ref = ref_of(JobRef, job)
        if ref.service not in _SOURCES:
            raise InvalidRequestError(f"{str(ref)!r}: only Glue and EMR Serverless send events of job runs")
        names.setdefault(ref.service, set()).add(ref.path[0])
    if not names:
        raise InvalidRequestError("event_pattern needs one job or more, or None for all")
    return _either([_of_source(*_SOURCES[Service(service)], *sorted(found)) for service, found in names.items()])


def _of_source(source: str, member: str | None, *names: str) -> dict[str, Any]:
    pattern: dict[str, Any] = {"source": [source], "detail-type": [kind for name, kind in KINDS if name == source]}
    return pattern if member is None else pattern | {"detail": {member: [*names]}}


def _either(patterns: list[dict[str, Any]]) -> dict[str, Any]:
    return patterns[0] if len(patterns) == 1 else {"$or": patterns}
