"""Fixtures of all tests, and chances that are the same in every run.

No test sees the AWS settings of this machine, and the local service of most tests is made here.
"""

import gc
import os
import signal
from collections.abc import Iterable, Iterator
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final

import botocore
import pytest
from hypothesis import register_random, settings

from jobruns_sdk.model.refs import JobRef, Service
from jobruns_sdk.testing import LocalAccount, LocalService
from jobruns_sdk.transport import quotas as pacing
from tests.garbage import keep_what_is_there

JITTER: Final = Random()
_END: Final = "-----END CERTIFICATE-----\n"
_NUMBER: Final = count()


def pytest_configure(config: pytest.Config) -> None:
    """Try properties on the same examples in every run, let jitter be repeatable, and let interrupts interrupt.

    Processes that a shell runs in the background ignore them.
    """
    config.addinivalue_line("markers", "local(*jobs, **options): jobs and options of the test's local service.")
    settings.register_profile("same-everywhere", derandomize=True, deadline=None, database=None)
    settings.load_profile("same-everywhere")
    register_random(JITTER)
    pacing.jitter = JITTER
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Collect garbage seldom, and never look through the modules and tests: that took a quarter of some tests' time."""
    keep_what_is_there()
    gc.set_threshold(20_000, 10, 10)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object | None:
    """Give each process neighbours, which share fixtures, until one has nothing left and takes from another."""
    if config.getoption("dist") != "load":  # that is what xdist does unless it is told otherwise
        return None
    made: object = import_module("xdist.scheduler").WorkStealingScheduling(config, log)  # it has no types
    return made


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begin each test with the same jitter."""
    JITTER.seed(0)


@pytest.fixture(scope="session")
def aws_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for AWS's files, and in it a single authority: to load all takes 50 ms for each client."""
    folder = tmp_path_factory.mktemp("aws")
    bundle = (Path(botocore.__file__).parent / "cacert.pem").read_text(encoding="utf-8")
    (folder / "one.pem").write_text(bundle.partition(_END)[0] + _END, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def no_aws_environment(monkeypatch: pytest.MonkeyPatch, aws_files: Path) -> Path:
    """Hide what this machine tells AWS clients; return the path of the config file that a test may write instead."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.upper().endswith("_PROXY")]:
        monkeypatch.delenv(name)
    number = next(_NUMBER)
    config = aws_files / f"config-{number}"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(aws_files / f"credentials-{number}"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(aws_files / "one.pem"))
    return config


@pytest.fixture
def local(request: pytest.FixtureRequest) -> Iterator[LocalService]:
    """A local service with options and, in each region, jobs of the `local` mark; its answers must be as AWS's are."""
    mark = request.node.get_closest_marker("local")
    jobs: tuple[str, ...] = mark.args if mark else ()
    options: dict[str, Any] = {"check": True, **(mark.kwargs if mark else {})}
    with LocalService(**options) as service:
        service.everywhere(partial(add_jobs, jobs))
        yield service
        assert service.problems == []


def add_jobs(jobs: Iterable[str], service: LocalAccount) -> None:
    """Add jobs that are named as in references."""
    for text in jobs:
        add_job(service, JobRef.parse(text))


def add_job(service: LocalAccount, job: JobRef) -> None:
    """Add a job of whatever service."""
    match job.service:
        case Service.GLUE:
            service.add_glue_job(*job.path)
        case Service.EMR_SERVERLESS:
            service.add_application(*job.path)
        case _:
            service.add_datazone_job(*job.path)
