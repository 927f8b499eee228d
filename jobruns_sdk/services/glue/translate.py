"""The translation of Glue's job runs into the model: total, pure, table-driven. Retries are folded in retries.py."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.boto3_answer import Boto3Answer
from jobruns_sdk.services.glue import native

# https://docs.aws.amazon.com/glue/latest/dg/job-run-statuses.html
STATES: Final[Mapping[str, RunState]] = {
    "WAITING": RunState.QUEUED,
    "STARTING": RunState.STARTING,
    "RUNNING": RunState.RUNNING,
    "STOPPING": RunState.STOPPING,
    "SUCCEEDED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "ERROR": RunState.FAILED,
    "STOPPED": RunState.STOPPED,
    "TIMEOUT": RunState.TIMED_OUT,
    "EXPIRED": RunState.TIMED_OUT,
}
_ACTIVE: Final = frozenset(name for name, state in STATES.items() if not state.is_terminal)
_UNKNOWN: Final = RunState.UNKNOWN  # looking it up takes 0.15 us, a tenth of a row's translation

# DPUs of a worker, https://docs.aws.amazon.com/glue/latest/dg/worker-types.html
_DPUS: Final[Mapping[str, float]] = {
    "Standard": 1,
    "G.025X": 0.25,
    "G.1X": 1,
    "G.2X": 2,
    "G.4X": 4,
    "G.8X": 8,
    "G.12X": 12,
    "G.16X": 16,
    "R.1X": 1,
    "R.2X": 2,
    "R.4X": 4,
    "R.8X": 8,
    "Z.2X": 2,
}
_SECONDS_PER_HOUR: Final = 3600
_LEAST_SECONDS: Final = 60
_LEAST_SECONDS_OF_OLD: Final = 600
_OLD_VERSIONS: Final = frozenset({"0.9", "1.0"})
_LEAST_OF_SPARK: Final = 2
# Observed, not documented: jr_1 is followed by jr_1_attempt_1 and jr_1_attempt_2, which are its attempts 2 and 3.
_RETRY_ID: Final = re.compile(r"(?P<root>.+)_attempt_(?P<retry>[1-9][0-9]{0,8})")


def root_and_number(run_id: str) -> tuple[str, int]:
    """Return the id of the run that an attempt's id belongs to, and the attempt's number, from 1."""
    # Most ids are those of first attempts: a plain search spares them the expression.
    if "_attempt_" not in run_id:
        return run_id, 1
    found = _RETRY_ID.fullmatch(run_id)
    return (found["root"], int(found["retry"]) + 1) if found else (run_id, 1)


def attempt_id(root: str, number: int) -> str:
    """Return the id of an attempt by its number, from 1."""
    return root if number == 1 else f"{root}_attempt_{number - 1}"


def may_be_retried(state: RunState) -> bool:
    """True if another attempt may follow one that is in that state.

    Whether Glue retries a timeout is not documented; asking costs one call.
    """
    return state.is_failure or state is RunState.UNKNOWN


def run_from_attempts(job: JobRef, run_id: str, attempts: Sequence[native.JobRun]) -> JobRun[native.JobRun]:
    """Return the run that was tried by those attempts, which come in their order; the last one has the say."""
    last = attempts[-1]
    number = root_and_number(last.Id or "")[1]
    # Glue tells no time of creation. A retry starts minutes after the run: the first attempt has the date of all.
    started = utc(attempts[0].StartedOn)
    # Where an attempt has left the history, the sum of the others would pass for the bill of all: there is none.
    usage = _total(attempts) if len(attempts) == number else None
    return attrs.evolve(run_from_row(job, run_id, last, number), created_at=started, started_at=started, usage=usage)


def run_from_row(job: JobRef, run_id: str, row: native.JobRun, number: int) -> JobRun[native.JobRun]:
    """Return one row of Glue's, which is the attempt of that number, as a separate run."""
    native_state = row.JobRunState or ""
    started = utc(row.StartedOn)
    return JobRun(
        job,
        run_id,
        row.JobName,
        STATES.get(native_state, _UNKNOWN),
        native_state,
        row.ErrorMessage or row.StateDetail or None,  # a run that waits says in StateDetail what for
        number,
        started,
        started,
        utc(row.LastModifiedOn),
        utc(row.CompletedOn),
        None,
        _usage(row),
        row,
    )


