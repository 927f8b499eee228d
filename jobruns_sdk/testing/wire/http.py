"""HTTP/1.1 as far as AWS clients speak it, on asyncio, so that an answer can be cut, dripped or withheld."""

import asyncio
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
    """An answer and the way it is to be sent: `at` body bytes when truncated, `pause` seconds between dripped bytes."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    delivery: Delivery = Delivery.WHOLE
    at: int = 0
    pause: float = 0.0
    delay: float = 0.0


class BadRequestError(Exception):
    """Bytes that are not an HTTP request this server reads."""


Handler = Callable[[Request], Reply]


class Connection(asyncio.Protocol):
    """One client connection; requests on it are answered one after the other."""

    def __init__(self, handler: Handler, connections: set["Connection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._received = bytearray()
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
            if reply.delay:
                self._sending = True
                asyncio.get_running_loop().call_later(reply.delay, self._send_late, reply)
            else:
                self._send(reply)

    def _send_late(self, reply: Reply) -> None:
        self._sending = False
        self._send(reply)
        self._answer_received()

    def _end_reply(self) -> None:
        if self._is_last and self._transport is not None:
            self._transport.close()

    def _next_request(self) -> Request | None:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            if len(self._received) > _HEAD_LIMIT:
                raise BadRequestError("The head of the request is too long")
            return None
        lines = bytes(self._received[:end]).decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        taken = self._body(headers, end + 4)
        if taken is None:
            if headers.get("expect", "").lower() == "100-continue" and len(self._received) == end + 4:
                self._write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body, used = taken
        del self._received[:used]
        path, _, query = target.partition("?")
        return Request(method, path, query, headers, body)

    def _body(self, headers: Mapping[str, str], start: int) -> tuple[bytes, int] | None:
        """The body that starts at an offset and where it ends; None while it is incomplete."""
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return _chunks(self._received, start)
        size = int(headers.get("content-length", "0"))
        if not 0 <= size <= MAX_BODY:
            raise BadRequestError("The body of the request is too large")
        if len(self._received) < start + size:
            return None
        return bytes(self._received[start : start + size]), start + size

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


def _chunks(received: bytearray, start: int) -> tuple[bytes, int] | None:
    body = bytearray()
    while (line := received.find(b"\r\n", start)) >= 0:
        size = int(bytes(received[start:line]).partition(b";")[0], 16)
        if size < 0 or len(body) + size > MAX_BODY:
            raise BadRequestError("The body of the request is too large")
        start = line + 2 + size + 2
        if len(received) < start:
            return None
        body += received[line + 2 : line + 2 + size]
        if size == 0:
            return bytes(body), start
    return None


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
