import json
from datetime import UTC, datetime

import pytest

from jobruns_sdk.model.native import utc
from jobruns_sdk.services.glue import native as glue
from jobruns_sdk.services.glue.native import JobBookmarkEntry, JobRun
from tests.truth.samples import published, published_file


def the_run(name: str) -> JobRun:
    run = glue.GET_JOB_RUN.decode(published(name)).JobRun
    assert run is not None
    return run


def the_runs(name: str) -> tuple[JobRun, ...]:
    page = glue.GET_JOB_RUNS.decode(published(name))
    assert page.JobRuns is not None
    assert page.NextToken is None
    return page.JobRuns


def the_bookmark(name: str) -> JobBookmarkEntry:
    entry = glue.GET_JOB_BOOKMARK.decode(published(name)).JobBookmarkEntry
    assert entry is not None
    return entry


def test_a_run_that_succeeded() -> None:
    run = the_run("glue/02_get_job_run_succeeded_awscli.json")

    assert run.Id == "jr_012e176506505074d94d761755e5c62538ee1aad6f17d39f527e9140cf0c9a5e"
    assert (run.JobRunState, run.Attempt, run.ErrorMessage) == ("SUCCEEDED", 0, None)
    assert run.StartedOn == datetime(2020, 10, 16, 18, 45, 31, 255_000, tzinfo=UTC)
    assert run.CompletedOn == run.LastModifiedOn == datetime(2020, 10, 16, 18, 47, 55, 985_000, tzinfo=UTC)
    assert run.Arguments is not None
    assert run.Arguments["--enable-metrics"] == ""
    assert (run.MaxCapacity, run.AllocatedCapacity, run.ExecutionTime, run.Timeout) == (10.0, 10, 117, 2880)
    assert (run.DPUSeconds, run.ExecutionClass, run.JobMode) == (None, None, None)
    assert run.PredecessorRuns == ()


def test_retries_whose_first_attempt_has_left_the_history() -> None:
    succeeded, second, first = the_runs("glue/03_get_job_runs_retries_awscli.json")

    assert succeeded.JobRunState == "SUCCEEDED"
    root = "jr_03cc19ddab11c4e244d3f735567de74ff93b0b3ef468a713ffe73e53d1aec08f"
    assert (second.Id, second.Attempt, second.PreviousRunId) == (f"{root}_attempt_2", 2, f"{root}_attempt_1")
    assert (first.Id, first.Attempt, first.PreviousRunId) == (f"{root}_attempt_1", 1, root)
    assert second.CompletedOn == datetime(2020, 10, 16, 1, 21, 22, 390_000, tzinfo=UTC)
    assert first.Arguments is second.Arguments is None
    assert second.ErrorMessage is not None
    assert len(second.ErrorMessage.splitlines()) == 4


def test_a_stop_that_was_accepted() -> None:
    answer = glue.BATCH_STOP_JOB_RUN.decode(published("glue/04_batch_stop_job_run_ok_awscli.json"))

    assert answer.Errors == ()
    assert answer.SuccessfulSubmissions is not None
    (stopped,) = answer.SuccessfulSubmissions
    assert stopped.JobName == "my-testing-job"
    assert stopped.JobRunId == "jr_852f1de1f29fb62e0ba4166c33970803935d87f14f96cfdee5089d5274a61d3f"


def test_a_python_shell_run_with_local_times() -> None:
    (run,) = the_runs("glue/05_get_job_runs_pythonshell_2026_cliv2.json")

    assert (run.JobRunState, run.JobMode, run.JobRunQueuingEnabled) == ("SUCCEEDED", "SCRIPT", False)
    assert utc(run.StartedOn) == datetime(2026, 7, 6, 14, 55, 20, 582_000, tzinfo=UTC)
    assert utc(run.CompletedOn) == datetime(2026, 7, 6, 14, 56, 38, 460_000, tzinfo=UTC)
    assert (run.MaxCapacity, run.AllocatedCapacity, run.WorkerType, run.Timeout) == (0.0625, 0, None, 6)
    assert run.NotificationProperty is not None
    assert run.NotificationProperty.NotifyDelayAfter == 6


def test_a_run_that_goes_on() -> None:
    (run,) = the_runs("glue/07_get_job_runs_running_2021_cliv2.json")

    assert (run.JobRunState, run.CompletedOn, run.GlueVersion, run.ExecutionTime) == ("RUNNING", None, None, 45)
    assert utc(run.StartedOn) == datetime(2021, 11, 18, 4, 37, 2, 488_000, tzinfo=UTC)
    assert utc(run.LastModifiedOn) == datetime(2021, 11, 18, 4, 37, 6, 8_000, tzinfo=UTC)


