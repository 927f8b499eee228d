"""An HTTP server that answers as a test tells it, byte by byte, and remembers what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ssl import SSLContext


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


Script = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request by writing to the connection."""


@dataclass
class Server:
    script: Script
    url: str = ""
    requests: list[Request] = field(default_factory=list[Request])
    most_at_once: int = 0
    _at_once: int = 0
    _connections: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while not writer.is_closing():
                request = await _read(reader)
                self.requests.append(request)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    await self.script(request, writer)
                    await writer.drain()
                finally:
                    self._at_once -= 1
        self._connections.discard(task)
        writer.transport.abort()

    async def cut(self) -> None:
        """End every connection."""
        connections = tuple(self._connections)
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections)


async def _read(reader: asyncio.StreamReader) -> Request:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)}
    return Request(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


@asynccontextmanager
async def serving(script: Script, *, tls: SSLContext | None = None) -> AsyncGenerator[Server]:
    """Serve on a loopback port, in this event loop."""
    server = Server(script)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.url = f"{'https' if tls else 'http'}://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await server.cut()


def head(status: int, length: int | None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return the head of an answer; without a length its body ends with the connection."""
    fields = {"x-amzn-requestid": "r-1", **(headers or {})}
    fields |= {} if length is None else {"content-length": str(length)}
    return "".join(
        [f"HTTP/1.1 {status} X\r\n", *(f"{key}: {text}\r\n" for key, text in fields.items()), "\r\n"]
    ).encode()


def answer(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Script:
    """Return a script that gives one answer to everything."""

    async def script(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, len(body), headers) + body)

    return script


async def silence(_: Request, __: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()
