"""What a client holds: tasks, connections, slots and tokens, as its own insides tell and the server sees it."""

import asyncio
from operator import attrgetter
from typing import Any

import pytest

from jobruns_sdk import JobRunsClient
from jobruns_sdk.testing import LocalService, VirtualClock
from jobruns_sdk.transport.calls import Transport
from jobruns_sdk.transport.pace import PaceKeeper, Ticket


class Ledger:
    """How many tokens were taken for good, and how many requests were begun."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tokens = self.requests = 0
        sent = PaceKeeper.sent
        request = attrgetter("_request")(Transport)

        def counted_sent(keeper: PaceKeeper, now: float, waited: float = 0.0) -> Ticket:
            self.tokens += 1
            return sent(keeper, now, waited)

        async def counted_request(transport: Transport, *given: Any) -> Any:  # noqa: ANN401  # passed on
            self.requests += 1
            return await request(transport, *given)

        monkeypatch.setattr(PaceKeeper, "sent", counted_sent)
        monkeypatch.setattr(Transport, "_request", counted_request)


def connections_of(client: JobRunsClient) -> list[Any]:
    """Return a client's connections, one for each service and region."""
    return list(attrgetter("_connections._open")(client).values())


def connectors_of(client: JobRunsClient) -> list[Any]:
    """Return the pools of a client's connections, which are aiohttp's own."""
    sessions: list[Any] = []
    for connection in connections_of(client):
        sessions += (attrgetter("client._endpoint.http_session._sessions")(connection) or {}).values()
    return [session.connector for session in sessions]


def other_tasks() -> set["asyncio.Task[Any]"]:
    """Return the tasks that go on beside the test."""
    return asyncio.all_tasks() - {asyncio.current_task()}


def held_by(client: JobRunsClient) -> dict[str, int]:
    """Return what a client holds, of each kind how much; nothing, unless something is under way."""
    connections, connectors = connections_of(client), connectors_of(client)
    most = [attrgetter("client.meta.config.max_pool_connections")(one) for one in connections]
    by_operation = [attrgetter("_slots")(one).values() for one in connections]
    slots = [(each, all_of) for some, all_of in zip(by_operation, most, strict=True) for each in some]
    clock = attrgetter("_transport._clock")(client)
    sleepers = (clock.sleepers, attrgetter("_calls")(clock)) if isinstance(clock, VirtualClock) else (0, 0)
    starts = attrgetter("_starts")(client.handle("glue:any?region=eu-west-1"))  # all handles of a client share them
    held = {
        "tasks": len(other_tasks()),
        "calls": len(attrgetter("_transport._lifetime._scopes")(client)),
        "slots": sum(all_of - attrgetter("_value")(each) for each, all_of in slots),
        "who wait for slots": sum(len(attrgetter("_waiters")(each) or ()) for each, _ in slots),
        "connections in use": sum(len(attrgetter("_acquired")(one)) for one in connectors),
        "who wait for connections": sum(len(attrgetter("_waiters")(one)) for one in connectors),
        "connections being made": len(attrgetter("_connections._making")(client)),
        "jobs waited for": len(attrgetter("_poller._groups")(client)),
        "starts": len(attrgetter("_sending")(starts)) + len(attrgetter("_locks")(starts)),
        "sleepers": sleepers[0],
        "calls that hold the clock": sleepers[1],
    }
    return {kind: count for kind, count in held.items() if count}


def idle_connections(client: JobRunsClient) -> int:
    """Return how many connections a client keeps for its next calls."""
    return sum(len(kept) for one in connectors_of(client) for kept in attrgetter("_conns")(one).values())


def connections_at(local: LocalService) -> int:
    """Return how many connections are open as the server sees it."""
    return len(attrgetter("_server._connections")(local))
