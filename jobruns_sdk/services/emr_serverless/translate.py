"""The translation of EMR Serverless job runs into the model: total, pure, table-driven."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.boto3_answer import Boto3Answer
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.native_application import Application

# In the order of a run's life, in which several states are asked for: a run that moves on meanwhile is met again, not
# missed. https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
STATES: Final[Mapping[str, RunState]] = {
    "SUBMITTED": RunState.QUEUED,
    "QUEUED": RunState.QUEUED,
    "PENDING": RunState.QUEUED,
    "SCHEDULED": RunState.STARTING,
    "RUNNING": RunState.RUNNING,
    "CANCELLING": RunState.STOPPING,
    "SUCCESS": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "CANCELLED": RunState.STOPPED,
}
_UNKNOWN: Final = RunState.UNKNOWN  # looking it up takes 0.15 us, a tenth of a row's translation

AttemptNative = native.JobRunAttemptSummary | native.JobRun
"""An attempt as it is listed, or as GetJobRun has it where the list lags behind."""


def run_from_summary(job: JobRef, run_id: str, row: native.JobRunSummary) -> JobRun[native.JobRunSummary]:
    """Return a run as ListJobRuns lists it, which tells neither start, end nor usage."""
    native_state = row.state or ""
    return JobRun(
        job,
        run_id,
        row.name,
        STATES.get(native_state, _UNKNOWN),
        native_state,
        row.stateDetails or None,
        row.attempt or 1,
        utc(row.createdAt),
        None,
        utc(row.updatedAt),
        None,
        row.createdBy,
        None,
        row,
    )


def run_from_native(job: JobRef, run_id: str, run: native.JobRun, *, of_attempt: bool = False) -> JobRun[native.JobRun]:
    """Return a run as GetJobRun has it; ``of_attempt`` where one attempt was asked for, whose start is then told."""
    native_state = run.state or ""
    return JobRun(
        job,
        run_id,
        run.name,
        STATES.get(native_state, _UNKNOWN),
        native_state,
        run.stateDetails or None,
        run.attempt or 1,
        utc(run.createdAt),
        utc(run.startedAt) if of_attempt else _first_start(run),
        utc(run.updatedAt),
        utc(run.endedAt),
        run.createdBy,
        _usage(run),
        run,
    )


def _first_start(run: native.JobRun) -> datetime | None:
    """Return when the run started, None where only the start of a later attempt is told.

    GetJobRun tells when the latest attempt started: of a run that failed at 03:00, and was tried again at 05:00, that
    would be a start at 05:00 after hours in a queue.
    """
    started, attempt_created = utc(run.startedAt), utc(run.attemptCreatedAt)
    if (run.attempt or 1) == 1 or started is None:
        return started
    return started if attempt_created is not None and started < attempt_created else None


def attempt_from_summary(run: RunRef, row: native.JobRunAttemptSummary) -> Attempt[AttemptNative]:
    """Return an attempt as ListJobRunAttempts lists it."""
    native_state = row.state or ""
    return Attempt(
        run,
        run.run_id,
        row.attempt or 1,
        STATES.get(native_state, _UNKNOWN),
        native_state,
        row.stateDetails or None,
        utc(row.createdAt),
        None,
        utc(row.updatedAt),
        None,
        None,
        row,
    )


def attempt_from_run(run: JobRun[native.JobRunSummary]) -> Attempt[native.JobRunSummary]:
    """Return the only attempt of a run as ListJobRuns tells of it."""
    row = run.native
    return Attempt(
        run.ref,
        run.id,
        run.attempt,
        run.state,
        run.native_state,
        run.message,
        utc(row.attemptCreatedAt) or run.created_at,
        run.started_at,
        utc(row.attemptUpdatedAt) or run.updated_at,
        run.ended_at,
        run.usage,
        row,
    )


def attempt_from_native(ref: RunRef, run: native.JobRun) -> Attempt[AttemptNative]:
    """Return the attempt that GetJobRun tells of: the one that was asked for, else the latest."""
    native_state = run.state or ""
    return Attempt(
        ref,
        ref.run_id,
        run.attempt or 1,
        STATES.get(native_state, _UNKNOWN),
        native_state,
        run.stateDetails or None,
        utc(run.attemptCreatedAt or run.createdAt),
        utc(run.startedAt),
        utc(run.attemptUpdatedAt or run.updatedAt),
        utc(run.endedAt),
        _usage(run),
        run,
    )


def job_from_summary(ref: JobRef, application: native.ApplicationSummary) -> Job[native.ApplicationSummary]:
    """Return an application as ListApplications lists it."""
    return Job(ref, application.name, application.state, application)


def job_from_native(ref: JobRef, application: Application) -> Job[Application]:
    """Return an application as GetApplication has it."""
    return Job(ref, application.name, application.state, application)


def _usage(run: native.JobRun) -> Usage | None:
    return _used(run.billedResourceUtilization, "billed") or _used(run.totalResourceUtilization, "consumed")


def _used(
    told: native.ResourceUtilization | native.TotalResourceUtilization | None, basis: Literal["billed", "consumed"]
) -> Usage | None:
    if told is None:
        return None
    used = Usage(told.vCPUHour, told.memoryGBHour, told.storageGBHour, basis=basis)
    return None if used == Usage(basis=basis) else used


def run_from_boto3(answer: Boto3Answer) -> JobRun[native.JobRunSummary] | JobRun[native.JobRun]:
    """Return the run of what boto3 returned: of GetJobRun, or a row of ListJobRuns."""
    answer.enter("jobRun")
    job = answer.job("applicationId")
    if "id" in answer.members:
        return run_from_summary(job, answer.text("id"), answer.native(native.JobRunSummary))
    return run_from_native(job, answer.text("jobRunId"), answer.native(native.JobRun))
