"""One suite for the three services, over HTTP against a local service."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRunsClient
from jobruns_sdk.services.handle import Handle
from jobruns_sdk.testing import LocalService
from tests.contract.cases import CASES, Case, client_of


@pytest.fixture(scope="session")
def session() -> AioSession:
    """One session for all tests: it keeps the service models that it has loaded."""
    session = get_session()
    session.set_credentials("local", "local")
    return session


@pytest.fixture(params=CASES, ids=lambda case: case.service)
def case(request: pytest.FixtureRequest) -> Case:
    """Each service in turn."""
    case: Case = request.param
    return case


@pytest.fixture
def local(request: pytest.FixtureRequest) -> Iterator[LocalService]:
    """A local service, made with the options of the `service` mark; it must have had no problems."""
    mark = request.node.get_closest_marker("service")
    options: dict[str, Any] = {"check": True, **(mark.kwargs if mark else {})}
    with LocalService(**options) as local:
        if "case" in request.fixturenames:
            request.getfixturevalue("case").prepare(local)
        yield local
        assert local.problems == []


@pytest_asyncio.fixture
async def client(local: LocalService, session: AioSession) -> AsyncIterator[JobRunsClient]:
    """A client of the local service."""
    async with client_of(local, session) as client:
        yield client


@pytest.fixture
def job(case: Case, client: JobRunsClient) -> Handle:
    """The handle of the service's job."""
    return case.of(client)


def pytest_configure(config: pytest.Config) -> None:
    """Announce the mark."""
    config.addinivalue_line("markers", "service(**options): options of the test's local service.")
