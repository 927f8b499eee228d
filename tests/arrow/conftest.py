"""The local service of the tests without an event loop, and a client of it that needs one."""

from collections.abc import AsyncIterator

import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.sync.conftest import JOBS, local

__all__ = ["JOBS", "local"]


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
