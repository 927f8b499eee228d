"""Sessions whose credentials take their time, never come, or come from a server as in a container."""

import asyncio
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from aiobotocore.credentials import AioCredentialResolver, AioCredentials
from aiobotocore.session import AioSession
from botocore.loaders import create_loader

_LOADER: Final = create_loader()


class Waiting:
    """A provider that gives keys when its gate is opened, or after some seconds."""

    METHOD = "test"
    CANONICAL_NAME = None

    def __init__(self, seconds: float | None = None) -> None:
        self.asked = 0
        self.given_up = 0
        self.gate = asyncio.Event()
        self._seconds = seconds

    async def load(self) -> AioCredentials:
        self.asked += 1
        try:
            await (self.gate.wait() if self._seconds is None else asyncio.sleep(self._seconds))
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return AioCredentials("key", "secret", method="test")


def session_of(provider: Any) -> AioSession:  # noqa: ANN401  # what botocore would take for a provider
    """Return a session that takes its credentials from a provider; all share the models that were read."""
    session = AioSession()
    session.register_component("data_loader", _LOADER)
    session.register_component("credential_provider", AioCredentialResolver([provider]))
    return session


class Container(ThreadingHTTPServer):
    """Gives credentials as ECS does, each good for some seconds, and counts how often it was asked."""

    def __init__(self, lifetime: timedelta) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.lifetime = lifetime
        self.asked = 0

    @property
    def environment(self) -> dict[str, str]:
        return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.server_port}/credentials"}


class _Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # as http.server has it
        server = cast("Container", self.server)
        server.asked += 1
        expires = datetime.now(UTC) + server.lifetime
        keys = {"AccessKeyId": f"key-{server.asked}", "SecretAccessKey": "s", "Token": "t"}
        body = json.dumps({**keys, "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # as http.server has it
        """Say nothing."""


@contextmanager
def container(lifetime: timedelta) -> Generator[Container]:
    """Serve credentials in a thread."""
    with Container(lifetime) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
