"""The operations of EMR Serverless that are used here, and the ids that travel in their paths."""

from collections.abc import Mapping
from typing import Final

from jobruns_sdk.errors import ConflictError, InvalidRequestError, JobRunsError, NotFoundError, ServiceUnavailableError
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.transport.operation import Operation
from jobruns_sdk.transport.quotas import Quota

CODES: Final[Mapping[str, type[JobRunsError]]] = {
    "ConflictException": ConflictError,
    "InternalServerException": ServiceUnavailableError,
    "ResourceNotFoundException": NotFoundError,
    "ValidationException": InvalidRequestError,
}

LIST_JOB_RUNS: Final = Operation("emr-serverless", "ListJobRuns", native.LIST_JOB_RUNS, CODES)
GET_JOB_RUN: Final = Operation("emr-serverless", "GetJobRun", native.GET_JOB_RUN, CODES)
LIST_JOB_RUN_ATTEMPTS: Final = Operation("emr-serverless", "ListJobRunAttempts", native.LIST_JOB_RUN_ATTEMPTS, CODES)
LIST_APPLICATIONS: Final = Operation("emr-serverless", "ListApplications", native.LIST_APPLICATIONS, CODES)
GET_APPLICATION: Final = Operation("emr-serverless", "GetApplication", native.GET_APPLICATION, CODES)

GET_DASHBOARD_FOR_JOB_RUN: Final = Operation(
    "emr-serverless", "GetDashboardForJobRun", native.GET_DASHBOARD_FOR_JOB_RUN, CODES
)

START_JOB_RUN: Final = Operation(
    "emr-serverless", "StartJobRun", native.START_JOB_RUN, CODES, secret=("jobDriver", "configurationOverrides")
)

CANCEL_JOB_RUN: Final = Operation("emr-serverless", "CancelJobRun", native.CANCEL_JOB_RUN, CODES)


_ONE_A_SECOND: Final = Quota(rate=1, burst=25)
_TEN_A_SECOND: Final = Quota(rate=10, burst=50)

QUOTAS: Final[Mapping[str, Quota]] = {
    "ListJobRuns": _ONE_A_SECOND,
    "StartJobRun": _ONE_A_SECOND,
    "CancelJobRun": _ONE_A_SECOND,
    "ListJobRunAttempts": _ONE_A_SECOND,
    "GetJobRun": _TEN_A_SECOND,
    "GetApplication": _TEN_A_SECOND,
    "ListApplications": _TEN_A_SECOND,
    "GetDashboardForJobRun": Quota(rate=1, burst=2),
}
"""The published quotas by operation; that of ListJobRunAttempts is assumed.

https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html
"""
