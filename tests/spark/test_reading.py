"""What Spark reads is what the SDK yields: rows, states and times, from three services, accounts and regions."""

import json
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk import UNSUCCESSFUL, RunState
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.testing import LocalAccount, LocalService
from tests.spark.kit import client, in_order, read, rows, throttle
from tests.unit.values import CANARY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra engines is not installed")
arrow = pytest.importorskip("jobruns_sdk.arrow")

JOBS = ("glue:nightly-etl", "emr-serverless:00f1abcdefgh0909", "datazone:dzd_4p9n6sw4qt9xgn/job42")


@pytest.fixture
def seeded(local: LocalService) -> LocalService:
    local.add_glue_job("nightly-etl", max_retries=2)
    local.add_application("00f1abcdefgh0909", name="spark")
    local.add_datazone_job("dzd_4p9n6sw4qt9xgn", "job42")
    for index, job in enumerate(JOBS):
        local.add_runs(job, 160, every=timedelta(minutes=3 + index), arguments={"--password": CANARY})
        local.add_run(job, state="FAILED", message="disk full")
        local.add_run(job)  # which goes on
    local.add_run(JOBS[0], state="FAILED", attempts=3)
    return local


async def test_runs_of_three_services_are_what_the_sdk_yields(spark: "SparkSession", seeded: LocalService) -> None:
    async with client(seeded) as sdk:
        expected = arrow.batch_from_runs(await sdk.runs(JOBS).collect()).to_pylist()
    throttle(seeded, one_in=5)
    seeded.forget_requests()
    found = rows(read(spark, seeded, JOBS))
    assert found == in_order(expected)
    assert len(found) == 3 * 162 + 1
    statuses = Counter(request.status for request in seeded.requests)
    assert statuses[200] == 2 * 4 + 1
    assert sum(statuses.values()) - statuses[200] == sum(statuses.values()) // 5 > 0


async def test_attempts_are_what_the_sdk_yields(spark: "SparkSession", seeded: LocalService) -> None:
    async with client(seeded) as sdk:
        failed = await sdk.runs(JOBS, states=UNSUCCESSFUL).collect()
        attempts = [attempt for run in failed for attempt in await sdk.attempts(run.ref).collect()]
    throttle(seeded, one_in=5)
    options = {"table": "attempts", "states": ",".join(sorted(UNSUCCESSFUL)), "batchRows": "2"}
    found = rows(read(spark, seeded, JOBS, **options))
    assert found == in_order(arrow.batch_from_attempts(attempts).to_pylist())
    assert len(found) == 3 + 3


async def test_filters_and_full_runs_are_those_of_the_sdk(spark: "SparkSession", seeded: LocalService) -> None:
    since = seeded.clock.now() - timedelta(hours=2)
    until = seeded.clock.now() - timedelta(minutes=10)
    async with client(seeded) as sdk:
        runs = sdk.runs(JOBS, states={RunState.SUCCEEDED}, created_after=since, created_before=until, hydrate=True)
        expected = in_order(arrow.batch_from_runs(await runs.collect()).to_pylist())
    options = {"states": "SUCCEEDED", "createdAfter": since.isoformat(), "createdBefore": until.isoformat()}
    assert rows(read(spark, seeded, JOBS, hydrate="true", **options)) == expected
    assert 0 < len(expected) < 200
    assert all(row["ended_at"] is not None for row in expected)


def test_three_services_are_one_view_in_sql(spark: "SparkSession", seeded: LocalService) -> None:
    spark.sql(
        f"CREATE OR REPLACE TEMP VIEW runs USING jobruns OPTIONS (jobs '{' '.join(JOBS)}', endpoint '{seeded.url}')"
    )
    found = spark.sql("SELECT service, state, count(*) AS n FROM runs GROUP BY service, state").collect()
    assert {(row["service"], row["state"]): row["n"] for row in found} == {
        ("glue", "SUCCEEDED"): 160,
        ("glue", "FAILED"): 2,
        ("glue", "STARTING"): 1,
        ("emr-serverless", "SUCCEEDED"): 160,
        ("emr-serverless", "FAILED"): 1,
        ("emr-serverless", "QUEUED"): 1,
        ("datazone", "SUCCEEDED"): 160,
        ("datazone", "FAILED"): 1,
        ("datazone", "QUEUED"): 1,
    }
    joined = spark.sql("""
        SELECT count(*) AS n FROM runs AS bad JOIN runs AS good
        ON bad.job_ref = good.job_ref AND bad.state = 'FAILED' AND good.state = 'SUCCEEDED'
    """).collect()
    assert joined[0]["n"] == 2 * 160 + 160 + 160


