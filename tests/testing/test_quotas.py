"""Published quotas, switched on: what comes too often is throttled, by the service's own clock."""

from functools import partial
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from jobruns_sdk.testing import LocalService
from tests.testing.conftest import emr_at, glue_at

if TYPE_CHECKING:
    from collections.abc import Callable


def accepted(call: "Callable[[], object]", times: int) -> int:
    """How many of so many calls are not throttled."""
    count = 0
    for _ in range(times):
        try:
            call()
        except ClientError as error:
            assert error.response.get("Error", {}).get("Code") == "ThrottlingException"  # noqa: PT017  # and counted
        else:
            count += 1
    return count


def test_a_burst_is_accepted_and_then_a_call_each_second() -> None:
    with LocalService(quotas=True, auto_advance=False) as local, emr_at(local.url) as emr:
        app = local.add_application()
        assert accepted(lambda: emr.list_job_runs(applicationId=app), 40) == 25
        assert accepted(lambda: emr.list_applications(), 60) == 50  # noqa: PLW0108  # any arguments would be refused
        local.advance(3)
        assert accepted(lambda: emr.list_job_runs(applicationId=app), 10) == 3
        local.advance(1000)
        assert accepted(lambda: emr.list_job_runs(applicationId=app), 40) == 25


def test_any_operation_may_have_a_quota() -> None:
    with LocalService(quotas={"GetJobRuns": (0.5, 2)}, auto_advance=False) as local, glue_at(local.url) as glue:
        local.add_glue_job("etl")
        assert accepted(lambda: glue.get_job_runs(JobName="etl"), 5) == 2
        assert accepted(lambda: glue.get_job(JobName="etl"), 50) == 50
        local.advance(2)
        assert accepted(lambda: glue.get_job_runs(JobName="etl"), 5) == 1


def test_nothing_is_throttled_unless_asked_for() -> None:
    with LocalService() as local, emr_at(local.url) as emr:
        app = local.add_application()
        assert accepted(lambda: emr.list_job_runs(applicationId=app), 60) == 60


def test_a_refused_call_costs_nothing() -> None:
    with LocalService(quotas={"GetJob": (1, 1)}, auto_advance=False) as local, glue_at(local.url) as glue:
        local.add_glue_job("etl")
        assert accepted(lambda: glue.get_job(JobName="etl"), 100) == 1
        local.advance(1)
        with pytest.raises(glue.exceptions.EntityNotFoundException):
            glue.get_job(JobName="unknown")
        assert accepted(lambda: glue.get_job(JobName="etl"), 1) == 0


def test_each_account_and_region_has_quotas_of_its_own() -> None:
    places = [
        {},
        {"region_name": "eu-west-1"},
        {"aws_access_key_id": "444455556666", "aws_secret_access_key": "other"},
    ]
    with LocalService(quotas={"GetJobRuns": (1, 2)}, auto_advance=False) as local:
        local.everywhere(lambda account: account.add_glue_job("etl"))
        for place in places:
            with glue_at(local.url, **place) as glue:
                assert accepted(partial(glue.get_job_runs, JobName="etl"), 5) == 2
