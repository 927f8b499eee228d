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

ACCOUNTS, REGIONS = {"prod": "111122223333", "dev": "444455556666"}, ("eu-west-1", "us-east-1")
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
    for number, (profile, region) in enumerate(product(ACCOUNTS, REGIONS)):
        account = local.account(ACCOUNTS[profile], region_name=region)
        account.add_glue_job("etl", max_retries=1)
        account.add_application("00f1app000000000", name="etl")
        account.add_datazone_job(DOMAIN, "etl")
        for job in ("glue:etl", "emr-serverless:00f1app000000000", f"datazone:{DOMAIN}/etl"):
            account.add_runs(job, 7 * 6, every=timedelta(hours=4))
            for day in range(1 + number):
                account.add_run(
                    job, state="FAILED", created_at=now - timedelta(days=day, hours=1), message=f"disk {day} full"
                )
            jobs.append(f"{job}?region={region}&profile={profile}")
    return jobs


def configure(local: LocalService, folder: Path) -> None:
    """Give this machine the credentials of two accounts: to the local service, an access key is an account's id."""
    keys = "aws_access_key_id = {}\naws_secret_access_key = none\n"
    profiles = (f"[profile {name}]\n{keys.format(account)}" for name, account in ACCOUNTS.items())
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
