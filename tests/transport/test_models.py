"""The models that a client of a service is made of, as they are read for sessions of our own."""

import json
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader, Loader

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.models import QuickFiles
from tests.transport.clients import client_at

SERVICES = ("datazone", "emr-serverless", "glue")


def everything_loaded(files: JSONFileLoader) -> str:
    """Return all that clients of our services are made of, in its order."""
    loader: Any = Loader(file_loader=files)
    shared = [loader.load_data_with_path(name)[0] for name in ("_retry", "endpoints", "partitions")]
    kinds = ("service-2", "endpoint-rule-set-1", "paginators-1")
    return json.dumps([shared, [loader.load_service_model(name, kind) for name in SERVICES for kind in kinds]])


def test_they_are_what_botocore_reads() -> None:
    assert everything_loaded(QuickFiles()) == everything_loaded(JSONFileLoader())


@pytest.mark.parametrize(("text", "found"), [('{"a": Infinity}', {"a": float("inf")}), (None, None)])
def test_what_botocore_alone_can_read_it_reads(text: str | None, found: object, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "model.json").write_text(text)

    assert QuickFiles().load_file(str(tmp_path / "model")) == found


@pytest.mark.local("glue:etl")
async def test_a_session_of_our_own_reads_them_quickly_and_one_that_was_handed_in_is_left_alone(
    local: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    made, given = list[AioSession](), AioSession()
    given.set_credentials("key", "secret")

    def own_session() -> AioSession:
        made.append(AioSession())
        return made[0]

    monkeypatch.setattr("jobruns_sdk.transport.connections.get_session", own_session)
    async with JobRunsClient(region_name="eu-west-1", endpoint_url=local.url) as client:
        await client.glue("etl").runs().collect()
    async with client_at(local.url, session=given) as client:
        await client.glue("etl").runs().collect()

    assert [type(files_of(session)) for session in (*made, given)] == [QuickFiles, JSONFileLoader]


def files_of(session: AioSession) -> object:
    loader: Any = session.get_component("data_loader")
    return loader.file_loader
