"""Credentials that expire on a test's own clock, and a session that gets them."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, Final

from aiobotocore.credentials import AioCredentialResolver, AioRefreshableCredentials

from jobruns_sdk.testing import LocalService
from tests.transport.clients import CountingSession

HOUR: Final = timedelta(hours=1)


class Provider:
    """A provider as aiobotocore's chain has them; its credentials are good for an hour of the local service's clock.

    Attributes:
        begun: How many refreshes were begun.
        given: When each of the keys that were given expires.
        failures: What the next refreshes raise.
        gate: What a refresh waits for.
    """

    METHOD = "test"
    CANONICAL_NAME = None

    def __init__(self, local: LocalService, lifetime: timedelta = HOUR) -> None:
        self.begun = 0
        self.given: dict[str, datetime] = {}
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._now = local.clock.now
        self._lifetime = lifetime

    def has_begun(self, count: int) -> bool:
        """Whether so many refreshes were begun."""
        return self.begun == count

    async def load(self) -> AioRefreshableCredentials:
        metadata = self._next()
        return AioRefreshableCredentials(
            metadata["access_key"],
            metadata["secret_key"],
            metadata["token"],
            self._now() + self._lifetime,
            self._refresh,
            self.METHOD,
            time_fetcher=self._now,
        )

    async def _refresh(self) -> dict[str, str]:
        self.begun += 1
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        return self._next()

    def _next(self) -> dict[str, str]:
        key, expires = f"key-{len(self.given)}", self._now() + self._lifetime
        self.given[key] = expires
        return {"access_key": key, "secret_key": "secret", "token": "token", "expiry_time": expires.isoformat()}


def session_of(provider: Any) -> CountingSession:  # noqa: ANN401  # what botocore would take for a provider
    """Return a session that takes its credentials from a provider."""
    session = CountingSession(access_key=None)
    session.register_component("credential_provider", AioCredentialResolver([provider]))
    return session
