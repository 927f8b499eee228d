"""A local service with a little of everything, and a client that needs no event loop; AWS's environment is hidden."""

import asyncio
from collections.abc import Iterator

import pytest

from jobruns_sdk.sync import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import session_of
from tests.transport.clients import settings_of
from tests.unit.values import CANARY

JOBS = ("glue:nightly-etl", "emr-serverless:00f1abcdefgh0909", "datazone:dzd_4p9n6sw4qt9xgn/job42")
SESSION = session_of()  # it keeps the service models that it has loaded, which takes longer than most tests


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as service:
        service.add_glue_job("nightly-etl", max_retries=2)
        service.add_application("00f1abcdefgh0909")
        service.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42")
        service.add_run(JOBS[0], state="FAILED", attempts=3, message="disk full")
        service.add_runs(JOBS[0], 8, arguments={"--password": CANARY})
        service.add_run(JOBS[1], run_id="00f0000000000000", state="SUCCESS")
        for job in JOBS[1:]:
            service.add_runs(job, 8, state="SUCCESS")
        service.add_run(JOBS[1])  # which goes on
        yield service
        assert service.problems == []


@pytest.fixture
def client(local: LocalService) -> Iterator[JobRunsClient]:
    with JobRunsClient(**settings_of(local, session=SESSION, quotas=None)) as client:
        yield client


def others(client: JobRunsClient) -> int:
    """How many tasks go on in the client's event loop, after what was cancelled has had its turns."""

    async def count() -> int:
        for _ in range(5):
            await asyncio.sleep(0)
        return len(asyncio.all_tasks()) - 2  # this one, and the one that waits for the end

    return client.bridge.run(count())
