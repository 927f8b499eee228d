"""A process of its own that serves a Glue job's history from prepared bytes, every answer after the same time.

    python tests/benchmarks/prepared.py RUNS ROWS_PER_PAGE LATENCY_SECONDS OLDEST_MINUTES [unlike]

It prints its port. Every job has the same runs, the newest first and so many minutes apart that the oldest is as old as
was said; or, where files are to be compared, runs of its own with other ids, times and ends, of which one in twenty has
failed. A GET is answered with how many requests came so far.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Final

_SAMPLE: Final = Path(__file__).parents[1] / "truth/samples/glue/GetJobRuns/retried_until_it_succeeded.json"

# As in an example of AWS, https://docs.aws.amazon.com/cli/latest/reference/glue/get-job-run.html
_USUAL_ARGUMENTS: Final = {
    "--enable-continuous-cloudwatch-log": "true",
    "--enable-spark-ui": "true",
    "--job-bookmark-option": "job-bookmark-enable",
    "--spark-event-logs-path": "s3://aws-glue-assets-111122223333-us-east-1/sparkHistoryLogs/",
}
_UNLIKE: Final = ("StartedOn", "CompletedOn", "LastModifiedOn", "ExecutionTime")
_MARK: Final = "~"


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


class UnlikeRuns:
    """Pages of runs no two of which have an id, a time or a duration in common; they follow from the job's name."""

    def __init__(self, runs: int, rows: int, oldest_minutes: float) -> None:
        template = json.loads(pages_of(1, 1, 1)[0])["JobRuns"][0]
        told = json.dumps(template | dict.fromkeys(_UNLIKE, _MARK) | {"Id": f"jr_{_MARK}"}, separators=(",", ":"))
        parts = told.replace(f'"{_MARK}"', "%s").replace(_MARK, "%s").replace("SUCCEEDED", "%s")
        self._form = parts
        self._names = [name for name in json.loads(told) if name in {*_UNLIKE, "Id", "JobRunState"}]
        self._runs, self._rows = runs, rows
        self._now, self._apart = time.time(), 60 * oldest_minutes / runs

    def answer(self, job: str, page: int) -> bytes:
        """Return the answer that holds a page."""
        random, first = Random(f"{job}/{page}"), page * self._rows
        last = min(self._runs, first + self._rows)
        rows = ",".join(self._row(random, number) for number in range(first, last))
        token = f',"NextToken":"{page + 1}"' if last < self._runs else ""
        return _answer(f'{{"JobRuns":[{rows}]{token}}}'.encode())

    def _row(self, random: Random, number: int) -> str:
        began = self._now - self._apart * (number + 0.2 + 0.6 * random.random())
        seconds = random.random() * min(7200.0, self._now - began)
        ended = round(began + seconds, 3)
        has_failed = number > 5 and random.random() < 0.05  # the newest are not looked up for a retry
        told = {
            "Id": f"{random.getrandbits(256):064x}",
            "JobRunState": "FAILED" if has_failed else "SUCCEEDED",
            "StartedOn": round(began, 3),
            "ExecutionTime": int(seconds),
        }
        return self._form % tuple(told.get(name, ended) for name in self._names)


class Server:
    """Answers GetJobRuns; other paths are answered with the number of calls."""

    def __init__(self, answer: Callable[[str, int], bytes], latency: float) -> None:
        self._answer = answer
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
                writer.write(self._answer(body["JobName"], int(body.get("NextToken") or 0)))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _answer(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\nx-amzn-requestid: r-1\r\n"
    return f"{head}content-length: {len(body)}\r\n\r\n".encode() + body


@contextmanager
def serving(
    runs: int, *, rows: int = 200, latency: float = 0.05, oldest_minutes: float = 14_400, unlike: bool = False
) -> Generator[str]:
    """Serve in a process of its own; yield its address."""
    arguments = [str(argument) for argument in (runs, rows, latency, oldest_minutes)] + ["unlike"] * unlike
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


def answers_of(runs: int, rows: int, oldest_minutes: float, *, unlike: bool) -> Callable[[str, int], bytes]:
    """Return what makes the answer that holds a page of a job."""
    if unlike:
        return UnlikeRuns(runs, rows, oldest_minutes).answer
    answers = [_answer(body) for body in pages_of(runs, rows, oldest_minutes)]
    return lambda _, page: answers[page]


async def main(answer: Callable[[str, int], bytes], latency: float) -> None:
    """Serve until the process is ended."""
    server = Server(answer, latency)
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1 << 20)
    print(listener.sockets[0].getsockname()[1], flush=True)  # noqa: T201  # whoever has started it waits for this
    await asyncio.Event().wait()


if __name__ == "__main__":
    given = answers_of(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[4]), unlike="unlike" in sys.argv)
    asyncio.run(main(given, float(sys.argv[3])))
