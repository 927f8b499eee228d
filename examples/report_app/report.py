"""An application: run the report of a day, and say where it lies."""

from datetime import timedelta

from jobruns_sdk import JobRunsClient


async def make_report(client: JobRunsClient, day: str) -> str:
    """Run the report of a day to its end, once however often this is called; return the id of its run.

    Raises:
        RunFailedError: The run failed, and so did its retries.
        WaitTimeoutError: It takes more than three hours.
    """
    ref = await client.glue("report").start(arguments={"--day": day}, idempotency_key=f"report-{day}")
    run = await client.wait(ref, timeout=timedelta(hours=3))
    return run.raise_for_state().id
