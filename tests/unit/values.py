"""Values of the model to start from."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.services.glue import native as glue

CREATED: Final = datetime(2026, 11, 20, 2, 0, 4, 313_000, tzinfo=UTC)
ENDED: Final = CREATED + timedelta(minutes=5)
JOB: Final = JobRef("glue", ("nightly-etl",), "eu-west-1")
REF: Final = RunRef(JOB, "jr_0")
CANARY: Final = "correct horse"
NATIVE: Final = glue.JobRun(Id="jr_0", JobRunState="FAILED", Arguments={"--password": CANARY}, StartedOn=CREATED)

RUN: Final = JobRun(
    job=JOB,
    id="jr_0",
    name="nightly-etl",
    state=RunState.FAILED,
    native_state="FAILED",
    message="it broke",
    attempt=1,
    created_at=CREATED,
    started_at=CREATED,
    updated_at=ENDED,
    ended_at=ENDED,
    created_by=None,
    usage=Usage(dpu_hours=1.5, basis="consumed"),
    native=NATIVE,
)
ATTEMPT: Final = Attempt(
    run=REF,
    id="jr_0_attempt_1",
    number=2,
    state=RunState.FAILED,
    native_state="FAILED",
    message="it broke",
    created_at=CREATED,
    started_at=CREATED,
    updated_at=ENDED,
    ended_at=ENDED,
    usage=Usage(dpu_hours=1.5, basis="consumed"),
    native=NATIVE,
)


def members(value: JobRun[Any] | Attempt[Any]) -> dict[str, object]:
    """The members of a run or an attempt by name, in their order."""
    ref = ("ref",) if isinstance(value, JobRun) else ()
    names = [*ref, *(field.name for field in attrs.fields(type(value)))]
    return {name: getattr(value, name) for name in names if isinstance(value, Attempt) or name not in {"job", "id"}}
