"""DataZone's operations: rest-json under `/v2/domains`."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from jobruns_sdk.testing.clock import timestamp
from jobruns_sdk.testing.wire.answers import Answer, ServiceError, without_none
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.world.jobs import Job, Key
from jobruns_sdk.testing.world.lifecycle import Attempt, Run
from jobruns_sdk.testing.world.pages import Place, Query
from jobruns_sdk.testing.world.world import World

_PAGE: Final = 50
_QUERIES: Final = 40


def _missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, 404)


def _domain(call: Call) -> Mapping[str, Job]:
    domain = call.params.text("domainIdentifier")
    jobs = call.world.datazone.get(domain)
    if jobs is None:
        raise _missing(f"Domain {domain} does not exist")
    for job in jobs.values():
        job.settle(call.now)
    return jobs


def list_job_runs(call: Call) -> Answer:
    """ListJobRuns: by creation time, newest first unless asked otherwise."""
    domain, name = call.params.text("domainIdentifier"), call.params.text("jobIdentifier")
    job = _domain(call).get(name)
    if job is None:
        raise _missing(f"Job {name} does not exist in domain {domain}")
    status, order = call.params.optional("status"), call.params.optional("sortOrder") or "DESCENDING"

    def rows(place: Place | None) -> Iterator[Attempt]:
        key = cast("Key | None", place and tuple(place))
        walk = job.newest(key) if order == "DESCENDING" else job.oldest(key)
        known = (row for row in walk if row.created <= call.seen)
        return (row for row in known if status is None or row.state_at(call.seen) == status)

    token, limit = call.params.optional("nextToken"), call.params.number("maxResults", _PAGE)
    query = Query(call.world.tokens, ["ListJobRuns", domain, name, status, order], token, limit, call.now)
    found, token = query.page(rows, lambda row: row.key)
    shown = [{"runId": row.run.id, **_common(call.world, domain, job, row, call.seen)} for row in found]
    return without_none(items=shown, nextToken=token)


def get_job_run(call: Call) -> Answer:
    """GetJobRun: with the details that the list leaves out."""
    domain, run_id = call.params.text("domainIdentifier"), call.params.text("identifier")
    job, run = next(((job, job.runs[run_id]) for job in _domain(call).values() if run_id in job.runs), (None, None))
    if job is None or run is None or run.created > call.now:
        raise _missing(f"Job run {run_id} does not exist in domain {domain}")
    row = run.last
    return {
        "id": run.id,
        **_common(call.world, domain, job, row, call.now),
        **_details(run, call.now),
        **{name: value for name, value in run.request.items() if name not in _SUMMARY},
    }


_SUMMARY: Final = frozenset({"runMode", "createdBy", "jobType", "error"})


def _common(world: World, domain: str, job: Job, row: Attempt, now: int) -> Answer:
    status = row.state_at(now)
    failed = status in {"FAILED", "ABORTED", "PARTIALLY_SUCCEEDED", "TIMED_OUT"}
    return without_none(
        domainId=domain,
        jobId=job.name,
        jobType="LINEAGE",
        runMode="SCHEDULED",
        status=status,
        error={"message": row.message} if failed and row.message else None,
        createdBy=world.caller,
        createdAt=timestamp(row.created),
        startTime=timestamp(row.started_at(now)),
        endTime=timestamp(row.ended_at(now)),
    ) | {name: value for name, value in row.run.request.items() if name in _SUMMARY}


def _details(run: Run, now: int) -> Answer:
    """Return the number of queries that the lineage import has worked through: absent until it has begun."""
    row = run.last
    begun, ended = row.started_at(now), row.ended_at(now)
    if begun is None:
        return {}
    failures = {"FAILED": _QUERIES, "PARTIALLY_SUCCEEDED": 3}.get(row.state_at(now), 0)
    queries = without_none(
        queryStartTime=timestamp(begun),
        queryEndTime=timestamp(ended),
        totalQueriesProcessed=0 if ended is None else _QUERIES,
        numQueriesFailed=failures,
        errorMessages=[row.message] if failures and row.message else [],
    )
    return {"details": {"lineageRunDetails": {"sqlQueryRunDetails": queries}}}


OPERATIONS: Final[Mapping[str, Operation]] = {"GetJobRun": get_job_run, "ListJobRuns": list_job_runs}

PATHS: Final = (
    ("GET", "/v2/domains/{domainIdentifier}/jobs/{jobIdentifier}/runs", "ListJobRuns"),
    ("GET", "/v2/domains/{domainIdentifier}/jobRuns/{identifier}", "GetJobRun"),
)
