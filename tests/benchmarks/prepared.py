"""A process of its own that serves a Glue job's history from prepared bytes, every answer after the same time.

    python tests/benchmarks/prepared.py RUNS ROWS_PER_PAGE LATENCY_SECONDS OLDEST_MINUTES

It prints its port. Every job has the same runs, the newest first and so many minutes apart that the oldest is as old as
was said. `x-calls` in an answer's head tells how many requests came so far.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

_SAMPLE: Final = Path(__file__).parents[1] / "truth/samples/glue/GetJobRuns/retried_until_it_succeeded.json"

# As in an example of AWS, https://docs.aws.amazon.com/cli/latest/reference/glue/get-job-run.html
_USUAL_ARGUMENTS: Final = {
    "--enable-continuous-cloudwatch-log": "true",
    "--enable-spark-ui": "true",
    "--job-bookmark-option": "job-bookmark-enable",
    "--spark-event-logs-path": "s3://aws-glue-assets-111122223333-us-east-1/sparkHistoryLogs/",
}


def pages_of(runs: int, rows: int, oldest_minutes: float) -> list[bytes]:
    """Return the bodies of a history's pages; a page's token is its number."""
    template = json.loads(_SAMPLE.read_bytes())["JobRuns"][2]
    template["Arguments"] = template.get("Arguments", {}) | _USUAL_ARGUMENTS
    now = time.time()
    listed = [
        template
        | {"Id": f"jr_{sha256(str(number).encode()).hexdigest()}", "Attempt": 0}
        | {name: now - 60 * oldest_minutes * (number + 0.5) / runs for name in template if name.endswith("On")}
        for number in range(runs)
    ]
    bodies: list[bytes] = []
    for start in range(0, runs, rows):
        answer: dict[str, object] = {"JobRuns": listed[start : start + rows]}
        if start + rows < runs:
            answer["NextToken"] = str(start // rows + 1)
        bodies.append(json.dumps(answer, separators=(",", ":")).encode())
    return bodies


class Server:
    """Answers GetJobRuns; other paths are answered with the number of calls."""

    def __init__(self, bodies: list[bytes], latency: float) -> None:
        self._answers = [_answer(body) for body in bodies]
        self._latency = latency
        self._calls = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET"):
                    writer.write(_answer(str(self._calls).encode()))
                    continue
                size = int(head.lower().split(b"content-length: ", 1)[1].split(b"\r\n", 1)[0])
                body = json.loads(await reader.readexactly(size))
                self._calls += 1
                await asyncio.sleep(self._latency)
                writer.write(self._answers[int(body.get("NextToken") or 0)])
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _answer(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: r-1\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def serving(runs: int, *, rows: int = 200, latency: float = 0.05, oldest_minutes: float = 14_400) -> Generator[str]:
    """Serve in a process of its own; yield its address."""
    arguments = [str(argument) for argument in (runs, rows, latency, oldest_minutes)]
    process = subprocess.Popen([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True)  # noqa: S603  # this very file
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.terminate()
        process.communicate()


async def calls_so_far(url: str) -> int:
    """Return how many requests the server was asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
    writer.close()
    await writer.wait_closed()
    return int(body)


async def main(runs: int, rows: int, latency: float, oldest_minutes: float) -> None:
    """Serve until the process is ended."""
    server = Server(pages_of(runs, rows, oldest_minutes), latency)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1 << 20)
    print(listener.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # whoever has started it waits for this
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])))
