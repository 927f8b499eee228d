"""Glue's lives, as boto3 sees them."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from jobruns_sdk.testing import LocalService

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

START = datetime(2026, 1, 5, 8, tzinfo=UTC)


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str | None:
    return error.value.response.get("Error", {}).get("Code")


def states(glue: "GlueClient", job: str = "etl") -> list[tuple[int, str]]:
    """Attempt and state of each row, newest first."""
    rows = glue.get_job_runs(JobName=job)["JobRuns"]
    return [(row.get("Attempt", -1), row.get("JobRunState", "")) for row in rows]


def test_a_run_starts_runs_and_succeeds(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", duration=timedelta(hours=1), startup=timedelta(minutes=1))
    run_id = glue.start_job_run(JobName="etl", Arguments={"--day": "1"}, NumberOfWorkers=3, WorkerType="G.2X")[
        "JobRunId"
    ]
    seen: list[str] = []
    for _ in range(4):
        seen.append(glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"].get("JobRunState", ""))
        local.advance(timedelta(minutes=30, seconds=30))
    assert seen == ["STARTING", "RUNNING", "SUCCEEDED", "SUCCEEDED"]
    run = glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"]
    assert run.get("StartedOn") == START
    assert run.get("CompletedOn") == run.get("LastModifiedOn") == START + timedelta(minutes=61)
    assert (run.get("ExecutionTime"), run.get("MaxCapacity"), run.get("Arguments")) == (3600, 6.0, {"--day": "1"})


def test_retries_are_rows_of_their_own_with_a_pause_before_them(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_retries=2, fail_attempts=2, duration=timedelta(minutes=5), startup=timedelta(0))
    root = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(300)
    assert states(glue) == [(0, "FAILED")]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_run(JobName="etl", RunId=f"{root}_attempt_1")
    local.advance(30)
    assert states(glue) == [(1, "RUNNING"), (0, "FAILED")]
    local.advance(timedelta(hours=1))
    assert states(glue) == [(2, "SUCCEEDED"), (1, "FAILED"), (0, "FAILED")]
    second = glue.get_job_run(JobName="etl", RunId=f"{root}_attempt_2")["JobRun"]
    assert second.get("PreviousRunId") == f"{root}_attempt_1"
    assert second.get("StartedOn") == START + timedelta(seconds=660)
    first = glue.get_job_run(JobName="etl", RunId=root)["JobRun"]
    assert "Access Denied" in first.get("ErrorMessage", "")


def test_a_run_whose_retries_are_used_up_has_failed(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_retries=1, outcome="FAILED", message="boom")
    glue.start_job_run(JobName="etl")
    local.advance(timedelta(days=1))
    assert states(glue) == [(1, "FAILED"), (0, "FAILED")]
    assert {row.get("ErrorMessage") for row in glue.get_job_runs(JobName="etl")["JobRuns"]} == {"boom"}


def test_the_outcome_does_not_depend_on_when_it_is_looked_at(local: LocalService, glue: "GlueClient") -> None:
    for job in ("seldom", "often"):
        local.add_glue_job(job, max_retries=3, fail_attempts=2, max_concurrent_runs=1, queuing=True)
        for _ in range(3):
            glue.start_job_run(JobName=job)
    for _ in range(200):
        local.advance(17)
        states(glue, "often")
    local.advance(1_000_000 - 200 * 17)
    rows = [
        [
            (row.get("Attempt"), row.get("StartedOn"), row.get("CompletedOn"))
            for row in glue.get_job_runs(JobName=job)["JobRuns"]
        ]
        for job in ("seldom", "often")
    ]
    assert rows[0] == rows[1]


def test_a_run_beyond_its_timeout_is_ended(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_retries=1, duration=timedelta(hours=3), timeout_minutes=120)
    glue.start_job_run(JobName="etl")
    glue.start_job_run(JobName="etl", Timeout=60)
    local.advance(timedelta(hours=1, seconds=10))
    assert states(glue) == [(0, "TIMEOUT"), (0, "RUNNING")]
    local.advance(timedelta(hours=1))
    assert states(glue) == [(0, "TIMEOUT"), (0, "TIMEOUT")]


def test_concurrent_runs_are_limited_until_a_slot_is_free(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_concurrent_runs=2, slot_release=timedelta(seconds=40))
    glue.start_job_run(JobName="etl")
    glue.start_job_run(JobName="etl")
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName="etl")
    local.advance(timedelta(minutes=5, seconds=10))
    assert states(glue) == [(0, "SUCCEEDED"), (0, "SUCCEEDED")]
    with pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName="etl")
    local.advance(40)
    glue.start_job_run(JobName="etl")


def test_queued_runs_wait_for_a_slot_or_give_up(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_concurrent_runs=1, queuing=True, duration=timedelta(minutes=10), startup=timedelta(0))
    for _ in range(3):
        glue.start_job_run(JobName="etl")
    assert states(glue) == [(0, "WAITING"), (0, "WAITING"), (0, "RUNNING")]
    local.advance(timedelta(minutes=10))
    assert states(glue) == [(0, "WAITING"), (0, "RUNNING"), (0, "SUCCEEDED")]
    local.advance(timedelta(minutes=5))
    assert states(glue) == [(0, "FAILED"), (0, "RUNNING"), (0, "SUCCEEDED")]
    assert "slot" in glue.get_job_runs(JobName="etl")["JobRuns"][0].get("ErrorMessage", "")


def test_stopping_takes_time_and_says_what_it_could_not_stop(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", startup=timedelta(0))
    over = local.add_run("glue:etl", state="SUCCEEDED")
    run_id = glue.start_job_run(JobName="etl")["JobRunId"]
    answer = glue.batch_stop_job_run(JobName="etl", JobRunIds=[run_id, over, "jr_unknown"])
    assert [entry.get("JobRunId") for entry in answer["SuccessfulSubmissions"]] == [run_id]
    assert {entry.get("JobRunId"): entry.get("ErrorDetail", {}).get("ErrorCode") for entry in answer["Errors"]} == {
        over: "InvalidInputException",
        "jr_unknown": "EntityNotFoundException",
    }
    assert local.states("glue:etl")[run_id] == "STOPPING"
    local.advance(10)
    assert local.states("glue:etl")[run_id] == "STOPPED"


def test_a_run_that_ends_before_it_is_stopped_has_succeeded(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", startup=timedelta(0), duration=timedelta(seconds=60))
    run_id = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(55)
    glue.batch_stop_job_run(JobName="etl", JobRunIds=[run_id])
    assert local.states("glue:etl")[run_id] == "STOPPING"
    local.advance(5)
    assert local.states("glue:etl")[run_id] == "SUCCEEDED"


def test_a_stopped_run_is_not_retried(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", max_retries=3, outcome="FAILED", startup=timedelta(0))
    run_id = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(330)
    glue.batch_stop_job_run(JobName="etl", JobRunIds=[f"{run_id}_attempt_1"])
    local.advance(timedelta(days=1))
    assert states(glue) == [(1, "STOPPED"), (0, "FAILED")]


def test_streaming_runs_go_on_until_they_are_stopped(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", streaming=True)
    run_id = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(timedelta(days=30))
    assert states(glue) == [(0, "RUNNING")]
    glue.batch_stop_job_run(JobName="etl", JobRunIds=[run_id])
    local.advance(10)
    assert states(glue) == [(0, "STOPPED")]


def test_the_history_reaches_back_a_year_and_may_cut_a_group(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    edge = START - timedelta(days=365)
    run_id = local.add_run(
        "glue:etl",
        state="SUCCEEDED",
        attempts=2,
        created_at=edge - timedelta(minutes=1),
        ended_at=edge + timedelta(minutes=9),
    )
    assert states(glue) == [(1, "SUCCEEDED")]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_run(JobName="etl", RunId=run_id)


def test_bookmarks_move_with_successful_runs_and_can_be_reset(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", default_arguments={"--job-bookmark-option": "job-bookmark-enable"})
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_bookmark(JobName="etl")
    ids: list[str] = []
    for outcome in ("SUCCEEDED", "FAILED", "SUCCEEDED"):
        local.next_run("glue:etl", outcome=outcome)
        ids.append(glue.start_job_run(JobName="etl")["JobRunId"])
        local.advance(timedelta(hours=1))
    mark = glue.get_job_bookmark(JobName="etl")["JobBookmarkEntry"]
    assert (mark.get("Version"), mark.get("Run"), mark.get("RunId"), mark.get("PreviousRunId")) == (
        2,
        2,
        ids[2],
        ids[0],
    )
    assert mark.get("JobBookmark", "").startswith("{")
    assert glue.get_job_bookmark(JobName="etl", RunId=ids[0])["JobBookmarkEntry"].get("Run") == 1
    assert glue.reset_job_bookmark(JobName="etl", RunId=ids[0])["JobBookmarkEntry"].get("RunId") == ids[0]
    assert glue.reset_job_bookmark(JobName="etl")["JobBookmarkEntry"].get("Run") == 0
    assert "RunId" not in glue.get_job_bookmark(JobName="etl")["JobBookmarkEntry"]
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.reset_job_bookmark(JobName="etl", RunId=ids[1])


def test_a_run_without_bookmarks_moves_none(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    glue.start_job_run(JobName="etl", Arguments={"--job-bookmark-option": "job-bookmark-disable"})
    local.advance(timedelta(hours=1))
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_bookmark(JobName="etl")


def test_jobs_are_listed_by_their_tags(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("b", tags={"team": "x", "tier": "1"})
    local.add_glue_job("a", tags={"team": "x"})
    local.add_glue_job("c")
    assert glue.list_jobs()["JobNames"] == ["a", "b", "c"]
    assert glue.list_jobs(Tags={"team": "x"})["JobNames"] == ["a", "b"]
    assert glue.list_jobs(Tags={"team": "x", "tier": "1"})["JobNames"] == ["b"]


def test_predecessors_are_shown_when_asked_for(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    before = [{"JobName": "extract", "RunId": "jr_1"}]
    run_id = local.add_run("glue:etl", state="SUCCEEDED", native={"PredecessorRuns": before, "TriggerName": "t"})
    asked = glue.get_job_run(JobName="etl", RunId=run_id, PredecessorsIncluded=True)["JobRun"]
    assert asked.get("PredecessorRuns") == before
    assert asked.get("TriggerName") == "t"
    assert glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"].get("PredecessorRuns") == []


def test_starting_again_names_the_run_before(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    failed = local.add_run("glue:etl", state="FAILED")
    again = glue.start_job_run(JobName="etl", JobRunId=failed)["JobRunId"]
    assert glue.get_job_run(JobName="etl", RunId=again)["JobRun"].get("PreviousRunId") == failed
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.start_job_run(JobName="etl", JobRunId="jr_unknown")


def test_a_flexible_run_shows_what_it_used(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    run_id = glue.start_job_run(JobName="etl", ExecutionClass="FLEX")["JobRunId"]
    assert "DPUSeconds" not in glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"]
    local.advance(timedelta(hours=1))
    assert glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"].get("DPUSeconds") == 3_000


def test_names_with_slashes_and_dots_are_jobs_like_others(local: LocalService, glue: "GlueClient") -> None:
    for name in ("a/b", "..", "a?b=1", "Combine legislators' data", "ü🦆", "50%"):
        local.add_glue_job(name)
        run_id = local.add_run(f"glue:{name}", state="SUCCEEDED")
        assert glue.get_job_run(JobName=name, RunId=run_id)["JobRun"].get("JobName") == name
    assert local.states("glue:a%2Fb?region=us-east-1")


@pytest.mark.parametrize("state", ["STARTING", "WAITING", "RUNNING", "STOPPING", "EXPIRED", "ERROR"])
def test_a_run_of_the_past_stays_in_its_state(local: LocalService, glue: "GlueClient", state: str) -> None:
    local.add_glue_job("etl")
    local.add_run("glue:etl", state=state)
    assert states(glue) == [(0, state)]
    local.advance(timedelta(days=300))
    assert states(glue) == [(0, state)]


def test_a_run_held_in_a_state_can_be_stopped(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    run_id = local.add_run("glue:etl", state="RUNNING", created_at=START - timedelta(hours=1))
    local.advance(100)
    glue.batch_stop_job_run(JobName="etl", JobRunIds=[run_id])
    assert states(glue) == [(0, "STOPPING")]
    local.advance(10)
    assert states(glue) == [(0, "STOPPED")]


def test_a_run_stopped_before_it_began_never_ran(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl", startup=timedelta(seconds=15))
    run_id = glue.start_job_run(JobName="etl")["JobRunId"]
    local.advance(10)
    glue.batch_stop_job_run(JobName="etl", JobRunIds=[run_id])
    local.advance(timedelta(hours=1))
    run = glue.get_job_run(JobName="etl", RunId=run_id)["JobRun"]
    assert (run.get("JobRunState"), run.get("ExecutionTime")) == ("STOPPED", 0)
