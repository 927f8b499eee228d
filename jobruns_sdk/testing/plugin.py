"""The pytest plugin: `jobruns_local`, a service of each test's own, and `jobruns_client`, a client opened on it.

`jobruns_sync_client` is the same for tests that are not coroutines.

    async def test_the_report_is_started(jobruns_local, jobruns_client):
        jobruns_local.add_glue_job("report")
        ...

`@pytest.mark.jobruns_local(quotas=True)` gives options to the service. Asynchronous tests need pytest-asyncio, in
either of its modes, or anyio's plugin. Nothing is loaded before a test asks for one of the fixtures.
"""

from functools import wraps
from typing import TYPE_CHECKING, Any, Final, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

    from jobruns_sdk.client import JobRunsClient
    from jobruns_sdk.sync import JobRunsClient as SyncJobRunsClient
    from jobruns_sdk.testing.local import LocalService


# The suite is imported by a test module: then a failure shows the values that were compared, as in a test's own lines.
pytest.register_assert_rewrite("jobruns_sdk.testing.contract")

_NAME: Final = "jobruns_client"
_FOR_ANYIO: Final = "_jobruns_client_for_anyio"
_LOOPS: Final = ("function", "class", "module", "package", "session")
"""The scopes of an event loop of pytest-asyncio."""


def pytest_configure(config: pytest.Config) -> None:
    """Announce the marker, and define the asynchronous fixture in the way that this run's plugins understand."""
    config.addinivalue_line("markers", "jobruns_local(**options): options for the test's own LocalService.")
    fixtures = _for_pytest_asyncio(config) if _has_pytest_asyncio(config) else {_NAME: _client(_NAME)}
    config.pluginmanager.register(type("AsyncFixtures", (), fixtures)(), "jobruns-async-fixtures")


def _has_pytest_asyncio(config: pytest.Config) -> bool:
    """True whether it was found by its entry point or named by its module, as where no plugin is loaded by itself."""
    return any(
        getattr(plugin, "__name__", "") == "pytest_asyncio.plugin" for plugin in config.pluginmanager.get_plugins()
    )


def _client(name: str, decorate: "Callable[..., Any]" = pytest.fixture, **options: str) -> object:
    async def client(self: object, jobruns_local: "LocalService") -> "AsyncIterator[JobRunsClient]":
        """A `JobRunsClient` on the test's `jobruns_local`, open while the test runs."""
        del self
        async with jobruns_local.client() as client:
            yield client

    fixture: object = decorate(name=name, **options)(client)
    return fixture


def _for_pytest_asyncio(config: pytest.Config) -> dict[str, object]:
    """The fixture, which opens the client in the event loop that its test runs in: a fixture knows one loop only."""
    import pytest_asyncio  # noqa: PLC0415  # loaded already, as a plugin

    try:
        usual: str = config.getini("asyncio_default_test_loop_scope")
    except ValueError:  # before 0.26, whose fixtures have no choice
        return {_NAME: _client(_NAME, pytest_asyncio.fixture)}

    def jobruns_client(self: object, request: pytest.FixtureRequest) -> object:
        """A `JobRunsClient` on the test's `jobruns_local`, open while the test runs."""
        del self
        item = cast("pytest.Function", request.node)
        if item.get_closest_marker("anyio") is not None and "anyio_backend" in request.fixturenames:
            return _for_anyio(request, item)
        marker = item.get_closest_marker("asyncio")
        said: str | None = marker.kwargs.get("loop_scope") if marker else None
        return request.getfixturevalue(names[said or usual])

    names = {loop: f"_{_NAME}_in_{loop}_loop" for loop in _LOOPS}
    clients = {name: _client(name, pytest_asyncio.fixture, loop_scope=loop) for loop, name in names.items()}
    return {**clients, _FOR_ANYIO: _client(_FOR_ANYIO), _NAME: pytest.fixture(jobruns_client)}


def _for_anyio(request: pytest.FixtureRequest, item: pytest.Function) -> object:
    """The client of a test that anyio runs in its own loop, though pytest-asyncio is there as well."""
    if item.config.getoption("asyncio_mode", None) != "auto" and item.config.getini("asyncio_mode") != "auto":
        return request.getfixturevalue(_FOR_ANYIO)
    # In its mode auto pytest-asyncio runs the test after all, or anyio does, and either may take a fixture for its own:
    # the client is opened by the test itself, in whatever loop it is run.
    local: LocalService = request.getfixturevalue("jobruns_local")
    client, test = local.client(), cast("Callable[..., Coroutine[Any, Any, None]]", item.obj)

    @wraps(test)
    async def opened(**arguments: object) -> None:
        async with client:
            await test(**arguments)

    item.obj = opened
    request.addfinalizer(lambda: setattr(item, "obj", test))  # for whoever runs it once more
    return client


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
