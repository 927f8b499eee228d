"""AWS Glue's structures: how jobs, attempts and bookmarks look on the wire."""

import re
from typing import Final, cast

from jobruns_sdk.testing.clock import timestamp
from jobruns_sdk.testing.wire.answers import Answer, without_none
from jobruns_sdk.testing.world.bookmarks import Bookmark
from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.lifecycle import Attempt

_DPU: Final = {"G.025X": 0.25, "Standard": 1.0, "G.1X": 1.0, "G.2X": 2.0, "G.4X": 4.0, "G.8X": 8.0, "Z.2X": 2.0}
_ATTEMPT: Final = re.compile(r"(.+)_attempt_(\d+)")
_COMPUTED: Final = frozenset({"PreviousRunId", "Arguments", "PredecessorRuns", "JobRunQueuingEnabled"})


def run_id_of(attempt: Attempt) -> str:
    """The id under which Glue shows an attempt."""
    return f"{attempt.run.id}_attempt_{attempt.number}" if attempt.number else attempt.run.id


def attempt_of_id(job: Job, run_id: str, now: int) -> Attempt | None:
    """The attempt that an id names, if it exists by now."""
    form = _ATTEMPT.fullmatch(run_id)
    root, number = (run_id, 0) if form is None or run_id in job.runs else (form[1], int(form[2]))
    run = job.runs.get(root)
    return None if run is None else run.attempt(number, now)


def job_run(job: Job, attempt: Attempt, now: int, *, predecessors: bool = False) -> Answer:
    """A JobRun, with the members that real ones were seen to have in each state."""
    run, previous, state = attempt.run, attempt.previous, attempt.state_at(now)
    request, settings = run.request, job.settings
    seconds = _execution_seconds(attempt, now)
    row = without_none(
        Id=run_id_of(attempt),
        Attempt=attempt.number,
        PreviousRunId=request.get("PreviousRunId") if previous is None else run_id_of(previous),
        JobName=job.name,
        JobMode=settings.get("JobMode"),
        JobRunQueuingEnabled=request.get("JobRunQueuingEnabled", settings.get("JobRunQueuingEnabled")),
        StartedOn=timestamp(attempt.created),
        LastModifiedOn=timestamp(attempt.updated_at(now)),
        CompletedOn=timestamp(attempt.ended_at(now)),
        JobRunState=state,
        Arguments=request.get("Arguments") if previous is None else None,
        ErrorMessage=attempt.message if state in {"FAILED", "ERROR", "EXPIRED"} else None,
        PredecessorRuns=request.get("PredecessorRuns", []) if predecessors else [],
        ExecutionTime=seconds,
        Timeout=None if run.timeout is None else run.timeout // 60_000,
        LogGroupName="/aws-glue/jobs",
        GlueVersion=settings.get("GlueVersion"),
        ExecutionClass=request.get("ExecutionClass", settings.get("ExecutionClass")),
        StateDetail="Waiting for a free run slot." if state == "WAITING" else None,
    )
    row.update(_capacity(job, attempt))
    if row.get("ExecutionClass") == "FLEX" and attempt.ended_at(now) is not None:
        row["DPUSeconds"] = seconds * cast("float", row["MaxCapacity"])
    row.update({name: value for name, value in request.items() if name not in _COMPUTED})
    return row


def job_definition(job: Job) -> Answer:
    """A Job, as GetJob shows it."""
    return without_none(
        Name=job.name,
        **{"ExecutionClass": "STANDARD", **job.settings},
        CreatedOn=timestamp(job.created),
        LastModifiedOn=timestamp(job.created),
        MaxRetries=job.limits.max_retries,
        ExecutionProperty={"MaxConcurrentRuns": job.limits.max_concurrent},
        Timeout=None if job.limits.timeout is None else job.limits.timeout // 60_000,
    )


def bookmark_entry(job: Job, mark: Bookmark) -> Answer:
    """A JobBookmarkEntry."""
    return without_none(
        JobName=job.name,
        Version=mark.version,
        Run=mark.run,
        Attempt=mark.attempt,
        PreviousRunId=mark.previous_run_id,
        RunId=mark.run_id,
        JobBookmark=mark.document,
    )


def _capacity(job: Job, attempt: Attempt) -> Answer:
    request, settings = attempt.run.request, job.settings
    given = request.get("MaxCapacity", None if "WorkerType" in request else settings.get("MaxCapacity"))
    if given is not None:
        return {"AllocatedCapacity": int(cast("float", given)), "MaxCapacity": given}
    worker = str(request.get("WorkerType", settings.get("WorkerType", "G.1X")))
    workers = cast("int", request.get("NumberOfWorkers", settings.get("NumberOfWorkers", 10)))
    capacity = _DPU.get(worker, 1.0) * workers
    return {
        "AllocatedCapacity": int(capacity),
        "MaxCapacity": capacity,
        "WorkerType": worker,
        "NumberOfWorkers": workers,
    }


def _execution_seconds(attempt: Attempt, now: int) -> int:
    begun, ended = attempt.started_at(now), attempt.ended_at(now)
    return 0 if begun is None or ended is None else max(0, ended - begun) // 1000
