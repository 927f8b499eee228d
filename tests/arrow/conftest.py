"""A local service with a little of everything; AWS's environment is hidden."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.transport.environment import no_aws_environment, one_authority
from tests.unit.values import CANARY

__all__ = ["no_aws_environment", "one_authority"]

JOBS = ("glue:nightly-etl", "emr-serverless:00f1abcdefgh0909", "datazone:dzd_4p9n6sw4qt9xgn/job42")


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as service:
        service.add_glue_job("nightly-etl", max_retries=2)
        service.add_application("00f1abcdefgh0909")
        service.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42")
        service.add_run(JOBS[0], state="FAILED", attempts=3, message="disk full")
        service.add_runs(JOBS[0], 8, arguments={"--password": CANARY})
        for job in JOBS[1:]:
            service.add_runs(job, 8, state="SUCCESS")
        service.add_run(JOBS[1])  # which goes on
        yield service
        assert service.problems == []


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
