"""The package without a network: every operation answered with bytes, read and translated as always."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from jobruns_sdk import JobRunsClient, JobRunsError, NotFoundError, StartOutcomeUnknownError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Job
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.services.datazone.handle import DataZoneJob
from jobruns_sdk.services.emr_serverless import listing as applications
from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication
from jobruns_sdk.services.glue import listing as glue_jobs
from jobruns_sdk.services.glue.handle import GlueJob
from jobruns_sdk.services.glue.start_memory import Starts
from jobruns_sdk.testing import VirtualClock
from jobruns_sdk.transport.operation import Operation, Reply
from tests.dangers.faults.operations import OPERATIONS
from tests.truth.samples import own, own_body

_EMPTY: Final[Mapping[str, bytes]] = {
    "emr-serverless:ListJobRuns": b'{"jobRuns": []}',
    "emr-serverless:ListJobRunAttempts": b'{"jobRunAttempts": []}',
    "emr-serverless:ListApplications": b'{"applications": []}',
    "datazone:ListJobRuns": b"{}",
    "glue:GetJobRuns": b"{}",
    "glue:ListJobs": b"{}",
}
_RUNNING: Final[Mapping[str, bytes]] = {
    "emr-serverless:GetJobRun": own_body("emr_serverless", "GetJobRun", "streaming"),
    "glue:GetJobRun": own_body("glue", "GetJobRun", "running"),
}


@dataclass
class Call:
    """Answers one operation with a body, once, and whatever else is asked for with as little as possible."""

    name: str
    body: bytes
    answered: list[str] = field(default_factory=list[str])

    async def __call__(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        del params
        name = f"{operation.service}:{operation.name}"
        self.answered.append(name)
        if name == self.name and self.answered.count(name) == 1:
            return Reply(self.body, "r-1", http_status=200)
        if name in _EMPTY:
            return Reply(_EMPTY[name], "r-2", http_status=200)
        if name in _RUNNING and self.answered.count(name) == 1:
            return Reply(_RUNNING[name], "r-2", http_status=200)
        raise NotFoundError("there is no more")


@dataclass
class Offline:
    """As much of a client as the calls of ``OPERATIONS`` need."""

    call: Call

    def emr_serverless(self, application_id: str) -> EmrServerlessApplication:
        return EmrServerlessApplication(JobRef("emr-serverless", application_id), self.call)

    def datazone(self, domain_id: str, job_id: str) -> DataZoneJob:
        return DataZoneJob(JobRef("datazone", (domain_id, job_id)), self.call)

    def glue(self, name: str) -> GlueJob:
        return GlueJob(JobRef("glue", name), self.call, Starts(VirtualClock()))

    def jobs(self, service: str) -> Pages[Job[Any]]:
        place = JobRef(service, "a")
        listed = glue_jobs.jobs if service == "glue" else applications.jobs
        return listed(self.call, place, name=None, states=None, tags=None, limit=None, page_size=None, cursor=None)


async def read(name: str, body: bytes) -> object:
    """Return what a caller gets when an operation answers so: a value, or the error that is raised.

    Of a start whose answer cannot be read that is the error behind StartOutcomeUnknownError.
    """
    client = cast("JobRunsClient", Offline(Call(name, body)))
    try:
        return await OPERATIONS[name].ask(client, "r")
    except StartOutcomeUnknownError as error:
        return error.__cause__
    except JobRunsError as error:
        return error


def samples(name: str) -> Iterator[bytes]:
    """Yield good answers of an operation."""
    service, _, operation = name.partition(":")
    for _, body in own(service.replace("-", "_"), operation):
        yield body


def largest_sample(name: str) -> dict[str, Any]:
    """Return the largest of them, decoded."""
    sample: dict[str, Any] = json.loads(max(samples(name), key=len))
    return sample
