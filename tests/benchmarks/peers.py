"""The same pages read by this package, and by those that it is compared with."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import attrs
import boto3
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRunsClient
from tests.benchmarks.server import EMR_ROWS, GLUE_ROWS

REGION: Final = "eu-west-1"
_KEY: Final = "benchmark"

Read = Callable[[int], Awaitable[int]]
"""Reads so many pages, and returns how many runs were in them."""


class _NoParser:
    """What is left of aiobotocore without its parser: it signs, sends and receives."""

    async def parse(self, response: Mapping[str, Any], shape: object) -> dict[str, Any]:
        del shape
        assert response["status_code"] == 200
        return {"ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": response["headers"]}}


class _NoParsers:
    def create_parser(self, protocol: str) -> _NoParser:
        del protocol
        return _NoParser()

    def set_parser_defaults(self, **_: object) -> None:
        """Have no defaults."""


@attrs.frozen
class Service:
    """How a service is asked for its runs.

    Attributes:
        name: As botocore has it.
        operation: The client's method that lists runs.
        job: The parameter that names the job.
        token: The parameter that names the page.
        size: The parameter that says how many rows a page has.
        rows: The member of an answer that holds them.
        page_size: How many they are.
    """

    name: str
    operation: str
    job: str
    token: str
    size: str
    rows: str
    page_size: int


EMR: Final = Service("emr-serverless", "list_job_runs", "applicationId", "nextToken", "maxResults", "jobRuns", EMR_ROWS)
GLUE: Final = Service("glue", "get_job_runs", "JobName", "NextToken", "MaxResults", "JobRuns", GLUE_ROWS)


def session_of() -> AioSession:
    """Return a session with credentials."""
    session = get_session()
    session.set_credentials(_KEY, _KEY)
    return session


def sdk_client(url: str) -> JobRunsClient:
    """Return a client of this package, not opened yet."""
    return JobRunsClient(session=session_of(), region_name=REGION, endpoint_url=url, quotas=None)


def aiobotocore_client(
    service: Service, url: str, *, session: AioSession | None = None, config: AioConfig | None = None
) -> Any:  # noqa: ANN401  # untyped
    """Return a client of aiobotocore as its documentation makes one, not opened yet."""
    maker: Any = session or session_of()
    return maker.create_client(service.name, region_name=REGION, endpoint_url=url, config=config)


def sdk_reader(client: JobRunsClient, service: Service) -> Read:
    """Read with this package: typed runs, one by one."""

    async def read(pages: int) -> int:
        handle = client.glue(str(pages)) if service is GLUE else client.emr_serverless(str(pages))
        count = 0
        async for _ in handle.runs():
            count += 1
        return count

    return read


def aiobotocore_reader(client: Any, service: Service) -> Read:  # noqa: ANN401  # untyped
    """Read with aiobotocore's paginator: dicts."""

    async def read(pages: int) -> int:
        count = 0
        paginator = client.get_paginator(service.operation)
        config = {"PageSize": service.page_size}
        async for page in paginator.paginate(**{service.job: str(pages)}, PaginationConfig=config):
            for _ in page[service.rows]:
                count += 1
        return count

    return read


def floor_reader(client: Any, service: Service) -> Read:  # noqa: ANN401  # untyped
    """Receive with aiobotocore and look at nothing, so that the next token has to be known."""

    async def read(pages: int) -> int:
        call = getattr(client, service.operation)
        for number in range(pages):
            token = {service.token: str(number)} if number else {}
            await call(**{service.job: str(pages), service.size: service.page_size}, **token)
        return pages * service.page_size

    return read


def boto3_reader(service: Service, url: str) -> Read:
    """Read with boto3's paginator: dicts, and the event loop stands still."""
    session: Any = boto3.session.Session(_KEY, _KEY, region_name=REGION)
    client = session.client(service.name, endpoint_url=url)

    async def read(pages: int) -> int:
        paginator = client.get_paginator(service.operation)
        config = {"PageSize": service.page_size}
        answers = paginator.paginate(**{service.job: str(pages)}, PaginationConfig=config)
        return sum(1 for page in answers for _ in page[service.rows])

    return read


@asynccontextmanager
async def readers(service: Service, url: str) -> AsyncGenerator[dict[str, Read]]:
    """Open a client of each kind; return how each reads, by name."""
    bare = session_of()
    bare.register_component("response_parser_factory", _NoParsers())
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(sdk_client(url))
        theirs = await stack.enter_async_context(aiobotocore_client(service, url))
        floor = await stack.enter_async_context(aiobotocore_client(service, url, session=bare))
        yield {
            "jobruns_sdk": sdk_reader(client, service),
            "aiobotocore": aiobotocore_reader(theirs, service),
            "floor": floor_reader(floor, service),
            "boto3": boto3_reader(service, url),
        }
