"""Start many runs, and wait for all of them behind a progress bar (``pip install rich``).

The waits share their polls: one list call tells of all runs of a job. The time that they take is virtual.
"""

import asyncio
from datetime import timedelta

from rich.console import Console
from rich.progress import Progress

from jobruns_sdk import JobRun, JobRunsClient, RunRef
from jobruns_sdk.testing import LocalService

DAYS = [f"2026-01-{day:02}" for day in range(1, 21)]
JOBS = ("ingest", "publish")


async def start_all(client: JobRunsClient) -> list[RunRef]:
    """Start a run of each job for each day."""
    return [
        await client.glue(job).start(arguments={"--day": day}, idempotency_key=f"{job}-{day}")
        for job in JOBS
        for day in DAYS
    ]


async def wait_behind_a_bar(client: JobRunsClient, refs: list[RunRef], console: Console) -> list[JobRun[object]]:
    """Wait for all runs; return them in the order of their references."""
    ended: set[RunRef] = set()
    with Progress(console=console) as progress:
        bar = progress.add_task("runs ended", total=len(refs))

        def seen(run: JobRun[object]) -> None:
            if run.is_terminal:
                ended.add(run.ref)
            progress.update(bar, completed=len(ended))

        return [*await client.wait_all(refs, timeout=timedelta(hours=3), on_poll=seen)]


async def main() -> None:
    """Let one run in the middle fail."""
    console = Console()
    async with LocalService() as local:
        for minutes, job in enumerate(JOBS, start=20):
            local.add_glue_job(job, duration=timedelta(minutes=minutes))
        local.next_run("glue:publish", outcome="FAILED", message="disk full")
        async with local.client() as client:
            runs = await wait_behind_a_bar(client, await start_all(client), console)
            for run in runs:
                if not run.succeeded:
                    console.print(run)
            console.print(f"{sum(run.succeeded for run in runs)} of {len(runs)} succeeded")
            console.print(f"{local.calls('GetJobRuns')} list calls, {local.calls('GetJobRun')} gets")


if __name__ == "__main__":
    asyncio.run(main())
