"""The local service's figures: how soon it starts, how fast it answers, how much room its runs take.

    python tests/benchmarks/local_service.py [--runs 1000000]

Client and server share one process, hence one core: what is printed is what one core does for both.
"""

import argparse
import resource
import socket
import statistics
import time

from jobruns_sdk.testing import LocalService

_STARTS = 50
_SECONDS = 3.0


def glue_request(local: LocalService, operation: str, body: str) -> bytes:
    """The bytes of a Glue call, as an AWS client sends them but for the signature."""
    head = f"POST / HTTP/1.1\r\nhost: {local.url[7:]}\r\nx-amz-target: AWSGlue.{operation}\r\n"
    return f"{head}content-type: application/x-amz-json-1.1\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


def answer(connection: socket.socket) -> bytes:
    """The whole answer that comes next on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(1 << 16)
    head, _, body = data.partition(b"\r\n\r\n")
    size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    while len(body) < size:
        body += connection.recv(1 << 20)
    return body


def start_seconds() -> list[float]:
    """How long it takes from making a service to its first answer; the first time, Glue's model is loaded too."""
    times: list[float] = []
    for _ in range(_STARTS):
        began = time.perf_counter()
        with LocalService() as local, connected(local) as connection:
            connection.sendall(glue_request(local, "ListJobs", "{}"))
            answer(connection)
            times.append(time.perf_counter() - began)
    return times


def connected(local: LocalService) -> socket.socket:
    """A connection to a service."""
    connection = socket.create_connection(("127.0.0.1", int(local.url.rpartition(":")[2])))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def rate(local: LocalService, request: bytes) -> tuple[float, float]:
    """Requests a second, one after the other on one connection, and the process's CPU time for each."""
    with connected(local) as connection:
        connection.sendall(request)
        answer(connection)
        count, began, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - began < _SECONDS:
            connection.sendall(request)
            answer(connection)
            count += 1
        return count / (time.perf_counter() - began), (time.process_time() - cpu) / count


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def show(what: str, figures: str) -> None:
    """Print one line of figures."""
    print(f"{what:<44} {figures}")  # noqa: T201  # a benchmark prints


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    runs = parser.parse_args().runs
    starts = start_seconds()
    show("start to first answer, first in the process", f"{starts[0] * 1e3:.1f} ms")
    show("start to first answer, median", f"{statistics.median(starts) * 1e3:.1f} ms")
    with LocalService() as local:
        local.add_glue_job("etl")
        ids = local.add_runs("glue:etl", 5_000)
        body = f'{{"JobName":"etl","RunId":"{ids[0]}"}}'
        for name, request in (
            ("GetJobRun", glue_request(local, "GetJobRun", body)),
            ("GetJobRuns, pages of 200", glue_request(local, "GetJobRuns", '{"JobName":"etl"}')),
        ):
            speed, cpu = rate(local, request)
            show(name, f"{speed:,.0f} requests/s, {cpu * 1e6:,.0f} us of CPU each")
        before, began = peak_bytes(), time.perf_counter()
        local.add_glue_job("history")
        local.add_runs("glue:history", runs)
        took = time.perf_counter() - began
        show(f"{runs:,} runs", f"{(peak_bytes() - before) / 1e6:,.0f} MB, added in {took:.1f} s")
        request = glue_request(local, "GetJobRuns", '{"JobName":"history"}')
        speed, _ = rate(local, request)
        show("GetJobRuns on that history", f"{speed:,.0f} requests/s")
    show("peak memory", f"{peak_bytes() / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
