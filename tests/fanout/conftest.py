"""A local service for each test, whose own failures fail the test, and a client for it; AWS's environment is hidden."""

from collections.abc import AsyncIterator

import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
