"""A fault in the middle of a walk costs requests, and no run: each comes once, in order."""

from typing import Final

import pytest

from jobruns_sdk import JobRunsError
from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.faults import FaultKind
from tests.dangers.faults.operations import JOBS
from tests.transport.clients import client_at

PAGES: Final = 5
PAGE: Final = 4
FAULTS: Final[tuple[FaultKind, ...]] = ("reset_before", "reset_after", "truncate", "error500", "html503", "throttle")

pytestmark = pytest.mark.local("emr-serverless:00f1", "datazone:dzd_x/job42", "glue:etl")


@pytest.fixture(params=sorted(JOBS))
async def job(request: pytest.FixtureRequest, local: LocalService) -> str:
    job = JOBS[request.param]
    local.add_runs(job, PAGE * PAGES)
    return job


async def listed(local: LocalService, job: str) -> list[str]:
    async with client_at(local.url, clock=local.clock) as client:
        return [run.id async for run in client.handle(job).runs(page_size=PAGE)]


@pytest.mark.parametrize("kind", FAULTS)
async def test_a_fault_on_any_page_costs_a_request_and_no_run(local: LocalService, job: str, kind: FaultKind) -> None:
    expected = await listed(local, job)
    assert sorted(expected) == sorted(local.states(job))
    for page in range(PAGES):
        local.forget_requests()
        local.fault("*", kind, after=page)

        assert await listed(local, job) == expected, page
        assert local.calls() == PAGES + 1


@pytest.mark.parametrize("kind", [*FAULTS, "wrong_content"])
async def test_a_fault_that_outlasts_a_call_costs_no_run_of_a_walk_that_goes_on(
    local: LocalService, job: str, kind: FaultKind
) -> None:
    expected = await listed(local, job)
    for page in range(PAGES):
        local.fault("*", kind, after=page, times=None)
        async with (
            client_at(local.url, clock=local.clock, max_attempts=2) as client,
            client.handle(job).runs(page_size=PAGE).open() as walk,
        ):
            before = [(await anext(walk)).id for _ in range(page * PAGE)]
            with pytest.raises(JobRunsError):
                await anext(walk)
            cursor = walk.cursor
            local.clear_faults()

            assert before + [run.id async for run in walk] == expected
            resumed = client.handle(job).runs(page_size=PAGE, cursor=cursor)
            assert before + [run.id async for run in resumed] == expected
