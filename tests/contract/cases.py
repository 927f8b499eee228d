"""What the services have in common, and the names that each has for it."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

import attrs
from aiobotocore.session import AioSession

from jobruns_sdk import JobRef, JobRun, JobRunsClient, RunState
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService

MINUTE: Final = timedelta(minutes=1)
MILLISECOND: Final = timedelta(milliseconds=1)
TICK: Final = timedelta(microseconds=1)


@attrs.frozen
class Case:
    """A service as the shared tests see it.

    Attributes:
        job: The job whose runs are read.
        prepare: Adds that job to the local service.
        list_runs: The operation that lists runs.
        get_run: The operation that gets one.
        page_size: The name of the member that asks for a size of page.
        token: The name of the member that asks for a page.
        rows: The member of a list's answer that holds the rows.
        run_id: The member of a row that holds its id.
        status: The member of a row that holds its state.
        largest_page: The largest page there is.
        states: What each of the service's states means.
    """

    job: str
    prepare: Callable[[LocalService], object]
    list_runs: str
    get_run: str
    page_size: str
    token: str
    rows: str
    run_id: str
    status: str
    largest_page: int
    states: Mapping[str, RunState]

    @property
    def service(self) -> str:
        """The service's name."""
        return self.job.partition(":")[0]

    @property
    def ref(self) -> JobRef:
        """The job's reference as the local service's client completes it."""
        return JobRef.parse(f"{self.job}?region=us-east-1")

    def of(self, client: JobRunsClient) -> Handle:
        """The job's handle."""
        return client.handle(self.job)

    def asked(self, local: LocalService, member: str) -> list[Any]:
        """What the list requests gave for a member, None where they left it out."""
        return [request.params.get(member) for request in local.requests if self._lists(request.operation)]

    def _lists(self, operation: str) -> bool:
        return self.list_runs.endswith(f":{operation}")


GLUE: Final = Case(
    job="glue:etl",
    prepare=lambda local: local.add_glue_job("etl", max_retries=3),
    list_runs="glue:GetJobRuns",
    get_run="glue:GetJobRun",
    page_size="MaxResults",
    token="NextToken",  # noqa: S106  # a member's name
    rows="JobRuns",
    run_id="Id",
    status="JobRunState",
    largest_page=200,
    states={
        "WAITING": RunState.QUEUED,
        "STARTING": RunState.STARTING,
        "RUNNING": RunState.RUNNING,
        "STOPPING": RunState.STOPPING,
        "SUCCEEDED": RunState.SUCCEEDED,
        "FAILED": RunState.FAILED,
        "ERROR": RunState.FAILED,
        "STOPPED": RunState.STOPPED,
        "TIMEOUT": RunState.TIMED_OUT,
        "EXPIRED": RunState.TIMED_OUT,
    },
)
EMR_SERVERLESS: Final = Case(
    job="emr-serverless:00f1abc",
    prepare=lambda local: local.add_application("00f1abc"),
    list_runs="emr-serverless:ListJobRuns",
    get_run="emr-serverless:GetJobRun",
    page_size="maxResults",
    token="nextToken",  # noqa: S106  # a member's name
    rows="jobRuns",
    run_id="id",
    status="state",
    largest_page=50,
    states={
        "SUBMITTED": RunState.QUEUED,
        "QUEUED": RunState.QUEUED,
        "PENDING": RunState.QUEUED,
        "SCHEDULED": RunState.STARTING,
        "RUNNING": RunState.RUNNING,
        "CANCELLING": RunState.STOPPING,
        "SUCCESS": RunState.SUCCEEDED,
        "FAILED": RunState.FAILED,
        "CANCELLED": RunState.STOPPED,
    },
)
DATAZONE: Final = Case(
    job="datazone:dzd_x/job42",
    prepare=lambda local: local.add_datazone_job("dzd_x", "job42"),
    list_runs="datazone:ListJobRuns",
    get_run="datazone:GetJobRun",
    page_size="maxResults",
    token="nextToken",  # noqa: S106  # a member's name
    rows="items",
    run_id="runId",
    status="status",
    largest_page=50,
    states={
        "SCHEDULED": RunState.QUEUED,
        "IN_PROGRESS": RunState.RUNNING,
        "SUCCESS": RunState.SUCCEEDED,
        "PARTIALLY_SUCCEEDED": RunState.PARTIALLY_SUCCEEDED,
        "FAILED": RunState.FAILED,
        "ABORTED": RunState.FAILED,
        "TIMED_OUT": RunState.TIMED_OUT,
        "CANCELED": RunState.STOPPED,
    },
)
CASES: Final = (GLUE, EMR_SERVERLESS, DATAZONE)


def seed(local: LocalService, case: Case, count: int, state: str = "SUCCEEDED") -> list[str]:
    """Add runs of the past, a minute apart; return their ids, the newest first."""
    return local.add_runs(case.job, count, state=state)[::-1]


def seed_in_turn(local: LocalService, case: Case, count: int, *states: str) -> list[str]:
    """Add runs of the past, a minute apart, in these states by turns; return their ids, the newest first."""
    until = local.clock.now() - 60 * MINUTE
    return [
        local.add_run(case.job, state=states[index % len(states)], created_at=until - index * MINUTE)
        for index in range(count)
    ]


def ids(runs: list[JobRun[Any]]) -> list[str]:
    """The ids of runs."""
    return [run.id for run in runs]


def client_of(local: LocalService, session: AioSession, **options: Any) -> JobRunsClient:  # noqa: ANN401  # passed on
    """A client of the local service that shares a session, which costs 20 ms to make."""
    return JobRunsClient(
        session=session, region_name=local.region_name, endpoint_url=local.url, clock=local.clock, **options
    )


async def until_asked(local: LocalService, operation: str, times: int) -> None:
    """Return once the local service has been asked that often."""
    while local.calls(operation) < times:  # noqa: ASYNC110  # what happens in the service's thread sets no event here
        await asyncio.sleep(0)
