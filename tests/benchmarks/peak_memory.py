"""A history streamed by one client: the process's peak memory after the first pages, and after all of them.

python -m tests.benchmarks.peak_memory URL PAGES
"""

import asyncio
import json
import resource
import sys

from tests.benchmarks import peers
from tests.benchmarks.server import GLUE_ROWS

_FIRST = 10_000


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


async def _measure(url: str, pages: int) -> dict[str, int]:
    count = first = 0
    async with peers.sdk_client(url) as client:
        async for _ in client.glue(str(pages)).runs():
            count += 1
            if count == _FIRST:
                first = _peak()
    assert count == pages * GLUE_ROWS
    return {"runs": count, "first": first, "all": _peak()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_measure(sys.argv[1], int(sys.argv[2])))))  # noqa: T201  # tells whoever has started it
