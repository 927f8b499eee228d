"""Credentials: how often they are got, by how many calls at once, and over hours."""

import asyncio
from datetime import timedelta
from functools import partial

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService
from tests.dangers.credentials.kit import HOUR, Provider, session_of
from tests.transport.gated import until

EXACT = True
CALLS = 50
GIVE_UP = 3


def _seeded(local: LocalService) -> Provider:
    local.add_glue_job("etl")
    return Provider(local)


def _client(local: LocalService, provider: Provider) -> JobRunsClient:
    return local.client(session=session_of(provider), quotas=None)


async def _at_once(give_up: int) -> tuple[int, int]:
    """Return how often calls, of which some give up meanwhile, ask for credentials, and how many calls succeed."""
    async with LocalService() as local:
        provider = _seeded(local)
        async with _client(local, provider) as client:
            await client.glue("etl").runs().collect()
            local.advance(HOUR)
            provider.gate.clear()
            calls = [asyncio.ensure_future(client.glue("etl").runs().collect()) for _ in range(CALLS)]
            for count, call in enumerate(calls[:give_up], 1):
                await until(partial(provider.has_begun, count))
                call.cancel()
            provider.gate.set()
            ended = await asyncio.gather(*calls, return_exceptions=True)
    return provider.begun, sum(isinstance(end, list) for end in ended)


async def _for_hours() -> tuple[int, int, int]:
    """Return how often credentials were asked for, the requests, and how many had a key that had expired."""
    async with LocalService() as local:
        provider = _seeded(local)
        run = local.add_run("glue:etl", duration=timedelta(hours=8))
        async with _client(local, provider) as client:
            await client.wait(f"glue:etl/{run}", timeout=timedelta(hours=10), max_poll_interval=timedelta(seconds=10))
        late = [request for request in local.requests if request.at >= provider.given[request.access_key or ""]]
        return provider.begun, local.calls(), len(late)


def render() -> str:
    asked, answered = asyncio.run(_at_once(0))
    asked_again, others = asyncio.run(_at_once(GIVE_UP))
    rotations, requests, late = asyncio.run(_for_hours())
    kept = f"{late} of {requests:,} requests with a key that had expired"
    return f"""| what | credentials asked for | outcome |
| --- | ---: | --- |
| {CALLS} calls at once, credentials expired | {asked} | {answered} answers |
| the same, and whoever asks is cancelled, {GIVE_UP} times | {asked_again} | {others} answers, {GIVE_UP} cancelled |
| a wait of 8 hours, keys good for one hour | {rotations} | {kept} |"""