def attempt_from_native(run: RunRef, row: native.JobRun) -> Attempt[native.JobRun]:
    """Return one attempt of a run."""
    native_state = row.JobRunState or ""
    started = utc(row.StartedOn)
    attempt = row.Id or ""
    return Attempt(
        run,
        attempt,
        root_and_number(attempt)[1],
        STATES.get(native_state, _UNKNOWN),
        native_state,
        row.ErrorMessage or row.StateDetail or None,
        started,
        started,
        utc(row.LastModifiedOn),
        utc(row.CompletedOn),
        _usage(row),
        row,
    )


def job_from_native(ref: JobRef, job: native.Job) -> Job[native.Job]:
    """Return a job as GetJob describes it."""
    return Job(ref, job.Name, None, job)


def _usage(row: native.JobRun) -> Usage | None:
    is_active = row.JobRunState in _ACTIVE
    # Glue tells DPUSeconds of auto scaling and flexible runs only; of others it is estimated by capacity and time.
    if row.DPUSeconds is not None and not (is_active and not row.DPUSeconds):
        return Usage(None, None, None, row.DPUSeconds / _SECONDS_PER_HOUR, "consumed")
    capacity = row.MaxCapacity if row.MaxCapacity is not None else _capacity_of_workers(row)
    # While an attempt runs, Glue mostly tells an ExecutionTime of 0, which is no time that it took.
    if capacity is None or row.ExecutionTime is None or (is_active and not row.ExecutionTime):
        return None
    # An attempt that got resources is billed for a minute at least, one of Spark on the first versions for ten:
    # https://aws.amazon.com/glue/pricing/. A Python shell has less than the two DPUs that Spark takes.
    is_of_old = row.GlueVersion in _OLD_VERSIONS and capacity >= _LEAST_OF_SPARK
    least = _LEAST_SECONDS_OF_OLD if is_of_old else _LEAST_SECONDS
    seconds = row.ExecutionTime if row.ExecutionTime >= least else least if row.ExecutionTime else 0
    return Usage(None, None, None, capacity * seconds / _SECONDS_PER_HOUR, "estimated")


def _capacity_of_workers(row: native.JobRun) -> float | None:
    factor = _DPUS.get(row.WorkerType or "")
    if row.NumberOfWorkers is not None and factor is not None:
        return row.NumberOfWorkers * factor
    return row.AllocatedCapacity or None


_OF_EVENTS: Final = {
    "jobRunId": "Id",
    "jobName": "JobName",
    "state": "JobRunState",
    "message": "ErrorMessage",
    "startedOn": "StartedOn",
}


def _total(attempts: Sequence[native.JobRun]) -> Usage | None:
    known = [usage for usage in map(_usage, attempts) if usage is not None]
    if len(known) < len(attempts):  # the sum of the others would pass for the bill of all
        return None
    hours = sum(usage.dpu_hours or 0.0 for usage in known)
    estimated = any(usage.basis == "estimated" for usage in known)
    return Usage(dpu_hours=hours, basis="estimated" if estimated else "consumed")


def run_from_boto3(answer: Boto3Answer) -> JobRun[native.JobRun]:
    """Return the run of what boto3 returned, which a retry is an attempt of: of GetJobRun, or a row of GetJobRuns.

    The detail of an event "Glue Job State Change" or "Glue Job Run Status" does as well.
    """
    answer.enter("JobRun")
    if "jobRunId" in answer.members:
        answer.rename(_OF_EVENTS)
    root, _ = root_and_number(answer.text("Id"))
    return run_from_attempts(answer.job("JobName"), root, [answer.native(native.JobRun)])
