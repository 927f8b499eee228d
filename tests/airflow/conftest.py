"""An Airflow of each test's own, where Airflow is installed beside this Python; else these tests are skipped."""

from collections.abc import Iterator

import pytest

from jobruns_sdk.testing import LocalService
from tests.airflow.world import Airflow, Templates


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    """Return what makes homes of Airflow."""
    return Templates(tmp_path_factory.mktemp("airflow"))


@pytest.fixture
def aws() -> Iterator[LocalService]:
    """A local service in real time: the processes that call it wait in real time."""
    with LocalService(speed=1.0) as service:
        yield service
        assert service.problems == []


@pytest.fixture
def airflow(templates: Templates, aws: LocalService, request: pytest.FixtureRequest) -> Iterator[Airflow]:
    """An Airflow whose AWS is the local service."""
    with templates.home(request.node.name, aws.url) as made:
        yield made
