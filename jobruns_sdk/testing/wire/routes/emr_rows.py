"""EMR Serverless's structures: how applications, runs and attempts look on the wire."""

from typing import Final

from jobruns_sdk.testing.clock import timestamp
from jobruns_sdk.testing.wire.answers import Answer, without_none
from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.lifecycle import Attempt, used
from jobruns_sdk.testing.world.world import World

_SUMMARY: Final = frozenset({"name", "mode", "type", "releaseLabel", "createdBy", "stateDetails"})
_REQUEST: Final = frozenset({"executionRoleArn", "clientToken", "applicationId"})
_DRIVER: Final = {"sparkSubmit": {"entryPoint": "s3://code/main.py"}}


def application(world: World, app: Job) -> Answer:
    """An Application, as GetApplication shows it."""
    return {"applicationId": app.name, **_application(world, app), **app.settings}


def application_summary(world: World, app: Job) -> Answer:
    """An ApplicationSummary, as ListApplications shows it."""
    names = ("architecture", "name", "releaseLabel", "type")
    shown: Answer = {name: app.settings[name] for name in names if name in app.settings}
    return {"id": app.name, **_application(world, app), **shown}


def _application(world: World, app: Job) -> Answer:
    return {
        "arn": world.arn(app.name),
        "state": app.state,
        "stateDetails": "",
        "createdAt": timestamp(app.created),
        "updatedAt": timestamp(app.created),
    }


def run_summary(world: World, app: Job, attempt: Attempt, now: int) -> Answer:
    """A JobRunSummary, as ListJobRuns shows it: a run in the state of its latest attempt."""
    run = attempt.run
    extra = {name: value for name, value in run.request.items() if name in _SUMMARY}
    return {
        "id": run.id,
        **_common(world, app, attempt, now),
        "type": app.settings["type"],
        "createdAt": timestamp(run.created),
        "attemptCreatedAt": timestamp(attempt.created),
        "attemptUpdatedAt": timestamp(attempt.updated_at(now)),
        **extra,
    }


def attempt_summary(world: World, app: Job, attempt: Attempt, now: int) -> Answer:
    """A JobRunAttemptSummary: its id is the run's, its creation time the attempt's."""
    run = attempt.run
    extra = {name: value for name, value in run.request.items() if name in _SUMMARY}
    return {
        "id": run.id,
        **_common(world, app, attempt, now),
        "type": app.settings["type"],
        "jobCreatedAt": timestamp(run.created),
        "createdAt": timestamp(attempt.created),
        **extra,
    }


def job_run(world: World, app: Job, attempt: Attempt, now: int) -> Answer:
    """A JobRun, as GetJobRun shows it."""
    run = attempt.run
    extra = {name: value for name, value in run.request.items() if name not in _REQUEST}
    return {
        "jobRunId": run.id,
        **_common(world, app, attempt, now),
        "createdAt": timestamp(run.created),
        "attemptCreatedAt": timestamp(attempt.created),
        "attemptUpdatedAt": timestamp(attempt.updated_at(now)),
        **without_none(
            jobDriver=run.request.get("jobDriver", _DRIVER),
            tags=run.request.get("tags", {}),
            executionTimeoutMinutes=None if run.timeout is None else run.timeout // 60_000,
            startedAt=timestamp(attempt.started_at(now)),
            endedAt=timestamp(attempt.ended_at(now)),
            queuedDurationMilliseconds=_queued(attempt),
        ),
        **_usage(attempt, now),
        **{name: value for name, value in extra.items() if name != "executionTimeoutMinutes"},
    }


def _common(world: World, app: Job, attempt: Attempt, now: int) -> Answer:
    run = attempt.run
    state = attempt.state_at(now)
    return {
        "applicationId": app.name,
        "arn": world.arn(app.name, run.id),
        "createdBy": world.caller,
        "updatedAt": timestamp(attempt.updated_at(now)),
        "executionRole": run.request.get("executionRoleArn", world.role),
        "state": state,
        "stateDetails": (attempt.message or "") if state == "FAILED" else "",
        "releaseLabel": app.settings["releaseLabel"],
        "mode": run.request.get("mode", "BATCH"),
        "attempt": attempt.number + 1,
    }


def _queued(attempt: Attempt) -> int | None:
    return None if attempt.admitted is None or attempt.number else attempt.admitted - attempt.created


def _usage(attempt: Attempt, now: int) -> Answer:
    """Return the usage and the billed usage: absent until the run has ended."""
    ended, begun = attempt.ended_at(now), attempt.started_at(now)
    if ended is None or begun is None:
        return {}
    seconds = max(0, ended - begun) // 1000
    total = {"totalExecutionDurationSeconds": seconds, "totalResourceUtilization": used(seconds)}
    return {**total, "billedResourceUtilization": used(seconds, billed=True)}
