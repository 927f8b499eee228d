"""Start a run once, although the answer is lost, the program is run again, and two start it at the same moment."""

import asyncio

from jobruns_sdk import ConflictError, JobRunsClient, RunRef
from jobruns_sdk.testing import LocalService

DAY = "2026-01-04"


async def start_nightly(client: JobRunsClient, day: str) -> RunRef:
    """Start the run of a day: whoever calls this, and how often, for one day there is one run."""
    return await client.glue("nightly-etl").start(arguments={"--day": day}, idempotency_key=f"nightly-{day}")


async def main() -> None:
    """Let the connection break after the start has taken effect, and start again and again."""
    async with LocalService() as local:
        local.add_glue_job("nightly-etl")
        local.fault("StartJobRun", "reset_after")
        async with local.client() as client:
            first = await start_nightly(client, DAY)  # the run is looked for and found
            again = await asyncio.gather(*(start_nightly(client, DAY) for _ in range(5)))
        async with local.client() as another_process:
            again.append(await start_nightly(another_process, DAY))
            try:
                await another_process.glue("nightly-etl").start(
                    arguments={"--day": "another"}, idempotency_key=f"nightly-{DAY}"
                )
            except ConflictError as error:
                print(f"refused: {error.message}")
        print(f"{1 + len(again)} starts, {len({first, *again})} run, {local.calls('StartJobRun')} request")


if __name__ == "__main__":
    asyncio.run(main())
