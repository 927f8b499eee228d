"""Export runs to JSON lines, page by page, with a cursor on disk: each export goes on where the last one ended.

python examples/export_json_lines.py runs.jsonl
"""

import asyncio
import json
import sys
from contextlib import aclosing
from pathlib import Path

from jobruns_sdk import JobRunsClient, from_dict, to_dict
from jobruns_sdk.testing import LocalService

ROWS_AT_ONCE = 75


async def export(client: JobRunsClient, job: str, target: Path) -> int:
    """Append the next pages of a job's runs; return how many runs, 0 when all are exported.

    The cursor is written after the rows it stands behind: an export that is cut in between writes a page twice, and
    never leaves one out.
    """
    place = target.with_suffix(".cursor")
    cursor = place.read_text() if place.exists() else None
    if cursor == "":
        return 0
    written = 0
    with target.open("a") as lines:
        async with aclosing(client.runs([job], page_size=50, cursor=cursor).by_page()) as pages:
            async for page in pages:
                lines.writelines(json.dumps(to_dict(run)) + "\n" for run in page.items)
                lines.flush()
                place.write_text(page.cursor or "")
                written += len(page.items)
                if written >= ROWS_AT_ONCE:
                    break
    return written


def imported(source: Path) -> list[object]:
    """Return the runs of a file."""
    return [from_dict(json.loads(line)) for line in source.read_text().splitlines()]


async def main(target: Path) -> None:
    """Export the local service's runs in several goes, and read them back."""
    async with LocalService() as local:
        local.add_demo()
        async with local.client() as client:
            while exported := await export(client, "glue:hourly-ingest", target):
                print(f"{exported} runs exported")
            runs = await client.runs(["glue:hourly-ingest"]).collect()
    print(f"{len(runs)} runs in {target.name}, each once: {imported(target) == runs}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
