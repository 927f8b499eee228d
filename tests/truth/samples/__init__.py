"""Answers of the three services as bytes: published ones, where they are at hand, and our own.

Published ones lie outside this repository, in the folder that JOBRUNS_SAMPLES names, else in ``../shared/samples``. Our
own were made up after the models for what nobody published: ``<service>/<operation>/<case>.json``, in wire form.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

OWN: Final = Path(__file__).parent
PUBLISHED: Final = Path(os.environ.get("JOBRUNS_SAMPLES") or OWN.parents[3] / "shared" / "samples")


class Body(NamedTuple):
    """The operation that answers so, and what was published of its answer only in part."""

    operation: str
    before: bytes = b""
    after: bytes = b""


_START = Body("StartJobRun")
_ONE_RUN = Body("GetJobRun", b'{"JobRun":', b"}")

BODIES: Final = {
    "emr_serverless/01_start_job_run_hive.json": _START,
    "emr_serverless/02_start_job_run_pyspark.json": _START,
    "emr_serverless/03_start_job_run_openalex.json": _START,
    "emr_serverless/04_get_job_run_success_spark_cliv2.json": Body("GetJobRun"),
    "emr_serverless/05_start_job_run_redacted_account.json": _START,
    "emr_serverless/06_get_job_run_running_hive_cliv2.json": Body("GetJobRun"),
    "emr_serverless/07_start_job_run_redacted_dots.json": _START,
    "emr_serverless/08_get_job_run_success_wire_pkb.json": Body("GetJobRun"),
    "emr_serverless/09_start_job_run_pkb.json": _START,
    "emr_serverless/14_TEST_get_job_run_failed_minimal.json": Body("GetJobRun"),
    "glue/01_start_job_run_awscli.json": _START,
    "glue/02_get_job_run_succeeded_awscli.json": Body("GetJobRun"),
    "glue/03_get_job_runs_retries_awscli.json": Body("GetJobRuns"),
    "glue/04_batch_stop_job_run_ok_awscli.json": Body("BatchStopJobRun"),
    "glue/05_get_job_runs_pythonshell_2026_cliv2.json": Body("GetJobRuns"),
    "glue/07_get_job_runs_running_2021_cliv2.json": Body("GetJobRuns"),
    "glue/11_start_job_run_sam.json": _START,
    "glue/12_get_job_run_wire_pkb.json": Body("GetJobRun"),
    "glue/13_start_job_run_orcaglue.json": _START,
    "glue/14_get_job_run_running_2026_cliv2.json": Body("GetJobRun"),
    "glue/16_workflow_jobrun_failed_2024.json": _ONE_RUN,
    "glue/21_js_sdk_running_flex_fields.json": _ONE_RUN,
    "glue/23_get_job_bookmark_first.json": Body("GetJobBookmark"),
    "glue/24_get_job_bookmark_second.json": Body("GetJobBookmark"),
    "glue/26_TEST_get_job_run_failed_every_field.json": Body("GetJobRun"),
}

_STEP_FUNCTIONS = "Step Functions rewrites times to milliseconds and wraps the run: not what the API answers"
_EVENT = "an EventBridge event, not an answer"
_REPAIRED = "not JSON as it was published; the repaired file beside it is read"
_PLACEHOLDERS = "placeholders of a documentation page"
_OTHER_OPERATION = "an answer of GetWorkflow, which is not used; a test reads its run alone"

LEFT_OUT: Final = {
    "INDEX.md": "the list of these files",
    "datazone/01_DOC_list_job_runs_troubleshooting.txt": _PLACEHOLDERS,
    "datazone/02_DOC_get_job_run_troubleshooting.txt": _PLACEHOLDERS,
    "datazone/03_DOC_SYNTAX_get_job_run_js.txt": _PLACEHOLDERS,
    "emr_serverless/10_event_state_change_success_real.json": _EVENT,
    "emr_serverless/11_event_state_change_running_doc.json": _EVENT,
    "emr_serverless/12_event_retry_attempt_doc.json": _EVENT,
    "emr_serverless/13_event_resource_utilization_doc.json": _EVENT,
    "emr_serverless/15_state_details_failed_real_strings.json": "texts alone; a test puts them into runs",
    "emr_serverless/16_DOC_SYNTAX_list_job_run_attempts.txt": _PLACEHOLDERS,
    "emr_serverless/17_DOC_SYNTAX_list_job_runs.txt": _PLACEHOLDERS,
    "errors/01_glue_throttling_sfn_knowledge_center.json": _STEP_FUNCTIONS,
    "errors/02_real_error_texts.json": "texts of botocore's exceptions",
    "glue/03_get_job_runs_retries_awscli.verbatim.txt": _REPAIRED,
    "glue/06_sfn_output_pythonshell_2026.json": _STEP_FUNCTIONS,
    "glue/08_sfn_output_2021.json": _STEP_FUNCTIONS,
    "glue/09_sfn_output_jobmode.json": _STEP_FUNCTIONS,
    "glue/10_sfn_output_2021_float_capacity.json": _STEP_FUNCTIONS,
    "glue/15_workflow_node_jobrun_failed_no_message.json": _OTHER_OPERATION,
    "glue/17_sfn_success_g1x.json": _STEP_FUNCTIONS,
    "glue/18_sfn_failed_dpuseconds.json": _STEP_FUNCTIONS,
    "glue/19_sfn_failed_missing_path.json": _STEP_FUNCTIONS,
    "glue/20_sfn_success_many_arguments.json": _STEP_FUNCTIONS,
    "glue/22_boto3_repr_succeeded.txt": "the repr of a Python dict",
    "glue/24_get_job_bookmark_second.verbatim.txt": _REPAIRED,
    "glue/25_partial_states_from_tests.txt": "two fragments of runs; a test reads them line by line",
    "glue/27_TEST_event_glue_job_state_change.json": _EVENT,
    "glue/28_failed_reason_pyspark_traceback.txt": "a line of a log",
}


def published(name: str) -> bytes:
    """Return a published answer, one of ``BODIES``; skip the test if the folder is not there."""
    body = BODIES[name]
    return body.before + published_file(name) + body.after


def published_file(name: str) -> bytes:
    """Return a published file as it is; skip the test if the folder is not there."""
    if not PUBLISHED.is_dir():
        pytest.skip(f"the published samples are not at {PUBLISHED}; JOBRUNS_SAMPLES may name another folder")
    return (PUBLISHED / name).read_bytes()


def own(service: str, operation: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the body of each of our own samples of an operation, ``own("glue", "GetJobRun")``."""
    for path in sorted((OWN / service / operation).glob("*.json")):
        yield path.stem, path.read_bytes()


def own_body(service: str, operation: str, case: str) -> bytes:
    """Return one of our own samples, ``own_body("glue", "GetJobRun", "stopped")``."""
    return (OWN / service / operation / f"{case}.json").read_bytes()
