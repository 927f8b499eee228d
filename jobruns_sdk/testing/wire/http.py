"""HTTP/1.1 as far as AWS clients speak it, on asyncio, so that an answer can be cut, dripped or withheld."""

import asyncio
import re
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, cast

MAX_BODY: Final = 8 * 1024 * 1024
_HEAD_LIMIT: Final = 64 * 1024
_LOOK: Final = 0.02  # seconds of real time until it is asked again for an answer that is waited for
_ABSOLUTE: Final = re.compile(r"https?://(?P<host>[^/?#]*)", re.IGNORECASE)


class Delivery(Enum):
    """The manner in which an answer is sent: whole, cut, slowly."""

    WHOLE = auto()
    RESET = auto()
    TRUNCATED = auto()
    DRIPPED = auto()
    WITHHELD = auto()


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came: path and query undecoded, header names in small letters."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Reply:
    """An answer and the way it is to be sent: `at` body bytes when truncated, `pause` seconds between dripped bytes.

    With `again` it is not sent: that is called from time to time, until it gives the answer.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delivery: Delivery = Delivery.WHOLE
    at: int = 0
    pause: float = 0.0
    delay: float = 0.0
    again: "Callable[[], Reply | None] | None" = None


@dataclass(slots=True)
class _Coming:
    """A request whose head has arrived; `size` is that of its body, None where it comes in chunks."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    size: int | None
    body: bytearray = field(default_factory=bytearray)


class BadRequestError(Exception):
    """Bytes that are not an HTTP request this server reads."""


Handler = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client connection; requests on it are answered one after the other."""

    def __init__(self, handler: Handler, connections: set["Connection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._received = bytearray()
        self._coming: _Coming | None = None
        self._sending = False
        self._is_last = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve a client."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client that is gone."""
        del exc
        self._connections.discard(self)
        self._transport = None

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes, and answer each request that is complete."""
        self._received += data
        self._answer_received()

    def _answer_received(self) -> None:
        while self._transport is not None and not self._transport.is_closing() and not self._sending:
            try:
                request = self._next_request()
            except (BadRequestError, ValueError) as error:
                self._send(Reply(400, str(error).encode(), {"connection": "close"}))
                self._transport.close()
                return
            if request is None:
                return
            self._is_last = request.headers.get("connection", "").lower() == "close"
            reply = self._handler(request)
            if reply.again is not None:
                self._sending = True
                asyncio.get_running_loop().call_later(_LOOK, self._send_in_time, reply, reply.again)
            elif reply.delay:
                self._sending = True
                asyncio.get_running_loop().call_later(reply.delay, self._send_late, reply)
            else:
                self._send(reply)

    def _send_in_time(self, reply: Reply, again: "Callable[[], Reply | None]") -> None:
        if self._transport is None:  # nobody is there to be answered
            return
        ready = again()
        if ready is None:
            asyncio.get_running_loop().call_later(_LOOK, self._send_in_time, reply, again)
        else:
            ready.headers = reply.headers | ready.headers
            self._send_late(ready)

    def _send_late(self, reply: Reply) -> None:
        self._sending = False
        self._send(reply)
        self._answer_received()

    def _end_reply(self) -> None:
        if self._is_last and self._transport is not None:
            self._transport.close()

    def _next_request(self) -> Request | None:
        """The next request that is complete; what has arrived of it is looked at once, in however small pieces."""
        coming = self._coming
        if coming is None:
            end = self._received.find(b"\r\n\r\n")
            if end < 0:
                if len(self._received) > _HEAD_LIMIT:
                    raise BadRequestError("The head of the request is too long")
                return None
            coming = self._coming = _coming(bytes(self._received[:end]).decode("latin-1"))
            del self._received[: end + 4]
            if coming.headers.get("expect", "").lower() == "100-continue" and not self._received:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
        taken = _taken_in_chunks if coming.size is None else _taken_as_sized
        if not taken(self._received, coming):
            return None
        self._coming = None
        return Request(coming.method, coming.path, coming.query, coming.headers, bytes(coming.body))

    def _send(self, reply: Reply) -> None:
        if self._transport is None:
            return
        match reply.delivery:
            case Delivery.WHOLE:
                self._write(_head(reply) + reply.body)
                self._end_reply()
            case Delivery.WITHHELD:
                self._sending = True
            case Delivery.RESET:
                _reset(self._transport)
            case Delivery.TRUNCATED:
                self._write(_head(reply) + reply.body[: reply.at])
                self._transport.close()
            case Delivery.DRIPPED:
                self._sending = True
                self._drip(_head(reply) + reply.body, 0, reply.pause)

    def _drip(self, data: bytes, sent: int, pause: float) -> None:
        if self._transport is None:
            return
        if sent == len(data):
            self._sending = False
            self._end_reply()
            self._answer_received()
            return
        self._write(data[sent : sent + 1])
        asyncio.get_running_loop().call_later(pause, self._drip, data, sent + 1, pause)

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _coming(head: str) -> _Coming:
    lines = head.split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if (absolute := _ABSOLUTE.match(target)) is not None:  # as clients write it that think of a proxy
        headers["host"] = absolute["host"]
        target = target[absolute.end() :] or "/"
        target = target if target.startswith("/") else f"/{target}"
    path, _, query = target.partition("?")
    is_chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    size = None if is_chunked else int(headers.get("content-length", "0"))
    if size is not None and not 0 <= size <= MAX_BODY:
        raise BadRequestError("The body of the request is too large")
    return _Coming(method, path, query, headers, size)


def _taken_as_sized(received: bytearray, coming: _Coming) -> bool:
    """True once the whole body was taken from what was received."""
    size = coming.size or 0
    if len(received) < size:
        return False
    coming.body += received[:size]
    del received[:size]
    return True


def _taken_in_chunks(received: bytearray, coming: _Coming) -> bool:
    """True once the last chunk was taken from what was received; each is taken as soon as it is whole."""
    start, is_last = 0, False
    while not is_last and (line := received.find(b"\r\n", start)) >= 0:
        size = int(bytes(received[start:line]).partition(b";")[0], 16)
        if size < 0 or len(coming.body) + size > MAX_BODY:
            raise BadRequestError("The body of the request is too large")
        begin, end = line + 2, line + 2 + size + 2
        if len(received) < end:
            break
        coming.body += received[begin : begin + size]
        start, is_last = end, size == 0
    del received[:start]
    return is_last


def _head(reply: Reply) -> bytes:
    try:
        reason = HTTPStatus(reply.status).phrase
    except ValueError:
        reason = "Unknown"
    lines = [f"HTTP/1.1 {reply.status} {reason}"]
    if "date" not in reply.headers:
        lines.append(f"date: {formatdate(usegmt=True)}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    return "\r\n".join([*lines, f"content-length: {len(reply.body)}", "", ""]).encode("latin-1")


def _reset(transport: asyncio.Transport) -> None:
    """Close with a TCP reset: a linger time of zero makes the kernel send one."""
    connection = cast("socket.socket", transport.get_extra_info("socket"))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
