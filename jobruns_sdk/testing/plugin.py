"""The pytest plugin: `jobruns_local`, a service of each test's own, and `jobruns_client`, a client opened on it.

    async def test_the_report_is_started(jobruns_local, jobruns_client):
        jobruns_local.add_glue_job("report")
        ...

`@pytest.mark.jobruns_local(quotas=True)` gives options to the service. Asynchronous tests need pytest-asyncio, in
either of its modes, or anyio's plugin. Nothing is loaded before a test asks for one of the fixtures.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jobruns_sdk.client import JobRunsClient
    from jobruns_sdk.testing.local import LocalService


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker, and define the asynchronous fixture in the way that this run's plugins understand."""
    config.addinivalue_line("markers", "jobruns_local(**options): options for the test's own LocalService.")
    fixture: Callable[..., object] = pytest.fixture
    if config.pluginmanager.has_plugin("asyncio"):
        from pytest_asyncio import fixture  # noqa: PLC0415  # loaded already, as a plugin

    class AsyncFixtures:
        jobruns_client = staticmethod(fixture(jobruns_client))

    config.pluginmanager.register(AsyncFixtures(), "jobruns-async-fixtures")


@pytest.fixture
def jobruns_local(request: pytest.FixtureRequest) -> "Iterator[LocalService]":
    """A `LocalService` that serves while the test runs."""
    from jobruns_sdk.testing.local import LocalService  # noqa: PLC0415  # only the tests that use it pay for it

    marker = request.node.get_closest_marker("jobruns_local")
    with LocalService(**(marker.kwargs if marker else {})) as local:
        yield local


async def jobruns_client(jobruns_local: "LocalService") -> "AsyncIterator[JobRunsClient]":
    """A `JobRunsClient` on the test's `jobruns_local`, open while the test runs."""
    async with jobruns_local.client() as client:
        yield client