def test_what_is_written_as_parquet_is_read_back(spark: "SparkSession", seeded: LocalService, tmp_path: Path) -> None:
    frame = read(spark, seeded, JOBS)
    frame.write.parquet(str(tmp_path / "runs"))
    assert rows(spark.read.parquet(str(tmp_path / "runs"))) == rows(frame)


def test_jobs_are_found_by_patterns_and_in_files(spark: "SparkSession", seeded: LocalService, tmp_path: Path) -> None:
    for name in ("nightly-2", "hourly"):
        seeded.add_glue_job(name)
        seeded.add_runs(f"glue:{name}", 2)
    names = read(spark, seeded, ["glue:nightly-*", "emr-serverless:sp*"]).groupBy("job_ref").count()
    assert {row["job_ref"]: row["count"] for row in names.collect()} == {
        "glue:nightly-etl?region=us-east-1": 163,
        "glue:nightly-2?region=us-east-1": 2,
        "emr-serverless:00f1abcdefgh0909?region=us-east-1": 162,
    }
    ireland = seeded.account(region_name="eu-west-1")
    ireland.add_glue_job("nightly-2")
    ireland.add_run("glue:nightly-2")
    listed = tmp_path / "jobs.txt"
    listed.write_text("# ours\nglue:hourly  # each hour\n\nglue:nightly-2?region=eu-west-1\n", encoding="utf-8")
    options = {"endpoint": seeded.url, "jobsFile": str(listed)}
    frame = spark.read.format("jobruns").options(**options).load()
    assert {row["job_ref"] for row in rows(frame)} == {
        "glue:hourly?region=us-east-1",
        "glue:nightly-2?region=eu-west-1",
    }


@pytest.mark.parametrize("tasks", [None, 3])
def test_each_account_and_region_is_asked_with_its_own_credentials(
    spark: "SparkSession", local: LocalService, tasks: int | None
) -> None:
    def seed(account: LocalAccount) -> None:
        for name in ("a", "b"):
            account.add_glue_job(name)
            account.add_runs(f"glue:{name}", 3)

    local.everywhere(seed)
    options: dict[str, object] = {} if tasks is None else {"tasks": tasks}
    frame = read(spark, local, ["glue:*"], regions="eu-west-1,us-west-2", profiles="prod,dev", **options)
    found = Counter((row["region"], row["profile"], row["run_id"]) for row in rows(frame))
    assert set(found.values()) == {1}
    assert len(found) == 2 * 2 * 2 * 3
    places = {(request.region, request.access_key) for request in local.requests}
    assert places == {(region, key) for region in ("eu-west-1", "us-west-2") for key in ("prod-key", "dev-key")}


@pytest.mark.parametrize("table", ["runs", "attempts"])
def test_the_native_structure_comes_as_json_without_its_secrets(
    spark: "SparkSession", seeded: LocalService, table: str
) -> None:
    found = rows(read(spark, seeded, JOBS[:1], native="true", table=table, states="FAILED"))
    native = json.loads(found[0]["native"])
    assert native["JobRunState"] == "FAILED"
    assert "Arguments" not in native
    assert CANARY not in str(found)


@pytest.mark.parametrize("table", ["runs", "attempts"])
def test_costs_are_columns(spark: "SparkSession", seeded: LocalService, table: str, tmp_path: Path) -> None:
    PriceTable("USD", {("us-east-1", "ETL-DPU-Hour"): "0.44"}).save(tmp_path / "prices.json")
    given = {"table": table, "prices": str(tmp_path / "prices.json")}
    found = rows(read(spark, seeded, JOBS[:1], **given))
    known = [row for row in found if row["dpu_hours"] is not None]
    assert known
    for row in known:
        assert row["currency"] == "USD"
        assert abs(row["cost"] - Decimal(repr(row["dpu_hours"])) * Decimal("0.44")) < Decimal("1e-11")
    assert all(row["cost"] is None for row in found if row["dpu_hours"] is None)


def test_no_jobs_are_no_rows(spark: "SparkSession", local: LocalService) -> None:
    frame = read(spark, local, ["glue:none-*"])
    assert (frame.count(), frame.toArrow().schema) == (0, arrow.RUN_SCHEMA)


def test_a_pattern_that_matches_none_of_the_jobs_that_there_are_is_told(
    spark: "SparkSession", seeded: LocalService
) -> None:
    patterns = ["glue:nihgtly-*", "glue:nightly-*", "emr-serverless:none-*"]
    with pytest.raises(
        Exception, match=r"no job is called emr-serverless:none-\* or glue:nihgtly-\*, and there are others"
    ):
        read(spark, seeded, patterns).count()
    assert read(spark, seeded, patterns, onError="skip").count() == read(spark, seeded, ["glue:nightly-*"]).count() > 0
