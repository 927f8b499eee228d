"""Lives of runs in the words of a test, and runs whose past is given."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from jobruns_sdk.testing.clock import milliseconds
from jobruns_sdk.testing.world.jobs import Job
from jobruns_sdk.testing.world.lifecycle import Attempt, Machine, Native, Run, Script

MESSAGES: Final[Mapping[str, str]] = {
    "glue": (
        "An error occurred while calling o122.pyWriteDynamicFrame. Access Denied (Service: Amazon S3; "
        "Status Code: 403; Error Code: AccessDenied; Request ID: 021AAB703DB20A2D)"
    ),
    "emr-serverless": (
        "Job failed, please check complete logs in configured logging destination. ExitCode: 1. Last few "
        'exceptions: Caused by: java.io.IOException: No space left on device Exception in thread "main" org.apac'
    ),
    "datazone": "The lineage import failed: the data warehouse did not accept the connection.",
}


def span(length: timedelta | None) -> int | None:
    """A length of time in milliseconds."""
    return None if length is None else length // timedelta(milliseconds=1)


def script(
    machine: Machine,
    *,
    outcome: str = "SUCCEEDED",
    duration: timedelta | None,
    startup: timedelta,
    fail_attempts: int = 0,
    message: str | None = None,
    endless: bool = False,
) -> Script:
    """Return the script of a run in a service's own terms; a failure without a message gets a real-looking one."""
    native = machine.native(outcome)
    fails = fail_attempts > 0 or native not in {machine.succeeded, machine.stopped}
    return Script(
        outcome=native,
        duration=span(duration),
        fail_attempts=fail_attempts,
        message=MESSAGES[machine.service] if message is None and fails else message,
        startup=span(startup) or 0,
        endless=endless and native == machine.succeeded,
    )


def script_like(
    job: Job,
    *,
    outcome: str | None = None,
    duration: timedelta | None = None,
    startup: timedelta | None = None,
    fail_attempts: int | None = None,
    message: str | None = None,
    endless: bool = False,
) -> Script:
    """A job's usual script, but for what is given."""
    usual = job.script
    like = replace(
        usual,
        outcome=usual.outcome if outcome is None else job.machine.native(outcome),
        duration=usual.duration if duration is None else span(duration),
        startup=usual.startup if startup is None else span(startup) or 0,
        fail_attempts=usual.fail_attempts if fail_attempts is None else fail_attempts,
        message=usual.message if message is None else message,
    )
    like = replace(like, endless=(usual.endless or endless) and like.outcome == job.machine.succeeded)
    fails = like.fail_attempts > 0 or like.outcome not in {job.machine.succeeded, job.machine.stopped}
    return replace(like, message=MESSAGES[job.machine.service]) if fails and like.message is None else like


@dataclass(frozen=True, slots=True)
class History:
    """The given past of a run: a state in which it stays, and the instants that are known of it."""

    state: str
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    message: str | None = None
    attempts: int = 1


def add_past_run(job: Job, run_id: str, past: History, request: Native, now: int) -> Run:
    """Put a run into the history whose life is over, or that stays for ever in one state."""
    machine = job.machine
    state = machine.native(past.state)
    usual = span(past.duration) or job.script.duration or 300_000
    ended = now if past.ended_at is None else milliseconds(past.ended_at)
    created = _created(past, ended, usual)
    if past.ended_at is None and past.created_at is not None:
        ended = created + usual * past.attempts
    if ended < created:
        raise ValueError("a run cannot end before it was created")
    run = job.add(run_id, created, request=request, script=job.script, timeout=job.limits.timeout)
    fails = state not in {machine.succeeded, machine.stopped}
    message = MESSAGES[machine.service] if past.message is None and fails else past.message
    part = (ended - created) // past.attempts
    attempt = run.last
    for number in range(past.attempts):
        if number:
            attempt = run.last = Attempt(run, number, created + part * number, run.last)
            if job.attempts_are_rows:
                job.append(attempt)
        last = number == past.attempts - 1
        _fix(attempt, state if last else machine.failed, ended if last else attempt.created + part * 4 // 5, message)
    if past.started_at is not None:
        attempt.begun = milliseconds(past.started_at)
    if state == machine.succeeded:
        job.bookmarks.record(run, attempt.number)
    return run


def _created(past: History, ended: int, usual: int) -> int:
    return ended - usual * past.attempts if past.created_at is None else milliseconds(past.created_at)


def _fix(attempt: Attempt, state: str, ended: int, message: str | None) -> None:
    """Give an attempt a past; one in a state that is not final stays in it from its creation on."""
    machine = attempt.run.machine
    over = state in machine.terminal
    attempt.admitted = attempt.created
    attempt.begun = attempt.created + min(30_000, (ended - attempt.created) // 10)
    if not over and state in {*machine.early, machine.queued}:
        attempt.begun = None
    attempt.final = state
    attempt.ended = ended if over else attempt.created
    attempt.message = message
