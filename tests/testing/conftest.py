"""A service for each test, whose own failures fail the test, and boto3 clients for it."""

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from operator import methodcaller
from typing import TYPE_CHECKING, cast

import boto3
import pytest
from botocore.config import Config

from jobruns_sdk.testing import LocalService
from jobruns_sdk.testing.clock import START

if TYPE_CHECKING:
    from mypy_boto3_datazone import DataZoneClient
    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_glue import GlueClient

ONCE = Config(retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=60)


@cache
def session() -> boto3.Session:
    """One session for all tests: it keeps the service models that it has loaded."""
    return boto3.Session("local", "local", region_name="us-east-1")


def client_of(service: str, url: str, **options: str) -> object:
    """A boto3 client of any service at an address."""
    return methodcaller("client", service, endpoint_url=url, config=ONCE, **options)(session())


def glue_at(url: str, **options: str) -> "closing[GlueClient]":
    """A Glue client, for a `with`."""
    return closing(cast("GlueClient", client_of("glue", url, **options)))


def emr_at(url: str, **options: str) -> "closing[EMRServerlessClient]":
    """An EMR Serverless client, for a `with`."""
    return closing(cast("EMRServerlessClient", client_of("emr-serverless", url, **options)))


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True, auto_advance=False, start=START) as service:
        yield service
        assert service.problems == []


@pytest.fixture
def glue(local: LocalService) -> "Iterator[GlueClient]":
    with glue_at(local.url) as client:
        yield client


@pytest.fixture
def emr(local: LocalService) -> "Iterator[EMRServerlessClient]":
    with emr_at(local.url) as client:
        yield client


@pytest.fixture
def datazone(local: LocalService) -> "Iterator[DataZoneClient]":
    with closing(cast("DataZoneClient", client_of("datazone", local.url))) as client:
        yield client
