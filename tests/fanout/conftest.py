"""Properties are tried on the same examples in every run; AWS's environment is hidden."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from hypothesis import settings

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of
from tests.transport.environment import no_aws_environment, one_authority

__all__ = ["no_aws_environment", "one_authority"]

settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
settings.load_profile("same-everywhere")


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as service:
        yield service
        assert service.problems == []


@pytest_asyncio.fixture
async def client(local: LocalService) -> AsyncIterator[JobRunsClient]:
    async with client_of(local) as client:
        yield client
