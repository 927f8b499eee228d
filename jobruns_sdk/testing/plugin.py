"""The pytest plugin: `jobruns_local`, a service of each test's own, and `jobruns_client`, a client opened on it.

`jobruns_sync_client` is the same for tests that are no coroutines.

    async def test_the_report_is_started(jobruns_local, jobruns_client):
        jobruns_local.add_glue_job("report")
        ...

`@pytest.mark.jobruns_local(quotas=True)` gives options to the service. Asynchronous tests need pytest-asyncio, in
either of its modes, or anyio's plugin. Nothing is loaded before a test asks for one of the fixtures.
"""

from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from jobruns_sdk.client import JobRunsClient
    from jobruns_sdk.sync import JobRunsClient as SyncJobRunsClient
    from jobruns_sdk.testing.local import LocalService


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker, and define the asynchronous fixture in the way that this run's plugins understand."""
    config.addinivalue_line("markers", "jobruns_local(**options): options for the test's own LocalService.")
    fixture = _async_fixture(config)

    class AsyncFixtures:
        @fixture
        async def jobruns_client(self, jobruns_local: "LocalService") -> "AsyncIterator[JobRunsClient]":
            """A `JobRunsClient` on the test's `jobruns_local`, open while the test runs."""
            async with jobruns_local.client() as client:
                yield client

    config.pluginmanager.register(AsyncFixtures(), "jobruns-async-fixtures")


def _async_fixture(config: pytest.Config) -> "Callable[..., object]":
    """What makes a fixture of an asynchronous generator: pytest-asyncio's own decorator, if that plugin is there."""
    if not config.pluginmanager.has_plugin("asyncio"):
        return pytest.fixture
    import pytest_asyncio  # noqa: PLC0415  # loaded already, as a plugin

    return pytest_asyncio.fixture


@pytest.fixture
def jobruns_local(request: pytest.FixtureRequest) -> "Iterator[LocalService]":
    """A `LocalService` that serves while the test runs."""
    from jobruns_sdk.testing.local import LocalService  # noqa: PLC0415  # only the tests that use it pay for it

    marker = cast("pytest.Item", request.node).get_closest_marker("jobruns_local")
    options: dict[str, Any] = {} if marker is None else dict(marker.kwargs)
    with LocalService(**options) as local:
        yield local


@pytest.fixture
def jobruns_sync_client(jobruns_local: "LocalService") -> "Iterator[SyncJobRunsClient]":
    """A `jobruns_sdk.sync.JobRunsClient` on the test's `jobruns_local`, open while the test runs."""
    with jobruns_local.sync_client() as client:
        yield client
