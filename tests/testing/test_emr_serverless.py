"""EMR Serverless's lives, as boto3 sees them."""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, cast

import pytest

from jobruns_sdk.testing import LocalService

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.type_defs import ListJobRunsResponseTypeDef, StartJobRunResponseTypeDef

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def start(emr: "EMRServerlessClient", app: str, key: str = "t", **more: object) -> str:
    """Start a run, and answer its id."""
    call = cast("Callable[..., StartJobRunResponseTypeDef]", emr.start_job_run)
    role, driver = "arn:aws:iam::111122223333:role/exec", {"sparkSubmit": {"entryPoint": "s3://code/main.py"}}
    answer = call(applicationId=app, clientToken=key, executionRoleArn=role, jobDriver=driver, **more)
    return answer["jobRunId"]


def state(emr: "EMRServerlessClient", app: str, run_id: str) -> str:
    return emr.get_job_run(applicationId=app, jobRunId=run_id)["jobRun"]["state"]


def test_a_run_goes_through_all_states(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(duration=timedelta(seconds=60), startup=timedelta(seconds=30))
    run_id = start(emr, app)
    seen: list[str] = []
    for _ in range(100):
        seen.append(state(emr, app, run_id))
        local.advance(1)
    assert [name for name, _ in groupby(seen)] == ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "SUCCESS"]
    run = emr.get_job_run(applicationId=app, jobRunId=run_id)["jobRun"]
    assert (run["createdAt"], run.get("startedAt")) == (START, START + timedelta(seconds=30))
    assert run.get("endedAt") == START + timedelta(seconds=90)
    assert run.get("totalExecutionDurationSeconds") == 60
    assert run.get("billedResourceUtilization")


