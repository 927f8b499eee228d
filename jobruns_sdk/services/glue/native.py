"""Glue's job runs, jobs and bookmarks as the service sends them, and a decoder for each operation's answer.

Where a member is named like its type, the type has an alias: inside the class the name means the member.
"""

from datetime import datetime
from typing import Final, TypeAlias

from msgspec.json import Decoder

from jobruns_sdk.model.native import Integer, Native, Real, Rows, Secret


class Predecessor(Native, frozen=True, kw_only=True, gc=False):
    """A run whose end let a conditional trigger start another."""

    JobName: str | None = None
    RunId: str | None = None


class NotificationProperty(Native, frozen=True, kw_only=True, gc=False):
    """The delay after which Glue sends a notification of a run.

    Attributes:
        NotifyDelayAfter: Minutes after the start.
    """

    NotifyDelayAfter: Integer | None = None


_NotificationProperty: TypeAlias = NotificationProperty


class JobRun(Native, frozen=True, kw_only=True, gc=False):
    """One attempt of a job run: Glue lists each of its retries as a separate run.

    Attributes:
        Id: ``<root>`` for the first attempt, ``<root>_attempt_<n>`` for retry n.
        Attempt: 0 for the first attempt, n for retry n.
        PreviousRunId: Of a retry the attempt before it.
        StartedOn: When the attempt was started, which is also when it was created.
        AllocatedCapacity: Deprecated: DPUs as a whole number; see ``MaxCapacity``.
        ExecutionTime: Seconds in which resources were consumed; less than the time between start and end.
        Timeout: Minutes.
        MaxCapacity: DPUs.
        DPUSeconds: Only of Flex runs and where workers scale automatically; not capacity times time.
        StateDetail: Why the run is in its state, such as what a WAITING run waits for.
    """

    Id: str | None = None
    Attempt: Integer | None = None
    PreviousRunId: str | None = None
    TriggerName: str | None = None
    JobName: str | None = None
    JobMode: str | None = None
    JobRunQueuingEnabled: bool | None = None
    StartedOn: datetime | None = None
    LastModifiedOn: datetime | None = None
    CompletedOn: datetime | None = None
    JobRunState: str | None = None
    Arguments: Secret[dict[str, str] | None] = None
    ErrorMessage: str | None = None
    PredecessorRuns: tuple[Predecessor, ...] | None = None
    AllocatedCapacity: Integer | None = None
    ExecutionTime: Integer | None = None
    Timeout: Integer | None = None
    MaxCapacity: Real | None = None
    WorkerType: str | None = None
    NumberOfWorkers: Integer | None = None
    SecurityConfiguration: str | None = None
    LogGroupName: str | None = None
    NotificationProperty: _NotificationProperty | None = None
    GlueVersion: str | None = None
    DPUSeconds: Real | None = None
    ExecutionClass: str | None = None
    MaintenanceWindow: str | None = None
    ProfileName: str | None = None
    StateDetail: str | None = None
    ExecutionRoleSessionPolicy: str | None = None


_JobRun: TypeAlias = JobRun


class GetJobRunsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJobRuns: a page of runs, newest first."""

    JobRuns: Rows[JobRun] | None = None
    NextToken: str | None = None


class GetJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJobRun."""

    JobRun: _JobRun | None = None


class ExecutionProperty(Native, frozen=True, kw_only=True, gc=False):
    """The limit of concurrent runs of a job."""

    MaxConcurrentRuns: Integer | None = None


_ExecutionProperty: TypeAlias = ExecutionProperty


class JobCommand(Native, frozen=True, kw_only=True, gc=False):
    """The script of a job, and the kind of the job."""

    Name: str | None = None
    ScriptLocation: str | None = None
    PythonVersion: str | None = None
    Runtime: str | None = None


class ConnectionsList(Native, frozen=True, kw_only=True, gc=False):
    """The names of the connections that a job uses."""

    Connections: tuple[str, ...] | None = None


class SourceControlDetails(Native, frozen=True, kw_only=True, gc=False):
    """The repository that a job's script is kept in."""

    Provider: str | None = None
    Repository: str | None = None
    Owner: str | None = None
    Branch: str | None = None
    Folder: str | None = None
    LastCommitId: str | None = None
    AuthStrategy: str | None = None
    AuthToken: Secret[str | None] = None


_SourceControlDetails: TypeAlias = SourceControlDetails


