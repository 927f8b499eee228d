"""A server of prepared bytes, in a process of its own.

The number of pages is the job's name: application ``20`` and Glue job ``20`` have twenty pages. A page's token is its
number; no page has a row, or a time, of another. A page is prepared once, and sent as it is.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from tests.benchmarks.decode_translate import emr_serverless_page, glue_page

ROOT: Final = Path(__file__).parents[2]
EMR_ROWS: Final = 50
GLUE_ROWS: Final = 200

_TARGET: Final = re.compile(rb"GET /applications/(?P<pages>\d+)/jobruns\?(?:\S*nextToken=(?P<token>\d+))?")
_BODY: Final = re.compile(rb'"JobName": ?"(?P<pages>\d+)"(?:.*"NextToken": ?"(?P<token>\d+)")?')
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_PAGE: Final = b"#####"
_SECONDS: Final = b"@@@@@@@"  # the first seven digits: they say the page, the other three the row
_EPOCH: Final = 1_795_155


def _template(body: bytes, rows: str, identifier: str) -> bytes:
    """Return a page without its end, with marks where pages differ."""
    page = json.loads(body)[rows]
    for index, row in enumerate(page):
        row[identifier] = f"{row[identifier][:-8]}{_PAGE.decode()}{index:03}"
        for name in row:
            if name.endswith(("At", "On")):
                row[name] = f"{_SECONDS.decode()}{995 - 4 * index:03}.004"
    text = json.dumps({rows: page}, separators=(",", ":")).encode()
    return re.sub(rb'"(@{7}[\d.]+)"', rb"\1", text).removesuffix(b"}")


_EMR: Final = _template(emr_serverless_page(EMR_ROWS).body, "jobRuns", "id")
_GLUE: Final = _template(glue_page(GLUE_ROWS).body, "JobRuns", "Id")


@lru_cache(256)
def _answer(template: bytes, token: bytes, number: int, pages: int) -> bytes:
    rows = template.replace(_PAGE, b"%05d" % number).replace(_SECONDS, b"%07d" % (_EPOCH - number))
    body = rows + (b"}" if number == pages - 1 else b',"%s":"%d"}' % (token, number + 1))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: %d\r\ncontent-length: %d"
    return head % (number, len(body)) + b"\r\n\r\n" + body


class _Connection(asyncio.Protocol):
    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n") + 4) >= 4:
            length = _LENGTH.search(self._received, 0, end)
            end_of_body = end + int(length[1] if length else 0)
            if len(self._received) < end_of_body:
                return
            self._reply(self._received[:end], self._received[end:end_of_body])
            self._received = self._received[end_of_body:]

    def _reply(self, head: bytes, body: bytes) -> None:
        if found := _TARGET.match(head):
            answer = _answer(_EMR, b"nextToken", int(found["token"] or 0), int(found["pages"]))
        else:
            found = _BODY.search(body)
            assert found
            answer = _answer(_GLUE, b"NextToken", int(found["token"] or 0), int(found["pages"]))
        if self._latency:
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def _serve(latency: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Connection(latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # tells the port to whoever has started it
    await asyncio.to_thread(sys.stdin.read)


@contextmanager
def serving(latency: float = 0.0) -> Generator[str]:
    """Run a server that answers after so many seconds; return its address."""
    command = [sys.executable, "-m", "tests.benchmarks.server", str(latency)]
    # The server ends when its input does, so that it never outlives its client.
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # this module
        assert process.stdin
        assert process.stdout
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1])))
