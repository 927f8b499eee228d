"""Pages and their tokens: complete, unshifted, bound to their query, and good for a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from jobruns_sdk.testing import LocalService
from tests.testing.conftest import emr_at, glue_at

if TYPE_CHECKING:
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str | None:
    return error.value.response.get("Error", {}).get("Code")


def walk(glue: "GlueClient", size: int, between: Callable[[], object] = lambda: None) -> list[str]:
    """The ids on all pages, with something done after each page."""
    ids: list[str] = []
    token = ""
    while True:
        more = {"NextToken": token} if token else {}
        page = glue.get_job_runs(JobName="etl", MaxResults=size, **more)
        ids += [row.get("Id", "") for row in page["JobRuns"]]
        token = page.get("NextToken", "")
        if not token:
            return ids
        between()


@pytest.mark.parametrize("size", [1, 2, 7, 50, 199, 200])
def test_pages_of_any_size_hold_every_row_once(local: LocalService, glue: "GlueClient", size: int) -> None:
    local.add_glue_job("etl")
    ids = local.add_runs("glue:etl", 200 if size > 10 else 21)
    assert walk(glue, size) == ids[::-1]


def test_pages_do_not_shift_while_runs_are_added(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    ids = local.add_runs("glue:etl", 20)
    assert walk(glue, 3, lambda: local.add_run("glue:etl", state="FAILED")) == ids[::-1]


def test_pages_by_offset_shift_as_those_of_other_services_do() -> None:
    with LocalService(tokens="offset") as local, glue_at(local.url) as glue:
        local.add_glue_job("etl")
        ids = local.add_runs("glue:etl", 4)
        assert walk(glue, 2) == ids[::-1]
        seen = walk(glue, 2, lambda: local.add_run("glue:etl", state="FAILED"))
        assert len(seen) > len(set(seen))


def test_there_is_no_token_after_the_last_row(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 2)
    assert "NextToken" not in glue.get_job_runs(JobName="etl", MaxResults=2)
    assert "NextToken" in glue.get_job_runs(JobName="etl", MaxResults=1)


def test_a_token_is_good_for_a_day(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 3)
    token = glue.get_job_runs(JobName="etl", MaxResults=1).get("NextToken", "")
    local.advance(timedelta(hours=24))
    glue.get_job_runs(JobName="etl", NextToken=token)
    local.advance(1)
    with pytest.raises(glue.exceptions.InvalidInputException, match="expired"):
        glue.get_job_runs(JobName="etl", NextToken=token)


def test_a_token_of_another_query_is_refused(
    local: LocalService, glue: "GlueClient", emr: "EMRServerlessClient"
) -> None:
    local.add_glue_job("etl")
    local.add_glue_job("other")
    local.add_runs("glue:etl", 3)
    app = local.add_application()
    local.add_runs(f"emr-serverless:{app}", 3)
    token = glue.get_job_runs(JobName="etl", MaxResults=1).get("NextToken", "")
    with pytest.raises(glue.exceptions.InvalidInputException, match="invalid"):
        glue.get_job_runs(JobName="other", NextToken=token)
    filtered = emr.list_job_runs(applicationId=app, states=["SUCCESS"], maxResults=1).get("nextToken", "")
    with pytest.raises(emr.exceptions.ValidationException, match="invalid"):
        emr.list_job_runs(applicationId=app, nextToken=filtered)


@pytest.mark.parametrize("damage", ["", "x", "é", "AAAA", "====", "e30=", "\x00"])
def test_a_damaged_token_is_refused(local: LocalService, glue: "GlueClient", damage: str) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 3)
    token = glue.get_job_runs(JobName="etl", MaxResults=1).get("NextToken", "")
    for text in (damage, token[:-5] + damage, damage + token[3:]):
        if text:
            with pytest.raises(glue.exceptions.InvalidInputException):
                glue.get_job_runs(JobName="etl", NextToken=text)


def test_every_list_operation_has_pages(local: LocalService, glue: "GlueClient", emr: "EMRServerlessClient") -> None:
    for index in range(5):
        local.add_glue_job(f"job{index}")
        local.add_application(f"00app{index}")
    run_id = local.add_run("emr-serverless:00app0", state="SUCCESS", attempts=5)
    names = [
        name
        for page in glue.get_paginator("list_jobs").paginate(PaginationConfig={"PageSize": 2})
        for name in page["JobNames"]
    ]
    assert names == [f"job{index}" for index in range(5)]
    pages = emr.get_paginator("list_applications").paginate(PaginationConfig={"PageSize": 2})
    assert [app["id"] for page in pages for app in page["applications"]] == [f"00app{index}" for index in range(5)]
    attempts = emr.get_paginator("list_job_run_attempts").paginate(
        applicationId="00app0", jobRunId=run_id, PaginationConfig={"PageSize": 2}
    )
    assert [row.get("attempt") for page in attempts for row in page["jobRunAttempts"]] == [5, 4, 3, 2, 1]


def test_a_grouped_listing_goes_on_in_its_group(local: LocalService, emr: "EMRServerlessClient") -> None:
    app = local.add_application()
    name = f"emr-serverless:{app}"
    for _ in range(5):
        local.add_run(name, state="FAILED")
        local.add_run(name, state="SUCCESS")
    pages = emr.get_paginator("list_job_runs").paginate(
        applicationId=app, states=["SUCCESS", "FAILED"], PaginationConfig={"PageSize": 3}
    )
    rows = [(row["state"], row["id"]) for page in pages for row in page["jobRuns"]]
    assert [state for state, _ in rows] == ["SUCCESS"] * 5 + ["FAILED"] * 5
    assert len({run_id for _, run_id in rows}) == 10


def test_the_window_can_leave_its_edges_out() -> None:
    with LocalService(exclusive_window=True) as local, emr_at(local.url) as emr:
        app = local.add_application()
        at = local.clock.now() - timedelta(hours=1)
        local.add_run(f"emr-serverless:{app}", state="SUCCESS", created_at=at)
        assert emr.list_job_runs(applicationId=app, createdAtAfter=at)["jobRuns"] == []
        assert len(emr.list_job_runs(applicationId=app, createdAtAfter=at - timedelta(milliseconds=1))["jobRuns"]) == 1


def test_runs_may_be_added_in_any_order(local: LocalService, glue: "GlueClient") -> None:
    local.add_glue_job("etl")
    now = local.clock.now()
    hours = [5, 1, 9, 3, 7]
    for hour in hours:
        local.add_run("glue:etl", run_id=f"jr_{hour}", state="FAILED", created_at=now - timedelta(hours=hour))
    assert walk(glue, 2) == [f"jr_{hour}" for hour in sorted(hours)]
