"""A local service for each test, whose own failures fail the test, and a client for it; AWS's environment is hidden."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.transport.environment import no_aws_environment, one_authority

__all__ = ["no_aws_environment", "one_authority"]


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as service:
        yield service
        assert service.problems == []


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
