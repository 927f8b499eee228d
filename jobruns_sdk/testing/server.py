"""The listening socket and the thread that serves it."""

import asyncio
import ipaddress
import socket
import threading
from contextlib import suppress
from functools import partial

from jobruns_sdk.testing.http import Connection, Handler


class ServerThread:
    """Serves HTTP on an event loop and in a thread of its own, so that any client in the process can be used."""

    def __init__(self, handler: Handler, host: str, port: int) -> None:
        self._handler = handler
        self._address = (host, port)
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self.port = port

    def start(self) -> None:
        """Listen, and return once connections are accepted.

        Raises:
            OSError: The address cannot be listened on.
        """
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.create_server(self._address, family=family, backlog=1024)
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._serve, args=(self._loop, listener), name="jobruns-local", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and all connections, and return once the thread has ended."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            with suppress(RuntimeError):  # the loop was closed already
                loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _serve(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        asyncio.set_event_loop(loop)
        try:
            factory = partial(Connection, self._handler, self._connections)
            server = loop.run_until_complete(loop.create_server(factory, sock=listener))
            loop.run_forever()
            server.close()
            for connection in tuple(self._connections):
                connection.abort()
            loop.run_until_complete(server.wait_closed())
            loop.run_until_complete(asyncio.sleep(0))
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
