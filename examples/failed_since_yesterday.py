"""What failed anywhere since yesterday: all jobs of three services in one stream, newest first.

A run counts by its end: one that began 30 hours ago and failed an hour ago is told, too.

Runs against a local service with a week of made-up runs. With an account: ``JobRunsClient(region_name="eu-west-1")``.
"""

import asyncio
from datetime import datetime, timedelta

from jobruns_sdk import UNSUCCESSFUL, JobRef, JobRun, JobRunsClient, SourceError
from jobruns_sdk.testing import LocalService

DATAZONE_JOBS = [JobRef.parse("datazone:dzd_4p9n6sw4qt9xgn/redshift-lineage")]  # DataZone cannot list its jobs


async def failed_since(client: JobRunsClient, since: datetime) -> list[JobRun[object]]:
    """Return the runs of all jobs that have ended unsuccessfully since; a job that cannot be read is told."""

    def tell(failure: SourceError) -> None:
        print(f"cannot read {failure.job}: {failure.error}")

    jobs = [job.ref async for job in client.discover()]
    pages = client.runs([*jobs, *DATAZONE_JOBS], states=UNSUCCESSFUL, ended_after=since, on_error=tell)
    return [run async for run in pages]


def show(run: JobRun[object]) -> None:
    """Print a run in a line, and below it the first line of its message."""
    at = run.ended_at or run.updated_at  # EMR Serverless lists no ends: what it changed last was the end
    print(f"{at:%a %H:%M}" if at else "-", end="")
    print(f"  {run.state:<19}  {run.name or run.id:<20}  attempt {run.attempt}  {run.job}")
    if run.message:
        print(f"           {run.message.splitlines()[0]}")


async def main() -> None:
    """Report on the local service's week, and on three runs that have failed since yesterday."""
    async with LocalService() as local:
        local.add_demo()
        now = local.clock.now()
        for job, state, message in (
            ("glue:weekly-report", "FAILED", "AnalysisException: disk full"),
            ("emr-serverless:00f1spark00demo9", "FAILED", "Job failed. ExitCode: 137."),
            (str(DATAZONE_JOBS[0]), "TIMED_OUT", None),
        ):
            began, ended = now - timedelta(hours=30), now - timedelta(hours=1)
            local.add_run(job, state=state, created_at=began, ended_at=ended, message=message)
        async with local.client() as client:
            failed = await failed_since(client, now - timedelta(days=1))
            for run in failed:
                show(run)
            print(f"{len(failed)} unsuccessful runs since yesterday")


if __name__ == "__main__":
    asyncio.run(main())