class Job(Native, frozen=True, kw_only=True, gc=False):
    """A job as GetJob returns it, but for ``CodeGenConfigurationNodes``, the graph of a visual job.

    Attributes:
        MaxRetries: How many retries may follow a failed first attempt.
        AllocatedCapacity: Deprecated: DPUs as a whole number; see ``MaxCapacity``.
        Timeout: Minutes.
        MaxCapacity: DPUs.
    """

    Name: str | None = None
    JobMode: str | None = None
    JobRunQueuingEnabled: bool | None = None
    Description: str | None = None
    LogUri: str | None = None
    Role: str | None = None
    CreatedOn: datetime | None = None
    LastModifiedOn: datetime | None = None
    ExecutionProperty: _ExecutionProperty | None = None
    Command: JobCommand | None = None
    DefaultArguments: Secret[dict[str, str] | None] = None
    NonOverridableArguments: Secret[dict[str, str] | None] = None
    Connections: ConnectionsList | None = None
    MaxRetries: Integer | None = None
    AllocatedCapacity: Integer | None = None
    Timeout: Integer | None = None
    MaxCapacity: Real | None = None
    WorkerType: str | None = None
    NumberOfWorkers: Integer | None = None
    SecurityConfiguration: str | None = None
    NotificationProperty: _NotificationProperty | None = None
    GlueVersion: str | None = None
    ExecutionClass: str | None = None
    SourceControlDetails: _SourceControlDetails | None = None
    MaintenanceWindow: str | None = None
    ProfileName: str | None = None


_Job: TypeAlias = Job


class GetJobResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJob."""

    Job: _Job | None = None


class ListJobsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ListJobs: a page of job names."""

    JobNames: Rows[str] | None = None
    NextToken: str | None = None


class StartJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of StartJobRun."""

    JobRunId: str | None = None


class BatchStopJobRunSuccessfulSubmission(Native, frozen=True, kw_only=True, gc=False):
    """A run whose stop was accepted; it goes on for a while."""

    JobName: str | None = None
    JobRunId: str | None = None


class ErrorDetail(Native, frozen=True, kw_only=True, gc=False):
    """Why a run could not be stopped."""

    ErrorCode: str | None = None
    ErrorMessage: str | None = None


_ErrorDetail: TypeAlias = ErrorDetail


class BatchStopJobRunError(Native, frozen=True, kw_only=True, gc=False):
    """A run that could not be stopped."""

    JobName: str | None = None
    JobRunId: str | None = None
    ErrorDetail: _ErrorDetail | None = None


class BatchStopJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of BatchStopJobRun: a success status even if every stop was refused."""

    SuccessfulSubmissions: tuple[BatchStopJobRunSuccessfulSubmission, ...] | None = None
    Errors: tuple[BatchStopJobRunError, ...] | None = None


class JobBookmarkEntry(Native, frozen=True, kw_only=True, gc=False):
    """The position of a job in its input.

    Attributes:
        Run: The number of the run that wrote it.
        Attempt: 0 for the first attempt.
        PreviousRunId: The run before, not the attempt before.
        JobBookmark: A JSON document as a string; its shape depends on the job.
    """

    JobName: str | None = None
    Version: Integer | None = None
    Run: Integer | None = None
    Attempt: Integer | None = None
    PreviousRunId: str | None = None
    RunId: str | None = None
    JobBookmark: str | None = None


_JobBookmarkEntry: TypeAlias = JobBookmarkEntry


class GetJobBookmarkResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJobBookmark."""

    JobBookmarkEntry: _JobBookmarkEntry | None = None


class ResetJobBookmarkResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ResetJobBookmark."""

    JobBookmarkEntry: _JobBookmarkEntry | None = None


GET_JOB_RUNS: Final = Decoder(GetJobRunsResponse, strict=False)
GET_JOB_RUN: Final = Decoder(GetJobRunResponse, strict=False)
GET_JOB: Final = Decoder(GetJobResponse, strict=False)
LIST_JOBS: Final = Decoder(ListJobsResponse, strict=False)
START_JOB_RUN: Final = Decoder(StartJobRunResponse, strict=False)
BATCH_STOP_JOB_RUN: Final = Decoder(BatchStopJobRunResponse, strict=False)
GET_JOB_BOOKMARK: Final = Decoder(GetJobBookmarkResponse, strict=False)
RESET_JOB_BOOKMARK: Final = Decoder(ResetJobBookmarkResponse, strict=False)
