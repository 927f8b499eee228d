"""Whatever a service may answer within its model becomes runs and attempts, or is refused for want of an id."""

import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC
from random import Random
from typing import Any, Final, cast

import attrs
import msgspec
import pytest
from botocore.model import ListShape, StructureShape

from jobruns_sdk import from_dict, to_dict
from jobruns_sdk.errors import NotFoundError, ResponseFormatError
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.datazone.handle import DataZoneJob
from jobruns_sdk.services.emr_serverless.handle import EmrServerlessApplication
from jobruns_sdk.services.glue.handle import GlueJob
from jobruns_sdk.transport.operation import Call, Operation, Reply
from tests.truth.differential.generate import bodies
from tests.truth.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, Surface

Value = JobRun[Any] | Attempt[Any] | Job[Any]

BODIES: Final = 250
LAST: Final = b'{"jobRuns": [], "jobRunAttempts": [], "items": [], "JobRuns": []}'
RUNNING: Final = b'{"jobRun": {"jobRunId": "00f1", "state": "RUNNING", "attempt": 1}}'


@attrs.define
class Answers:
    """Answers an operation with a body, once, and then with an empty page; of Glue's runs it knows ``jr_0``."""

    operation: str
    body: bytes

    async def __call__(self, operation: Operation[Any], params: Mapping[str, Any]) -> Reply:
        """Answer a call."""
        if params.get("RunId", "jr_0") != "jr_0":
            raise NotFoundError("no such run")
        if operation.name != self.operation:
            return Reply(RUNNING)
        body, self.body = self.body, LAST
        return Reply(body)


def application(call: Call) -> EmrServerlessApplication:
    return EmrServerlessApplication(JobRef("emr-serverless", "00f1", "eu-west-1"), call)


def domain_job(call: Call) -> DataZoneJob:
    return DataZoneJob(JobRef("datazone", ("dzd_1", "job1"), "eu-west-1"), call)


def glue_job(call: Call) -> GlueJob:
    return GlueJob(JobRef("glue", "etl", "eu-west-1"), call)


async def attempts(app: EmrServerlessApplication) -> Sequence[Value]:
    return await app.attempts("00f1").collect()


async def alone(value: Awaitable[Value]) -> Sequence[Value]:
    return [await value]


# Operation, how its answer is read, and the place of the rows and the member of each without which there is no run.
CASES: Final[Sequence[tuple[Surface, str, Callable[[Call], Awaitable[Sequence[Value]]], str, str | None]]] = [
    (EMR_SERVERLESS, "ListJobRuns", lambda call: application(call).runs().collect(), "jobRuns", "id"),
    (EMR_SERVERLESS, "ListJobRunAttempts", lambda call: attempts(application(call)), "jobRunAttempts", None),
    (EMR_SERVERLESS, "GetJobRun", lambda call: alone(application(call).run("00f1")), "jobRun", "jobRunId"),
    (EMR_SERVERLESS, "GetApplication", lambda call: alone(application(call).job()), "application", None),
    (DATAZONE, "ListJobRuns", lambda call: domain_job(call).runs().collect(), "items", "runId"),
    (DATAZONE, "GetJobRun", lambda call: alone(domain_job(call).run("run1")), "", "id"),
    (DATAZONE, "GetJobRun", lambda call: domain_job(call).attempts("run1").collect(), "", "id"),
    (GLUE, "GetJobRuns", lambda call: glue_job(call).runs().collect(), "JobRuns", "Id"),
    (GLUE, "GetJobRuns", lambda call: glue_job(call).runs(collapse_retries=False).collect(), "JobRuns", "Id"),
    (GLUE, "GetJobRun", lambda call: alone(glue_job(call).run("jr_0")), "JobRun", "Id"),
    (GLUE, "GetJobRun", lambda call: glue_job(call).attempts("jr_0").collect(), "JobRun", "Id"),
    (GLUE, "GetJob", lambda call: alone(glue_job(call).job()), "Job", None),
]  # fmt: skip


def lacks(shape: StructureShape, body: bytes, rows: str, member: str | None) -> str | None:
    """Return the place of the first thing without which there is no run, None if all is there."""
    answer: Any = json.loads(body)
    found = answer.get(rows) if rows else answer
    if found is None:
        is_empty_page = isinstance(shape.members[rows], ListShape) and rows not in shape.required_members
        return None if is_empty_page else f"$.{rows}"
    if member is None:
        return None
    if not isinstance(found, list):
        return None if found.get(member) else f"$.{rows}.{member}".replace("..", ".")
    listed = cast("list[dict[str, object]]", found)
    places = [f"$.{rows}[{index}].{member}" for index, row in enumerate(listed) if not row.get(member)]
    return places[0] if places else None


def check(surface: Surface, value: Value) -> None:
    assert isinstance(hash(value), int)
    assert repr(value)
    if not isinstance(value, Job) and value.usage is not None and value.usage.dpu_hours == math.inf:
        return  # 1e300 DPUs are within the model
    data = to_dict(value)
    back = from_dict(msgspec.json.decode(msgspec.json.encode(data)))
    assert back == value
    assert to_dict(back) == data
    if isinstance(value, Job):
        return
    assert value.state == surface.states.get(value.native_state, RunState.UNKNOWN)
    assert value.message != ""
    times = (value.created_at, value.started_at, value.updated_at, value.ended_at)
    assert {moment.tzinfo for moment in times if moment is not None} <= {UTC}


@pytest.mark.parametrize(
    ("surface", "operation", "read", "rows", "member"),
    CASES,
    ids=[f"{surface.service}-{operation}-{index}" for index, (surface, operation, *_) in enumerate(CASES)],
)
async def test_values_or_a_missing_id(
    surface: Surface,
    operation: str,
    read: Callable[[Call], Awaitable[Sequence[Value]]],
    rows: str,
    member: str | None,
) -> None:
    random = Random(f"{surface.service}.{operation}")  # the same bodies on every run
    outcomes = {"read": 0, "refused": 0}
    shape = surface.answer(operation)
    for body in bodies(shape, random, BODIES):
        place = lacks(shape, body, rows, member)
        if place is None:
            for value in await read(Answers(operation, body)):
                check(surface, value)
            outcomes["read"] += 1
        else:
            with pytest.raises(ResponseFormatError) as raised:
                await read(Answers(operation, body))
            assert raised.value.where == place
            outcomes["refused"] += 1
    assert outcomes["read"] > BODIES / 5
