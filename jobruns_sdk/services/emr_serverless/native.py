"""EMR Serverless job runs and attempts as the service sends them, and a decoder for each operation's answer."""

from datetime import datetime
from typing import Final

from msgspec.json import Decoder

from jobruns_sdk.model.native import Integer, Integer32, Native, Real, Rows, Secret
from jobruns_sdk.services.emr_serverless.native_application import (
    Application,
    Configuration,
    DiskEncryptionConfiguration,
    ImageConfiguration,
    MonitoringConfiguration,
    NetworkConfiguration,
    WorkerTypeSpecification,
)


class JobRunSummary(Native, frozen=True, kw_only=True, gc=False):
    """A job run as ListJobRuns lists it: without times of start and end, resources or job driver.

    Attributes:
        createdAt: When the run was submitted, whatever the attempt.
        attempt: The latest attempt's number, 1 for the first; older releases leave it out.
    """

    applicationId: str | None = None
    id: str | None = None
    name: str | None = None
    mode: str | None = None
    arn: str | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    executionRole: str | None = None
    state: str | None = None
    stateDetails: str | None = None
    releaseLabel: str | None = None
    type: str | None = None
    attempt: Integer32 | None = None
    attemptCreatedAt: datetime | None = None
    attemptUpdatedAt: datetime | None = None


class ListJobRunsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ListJobRuns: a page of runs."""

    jobRuns: Rows[JobRunSummary] | None = None
    nextToken: str | None = None


class JobRunExecutionIamPolicy(Native, frozen=True, kw_only=True, gc=False):
    """The policies that narrow the execution role for one run."""

    policy: str | None = None
    policyArns: tuple[str, ...] | None = None


class ConfigurationOverrides(Native, frozen=True, kw_only=True, gc=False):
    """The settings that a run was started with in place of its application's configuration."""

    applicationConfiguration: tuple[Configuration, ...] | None = None
    monitoringConfiguration: MonitoringConfiguration | None = None
    diskEncryptionConfiguration: DiskEncryptionConfiguration | None = None


class SparkSubmit(Native, frozen=True, kw_only=True, gc=False):
    """A Spark job, as ``spark-submit`` takes it."""

    entryPoint: Secret[str | None] = None
    entryPointArguments: Secret[tuple[str, ...] | None] = None
    sparkSubmitParameters: Secret[str | None] = None


class Hive(Native, frozen=True, kw_only=True, gc=False):
    """A Hive query."""

    query: Secret[str | None] = None
    initQueryFile: Secret[str | None] = None
    parameters: Secret[str | None] = None


class JobDriver(Native, frozen=True, kw_only=True, gc=False):
    """The program of a run: one member is set, or none where AWS has added another kind."""

    sparkSubmit: SparkSubmit | None = None
    hive: Hive | None = None


class TotalResourceUtilization(Native, frozen=True, kw_only=True, gc=False):
    """The resources that a run consumed, over all its attempts.

    Attributes:
        vCPUHour: vCPU-hours.
        memoryGBHour: GB-hours of memory.
        storageGBHour: GB-hours of disk.
    """

    vCPUHour: Real | None = None
    memoryGBHour: Real | None = None
    storageGBHour: Real | None = None


class ResourceUtilization(Native, frozen=True, kw_only=True, gc=False):
    """The resources that a run is billed for, in vCPU-hours and GB-hours: at least a minute for each worker."""

    vCPUHour: Real | None = None
    memoryGBHour: Real | None = None
    storageGBHour: Real | None = None


class RetryPolicy(Native, frozen=True, kw_only=True, gc=False):
    """The number of attempts, and of failures in an hour for streaming runs.

    Attributes:
        maxAttempts: Of a batch run, the first attempt included.
        maxFailedAttemptsPerHour: Of a streaming run, which has no other limit.
    """

    maxAttempts: Integer | None = None
    maxFailedAttemptsPerHour: Integer | None = None


