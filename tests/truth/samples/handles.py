"""Handles that answer with a sample, and what their runs tell."""

import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from jobruns_sdk.errors import NotFoundError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun, Usage
from jobruns_sdk.services.datazone.handle import DataZoneJob
from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication
from jobruns_sdk.services.glue.handle import GlueJob
from jobruns_sdk.transport.operation import Operation, Reply

APPLICATION: Final = "00f7q2m4k8bvc909"
DOMAIN_AND_JOB: Final = ("dzd_4p9n6sw4qt9xgn", "5hq1j3zv0k2m4x")
JOB: Final = "nightly-etl"


@attrs.frozen
class Answers:
    """Answers each operation with a body, as its last page; of Glue's runs it knows the one that the body holds."""

    bodies: Mapping[str, bytes]

    async def __call__(self, operation: Operation[Any], params: Mapping[str, Any]) -> Reply:
        """Answer a call."""
        answer = json.loads(self.bodies[operation.name])
        run_id = params.get("RunId")
        if run_id is not None and answer["JobRun"]["Id"] != run_id:
            raise NotFoundError("no such run")
        return Reply(json.dumps({**answer, "nextToken": None, "NextToken": None}).encode())


def application(application_id: str = APPLICATION, **bodies: bytes) -> EmrServerlessApplication:
    """Return the handle of an application that answers so."""
    return EmrServerlessApplication(JobRef("emr-serverless", application_id), Answers(bodies))


def domain_job(**bodies: bytes) -> DataZoneJob:
    """Return the handle of a DataZone job that answers so."""
    return DataZoneJob(JobRef("datazone", DOMAIN_AND_JOB), Answers(bodies))


def glue_job(name: str = JOB, **bodies: bytes) -> GlueJob:
    """Return the handle of a Glue job that answers so."""
    return GlueJob(JobRef("glue", name), Answers(bodies))


def told(case: str, value: JobRun[Any] | Attempt[Any]) -> str:
    """Return a run or an attempt in a line.

    It says the case, the state, the native state, the attempt, and when it was created, started, updated and ended, in
    seconds since 1970 as the services send them, ``-`` where that is unknown.
    """
    moments = (value.created_at, value.started_at, value.updated_at, value.ended_at)
    number = value.attempt if isinstance(value, JobRun) else value.number
    times = " ".join("-" if moment is None else f"{moment.timestamp():.14g}" for moment in moments)
    return f"{case} {value.state} {value.native_state} {number} {times}"


def estimated(dpu_seconds: float) -> Usage:
    """Return what a Glue run of that capacity and time is estimated to have used."""
    return Usage(dpu_hours=dpu_seconds / 3600, basis="estimated")
