"""Every published answer that tells of runs, read through the handles that users hold."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun, Usage
from jobruns_sdk.model.states import RunState
from tests.truth.samples import BODIES, published
from tests.truth.samples.handles import application, estimated, glue_job, told
from tests.unit.values import members


def at(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


PUBLISHED_EMR_SERVERLESS: Final[Mapping[str, Mapping[str, object]]] = {
    "04_get_job_run_success_spark_cliv2": {
        "ref": "emr-serverless:00fio6pdq5dm1t0l/00fio6pj03lbu80m",
        "name": "open-alex-parse",
        "state": RunState.SUCCEEDED,
        "native_state": "SUCCESS",
        "message": None,
        "attempt": 1,
        "created_at": at("2024-04-21T15:52:47.474"),
        "started_at": None,
        "updated_at": at("2024-04-21T15:56:51.201"),
        "ended_at": None,
        "created_by": "arn:aws:iam::038802921959:user/admin",
        "usage": Usage(vcpu_hours=0.106, memory_gb_hours=0.531, storage_gb_hours=0.0, basis="billed"),
    },
    "06_get_job_run_running_hive_cliv2": {
        "ref": "emr-serverless:00fdt9vnqe0p7u09/00fdvr7mvngkk80a",
        "name": None,
        "state": RunState.RUNNING,
        "native_state": "RUNNING",
        "message": None,
        "attempt": 1,
        "created_at": at("2023-10-15T07:31:47.505"),
        "started_at": None,
        "updated_at": at("2023-10-15T07:33:07.475"),
        "ended_at": None,
        "created_by": (
            "arn:aws:sts::<aws account id>:assumed-role/PVRE-SSMOnboardingRole-18MA0VH7VUPOT/i-02d63cbb7fef34323"
        ),
        "usage": None,
    },
    "08_get_job_run_success_wire_pkb": {
        "ref": "emr-serverless:foobar/bazquux",
        "name": None,
        "state": RunState.SUCCEEDED,
        "native_state": "SUCCESS",
        "message": None,
        "attempt": 1,
        "created_at": at("2023-01-31T19:27:11.789"),
        "started_at": None,
        "updated_at": at("2023-01-31T19:50:02.299"),
        "ended_at": None,
        "created_by": "arn:aws:iam::1234567:user/perfkitbenchmarker",
        "usage": Usage(vcpu_hours=59.422, memory_gb_hours=237.689, storage_gb_hours=1901.511, basis="consumed"),
    },
    "14_TEST_get_job_run_failed_minimal": {
        "ref": "emr-serverless:00fkm6vigfuq6215/00flfo8g80vlko17",
        "name": None,
        "state": RunState.FAILED,
        "native_state": "FAILED",
        "message": "Job failed",
        "attempt": 1,
        "created_at": at("2000-01-01"),
        "started_at": None,
        "updated_at": at("2000-01-01T01:00"),
        "ended_at": None,
        "created_by": None,
        "usage": None,
    },
}
# Job; id; state, native state, attempt, created, started, updated, ended; message; usage.
PUBLISHED_GLUE: Final[Mapping[str, tuple[str, str, str, str | None, Usage | None]]] = {
    "02_get_job_run_succeeded_awscli": (
        "Combine legistators data",
        "jr_012e176506505074d94d761755e5c62538ee1aad6f17d39f527e9140cf0c9a5e",
        "SUCCEEDED SUCCEEDED 1 1602873931.255 1602873931.255 1602874075.985 1602874075.985",
        None,
        estimated(10.0 * 117),
    ),
    "05_get_job_runs_pythonshell_2026_cliv2": (
        "cdk-test-glue-python-job",
        "jr_3d888acaf38939653452dcfe972966c87b6b325c6d44d91f629406d03c79c3f4",
        "SUCCEEDED SUCCEEDED 1 1783349720.582 1783349720.582 1783349798.46 1783349798.46",
        None,
        estimated(0.0625 * 71),
    ),
    "07_get_job_runs_running_2021_cliv2": (
        "cdk-test-glue-python-job",
        "jr_c14390561406a75616f270734b658e17f7175895f3fc3c289279b708840e5584",
        "RUNNING RUNNING 1 1637210222.488 1637210222.488 1637210226.008 -",
        None,
        estimated(0.0625 * 60),
    ),
    "12_get_job_run_wire_pkb": (
        "pkb-deadbeef-0",
        "jr_01234567890abcdef",
        "SUCCEEDED SUCCEEDED 1 1675103057.784 1675103057.784 1675105738.096 1675105738.096",
        None,
        estimated(32.0 * 2672),
    ),
    "14_get_job_run_running_2026_cliv2": (
        "orcaglue-dev-spreadsheet-library-tracking-metadata-job",
        "jr_1cd13010b965e071fee72fa776211224feb6b3e0f2d42f7fe87178485cdeab65",
        "RUNNING RUNNING 1 1781764028.401 1781764028.401 1781764031.787 -",
        None,
        None,
    ),
    "16_workflow_jobrun_failed_2024": (
        "Redshift DBT Job",
        "jr_108804857dd29cb1857c92d3e8bf0b48f7685c246e56125b713eb6ea7ebfe4e2",
        "FAILED FAILED 1 1727716079.185 1727716079.185 1727716083.003 1727716083.003",
        "Error Message",
        estimated(0),
    ),
    "21_js_sdk_running_flex_fields": (
        "s3_rds_transacciones_izimc_pos",
        "jr_b4a2515fad781325468f4af1263a2781a99e47b1833182731f458c11170a71d9",
        "RUNNING RUNNING 1 1727889812.703 1727889812.703 1727889816.623 -",
        None,
        estimated(10.0 * 60),
    ),
    "26_TEST_get_job_run_failed_every_field": (
        "test job name",
        "test_run_id123",
        "FAILED FAILED 1 1704981066 1704981066 1704981306 1704981486",
        "An error occurred while running the job.",
        estimated(10.0 * 100),
    ),
}


async def glue_runs(name: str, job_name: str, run_id: str) -> list[JobRun[Any]]:
    body, operation = published(name), BODIES[name].operation
    job = glue_job(job_name, **{operation: body})
    return [await job.run(run_id)] if operation == "GetJobRun" else [run async for run in job.runs()]


def test_every_published_answer_that_tells_of_runs_is_expected_here() -> None:
    telling = {name for name, body in BODIES.items() if body.operation in {"GetJobRun", "GetJobRuns", "ListJobRuns"}}
    here = {f"emr_serverless/{name}.json" for name in PUBLISHED_EMR_SERVERLESS}
    here |= {f"glue/{name}.json" for name in PUBLISHED_GLUE}

    assert telling == here | {"glue/03_get_job_runs_retries_awscli.json"}


@pytest.mark.parametrize("name", PUBLISHED_EMR_SERVERLESS)
async def test_published_runs_of_emr_serverless(name: str) -> None:
    expected = PUBLISHED_EMR_SERVERLESS[name]
    application_id, _, run_id = str(expected["ref"]).partition(":")[2].partition("/")
    app = application(application_id, GetJobRun=published(f"emr_serverless/{name}.json"))
    run = await app.run(run_id)

    found = {**members(run), "ref": str(run.ref)}
    assert {member: value for member, value in found.items() if member != "native"} == expected


@pytest.mark.parametrize("name", PUBLISHED_GLUE)
async def test_published_runs_of_glue(name: str) -> None:
    job, run_id, line, message, usage = PUBLISHED_GLUE[name]
    (run,) = await glue_runs(f"glue/{name}.json", job, run_id)

    assert told("", run).strip() == line
    assert (run.ref, run.name, run.message, run.usage) == (JobRef("glue", job).run(run_id), job, message, usage)
    assert run.created_by is None


async def test_published_retries_of_glue() -> None:
    succeeded, failed = await glue_runs("glue/03_get_job_runs_retries_awscli.json", "my-testing-job", "")

    assert told(succeeded.id[:6], succeeded).startswith("jr_012 SUCCEEDED SUCCEEDED 1 ")
    assert failed.id == "jr_03cc19ddab11c4e244d3f735567de74ff93b0b3ef468a713ffe73e53d1aec08f"
    assert told("", failed) == " FAILED FAILED 3 1602811020.518 1602811020.518 1602811282.39 1602811282.39"
    assert failed.usage is None
    assert failed.message is not None
    assert failed.message.endswith("AqzdMDM/U=)")
