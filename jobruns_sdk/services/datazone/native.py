"""DataZone's job runs as the service sends them (ListJobRuns, GetJobRun)."""

from datetime import datetime
from typing import Final

from msgspec.json import Decoder

from jobruns_sdk.model.native import Integer, Native, Rows


class JobRunError(Native, frozen=True, kw_only=True, gc=False):
    """Why a job run failed."""

    message: str | None = None


class JobRunSummary(Native, frozen=True, kw_only=True, gc=False):
    """A job run as ListJobRuns lists it; its id is ``runId`` here and ``id`` in GetJobRun."""

    domainId: str | None = None
    jobId: str | None = None
    jobType: str | None = None
    runId: str | None = None
    runMode: str | None = None
    status: str | None = None
    error: JobRunError | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    startTime: datetime | None = None
    endTime: datetime | None = None


class ListJobRunsOutput(Native, frozen=True, kw_only=True, gc=False):
    """The answer of ListJobRuns: a page of runs."""

    items: Rows[JobRunSummary] | None = None
    nextToken: str | None = None


class LineageSqlQueryRunDetails(Native, frozen=True, kw_only=True, gc=False):
    """The progress of a lineage import.

    Attributes:
        errorMessages: At most ten.
    """

    queryStartTime: datetime | None = None
    queryEndTime: datetime | None = None
    totalQueriesProcessed: Integer | None = None
    numQueriesFailed: Integer | None = None
    errorMessages: tuple[str, ...] | None = None


class LineageRunDetails(Native, frozen=True, kw_only=True, gc=False):
    """The details of a run that imports lineage."""

    sqlQueryRunDetails: LineageSqlQueryRunDetails | None = None


class JobRunDetails(Native, frozen=True, kw_only=True, gc=False):
    """The details of a run: one of its members is set, or none where AWS added another kind."""

    lineageRunDetails: LineageRunDetails | None = None


class GetJobRunOutput(Native, frozen=True, kw_only=True, gc=False):
    """The answer of GetJobRun: the run itself."""

    domainId: str | None = None
    id: str | None = None
    jobId: str | None = None
    jobType: str | None = None
    runMode: str | None = None
    details: JobRunDetails | None = None
    status: str | None = None
    error: JobRunError | None = None
    createdBy: str | None = None
    createdAt: datetime | None = None
    startTime: datetime | None = None
    endTime: datetime | None = None


LIST_JOB_RUNS: Final = Decoder(ListJobRunsOutput, strict=False)
GET_JOB_RUN: Final = Decoder(GetJobRunOutput, strict=False)
