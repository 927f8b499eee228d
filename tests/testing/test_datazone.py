"""DataZone's lives, as boto3 sees them."""

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk.testing import LocalService

if TYPE_CHECKING:
    from mypy_boto3_datazone import DataZoneClient

JOB = "datazone:dzd_x/job42"


def test_a_run_is_scheduled_runs_and_ends(local: LocalService, datazone: "DataZoneClient") -> None:
    local.add_datazone_job("dzd_x", "job42", duration=timedelta(minutes=5), startup=timedelta(minutes=1))
    run_id = local.add_run(JOB, outcome="PARTIALLY_SUCCEEDED", message="3 of 40 queries failed")
    seen: list[str] = []
    for _ in range(4):
        seen.append(datazone.get_job_run(domainIdentifier="dzd_x", identifier=run_id)["status"])
        local.advance(timedelta(minutes=2))
    assert seen == ["SCHEDULED", "IN_PROGRESS", "IN_PROGRESS", "PARTIALLY_SUCCEEDED"]
    run = datazone.get_job_run(domainIdentifier="dzd_x", identifier=run_id)
    queries = run["details"].get("lineageRunDetails", {}).get("sqlQueryRunDetails", {})
    assert run["error"] == {"message": "3 of 40 queries failed"}
    assert (queries.get("totalQueriesProcessed"), queries.get("numQueriesFailed")) == (40, 3)
    assert run["endTime"] - run["startTime"] == timedelta(minutes=5)


def test_runs_are_sorted_and_filtered(local: LocalService, datazone: "DataZoneClient") -> None:
    local.add_datazone_job("dzd_x", "job42")
    ids = [local.add_run(JOB, state=state) for state in ("SUCCESS", "FAILED", "ABORTED", "FAILED")]
    listed = datazone.list_job_runs(domainIdentifier="dzd_x", jobIdentifier="job42")["items"]
    assert [row.get("runId") for row in listed] == ids[::-1]
    oldest = datazone.list_job_runs(
        domainIdentifier="dzd_x", jobIdentifier="job42", sortOrder="ASCENDING", maxResults=2
    )
    rest = datazone.list_job_runs(
        domainIdentifier="dzd_x", jobIdentifier="job42", sortOrder="ASCENDING", nextToken=oldest.get("nextToken", "")
    )
    assert [row.get("runId") for row in oldest["items"] + rest["items"]] == ids
    failed = datazone.list_job_runs(domainIdentifier="dzd_x", jobIdentifier="job42", status="FAILED")["items"]
    assert [row.get("runId") for row in failed] == [ids[3], ids[1]]


def test_domains_jobs_and_runs_that_do_not_exist_are_not_found(local: LocalService, datazone: "DataZoneClient") -> None:
    local.add_datazone_job("dzd_x", "job42")
    with pytest.raises(datazone.exceptions.ResourceNotFoundException):
        datazone.list_job_runs(domainIdentifier="dzd_y", jobIdentifier="job42")
    with pytest.raises(datazone.exceptions.ResourceNotFoundException):
        datazone.list_job_runs(domainIdentifier="dzd_x", jobIdentifier="job43")
    with pytest.raises(datazone.exceptions.ResourceNotFoundException):
        datazone.get_job_run(domainIdentifier="dzd_x", identifier="unknown")


def test_it_throttles_with_a_status_of_its_own(local: LocalService, datazone: "DataZoneClient") -> None:
    local.add_datazone_job("dzd_x", "job42")
    local.fault("datazone:*", "throttle")
    with pytest.raises(datazone.exceptions.ThrottlingException) as error:
        datazone.list_job_runs(domainIdentifier="dzd_x", jobIdentifier="job42")
    assert error.value.response.get("ResponseMetadata", {}).get("HTTPStatusCode") == 429
