"""From AWS Batch's jobs to the domain model."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from jobruns_sdk import Job, JobRef, JobRun, RunRef, RunState
from jobruns_sdk.adapters import Boto3Answer
from tests.adapter.batch import native

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# https://docs.aws.amazon.com/batch/latest/userguide/job_states.html
STATES: Final[Mapping[str, RunState]] = {
    "SUBMITTED": RunState.QUEUED,
    "PENDING": RunState.QUEUED,
    "RUNNABLE": RunState.QUEUED,
    "STARTING": RunState.STARTING,
    "RUNNING": RunState.RUNNING,
    "SUCCEEDED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
}

N = TypeVar("N", bound=native.JobSummary)


def run_from_job(ref: RunRef, job: N) -> JobRun[N]:
    native_state = job.status or ""
    started, stopped = _utc(job.startedAt), _utc(job.stoppedAt)
    return JobRun(
        job=ref.job,
        id=ref.run_id,
        name=job.jobName,
        state=STATES.get(native_state, RunState.UNKNOWN),
        native_state=native_state,
        message=job.statusReason or None,
        attempt=1,
        created_at=_utc(job.createdAt),
        started_at=started,
        updated_at=stopped or started,
        ended_at=stopped,
        created_by=None,
        usage=None,
        native=job,
    )


def job_from_queue(place: JobRef, queue: native.JobQueue) -> Job[native.JobQueue]:
    name = queue.jobQueueName or ""
    return Job(ref=place.sibling(name), name=name, state=queue.state, native=queue)


def run_from_boto3(answer: Boto3Answer) -> JobRun[native.JobDetail]:
    return run_from_job(answer.job("jobQueue").run(answer.text("jobId")), answer.native(native.JobDetail))


def _utc(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else EPOCH + timedelta(milliseconds=milliseconds)
