"""One Spark session for all tests; its Python processes find credentials of three accounts, and nothing else of AWS."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.spark.kit import SECRET, environment, session
from tests.transport.tokens import TokenService

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_SPARKS_OWN: Final = (
    "ignore:PySpark does not yet fully support pandas:FutureWarning",
    "ignore:unclosed <socket:ResourceWarning",  # PySpark 4.0 leaves those open by which it collects
    "ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.local(check=False))  # histories here have states that no model knows
            for warning in _SPARKS_OWN:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def tokens() -> Iterator[TokenService]:
    """The service that gives the credentials of roles."""
    with TokenService(SECRET) as service:
        yield service


@pytest.fixture(scope="session")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Spark writes what its UI shows."""
    return tmp_path_factory.mktemp("events")


@pytest.fixture(scope="session")
def spark(tokens: TokenService, events: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:
    pytest.importorskip("pyspark", reason="the extra engines is not installed")
    folder = tmp_path_factory.mktemp("spark")
    before = dict(os.environ)
    with contextlib.ExitStack() as stack:
        stack.callback(os.environ.update, before)
        stack.callback(os.environ.clear)
        for name in [name for name in before if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(environment(folder, tokens.url))
        logged = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": events.as_uri()}
        made = session("local[2]", folder, {**logged, "spark.eventLog.compress": "false"})
    yield made
    made.stop()
