import json
from datetime import UTC, datetime

import pytest

from jobruns_sdk.model.native import utc
from jobruns_sdk.services.emr_serverless import native as emr
from jobruns_sdk.services.emr_serverless.native import JobRun
from tests.truth.samples import published, published_file


def the_run(name: str) -> JobRun:
    run = emr.GET_JOB_RUN.decode(published(name)).jobRun
    assert run is not None
    return run


def test_a_spark_run_that_succeeded() -> None:
    run = the_run("emr_serverless/04_get_job_run_success_spark_cliv2.json")

    assert (run.jobRunId, run.state, run.stateDetails) == ("00fio6pj03lbu80m", "SUCCESS", "")
    assert utc(run.createdAt) == datetime(2024, 4, 21, 15, 52, 47, 474_000, tzinfo=UTC)
    assert utc(run.updatedAt) == datetime(2024, 4, 21, 15, 56, 51, 201_000, tzinfo=UTC)
    assert (run.attempt, run.mode, run.retryPolicy, run.startedAt) == (None, None, None, None)
    assert (run.totalExecutionDurationSeconds, run.executionTimeoutMinutes) == (107, 720)
    assert run.totalResourceUtilization is not None
    assert run.totalResourceUtilization.storageGBHour == 2.122
    assert run.billedResourceUtilization is not None
    assert run.billedResourceUtilization.vCPUHour == 0.106
    assert run.jobDriver is not None
    assert run.jobDriver.hive is None
    assert run.jobDriver.sparkSubmit is not None
    assert run.jobDriver.sparkSubmit.entryPoint == "s3://open-alex-js0258/scripts/parse_open_alex.py"
    assert "parse_open_alex" not in repr(run)


def test_a_hive_run_that_goes_on() -> None:
    run = the_run("emr_serverless/06_get_job_run_running_hive_cliv2.json")

    assert (run.state, run.name, run.tags, run.totalResourceUtilization) == ("RUNNING", None, {}, None)
    assert utc(run.createdAt) == datetime(2023, 10, 15, 7, 31, 47, 505_000, tzinfo=UTC)
    assert run.jobDriver is not None
    assert run.jobDriver.sparkSubmit is None
    assert run.jobDriver.hive is not None
    assert run.jobDriver.hive.query == "s3://<bucket name>/<specific prefix>/ingest_fdm_data.sql"
    assert run.configurationOverrides is not None
    assert run.configurationOverrides.applicationConfiguration is not None
    (configuration,) = run.configurationOverrides.applicationConfiguration
    assert configuration.properties is not None
    assert configuration.properties["hive.driver.cores"] == "2"
    assert "hive.driver.cores" not in repr(run)


def test_a_run_in_wire_form() -> None:
    run = the_run("emr_serverless/08_get_job_run_success_wire_pkb.json")

    assert (run.jobRunId, run.state, run.configurationOverrides) == ("bazquux", "SUCCESS", None)
    assert run.createdAt == datetime(2023, 1, 31, 19, 27, 11, 789_000, tzinfo=UTC)
    assert run.updatedAt == datetime(2023, 1, 31, 19, 50, 2, 299_000, tzinfo=UTC)
    assert run.totalResourceUtilization is not None
    assert run.totalResourceUtilization.memoryGBHour == 237.689
    assert run.jobDriver is not None
    assert run.jobDriver.sparkSubmit is not None
    assert run.jobDriver.sparkSubmit.entryPointArguments == ()


def test_a_run_without_most_required_members() -> None:
    run = the_run("emr_serverless/14_TEST_get_job_run_failed_minimal.json")

    assert (run.state, run.stateDetails, run.arn, run.releaseLabel) == ("FAILED", "Job failed", None, None)
    assert utc(run.updatedAt) == datetime(2000, 1, 1, 1, 0, tzinfo=UTC)


def test_details_of_failures_are_kept_whole() -> None:
    samples = json.loads(published_file("emr_serverless/15_state_details_failed_real_strings.json"))
    texts = [sample["stateDetails"] for sample in samples]
    page = emr.LIST_JOB_RUNS.decode(json.dumps({"jobRuns": [{"stateDetails": text} for text in texts]}).encode())

    assert page.jobRuns is not None
    assert [run.stateDetails for run in page.jobRuns] == texts
    assert max(map(len, texts)) > 256  # the model's limit


@pytest.mark.parametrize(
    ("name", "run_id"),
    [
        ("01_start_job_run_hive", "00esps8ka2vcu801"),
        ("02_start_job_run_pyspark", "00esps8ka2vcu801"),
        ("03_start_job_run_openalex", "00fio6pj03lbu80m"),
        ("05_start_job_run_redacted_account", "00fdvr7mvngkk80a"),
        ("07_start_job_run_redacted_dots", "00f6b25bek7v3f0l"),
        ("09_start_job_run_pkb", "bazquux"),
    ],
)
def test_starts(name: str, run_id: str) -> None:
    assert emr.START_JOB_RUN.decode(published(f"emr_serverless/{name}.json")).jobRunId == run_id
