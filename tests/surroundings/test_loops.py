"""One session in many event loops, one after the other and at once, as Lambda, Flask and notebooks have it."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from aiobotocore.credentials import AioRefreshableCredentials
from aiobotocore.session import AioSession

from jobruns_sdk import sync
from jobruns_sdk.testing import LocalService
from tests.surroundings.sessions import container
from tests.transport.clients import CountingSession, client_at

CALLS = 8


@pytest.fixture
def local() -> Any:  # noqa: ANN401  # a generator of fixtures
    with LocalService() as local:
        local.add_glue_job("etl")
        yield local


async def reads(local: LocalService, session: AioSession) -> list[int]:
    async with client_at(local.url, session=session, clock=None) as client:
        return [
            len(runs) for runs in await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(CALLS)))
        ]


async def own_reads(local: LocalService, session: AioSession) -> None:
    """Let a client of the user's own contend for the session's lock in this event loop."""
    async with session.create_client("glue", region_name="us-east-1", endpoint_url=local.url) as glue:
        await asyncio.gather(*(glue.get_job_runs(JobName="etl") for _ in range(CALLS)), return_exceptions=True)


def in_a_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401  # as asyncio.run has it
    return asyncio.run(asyncio.wait_for(coroutine, 60))


@pytest.fixture(params=[timedelta(seconds=30), timedelta(hours=1)], ids=["always due", "good for an hour"])
def session(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    with container(request.param) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield AioSession()


def test_a_session_is_used_in_one_loop_after_the_other(local: LocalService, session: AioSession) -> None:
    for _ in range(4):
        assert in_a_loop(reads(local, session)) == [0] * CALLS


def test_a_session_that_the_users_own_clients_have_used_elsewhere(local: LocalService, session: AioSession) -> None:
    in_a_loop(own_reads(local, session))

    assert in_a_loop(reads(local, session)) == [0] * CALLS


def test_a_session_is_used_in_loops_of_many_threads_at_once(local: LocalService, session: AioSession) -> None:
    barrier = threading.Barrier(6)

    def request(_: int) -> Any:  # noqa: ANN401
        barrier.wait(60)
        return in_a_loop(reads(local, session))

    with ThreadPoolExecutor(6) as threads:
        assert list(threads.map(request, range(6))) == [[0] * CALLS] * 6


def test_synchronous_clients_of_many_threads_share_a_session(local: LocalService, session: AioSession) -> None:
    def request(_: int) -> int:
        with sync.JobRunsClient(session=session, region_name="us-east-1", endpoint_url=local.url) as client:
            return len(client.glue("etl").runs().collect())

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(request, range(8))) == [0] * 8


def test_credentials_that_a_program_has_made_itself(local: LocalService) -> None:
    asked: list[int] = []

    async def refresh() -> dict[str, str]:
        asked.append(threading.get_ident())
        await asyncio.sleep(0)
        return {
            "access_key": f"key-{len(asked)}",
            "secret_key": "s",
            "token": "t",
            "expiry_time": "2099-01-01T00:00:00Z",
        }

    session = CountingSession(access_key=None)
    expired = {"access_key": "old", "secret_key": "s", "token": "t", "expiry_time": "2001-01-01T00:00:00Z"}
    own = AioRefreshableCredentials.create_from_metadata(expired, refresh_using=refresh, method="own")
    vars(session)["_credentials"] = own  # as recipes on the web have it
    for _ in range(2):
        assert in_a_loop(reads(local, session)) == [0] * CALLS

    assert len(asked) == 1
    assert {request.access_key for request in local.requests} == {"key-1"}
