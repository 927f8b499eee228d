"""Answers of 50 MB, and what it takes to read them."""

import tracemalloc
from collections.abc import Callable
from typing import Final

from tests.dangers.faults.offline import read

SIZE: Final = 50_000_000
BOUND: Final = 250
"""MB beyond the body itself."""


def _filled(start: bytes, unit: bytes, end: bytes) -> bytes:
    return start + unit * (SIZE // len(unit)) + end


def _numbered(start: bytes, unit: bytes, end: bytes) -> bytes:
    return start + b",".join(unit % (number, number) for number in range(SIZE // len(unit % (0, 0)) - 1)) + end


_RUN: Final = b'{"JobRun":{"Id":"r","JobRunState":"RUNNING",'

LARGE: Final[dict[str, tuple[str, Callable[[], bytes]]]] = {
    "one string": ("glue:GetJobRun", lambda: _filled(_RUN + b'"ErrorMessage":"', b"x", b'"}}')),
    "a string in an unknown member": ("glue:GetJobRuns", lambda: _filled(b'{"_":"', b"x", b'"}')),
    "100 000 arguments": ("glue:GetJobRun", lambda: _numbered(_RUN + b'"Arguments":{', b'"--%07d":"%0487d"', b"}}}")),
    "10 000 rows": (
        "glue:GetJobRuns",
        lambda: _numbered(b'{"JobRuns":[', b'{"Id":"jr_%07d","ErrorMessage":"%04970d"}', b"]}"),
    ),
    "short rows": ("glue:GetJobRuns", lambda: _filled(b'{"JobRuns":[{}', b",{}", b"]}")),
    "rows and a null": ("emr-serverless:ListJobRuns", lambda: _filled(b'{"jobRuns":[null', b",{}" + b" " * 300, b"]}")),
    "names": ("glue:ListJobs", lambda: _filled(b'{"JobNames":["a"', b',"%0120d"' % 0, b"]}")),
    "brackets": ("emr-serverless:ListJobRuns", lambda: _filled(b"", b"[", b"")),
    "braces": ("datazone:ListJobRuns", lambda: _filled(b"", b'{"a":', b"")),
    "HTML": ("datazone:ListJobRuns", lambda: _filled(b"", b"<p>", b"")),
    "a gzip file": ("datazone:GetJobRun", lambda: _filled(b"\x1f\x8b", b"\x00", b"")),
}
PASSING: Final = ("one string", "a string in an unknown member", "100 000 arguments", "10 000 rows")
"""Those that are read; the others are refused."""


async def cost(shape: str) -> tuple[object, float]:
    """Return what comes of such an answer, and the MB that are allocated meanwhile at most."""
    name, make = LARGE[shape]
    body = make()
    tracemalloc.start()
    try:
        outcome = await read(name, body)
        return outcome, tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()
