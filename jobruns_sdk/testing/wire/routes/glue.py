"""AWS Glue's operations: awsJson 1.1, every call a POST to `/` that names its operation in a header."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final, cast

from jobruns_sdk.testing.wire.answers import Answer, ServiceError, without_none
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.wire.routes.glue_rows import attempt_of_id, bookmark_entry, job_definition, job_run
from jobruns_sdk.testing.world.bookmarks import Bookmark
from jobruns_sdk.testing.world.jobs import Job, Key
from jobruns_sdk.testing.world.lifecycle import Attempt
from jobruns_sdk.testing.world.pages import Place, Query

_RUN_MEMBERS: Final = (
    "AllocatedCapacity",
    "Arguments",
    "ExecutionClass",
    "ExecutionRoleSessionPolicy",
    "JobRunQueuingEnabled",
    "MaxCapacity",
    "NotificationProperty",
    "NumberOfWorkers",
    "SecurityConfiguration",
    "WorkerType",
)


def _missing(message: str) -> ServiceError:
    return ServiceError("EntityNotFoundException", message)


def _job(call: Call) -> Job:
    name = call.params.text("JobName")
    job = call.world.glue.get(name)
    if job is None:
        raise _missing(f"Job {name} not found.")
    job.settle(call.now)
    return job


def _is_kept(call: Call, attempt: Attempt) -> bool:
    return attempt.created >= call.seen - call.world.glue_retention


def _attempt(call: Call, job: Job, run_id: str) -> Attempt:
    attempt = attempt_of_id(job, run_id, call.now)
    if attempt is None or not _is_kept(call, attempt):
        raise _missing(f"Job Run {run_id} not found for job {job.name}.")
    return attempt


def _query(call: Call, scope: Sequence[object], size: int) -> Query:
    token, limit = call.params.optional("NextToken"), call.params.number("MaxResults", size)
    return Query(call.world.tokens, scope, token, limit, call.now)


def get_job_runs(call: Call) -> Answer:
    """GetJobRuns: every attempt of every run, newest first."""
    job = _job(call)

    def rows(place: Place | None) -> Iterator[Attempt]:
        kept = takewhile(lambda row: _is_kept(call, row), job.newest(cast("Key | None", place and tuple(place))))
        return (row for row in kept if row.created <= call.seen)

    found, token = _query(call, ["GetJobRuns", job.name], 200).page(rows, lambda row: row.key)
    return without_none(JobRuns=[job_run(job, attempt, call.seen) for attempt in found], NextToken=token)


def get_job_run(call: Call) -> Answer:
    """GetJobRun: one attempt, by the id that the list shows."""
    job = _job(call)
    attempt = _attempt(call, job, call.params.text("RunId"))
    return {"JobRun": job_run(job, attempt, call.now, predecessors=call.params.flag("PredecessorsIncluded"))}


def get_job(call: Call) -> Answer:
    """GetJob."""
    return {"Job": job_definition(_job(call))}


def list_jobs(call: Call) -> Answer:
    """ListJobs: the names of the jobs that carry all the given tags."""
    tags = call.params.mapping("Tags")

    def names(place: Place | None) -> Iterator[str]:
        after = None if place is None else str(place[0])
        wanted = (name for name, job in sorted(call.world.glue.items()) if tags.items() <= job.tags.items())
        return (name for name in wanted if after is None or name > after)

    found, token = _query(call, ["ListJobs", tags], 100).page(names, lambda name: [name])
    return without_none(JobNames=found, NextToken=token)


def _timeout(call: Call, job: Job) -> int | None:
    minutes = call.params.number("Timeout", 0)
    return minutes * 60_000 if minutes else job.limits.timeout


def start_job_run(call: Call) -> Answer:
    """StartJobRun: refused when the job's runs have taken all its slots, unless it queues."""
    job = _job(call)
    request = call.params.chosen(_RUN_MEMBERS)
    if "WorkerType" in request and ("MaxCapacity" in request or "AllocatedCapacity" in request):
        message = "Please do not set Max Capacity and Worker Type or Number of Workers in the same request."
        raise ServiceError("InvalidInputException", message)
    retried = call.params.optional("JobRunId")
    if retried is not None:
        _attempt(call, job, retried)
        request["PreviousRunId"] = retried
    queues = request.get("JobRunQueuingEnabled", job.limits.queues) is True
    if not queues and not job.has_slot():
        raise ServiceError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job.name}")
    run = job.add(
        call.world.new_id("glue"), call.now, request=request, script=job.next_script(), timeout=_timeout(call, job)
    )
    job.begin(run.last, call.now, queue=queues)
    call.world.outbox.follow(job, run, call.now)
    return {"JobRunId": run.id}


def batch_stop_job_run(call: Call) -> Answer:
    """BatchStopJobRun: always succeeds; what could not be stopped stands under Errors."""
    name = call.params.text("JobName")
    job = call.world.glue.get(name)
    if job is not None:
        job.settle(call.now)
    accepted: list[Answer] = []
    errors: list[Answer] = []
    for run_id in call.params.texts("JobRunIds"):
        detail = _stop(call, job, run_id)
        entry: Answer = {"JobName": name, "JobRunId": run_id}
        if detail is None:
            accepted.append(entry)
        else:
            errors.append({**entry, "ErrorDetail": detail})
    return {"SuccessfulSubmissions": accepted, "Errors": errors}


def _stop(call: Call, job: Job | None, run_id: str) -> Mapping[str, str] | None:
    attempt = None if job is None else attempt_of_id(job, run_id, call.now)
    if job is None or attempt is None or not _is_kept(call, attempt):
        return {"ErrorCode": "EntityNotFoundException", "ErrorMessage": f"JobRun {run_id} not found."}
    if not job.stop(attempt, call.now, attempt.run.script.stopping):
        message = f"JobRun {run_id} is in state {attempt.state_at(call.now)} and cannot be stopped."
        return {"ErrorCode": "InvalidInputException", "ErrorMessage": message}
    return None


def get_job_bookmark(call: Call) -> Answer:
    """GetJobBookmark: the job's present bookmark, or the one that a run wrote."""
    job, run_id = _job(call), call.params.optional("RunId")
    mark = job.bookmarks.current if run_id is None else job.bookmarks.of_run(run_id)
    return {"JobBookmarkEntry": bookmark_entry(job, _found(job, mark))}


def reset_job_bookmark(call: Call) -> Answer:
    """ResetJobBookmark: back to the beginning, or to what a run wrote."""
    job = _job(call)
    return {"JobBookmarkEntry": bookmark_entry(job, _found(job, job.bookmarks.reset(call.params.optional("RunId"))))}


def _found(job: Job, mark: Bookmark | None) -> Bookmark:
    if mark is None:
        raise _missing(f"Continuation for job {job.name} not found.")
    return mark


OPERATIONS: Final[Mapping[str, Operation]] = {
    "BatchStopJobRun": batch_stop_job_run,
    "GetJob": get_job,
    "GetJobBookmark": get_job_bookmark,
    "GetJobRun": get_job_run,
    "GetJobRuns": get_job_runs,
    "ListJobs": list_jobs,
    "ResetJobBookmark": reset_job_bookmark,
    "StartJobRun": start_job_run,
}
