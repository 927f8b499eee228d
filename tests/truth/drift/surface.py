"""What the package covers of each service: the one list that the suites against botocore's models share."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any, Final, cast

from botocore.loaders import Loader
from botocore.model import ServiceModel, StructureShape
from msgspec.json import Decoder

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.datazone import native as datazone
from jobruns_sdk.services.datazone import operations as datazone_errors
from jobruns_sdk.services.emr_serverless import native as emr_serverless
from jobruns_sdk.services.emr_serverless import operations as emr_serverless_errors
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.glue import operations as glue_errors


@dataclass(frozen=True)
class Surface:
    """One service: the decoder of each operation that is used, the error codes that are mapped, the state's shape."""

    service: str
    decoders: Mapping[str, Decoder[Any]]
    codes: Mapping[str, type[JobRunsError]]
    state_shape: str

    @property
    def folder(self) -> str:
        return self.service.replace("-", "_")

    @property
    def states(self) -> Mapping[str, RunState]:
        translate = import_module(f"jobruns_sdk.services.{self.folder}.translate")
        return cast("Mapping[str, RunState]", translate.STATES)

    @cached_property
    def description(self) -> Mapping[str, Any]:
        """The installed model as botocore keeps it: JSON without a schema."""
        return cast("Mapping[str, Any]", Loader().load_service_model(self.service, "service-2"))

    @cached_property
    def model(self) -> ServiceModel:
        return ServiceModel(self.description, self.service)

    def answer(self, operation: str) -> StructureShape:
        """Return the shape of what an operation answers."""
        shape = self.model.operation_model(operation).output_shape
        if shape is None:
            raise LookupError(operation)
        return shape


EMR_SERVERLESS: Final = Surface(
    service="emr-serverless",
    decoders={
        "ListJobRuns": emr_serverless.LIST_JOB_RUNS,
        "GetJobRun": emr_serverless.GET_JOB_RUN,
        "ListJobRunAttempts": emr_serverless.LIST_JOB_RUN_ATTEMPTS,
        "ListApplications": emr_serverless.LIST_APPLICATIONS,
        "GetApplication": emr_serverless.GET_APPLICATION,
        "GetDashboardForJobRun": emr_serverless.GET_DASHBOARD_FOR_JOB_RUN,
        "StartJobRun": emr_serverless.START_JOB_RUN,
        "CancelJobRun": emr_serverless.CANCEL_JOB_RUN,
    },
    codes=emr_serverless_errors.CODES,
    state_shape="JobRunState",
)
DATAZONE: Final = Surface(
    service="datazone",
    decoders={
        "ListJobRuns": datazone.LIST_JOB_RUNS,
        "GetJobRun": datazone.GET_JOB_RUN,
    },
    codes=datazone_errors.CODES,
    state_shape="JobRunStatus",
)
GLUE: Final = Surface(
    service="glue",
    decoders={
        "GetJobRuns": glue.GET_JOB_RUNS,
        "GetJobRun": glue.GET_JOB_RUN,
        "GetJob": glue.GET_JOB,
        "ListJobs": glue.LIST_JOBS,
        "StartJobRun": glue.START_JOB_RUN,
        "BatchStopJobRun": glue.BATCH_STOP_JOB_RUN,
        "GetJobBookmark": glue.GET_JOB_BOOKMARK,
        "ResetJobBookmark": glue.RESET_JOB_BOOKMARK,
    },
    codes=glue_errors.CODES,
    state_shape="JobRunState",
)
SURFACES: Final = (EMR_SERVERLESS, DATAZONE, GLUE)
