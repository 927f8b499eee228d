"""A week of job runs in one report: three services, two accounts and two regions, read and added up by Spark.

With accounts of your own, leave the local service out: profiles are those of ~/.aws/config, or roles by an option.
"""

import os
import sys
from datetime import timedelta
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from pyspark.sql import SparkSession

from jobruns_sdk.testing import LocalService

ACCOUNTS, REGIONS = ("prod", "dev"), ("eu-west-1", "us-east-1")
DOMAIN = "dzd_4p9n6sw4qt9xgn"

REPORT = """
    SELECT profile AS account, region, service,
           count(*) AS runs,
           count_if(state IN ('FAILED', 'TIMED_OUT')) AS failed,
           round(100 * avg(CASE WHEN state = 'SUCCEEDED' THEN 1 ELSE 0 END), 1) AS success_percent,
           round(sum(unix_timestamp(ended_at) - unix_timestamp(started_at)) / 3600, 1) AS hours,
           max_by(message, created_at) FILTER (WHERE state = 'FAILED') AS last_failure
    FROM runs GROUP BY ALL ORDER BY account, region, service
"""


def seed(local: LocalService) -> list[str]:
    """Put a week of each account and region into the local service; return the references of the jobs."""
    jobs: list[str] = []
    now = local.clock.now()
    for number, (account, region) in enumerate(product(ACCOUNTS, REGIONS)):
        name = f"{account}-{region}"
        local.add_glue_job(name, max_retries=1)
        local.add_application(f"00f1app{number:09}", name=name)
        local.add_datazone_job(DOMAIN, name)
        for job in (f"glue:{name}", f"emr-serverless:00f1app{number:09}", f"datazone:{DOMAIN}/{name}"):
            local.add_runs(job, 7 * 6, every=timedelta(hours=4))
            for day in range(1 + number):
                local.add_run(
                    job, state="FAILED", created_at=now - timedelta(days=day, hours=1), message=f"disk {day} full"
                )
            jobs.append(f"{job}?region={region}&profile={account}")
    return jobs


def configure(local: LocalService, folder: Path) -> None:
    """Give this machine the credentials of two accounts, which mean nothing."""
    profiles = (f"[profile {name}]\naws_access_key_id = {name}\naws_secret_access_key = none\n" for name in ACCOUNTS)
    (folder / "config").write_text("".join(profiles), encoding="utf-8")
    os.environ |= {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_ENDPOINT_URL": local.url}


def report(spark: SparkSession, jobs: list[str], since: str) -> None:
    """Print what became of the runs since then."""
    options = {"jobs": " ".join(jobs), "createdAfter": since, "hydrate": "true", "tasks": "2"}
    spark.read.format("jobruns").options(**options).load().createOrReplaceTempView("runs")
    spark.sql(REPORT).show(truncate=False)


def main() -> None:
    """Start the local service and Spark, and print the report."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark's Python processes need what this one has
    os.environ.setdefault("SPARK_LOCAL_HOSTNAME", "localhost")  # offline, nobody may know this machine's own name
    with TemporaryDirectory() as folder, LocalService() as local:
        jobs = seed(local)
        configure(local, Path(folder))
        spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
        report(spark, jobs, (local.clock.now() - timedelta(days=7)).isoformat())
        spark.stop()


if __name__ == "__main__":
    main()