class JobRun(Native, frozen=True, kw_only=True, gc=False):
    """A job run as GetJobRun returns it, in the state of the attempt that was asked for, else of the latest.

    Attributes:
        stateDetails: Why the run is in its state; often ``""``, and cut in the middle of a word when long.
        totalResourceUtilization: Absent until the run has ended, as are ``billedResourceUtilization`` and
            ``totalExecutionDurationSeconds``.
        executionTimeoutMinutes: After this time the service itself cancels the run.
        startedAt: When the run moved to RUNNING.
        attempt: The attempt's number, 1 for the first; older releases leave it out.
    """

    applicationId: str | None = None
    jobRunId: str | None = None
    name: str | None = None
    arn: str | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    executionRole: str | None = None
    executionIamPolicy: JobRunExecutionIamPolicy | None = None
    state: str | None = None
    stateDetails: str | None = None
    releaseLabel: str | None = None
    configurationOverrides: ConfigurationOverrides | None = None
    jobDriver: Secret[JobDriver | None] = None
    tags: dict[str, str] | None = None
    totalResourceUtilization: TotalResourceUtilization | None = None
    networkConfiguration: NetworkConfiguration | None = None
    totalExecutionDurationSeconds: Integer | None = None
    executionTimeoutMinutes: Integer | None = None
    billedResourceUtilization: ResourceUtilization | None = None
    mode: str | None = None
    retryPolicy: RetryPolicy | None = None
    attempt: Integer32 | None = None
    attemptCreatedAt: datetime | None = None
    attemptUpdatedAt: datetime | None = None
    startedAt: datetime | None = None
    endedAt: datetime | None = None
    queuedDurationMilliseconds: Integer | None = None
    imageConfiguration: ImageConfiguration | None = None
    workerTypeSpecifications: dict[str, WorkerTypeSpecification] | None = None


class GetJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJobRun."""

    jobRun: JobRun | None = None


class JobRunAttemptSummary(Native, frozen=True, kw_only=True, gc=False):
    """An attempt as ListJobRunAttempts lists it.

    Attributes:
        id: The job run's id, the same in all its attempts.
        jobCreatedAt: When the run was submitted.
        createdAt: When this attempt began.
        attempt: The attempt's number, 1 for the first.
    """

    applicationId: str | None = None
    id: str | None = None
    name: str | None = None
    mode: str | None = None
    arn: str | None = None
    createdBy: str | None = None
    jobCreatedAt: datetime | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    executionRole: str | None = None
    state: str | None = None
    stateDetails: str | None = None
    releaseLabel: str | None = None
    type: str | None = None
    attempt: Integer32 | None = None


class ListJobRunAttemptsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ListJobRunAttempts: a page of attempts."""

    jobRunAttempts: Rows[JobRunAttemptSummary] | None = None
    nextToken: str | None = None


class ApplicationSummary(Native, frozen=True, kw_only=True, gc=False):
    """An application as ListApplications lists it."""

    id: str | None = None
    name: str | None = None
    arn: str | None = None
    releaseLabel: str | None = None
    type: str | None = None
    state: str | None = None
    stateDetails: str | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    architecture: str | None = None


class ListApplicationsResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ListApplications: a page of applications."""

    applications: Rows[ApplicationSummary] | None = None
    nextToken: str | None = None


class GetApplicationResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetApplication."""

    application: Application | None = None


class GetDashboardForJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetDashboardForJobRun.

    Attributes:
        url: A signed link: whoever has it sees the run's Spark or Tez interface for an hour.
    """

    url: Secret[str | None] = None


class StartJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of StartJobRun."""

    applicationId: str | None = None
    jobRunId: str | None = None
    arn: str | None = None


class CancelJobRunResponse(Native, frozen=True, kw_only=True, gc=False):
    """The answer of CancelJobRun: the cancellation was accepted, the run goes on for a while."""

    applicationId: str | None = None
    jobRunId: str | None = None


LIST_JOB_RUNS: Final = Decoder(ListJobRunsResponse, strict=False)
GET_JOB_RUN: Final = Decoder(GetJobRunResponse, strict=False)
LIST_JOB_RUN_ATTEMPTS: Final = Decoder(ListJobRunAttemptsResponse, strict=False)
LIST_APPLICATIONS: Final = Decoder(ListApplicationsResponse, strict=False)
GET_APPLICATION: Final = Decoder(GetApplicationResponse, strict=False)
GET_DASHBOARD_FOR_JOB_RUN: Final = Decoder(GetDashboardForJobRunResponse, strict=False)
START_JOB_RUN: Final = Decoder(StartJobRunResponse, strict=False)
CANCEL_JOB_RUN: Final = Decoder(CancelJobRunResponse, strict=False)
