"""A local service for each test, whose own failures fail the test, and a client for it on its virtual clock."""

from collections.abc import AsyncIterator

import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.transport.looptime import loop_time
from tests.waiting.kit import client_of

__all__ = ["loop_time"]


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
