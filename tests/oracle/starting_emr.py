"""EMR Serverless as far as starting goes: a client token stands for one run, as long as the service remembers it."""

import json
from typing import TYPE_CHECKING, Any

from tests.oracle.starting_history import EMR, JobKey, Run, Sending
from tests.oracle.starting_wire import EPOCH, Answer, failed, good, now

if TYPE_CHECKING:
    from tests.oracle.starting_world import World

_STATES = {"WAITING": "SUBMITTED", "SUCCEEDED": "SUCCESS", "STOPPED": "CANCELLED", "TIMEOUT": "CANCELLED"}


def emr_effect(world: "World", sending: Sending, params: dict[str, Any]) -> Answer:
    """Do what an EMR Serverless request asks for."""
    job = sending.job
    match sending.operation:
        case "StartJobRun":
            return _start(world, sending, params)
        case "GetJobRun":
            found = next((run for run in world.runs.get(job, ()) if run.id == params["run"]), None)
            return good({"jobRun": _shape(found)}) if found else failed(EMR, 404, "ResourceNotFoundException")
        case "ListJobRuns":
            return good({"jobRuns": []})
        case other:
            world.strange.append(other)
            return failed(EMR, 400, "ValidationException")


def _start(world: "World", sending: Sending, params: dict[str, Any]) -> Answer:
    job, token = sending.job, params["clientToken"]
    asked = {"request": json.dumps({k: v for k, v in params.items() if k != "clientToken" and v != {}}, sort_keys=True)}
    for run in world.all_runs():
        same_place = run.job == job or (
            world.habits.token_of_account and run.job.service == EMR and run.job.account == job.account
        )
        if run.token == token and same_place and now() - run.made_at < world.habits.token_memory:
            if run.arguments != asked:
                return failed(EMR, 409, "ConflictException")
            sending.run = run
            break
    else:
        sending.run = world.make(job, asked, sending.call)
        sending.run.token, sending.made = token, True
    run = sending.run
    return good({"applicationId": run.job.name, "jobRunId": run.id, "arn": _arn(run.job, run.id)})


def _arn(job: JobKey, run_id: str) -> str:
    return f"arn:aws:emr-serverless:eu-west-1:{job.account}:/applications/{job.name}/jobruns/{run_id}"


def _shape(run: Run) -> dict[str, Any]:
    attempt = run.attempts(now())[-1]
    begin, end, state = attempt.begin, attempt.end, attempt.state
    base = EPOCH.timestamp()
    shape: dict[str, Any] = {
        "applicationId": run.job.name,
        "jobRunId": run.id,
        "arn": _arn(run.job, run.id),
        "createdBy": f"arn:aws:iam::{run.job.account}:user/x",
        "createdAt": base + run.made_at,
        "updatedAt": base + (end if end is not None else begin),
        "executionRole": f"arn:aws:iam::{run.job.account}:role/exec",
        "state": _STATES.get(state, state),
        "stateDetails": "",
        "releaseLabel": "emr-7.1.0",
        "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/main.py"}},
    }
    if end is not None:
        shape["endedAt"] = base + end
    return shape
