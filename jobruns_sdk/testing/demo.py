"""A week in the life of a small data platform: what `python -m jobruns_sdk.testing` shows unless told otherwise."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from jobruns_sdk.testing.world.seeding import Seeding

APPLICATION: Final = "00f1spark00demo9"
HIVE_APPLICATION: Final = "00f1hive000demo9"
DOMAIN: Final = "dzd_4p9n6sw4qt9xgn"
LINEAGE_JOB: Final = "redshift-lineage"

_WEEK: Final = 7
_ANALYSIS_ERROR: Final = (
    "AnalysisException: Column 'created_at' does not exist. Did you mean one of the following? "
    "[order_id, customer_id, created_on];"
)
_OUT_OF_MEMORY: Final = (
    "Job failed. ExitCode: 137. Last few exceptions:\nWorker has been killed as memory usage exceeded configured "
    "memory size,\nconsider increasing memory size..."
)
_FETCH_FAILED: Final = (
    "Job failed, please check complete logs in configured logging destination. ExitCode: 1. Last few exceptions: "
    "org.apache.spark.shuffle.FetchFailedException Caused by: org.apache.spark.SparkException: Job aborted due"
)


def seed(local: Seeding, now: datetime) -> None:
    """Fill a service with a week of runs that ends now, and a few that are still under way."""
    _seed_glue(local, now)
    _seed_emr_serverless(local, now)
    _seed_datazone(local, now)


def _days(now: datetime, hour: int, minute: int = 0) -> Iterator[tuple[int, datetime]]:
    """The week's days at a time of day, oldest first, as far as they are past: how many days ago, and the instant."""
    today = now.replace(hour=hour, minute=minute, second=7, microsecond=113_000)
    for ago in range(_WEEK, -1, -1):
        at = today - timedelta(days=ago)
        if at < now - timedelta(hours=4):
            yield ago, at


def _varied(base: timedelta, index: int) -> timedelta:
    """A length that differs from run to run by up to a quarter, always in the same way."""
    return base * (0.875 + (index * 37 % 11) / 40)


def _seed_glue(local: Seeding, now: datetime) -> None:
    bookmarked = {"--job-bookmark-option": "job-bookmark-enable", "--enable-metrics": "true"}
    nightly = timedelta(minutes=45)
    local.add_glue_job(
        "nightly-etl", max_retries=2, default_arguments=bookmarked, tags={"team": "sales"}, duration=nightly
    )
    for ago, at in _days(now, 2):
        failed, retried = ago == 2, ago == 5  # noqa: PLR2004  # two of the seven nights go wrong
        took = _varied(nightly, ago) * (3 if failed else 2 if retried else 1)
        local.add_run(
            "glue:nightly-etl",
            state="FAILED" if failed else "SUCCEEDED",
            attempts=3 if failed else 2 if retried else 1,
            created_at=at,
            ended_at=at + took,
            arguments={"--day": f"{at:%Y-%m-%d}"},
        )
    local.add_run("glue:nightly-etl", created_at=now - timedelta(minutes=20), arguments={"--day": f"{now:%Y-%m-%d}"})
    _seed_hourly(local, now)
    local.add_glue_job("weekly-report", timeout_minutes=240, tags={"team": "finance"}, duration=timedelta(hours=3))
    for days, state in ((6, "TIMEOUT"), (3, "STOPPED"), (1, "SUCCEEDED")):
        at = now - timedelta(days=days, hours=5)
        ended = at + timedelta(hours=4 if state == "TIMEOUT" else 2)
        local.add_run("glue:weekly-report", state=state, created_at=at, ended_at=ended)
    local.add_glue_job("clickstream", streaming=True, worker_type="G.025X", number_of_workers=4)
    local.add_run("glue:clickstream", created_at=now - timedelta(days=3), native={"TriggerName": "on-deploy"})


def _seed_hourly(local: Seeding, now: datetime) -> None:
    local.add_glue_job("hourly-ingest", max_retries=1, tags={"team": "sales"}, duration=timedelta(minutes=4))
    for index in range(_WEEK * 24, 0, -1):
        at = now - timedelta(hours=index, minutes=7)
        failed = index % 41 == 0
        local.add_run(
            "glue:hourly-ingest",
            state="FAILED" if failed else "SUCCEEDED",
            attempts=2 if failed else 1,
            created_at=at,
            ended_at=at + _varied(timedelta(minutes=4), index),
            message=_ANALYSIS_ERROR if failed else None,
        )
    local.add_run("glue:hourly-ingest", created_at=now - timedelta(minutes=1), fail_attempts=1)


def _spark(name: str) -> dict[str, object]:
    return {
        "jobDriver": {
            "sparkSubmit": {
                "entryPoint": f"s3://analytics-code/{name}.py",
                "entryPointArguments": [],
                "sparkSubmitParameters": "--conf spark.executor.cores=4 --conf spark.executor.memory=16g",
            }
        }
    }


def _seed_emr_serverless(local: Seeding, now: datetime) -> None:
    app = f"emr-serverless:{APPLICATION}"
    local.add_application(APPLICATION, name="analytics", max_retries=1, duration=timedelta(minutes=30))
    messages = {4: _OUT_OF_MEMORY, 1: _FETCH_FAILED}
    for hour, name in ((3, "sessions"), (4, "features"), (5, "scores")):
        for ago, at in _days(now, hour, 15):
            failed = name == "features" and ago in messages
            local.add_run(
                app,
                name=f"{name}-{at:%Y-%m-%d}",
                state="FAILED" if failed else "CANCELLED" if name == "scores" and ago in messages else "SUCCESS",
                attempts=2 if failed else 1,
                created_at=at,
                ended_at=at + _varied(timedelta(minutes=30), ago + hour),
                message=messages[ago] if failed else None,
                native=_spark(name),
            )
    local.add_run(app, name="backfill", created_at=now - timedelta(minutes=3), native=_spark("backfill"))
    streaming = _spark("alerts")
    local.add_run(app, name="alerts", mode="STREAMING", created_at=now - timedelta(days=2), native=streaming)

    hive = f"emr-serverless:{HIVE_APPLICATION}"
    local.add_application(HIVE_APPLICATION, name="reporting", type="HIVE", state="STOPPED", release_label="emr-6.15.0")
    for ago, at in _days(now, 6):
        query = {"jobDriver": {"hive": {"query": "s3://analytics-code/revenue.sql"}}}
        ended = at + _varied(timedelta(minutes=12), ago)
        local.add_run(hive, name="revenue", state="SUCCESS", created_at=at, ended_at=ended, native=query)


def _seed_datazone(local: Seeding, now: datetime) -> None:
    job = f"datazone:{DOMAIN}/{LINEAGE_JOB}"
    local.add_datazone_job(DOMAIN, LINEAGE_JOB, duration=timedelta(minutes=2))
    outcomes = {6: "FAILED", 3: "PARTIALLY_SUCCEEDED", 2: "TIMED_OUT"}
    for ago, at in _days(now, 1, 30):
        state = outcomes.get(ago, "SUCCESS")
        message = "3 of 40 queries could not be parsed." if state == "PARTIALLY_SUCCEEDED" else None
        ended = at + _varied(timedelta(minutes=2), ago)
        local.add_run(job, state=state, created_at=at, ended_at=ended, message=message)
    local.add_run(job, created_at=now - timedelta(seconds=30), native={"runMode": "ON_DEMAND"})
