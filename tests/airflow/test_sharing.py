"""The client that is shared by all who name the same connection: its look-up, its end, and those who are cancelled."""

import asyncio

import pytest

from jobruns_sdk import CredentialsError, InvalidRequestError, JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.airflow.kit import connect, event_of

pytest.importorskip("airflow")

from jobruns_sdk.airflow import RunTrigger, connections, session_of, shared_client, sharing


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch, local: LocalService) -> list[str | None]:
    """The connections that were looked up."""
    connect(monkeypatch, local)
    connect(monkeypatch, local, "other")
    found: list[str | None] = []
    read = connections.read_connection

    def reading(name: str | None, region: str | None, *, verify: bool | str | None) -> connections.AwsSession:
        found.append(name)
        return read(name, region, verify=verify)

    monkeypatch.setattr(connections, "read_connection", reading)
    return found


async def test_all_who_come_at_once_share_a_client_and_its_look_up(looked_up: list[str]) -> None:
    seen: list[JobRunsClient] = []

    async def use() -> None:
        async with shared_client() as client:
            seen.append(client)
            await asyncio.sleep(0.01)

    await asyncio.gather(*(use() for _ in range(100)))
    assert (len(seen), len(set(map(id, seen))), looked_up) == (100, 1, ["aws_default"])


async def test_the_last_one_closes_the_client_and_who_comes_then_gets_another(looked_up: list[str]) -> None:
    async with shared_client() as first, shared_client() as second:
        assert first is second
    assert "closed" in repr(first)
    async with shared_client() as third:
        assert third is not first
        assert "open" in repr(third)
    assert looked_up == ["aws_default"] * 2


async def test_what_makes_another_client_is_another_key(looked_up: list[str]) -> None:
    async with shared_client() as one, shared_client("other") as two, shared_client(None, "eu-west-1") as three:
        assert len({id(one), id(two), id(three)}) == 3
    assert sorted(map(str, looked_up)) == ["None", "aws_default", "other"]


async def test_who_is_cancelled_while_it_opens_harms_nobody_else(looked_up: list[str]) -> None:
    async def use() -> JobRunsClient:
        async with shared_client() as client:
            await asyncio.sleep(0)
            return client

    tasks = [asyncio.ensure_future(use()) for _ in range(10)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    clients = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(clients[0], asyncio.CancelledError)
    assert len({id(client) for client in clients[1:]}) == 1
    assert looked_up == ["aws_default"]


@pytest.mark.usefixtures("looked_up")
async def test_when_all_are_cancelled_nothing_is_left_open() -> None:
    async def use() -> None:
        async with shared_client():
            pass

    task = asyncio.ensure_future(use())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with shared_client() as client:
        assert "open" in repr(client)


async def test_a_failed_look_up_is_told_to_all_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, looked_up: list[str], local: LocalService
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_OTHER")

    async def use() -> JobRunsClient:
        async with shared_client("other") as client:
            return client

    errors = await asyncio.gather(*(use() for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in errors] == [CredentialsError] * 3
    assert "no connection 'other'" in str(errors[0])
    connect(monkeypatch, local, "other")
    assert isinstance(await use(), JobRunsClient)
    assert looked_up == ["other"] * 2


async def test_a_retired_client_goes_on_for_those_who_have_it(looked_up: list[str]) -> None:
    async with sharing.leased("aws_default", None, verify=None) as (first, lease):
        lease.retire()
        async with shared_client() as second:
            assert second is not first
            assert "open" in repr(first)
    assert looked_up == ["aws_default"] * 2


async def test_the_default_connection_may_be_missing_as_for_the_hooks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_THERE", '{"conn_type": "aws"}')
    assert (await session_of("aws_default", "eu-west-1")).region_name == "eu-west-1"
    assert (await session_of(None, "eu-west-1")).region_name == "eu-west-1"
    with pytest.raises(CredentialsError, match="no connection 'elsewhere'"):
        await session_of("elsewhere")


async def test_a_connection_says_where_to_and_how(monkeypatch: pytest.MonkeyPatch, local: LocalService) -> None:
    connect(
        monkeypatch,
        local,
        "all",
        verify=False,
        config_kwargs={"connect_timeout": 3},
        service_config={"glue": {"endpoint_url": "http://127.0.0.1:1"}, "ec2": {"endpoint_url": "http://x"}},
        allow_insecure_endpoint=True,
    )
    found = await session_of("all")
    assert (found.region_name, found.endpoint_url, found.verify) == ("us-east-1", local.url, False)
    assert found.endpoint_urls == {"glue": "http://127.0.0.1:1"}
    assert found.config is not None
    assert vars(found.config)["connect_timeout"] == 3
    assert found.allow_insecure_endpoint
    assert "secret" not in repr(found)


@pytest.mark.parametrize(("conn_id", "region"), [("", None), (3, None), ("a", "no region")])
async def test_what_names_no_connection_is_refused(conn_id: object, region: object) -> None:
    with pytest.raises(InvalidRequestError):
        async with shared_client(aws_conn_id=conn_id, region_name=region):  # type: ignore[arg-type]  # wrong
            pass


@pytest.mark.local("glue:etl", speed=300.0)
async def test_triggers_share_their_polls_though_the_one_that_asks_is_cancelled(
    looked_up: list[str], local: LocalService
) -> None:
    async with local.client() as client:
        refs = [await client.glue("etl").start(arguments={"--part": str(part)}) for part in range(30)]
    before = local.calls()
    triggers = [RunTrigger(ref, poll_interval=0.2, max_poll_interval=0.2) for ref in refs]
    tasks = [asyncio.ensure_future(event_of(trigger)) for trigger in triggers]
    while local.calls() == before:  # noqa: ASYNC110  # the service is in another thread
        await asyncio.sleep(0.001)
    tasks[0].cancel()
    events = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(events[0], asyncio.CancelledError)
    assert {event["state"] for event in events[1:] if not isinstance(event, BaseException)} == {"SUCCEEDED"}
    assert len(looked_up) == 1
    assert local.calls() - before < len(refs)