def test_what_a_run_used_is_known_when_it_has_ended(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(duration=timedelta(hours=1))
    run_id = start(emr, app)
    local.advance(600)
    assert not {"totalResourceUtilization", "endedAt"} & set(
        emr.get_job_run(applicationId=app, jobRunId=run_id)["jobRun"]
    )


def test_attempts_follow_each_other_without_a_terminal_state(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(duration=timedelta(seconds=60), startup=timedelta(seconds=30), fail_attempts=2)
    run_id = start(emr, app, retryPolicy={"maxAttempts": 3})
    seen: list[str] = []
    for _ in range(300):
        seen.append(state(emr, app, run_id))
        local.advance(1)
    retry = ["PENDING", "SCHEDULED", "RUNNING"]
    assert [name for name, _ in groupby(seen)] == ["SUBMITTED", *retry, *retry, *retry, "SUCCESS"]
    attempts = emr.list_job_run_attempts(applicationId=app, jobRunId=run_id)["jobRunAttempts"]
    assert [(row.get("attempt"), row["state"]) for row in attempts] == [(3, "SUCCESS"), (2, "FAILED"), (1, "FAILED")]
    assert {row["id"] for row in attempts} == {run_id}
    assert {row["jobCreatedAt"] for row in attempts} == {START}
    assert attempts[1]["createdAt"] == START + timedelta(seconds=90)
    second = emr.get_job_run(applicationId=app, jobRunId=run_id, attempt=2)["jobRun"]
    assert (second["state"], second.get("attempt")) == ("FAILED", 2)
    assert "ExitCode: 1" in second["stateDetails"]
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.get_job_run(applicationId=app, jobRunId=run_id, attempt=4)


def test_the_same_token_gives_the_same_run(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application()
    first = start(emr, app)
    local.advance(timedelta(days=1))
    assert start(emr, app) == first
    assert start(emr, app, "u") != first
    with pytest.raises(emr.exceptions.ConflictException):
        start(emr, app, name="other")
    assert len(local.states(f"emr-serverless:{app}")) == 2


def test_runs_beyond_the_limit_are_queued(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(max_concurrent_runs=1, duration=timedelta(minutes=60), queue_timeout_minutes=70)
    ids = [start(emr, app, f"t{index}") for index in range(3)]
    assert state(emr, app, ids[1]) == "QUEUED"
    local.advance(timedelta(minutes=61))
    assert [state(emr, app, run_id) for run_id in ids] == ["SUCCESS", "RUNNING", "QUEUED"]
    second = emr.get_job_run(applicationId=app, jobRunId=ids[1])["jobRun"]
    assert second.get("queuedDurationMilliseconds") == 60 * 60_000 + 30_000
    local.advance(timedelta(minutes=9))
    assert state(emr, app, ids[2]) == "FAILED"


def test_cancelling_takes_the_grace_period(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(duration=timedelta(hours=1))
    run_id = start(emr, app)
    local.advance(60)
    emr.cancel_job_run(applicationId=app, jobRunId=run_id, shutdownGracePeriodInSeconds=90)
    local.advance(89)
    emr.cancel_job_run(applicationId=app, jobRunId=run_id)
    assert state(emr, app, run_id) == "CANCELLING"
    local.advance(1)
    assert state(emr, app, run_id) == "CANCELLED"
    with pytest.raises(emr.exceptions.ValidationException):
        emr.cancel_job_run(applicationId=app, jobRunId=run_id)


def test_a_queued_run_is_cancelled_at_once_and_frees_no_slot(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(max_concurrent_runs=1, duration=timedelta(hours=1))
    ids = [start(emr, app, f"t{index}") for index in range(3)]
    emr.cancel_job_run(applicationId=app, jobRunId=ids[1])
    assert [state(emr, app, run_id) for run_id in ids] == ["SUBMITTED", "CANCELLED", "QUEUED"]
    local.advance(timedelta(minutes=61))
    assert [state(emr, app, run_id) for run_id in ids] == ["SUCCESS", "CANCELLED", "RUNNING"]


def test_a_run_beyond_its_timeout_is_cancelled(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(duration=timedelta(hours=20), startup=timedelta(0))
    run_id = start(emr, app, executionTimeoutMinutes=60)
    local.advance(timedelta(minutes=60))
    assert state(emr, app, run_id) == "CANCELLING"
    local.advance(10)
    assert state(emr, app, run_id) == "CANCELLED"


def test_streaming_runs_do_not_end_but_are_retried(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(fail_attempts=2)
    run_id = start(emr, app, mode="STREAMING")
    local.advance(timedelta(days=30))
    run = emr.get_job_run(applicationId=app, jobRunId=run_id)["jobRun"]
    assert (run["state"], run.get("attempt"), run.get("mode")) == ("RUNNING", 3, "STREAMING")


def test_a_dashboard_exists_once_the_attempt_runs(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application(startup=timedelta(seconds=30), fail_attempts=1, max_retries=1)
    run_id = start(emr, app)
    with pytest.raises(emr.exceptions.ValidationException, match="SUBMITTED state"):
        emr.get_dashboard_for_job_run(applicationId=app, jobRunId=run_id)
    local.advance(30)
    first = emr.get_dashboard_for_job_run(applicationId=app, jobRunId=run_id)["url"]
    local.advance(300)
    with pytest.raises(emr.exceptions.ValidationException, match="PENDING state"):
        emr.get_dashboard_for_job_run(applicationId=app, jobRunId=run_id)
    assert (
        first.partition("?")[0]
        == emr.get_dashboard_for_job_run(applicationId=app, jobRunId=run_id, attempt=1)["url"].partition("?")[0]
    )


def test_runs_are_filtered_by_state_mode_and_window(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application()
    name = f"emr-serverless:{app}"
    for hour, end in enumerate(("SUCCESS", "FAILED", "CANCELLED", "FAILED")):
        at = START - timedelta(hours=10 - hour)
        local.add_run(name, run_id=f"r{hour}", state=end, created_at=at, ended_at=at + timedelta(minutes=5))
    local.add_run(name, run_id="r9", mode="STREAMING")

    def ids(**filters: object) -> list[str]:
        call = cast("Callable[..., ListJobRunsResponseTypeDef]", emr.list_job_runs)
        return [row["id"] for row in call(applicationId=app, **filters)["jobRuns"]]

    assert ids() == ["r9", "r3", "r2", "r1", "r0"]
    assert ids(states=["FAILED"]) == ["r3", "r1"]
    assert ids(states=["SUCCESS", "FAILED", "CANCELLED"]) == ["r0", "r3", "r1", "r2"]
    assert ids(mode="STREAMING") == ["r9"]
    assert ids(createdAtAfter=START - timedelta(hours=8), createdAtBefore=START - timedelta(hours=7)) == ["r3", "r2"]


def test_a_terminated_application_runs_nothing(local: LocalService, emr: "EMRServerlessClient") -> None:
    stopped, gone = local.add_application(state="STOPPED"), local.add_application(state="TERMINATED")
    start(emr, stopped)
    assert emr.get_application(applicationId=stopped)["application"]["state"] == "STARTED"
    with pytest.raises(emr.exceptions.ValidationException):
        start(emr, gone)
    assert [app["id"] for app in emr.list_applications(states=["TERMINATED"])["applications"]] == [gone]


def test_jobs_and_runs_that_do_not_exist_are_not_found(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application()
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.get_application(applicationId="00unknown")
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.list_job_runs(applicationId="00unknown")
    with pytest.raises(emr.exceptions.ResourceNotFoundException):
        emr.get_job_run(applicationId=app, jobRunId="00unknown")
    with pytest.raises(emr.exceptions.ValidationException, match="regular expression"):
        emr.cancel_job_run(applicationId=app, jobRunId="..")
