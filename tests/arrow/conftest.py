"""The local service of the tests without an event loop, and a client of it that needs one."""

from collections.abc import AsyncIterator

import pytest_asyncio

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.sync.conftest import JOBS, local
from tests.transport.environment import no_aws_environment, one_authority

__all__ = ["JOBS", "local", "no_aws_environment", "one_authority"]


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
