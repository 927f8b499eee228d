"""The details of events as the services send them; members that AWS adds are ignored."""

from datetime import datetime

from jobruns_sdk.model.native import Integer, Native
from jobruns_sdk.services.emr_serverless.native import ResourceUtilization


class GlueState(Native, frozen=True, kw_only=True, gc=False):
    """A Glue run that has ended (``Glue Job State Change``), or that goes on for long (``Glue Job Run Status``).

    Attributes:
        jobRunId: The id of the attempt, as runs are listed.
        state: SUCCEEDED, FAILED, TIMEOUT or STOPPED; STARTING, RUNNING or STOPPING of one that goes on.
    """

    jobName: str | None = None
    severity: str | None = None
    state: str | None = None
    jobRunId: str | None = None
    message: str | None = None


class EmrServerlessState(Native, frozen=True, kw_only=True, gc=False):
    """A change of a run's state on EMR Serverless."""

    applicationId: str | None = None
    jobRunId: str | None = None
    jobRunName: str | None = None
    arn: str | None = None
    releaseLabel: str | None = None
    state: str | None = None
    previousState: str | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None


class EmrServerlessRetry(Native, frozen=True, kw_only=True, gc=False):
    """An attempt on EMR Serverless that ended, and the one that follows it."""

    applicationId: str | None = None
    jobRunId: str | None = None
    jobRunName: str | None = None
    arn: str | None = None
    releaseLabel: str | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    updatedAt: datetime | None = None
    previousAttempt: Integer | None = None
    previousAttemptState: str | None = None
    previousAttemptCreatedAt: datetime | None = None
    previousAttemptEndedAt: datetime | None = None
    newAttempt: Integer | None = None
    newAttemptCreatedAt: datetime | None = None


class EmrServerlessUtilization(Native, frozen=True, kw_only=True, gc=False):
    """The resources that a run of EMR Serverless has used, about each half an hour and at its end."""

    applicationId: str | None = None
    jobRunId: str | None = None
    attempt: Integer | None = None
    mode: str | None = None
    createdAt: datetime | None = None
    startedAt: datetime | None = None
    calculatedFrom: datetime | None = None
    calculatedTo: datetime | None = None
    resourceUtilizationFinal: bool | None = None
    resourceUtilizationForInterval: ResourceUtilization | None = None
    billedResourceUtilizationForInterval: ResourceUtilization | None = None
    totalResourceUtilization: ResourceUtilization | None = None
    totalBilledResourceUtilization: ResourceUtilization | None = None