def test_a_run_whose_id_is_short() -> None:
    run = the_run("glue/12_get_job_run_wire_pkb.json")

    assert (run.Id, run.JobRunState, run.WorkerType, run.NumberOfWorkers) == (
        "jr_01234567890abcdef",
        "SUCCEEDED",
        "G.2X",
        4,
    )
    assert run.StartedOn == datetime(2023, 1, 30, 18, 24, 17, 784_000, tzinfo=UTC)


def test_a_run_that_has_just_begun() -> None:
    run = the_run("glue/14_get_job_run_running_2026_cliv2.json")

    assert (run.JobRunState, run.ExecutionTime, run.Arguments, run.CompletedOn) == ("RUNNING", 0, None, None)
    assert utc(run.StartedOn) == datetime(2026, 6, 18, 6, 27, 8, 401_000, tzinfo=UTC)


def test_a_failed_run_of_a_workflow_without_a_message() -> None:
    node = json.loads(published_file("glue/15_workflow_node_jobrun_failed_no_message.json"))
    page = glue.GET_JOB_RUNS.decode(json.dumps(node["JobDetails"]).encode())

    assert page.JobRuns is not None
    (run,) = page.JobRuns
    assert (run.JobRunState, run.ErrorMessage, run.Arguments) == ("FAILED", None, None)
    assert run.TriggerName == "test1_aggregate_failure_649b2432"
    assert run.CompletedOn == datetime(2020, 7, 21, 19, 4, 58, 785_000, tzinfo=UTC)


def test_times_without_a_zone_are_utc() -> None:
    run = the_run("glue/16_workflow_jobrun_failed_2024.json")

    assert (run.JobRunState, run.ExecutionTime, run.JobMode) == ("FAILED", 0, "VISUAL")
    assert utc(run.StartedOn) == datetime(2024, 9, 30, 17, 7, 59, 185_000, tzinfo=UTC)


def test_a_whole_number_as_capacity() -> None:
    run = the_run("glue/21_js_sdk_running_flex_fields.json")

    assert (run.JobRunState, run.MaxCapacity, run.ExecutionClass) == ("RUNNING", 10.0, "STANDARD")
    assert run.StartedOn == datetime(2024, 10, 2, 17, 23, 32, 703_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "state", "message"), [(0, "FAILED", "Exceeded maximum concurrent compute"), (1, "TIMEOUT", None)]
)
def test_fragments_of_runs(line: int, state: str, message: str | None) -> None:
    fragment = published_file("glue/25_partial_states_from_tests.txt").splitlines()[line]
    run = glue.GET_JOB_RUN.decode(b'{"JobRun":%b}' % fragment).JobRun

    assert run is not None
    assert (run.JobRunState, run.ErrorMessage, run.Id) == (state, message, None)


def test_a_run_with_predecessors() -> None:
    run = the_run("glue/26_TEST_get_job_run_failed_every_field.json")

    assert (run.JobRunState, run.Attempt, run.PreviousRunId) == ("FAILED", 0, "test_previous_run_id")
    assert run.PredecessorRuns is not None
    (predecessor,) = run.PredecessorRuns
    assert (predecessor.JobName, predecessor.RunId) == ("test job name", "test_run_id")
    assert run.CompletedOn == datetime(2024, 1, 11, 13, 58, 6, tzinfo=UTC)


def test_bookmarks() -> None:
    first = the_bookmark("glue/23_get_job_bookmark_first.json")
    second = the_bookmark("glue/24_get_job_bookmark_second.json")

    assert (first.Version, first.Run, first.Attempt, first.PreviousRunId) == (2, 2, 0, None)
    assert (second.Version, second.Run, second.Attempt, second.PreviousRunId) == (4, 3, 0, first.RunId)
    assert json.loads(second.JobBookmark or "")["AWSGlueDataCatalog_node1730078287682"]["timestamps"]["RUN"] == "2"


@pytest.mark.parametrize(
    ("name", "run_id"),
    [
        ("01_start_job_run_awscli", "jr_22208b1f44eb5376a60569d4b21dd20fcb8621e1a366b4e7b2494af764b82ded"),
        ("11_start_job_run_sam", "jr_1ddbec18fb4a0ccd58223d141751bad8491710c15a8c067b91a29a374c8e3434"),
        ("13_start_job_run_orcaglue", "jr_1cd13010b965e071fee72fa776211224feb6b3e0f2d42f7fe87178485cdeab65"),
    ],
)
def test_starts(name: str, run_id: str) -> None:
    assert glue.START_JOB_RUN.decode(published(f"glue/{name}.json")).JobRunId == run_id
