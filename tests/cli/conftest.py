"""A local service with the demo for each module, and the command against it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jobruns_sdk.testing import LocalService
from tests.cli.kit import Shell


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with LocalService(start=datetime.now(UTC), speed=60, check=True) as service:
        service.add_demo()
        yield service
        assert service.problems == []


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture
def jobruns(service: LocalService, folder: Path) -> Shell:
    return Shell(service, folder)
