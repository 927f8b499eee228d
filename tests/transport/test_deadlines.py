"""A call ends in time whatever the server does, and its time does not run while it waits for its turn."""

import asyncio

import pytest
from botocore.config import Config

from jobruns_sdk import CallTimeoutError, Quota, ServiceUnavailableError
from jobruns_sdk.testing import LocalService
from tests.transport.clients import client_at
from tests.transport.looptime import CALL_TIMEOUT, LoopTime
from tests.transport.scripted import Request, Script, head, serving, silence


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    for byte in data:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)


async def drips_its_head(_: Request, writer: asyncio.StreamWriter) -> None:
    await drip(writer, head(200, 2) + b" " * 10_000)


async def drips_its_body(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, 10_000))
    await drip(writer, b" " * 10_000)


async def never_ends_its_body(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, 1000) + b'{"JobRuns":[]}')
    await asyncio.Event().wait()


async def never_ends_its_chunks(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(head(200, None, {"transfer-encoding": "chunked"}))
    await drip(writer, b"1\r\n \r\n" * 10_000)


@pytest.mark.parametrize(
    ("service", "operation", "script"),
    [
        ("glue", "GetJobRuns", silence),
        ("glue", "GetJobRuns", drips_its_head),
        ("glue", "GetJobRuns", drips_its_body),
        ("glue", "GetJobRuns", never_ends_its_chunks),
        ("emr-serverless", "ListJobRuns", silence),
        ("emr-serverless", "ListJobRuns", never_ends_its_body),
    ],
)
async def test_a_server_that_never_ends_costs_one_request(
    loop_time: LoopTime, service: str, operation: str, script: Script
) -> None:
    async with (
        serving(script) as server,
        client_at(server.url, call_timeout=CALL_TIMEOUT) as client,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(loop_time.forward_at(lambda: len(server.requests), 1))
        with pytest.raises(CallTimeoutError, match=r"no answer within call_timeout=30 s") as caught:
            await client.handle(f"{service}:etl").runs().collect()

        assert (caught.value.service, caught.value.operation) == (service, operation)
        assert (caught.value.sent, caught.value.retryable) == (True, True)
        assert isinstance(caught.value, TimeoutError)
        assert len(server.requests) == 1


async def test_the_deadline_is_that_of_all_attempts_together(
    loop_time: LoopTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 0.0)

    async def fails_after_a_while(_: Request, writer: asyncio.StreamWriter) -> None:
        loop_time.forward(CALL_TIMEOUT / 4)
        writer.write(head(500, 0))

    async with (
        serving(fails_after_a_while) as server,
        client_at(server.url, call_timeout=CALL_TIMEOUT, max_attempts=50) as client,
    ):
        with pytest.raises((CallTimeoutError, ServiceUnavailableError)):
            await client.glue("etl").runs().collect()

        assert len(server.requests) == 4


async def test_a_later_attempt_has_what_the_earlier_ones_left(
    loop_time: LoopTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobruns_sdk.transport.quotas.jitter.random", lambda: 0.0)

    async def fails_once(_: Request, writer: asyncio.StreamWriter) -> None:
        loop_time.forward(0.6 * CALL_TIMEOUT)
        if len(server.requests) > 1:
            await asyncio.Event().wait()
        writer.write(head(500, 0))

    async with serving(fails_once) as server, client_at(server.url, call_timeout=CALL_TIMEOUT) as client:
        with pytest.raises(CallTimeoutError):
            await client.glue("etl").runs().collect()

        assert len(server.requests) == 2


async def test_waits_for_the_quota_do_not_count() -> None:
    quotas = {("glue", "GetJobRuns"): Quota(rate=1, burst=1)}
    async with LocalService() as local:
        local.add_glue_job("etl")
        async with client_at(local.url, call_timeout=5, quotas=quotas, clock=local.clock) as client:
            answers = await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(60)))

        assert answers == [[]] * 60
        assert local.clock.monotonic() == pytest.approx(59)


async def test_waits_for_a_connection_do_not_count(loop_time: LoopTime) -> None:
    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        loop_time.forward(CALL_TIMEOUT / 8)
        writer.write(head(200, 14) + b'{"JobRuns":[]}')

    async with (
        serving(slow) as server,
        client_at(server.url, call_timeout=CALL_TIMEOUT, config=Config(max_pool_connections=1)) as client,
    ):
        answers = await asyncio.gather(*(client.glue("etl").runs().collect() for _ in range(11)))

        assert answers == [[]] * 11
        assert server.most_at_once == 1
