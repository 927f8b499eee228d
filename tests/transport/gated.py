"""What a test needs to stop a call half-way."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from botocore.exceptions import UnknownServiceError

from tests.transport.clients import CountingSession


async def until(condition: Callable[[], object]) -> None:
    """Wait for what another thread brings about."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # it is met in the server's thread
            await asyncio.sleep(0.001)


class GatedSession(CountingSession):
    """A session whose clients are made when the gate is opened.

    It fails as often as it is told to; a stubborn one does not care that nobody waits for the client any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.arrived = self.failures = 0
        self.stubborn = False

    def create_client(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401  # as aiobotocore has it
        return self._gated(partial(super().create_client, *args, **options))

    @asynccontextmanager
    async def _gated(self, make: Callable[[], Any]) -> AsyncGenerator[Any]:
        self.arrived += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            if not self.stubborn:
                raise
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise UnknownServiceError(service_name="glue", known_service_names="none")
        async with make() as client:
            yield client
