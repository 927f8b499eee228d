"""The listening socket and the thread that serves it."""

import asyncio
import ipaddress
import socket
import threading
from functools import partial

from jobruns_sdk.testing.wire.http import Connection, Handler, Reply, Request


class ServerThread:
    """Serves HTTP in its own event loop and thread, so that any client in the process can be used."""

    def __init__(self, handler: Handler, host: str, port: int, *, any_host: bool = False) -> None:
        self._handler = handler if any_host else partial(_for_this_machine, handler)
        self._address = (host, port)
        self._connections: set[Connection] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopped = asyncio.Event()
        self.port: int = port

    def start(self) -> None:
        """Listen, and return once connections are accepted; nothing is done where they are already.

        Raises:
            OSError: The address cannot be listened on.
        """
        if self._thread is not None:
            return
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.create_server(self._address, family=family, backlog=1024)
        self.port = listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._stopped = asyncio.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(self._loop, listener), name="jobruns-local", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the socket and all connections, and return once the thread has ended."""
        loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            loop.call_soon_threadsafe(self._stopped.set)
            thread.join()

    def _serve(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(self._serve_until_stopped(loop, listener))
        finally:
            asyncio.set_event_loop(None)
            loop.close()

    async def _serve_until_stopped(self, loop: asyncio.AbstractEventLoop, listener: socket.socket) -> None:
        server = await loop.create_server(partial(Connection, self._handler, self._connections), sock=listener)
        await self._stopped.wait()
        # Python 3.11 loses the socket of a connection that is being accepted while its server closes.
        while accepting := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(accepting)
        server.close()
        for connection in tuple(self._connections):
            connection.abort()
        await server.wait_closed()
        await asyncio.sleep(0)  # the turn in which aborted connections let go of their sockets


def _for_this_machine(handler: Handler, request: Request) -> Reply:
    """Answer what names this machine as its host: a page in a browser may let another name lead here."""
    name, _, port = request.headers.get("host", "localhost").rpartition(":")
    host = (name if port.isdigit() else f"{name}:{port}" if name else port).strip("[]").lower()
    if not (is_loopback(host) or host.endswith(".localhost")):
        return Reply(421, b"This service is for this machine only; LocalService(allow_remote=True) serves any host.")
    return handler(request)


def is_loopback(host: str) -> bool:
    """True if an address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
