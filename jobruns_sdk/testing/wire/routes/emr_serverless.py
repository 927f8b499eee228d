"""EMR Serverless's operations: rest-json under `/applications`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, cast

from jobruns_sdk.testing.wire.answers import Answer, ServiceError, validation_error, without_none
from jobruns_sdk.testing.wire.routes import Call, Operation
from jobruns_sdk.testing.wire.routes.emr_rows import (
    application,
    application_summary,
    attempt_summary,
    job_run,
    run_summary,
)
from jobruns_sdk.testing.world.jobs import Job, Key
from jobruns_sdk.testing.world.lifecycle import Attempt, Run
from jobruns_sdk.testing.world.pages import Place, Query

_PAGE: Final = 50
_BATCH_RETRIES: Final = 1
_STREAMING_RETRIES: Final = 5  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-resiliency.html
_TIMEOUT_MINUTES: Final = 720
_STREAMING_GRACE: Final = 120_000


def _missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message, 404)


def _application(call: Call) -> Job:
    name = call.params.text("applicationId")
    app = call.world.applications.get(name)
    if app is None:
        raise _missing(f"Application {name} does not exist")
    app.settle(call.now)
    return app


def _run(call: Call, app: Job) -> Run:
    run_id = call.params.text("jobRunId")
    run = app.runs.get(run_id)
    if run is None or run.created > call.now:
        raise _missing(f"Job run {run_id} does not exist in application {app.name}")
    return run


def _attempt(call: Call, run: Run) -> Attempt:
    number = call.params.number("attempt", 0)
    attempt = run.attempt(number - 1, call.now) if number else run.attempt_at(call.now)
    if attempt is None:
        raise _missing(f"Attempt {number} of job run {run.id} does not exist")
    return attempt


def _query(call: Call, scope: Sequence[object]) -> Query:
    token, limit = call.params.optional("nextToken"), call.params.number("maxResults", _PAGE)
    return Query(call.world.tokens, scope, token, limit, call.now)


def _in_window(call: Call, created: int) -> bool:
    after, before = call.params.moment("createdAtAfter"), call.params.moment("createdAtBefore")
    slack = 1 if call.world.exclusive_window else 0
    return (after is None or created >= after + slack) and (before is None or created <= before - slack)


def list_job_runs(call: Call) -> Answer:
    """ListJobRuns: newest first; with several states, grouped by state."""
    app, states, mode = _application(call), call.params.texts("states"), call.params.optional("mode")
    groups: Sequence[str | None] = states or [None]

    def matches(row: Attempt, state: str | None) -> bool:
        run = row.run
        return (
            run.created <= call.seen
            and (mode is None or run.request.get("mode", "BATCH") == mode)
            and _in_window(call, run.created)
            and (state is None or run.attempt_at(call.seen).state_at(call.seen) == state)
        )

    def rows(place: Place | None) -> Iterator[tuple[int, Attempt]]:
        first = 0 if place is None else int(place[0])
        key = None if place is None else cast("Key", tuple(place[1:]))
        for group in range(first, len(groups)):
            for row in app.newest(key if group == first else None):
                if matches(row, groups[group]):
                    yield group, row

    window = [call.params.moment("createdAtAfter"), call.params.moment("createdAtBefore")]
    query = _query(call, ["ListJobRuns", app.name, states, mode, window])
    found, token = query.page(rows, lambda entry: [entry[0], *entry[1].key])
    shown = [run_summary(call.world, app, row.run.attempt_at(call.seen), call.seen) for _, row in found]
    return without_none(jobRuns=shown, nextToken=token)


def get_job_run(call: Call) -> Answer:
    """GetJobRun: the latest attempt, or the one asked for."""
    app = _application(call)
    return {"jobRun": job_run(call.world, app, _attempt(call, _run(call, app)), call.now)}


def list_job_run_attempts(call: Call) -> Answer:
    """ListJobRunAttempts: latest attempt first."""
    app = _application(call)
    run = _run(call, app)

    def rows(place: Place | None) -> Iterator[Attempt]:
        known = (attempt for attempt in run.attempts() if attempt.created <= call.seen)
        return (attempt for attempt in known if place is None or attempt.number < int(place[0]))

    found, token = _query(call, ["ListJobRunAttempts", app.name, run.id]).page(rows, lambda row: [row.number])
    shown = [attempt_summary(call.world, app, attempt, call.seen) for attempt in found]
    return without_none(jobRunAttempts=shown, nextToken=token)


def list_applications(call: Call) -> Answer:
    """ListApplications, in the order of their ids."""
    states = call.params.texts("states")

    def rows(place: Place | None) -> Iterator[Job]:
        after = "" if place is None else str(place[0])
        apps = (app for name, app in sorted(call.world.applications.items()) if name > after)
        return (app for app in apps if not states or app.state in states)

    found, token = _query(call, ["ListApplications", states]).page(rows, lambda app: [app.name])
    return without_none(applications=[application_summary(call.world, app) for app in found], nextToken=token)


def get_application(call: Call) -> Answer:
    """GetApplication."""
    return {"application": application(call.world, _application(call))}


def get_dashboard(call: Call) -> Answer:
    """GetDashboardForJobRun: a link that exists once the attempt has begun to run."""
    app = _application(call)
    run = _run(call, app)
    attempt = _attempt(call, run)
    if attempt.started_at(call.now) is None:
        raise validation_error(f"Dashboard cannot be served for job in {attempt.state_at(call.now)} state")
    host = f"p-{run.id}-{app.name}.emrappui-prod.{call.world.region}.amazonaws.com"
    return {"url": f"https://{host}/shs/history/{run.id}/{attempt.number + 1}/jobs/?expires={call.now // 1000 + 3600}"}


def start_job_run(call: Call) -> Answer:
    """StartJobRun: the same client token and input give the same run."""
    app = _application(call)
    given = dict(call.params.members)
    token = str(given.pop("clientToken"))
    digest = json.dumps(given, sort_keys=True, default=str)
    known = app.tokens.get(token)
    if known is not None and known[1] != digest:
        raise ServiceError("ConflictException", f"Client token {token} was already used with other parameters", 409)
    if known is None:
        if app.state == "TERMINATED":
            raise validation_error(f"Application {app.name} is in TERMINATED state and cannot run jobs")
        app.state = "STARTED"
        known = app.tokens[token] = (_start(call, app, given).id, digest)
    return {"applicationId": app.name, "jobRunId": known[0], "arn": call.world.arn(app.name, known[0])}


def _start(call: Call, app: Job, given: dict[str, object]) -> Run:
    streaming = given.get("mode") == "STREAMING"
    policy = call.params.mapping("retryPolicy")
    retries = policy.get("maxFailedAttemptsPerHour", _STREAMING_RETRIES) if streaming else policy.get("maxAttempts")
    minutes = call.params.number("executionTimeoutMinutes", 0 if streaming else _TIMEOUT_MINUTES)
    script = app.next_script()
    if streaming:
        script = replace(script, endless=script.outcome == app.machine.succeeded)
    run = app.add(
        call.world.new_id("emr-serverless"),
        call.now,
        request={name: value for name, value in given.items() if name != "applicationId"},
        script=script,
        timeout=minutes * 60_000 if minutes else None,
        max_retries=int(cast("int", retries)) - (0 if streaming else 1) if retries else app.limits.max_retries,
    )
    app.begin(run.last, call.now, queue=True)
    call.world.outbox.follow(app, run, call.now)
    return run


def cancel_job_run(call: Call) -> Answer:
    """CancelJobRun: takes as long as the grace period, if one is given."""
    app = _application(call)
    run = _run(call, app)
    usual = _STREAMING_GRACE if run.request.get("mode") == "STREAMING" else run.script.stopping
    seconds = call.params.number("shutdownGracePeriodInSeconds", -1)
    if not app.stop(run.last, call.now, seconds * 1000 if seconds >= 0 else usual):
        raise validation_error(f"Job run {run.id} is not in a cancellable state")
    return {"applicationId": app.name, "jobRunId": run.id}


OPERATIONS: Final[Mapping[str, Operation]] = {
    "CancelJobRun": cancel_job_run,
    "GetApplication": get_application,
    "GetDashboardForJobRun": get_dashboard,
    "GetJobRun": get_job_run,
    "ListApplications": list_applications,
    "ListJobRunAttempts": list_job_run_attempts,
    "ListJobRuns": list_job_runs,
    "StartJobRun": start_job_run,
}

PATHS: Final = (
    ("GET", "/applications", "ListApplications"),
    ("GET", "/applications/{applicationId}", "GetApplication"),
    ("GET", "/applications/{applicationId}/jobruns", "ListJobRuns"),
    ("POST", "/applications/{applicationId}/jobruns", "StartJobRun"),
    ("GET", "/applications/{applicationId}/jobruns/{jobRunId}", "GetJobRun"),
    ("DELETE", "/applications/{applicationId}/jobruns/{jobRunId}", "CancelJobRun"),
    ("GET", "/applications/{applicationId}/jobruns/{jobRunId}/attempts", "ListJobRunAttempts"),
    ("GET", "/applications/{applicationId}/jobruns/{jobRunId}/dashboard", "GetDashboardForJobRun"),
)
