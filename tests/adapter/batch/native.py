"""AWS Batch's jobs as the service sends them, as far as they are used here; times are milliseconds since 1970."""
# ruff: noqa: N815  # AWS's own member names

from typing import Final

from msgspec.json import Decoder

from jobruns_sdk.adapters import Native, Secret


class JobSummary(Native, frozen=True, kw_only=True):
    jobId: str | None = None
    jobName: str | None = None
    createdAt: int | None = None
    status: str | None = None
    statusReason: str | None = None
    startedAt: int | None = None
    stoppedAt: int | None = None


class JobDetail(JobSummary, frozen=True, kw_only=True):
    parameters: Secret[dict[str, str] | None] = None


class ListJobsResponse(Native, frozen=True, kw_only=True):
    jobSummaryList: tuple[JobSummary, ...] | None = None
    nextToken: str | None = None


class DescribeJobsResponse(Native, frozen=True, kw_only=True):
    jobs: tuple[JobDetail, ...] | None = None


class JobQueue(Native, frozen=True, kw_only=True):
    jobQueueName: str | None = None
    state: str | None = None


class DescribeJobQueuesResponse(Native, frozen=True, kw_only=True):
    jobQueues: tuple[JobQueue, ...] | None = None
    nextToken: str | None = None


LIST_JOBS: Final = Decoder(ListJobsResponse, strict=False)
DESCRIBE_JOB_QUEUES: Final = Decoder(DescribeJobQueuesResponse, strict=False)
DESCRIBE_JOBS: Final = Decoder(DescribeJobsResponse, strict=False)
