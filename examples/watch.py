"""Print every change of state of two jobs' runs as it is seen; runs that are started meanwhile join."""

import asyncio
from datetime import timedelta

from jobruns_sdk import JobRunsClient, WaitTimeoutError
from jobruns_sdk.testing import LocalService


async def watch(client: JobRunsClient, jobs: list[str], timeout: timedelta) -> None:
    """Print the changes of the jobs' active and new runs until the time is up; None as timeout is for ever."""
    try:
        async for change in client.watch(jobs, timeout=timeout):
            print(change)
    except WaitTimeoutError:
        print("The time is up.")


async def start_later(local: LocalService, client: JobRunsClient) -> None:
    """Be another program that starts a run after some minutes."""
    await local.clock.sleep(300)
    await client.glue("publish").start()


async def main() -> None:
    """Watch two jobs for an hour, which passes in no time."""
    async with LocalService() as local:
        local.add_glue_job("ingest", duration=timedelta(minutes=12), fail_attempts=1, max_retries=1)
        local.add_glue_job("publish", duration=timedelta(minutes=20))
        async with local.client() as client:
            await client.glue("ingest").start()
            later = asyncio.create_task(start_later(local, client))
            await watch(client, ["glue:ingest", "glue:publish"], timedelta(hours=1))
            await later


if __name__ == "__main__":
    asyncio.run(main())
