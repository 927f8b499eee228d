"""The models that a client of a service is made of, as they are read for sessions of our own."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiobotocore.session import AioSession
from botocore.loaders import JSONFileLoader, Loader

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.models import Models, QuickFiles
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


@pytest.mark.local("glue:etl")
async def test_many_profiles_read_them_once(local: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        found = read_bytes(path)  # some files are only looked for
        read.append(path)
        return found

    monkeypatch.setattr(Path, "read_bytes", counted)
    sessions = {f"p{number}": AioSession() for number in range(20)}
    for session in sessions.values():
        session.set_credentials("key", "secret")
    async with client_at(local.url, sessions=sessions) as client:
        assert await client.runs([f"glue:etl?profile={name}" for name in sessions]).collect() == []

    assert read
    assert max(Counter(read).values()) == 1


async def test_what_a_program_has_changed_in_a_session_stays_there() -> None:
    changed, other, models = AioSession(), AioSession(), Models()
    loader: Any = changed.get_component("data_loader")
    loader.load_service_model("glue", "service-2")["metadata"]["serviceFullName"] = "Changed"
    for session in (changed, other):
        await models.load(session, "glue", is_own=False)

    assert [name_of(session) for session in (changed, other)] == ["Changed", "AWS Glue"]


async def test_a_loader_of_a_program_is_asked_itself() -> None:
    class Loading(Loader):
        def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:  # noqa: ANN401
            found = super().load_service_model(service_name, type_name, api_version)
            return found | {"metadata": {"serviceFullName": "Of a program"}}

    usual, special, models = AioSession(), AioSession(), Models()
    special.register_component("data_loader", Loading())
    for session in (usual, special):
        await models.load(session, "glue", is_own=False)

    assert [name_of(session) for session in (usual, special)] == ["AWS Glue", "Of a program"]


def name_of(session: AioSession) -> object:
    loader: Any = session.get_component("data_loader")
    return loader.load_service_model("glue", "service-2")["metadata"]["serviceFullName"]


def files_of(session: AioSession) -> object:
    loader: Any = session.get_component("data_loader")
    return loader.file_loader
