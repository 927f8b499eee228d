"""A service for each test, whose own failures fail the test, and boto3 clients for it."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config

from jobruns_sdk.testing import LocalService

if TYPE_CHECKING:
    from mypy_boto3_datazone import DataZoneClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=5)


@cache
def session() -> boto3.Session:
    """One session for all tests: it keeps the service models that it has loaded."""
    return boto3.Session("local", "local", region_name="us-east-1")


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True, auto_advance=False) as service:
        yield service
        assert service.problems == []


@pytest.fixture
def glue(local: LocalService) -> "Iterator[GlueClient]":
    with closing(session().client("glue", endpoint_url=local.url, config=ONCE)) as client:
        yield client


@pytest.fixture
def emr(local: LocalService) -> "Iterator[EMRServerlessClient]":
    with closing(session().client("emr-serverless", endpoint_url=local.url, config=ONCE)) as client:
        yield client


@pytest.fixture
def datazone(local: LocalService) -> "Iterator[DataZoneClient]":
    with closing(session().client("datazone", endpoint_url=local.url, config=ONCE)) as client:
        yield client
