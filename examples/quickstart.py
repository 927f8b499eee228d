"""Job runs and attempts of three services, read from a local service: no AWS account is needed, and nothing is changed.

With an account, leave the local service out: ``async with JobRunsClient(region_name="eu-west-1") as client``.
"""

import asyncio
from datetime import timedelta

from jobruns_sdk import Attempt, JobRun, JobRunsClient
from jobruns_sdk.testing import LocalService

DOMAIN, LINEAGE_JOB = "dzd_4p9n6sw4qt9xgn", "job42"


def seed(local: LocalService) -> str:
    """Put a few runs into the local service; return the id of its application."""
    now = local.clock.now()
    local.add_glue_job("nightly-etl", max_retries=2)
    for day in range(3, 0, -1):
        local.add_run("glue:nightly-etl", created_at=now - timedelta(days=day), duration=timedelta(minutes=41))
    local.add_run(
        "glue:nightly-etl",
        attempts=3,
        state="FAILED",
        created_at=now - timedelta(hours=5),
        message="AnalysisException: Path does not exist: s3://lake/raw/2026-01-05",
    )
    application = local.add_application(name="spark")
    local.add_run(f"emr-serverless:{application}", state="SUCCESS", created_at=now - timedelta(hours=2))
    local.add_run(f"emr-serverless:{application}", duration=timedelta(hours=3))
    local.add_datazone_job(DOMAIN, LINEAGE_JOB)
    local.add_run(f"datazone:{DOMAIN}/{LINEAGE_JOB}", state="PARTIALLY_SUCCEEDED", created_at=now - timedelta(hours=1))
    local.advance(timedelta(minutes=7))
    return application


def show_run(run: JobRun[object]) -> None:
    """Print a run in one line."""
    created = f"{run.created_at:%Y-%m-%d %H:%M}" if run.created_at else "-"
    print(f"  {created}  {run.state:<20} {run.native_state:<20} {run.duration or '-'!s:>8}  {run.id}")


def show_attempt(attempt: Attempt[object]) -> None:
    """Print an attempt in one line, with its message if it has one."""
    print(f"      attempt {attempt.number}: {attempt.state}" + (f": {attempt.message}" if attempt.message else ""))


async def show_everything(client: JobRunsClient, application: str) -> None:
    """Print the runs and attempts of a job of each service, newest first."""
    for job in (client.glue("nightly-etl"), client.emr_serverless(application), client.datazone(DOMAIN, LINEAGE_JOB)):
        print(job.ref)
        async for run in job.runs():
            show_run(run)
            async for attempt in job.attempts(run.id):
                show_attempt(attempt)


async def main() -> None:
    """Start the local service, and read it."""
    async with LocalService() as local:
        application = seed(local)
        async with local.client() as client:
            await show_everything(client, application)


if __name__ == "__main__":
    asyncio.run(main())
