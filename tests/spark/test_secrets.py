"""No secret is in a plan, in what Spark shows of it, in a task or in an error; roles are assumed where work is done."""

import pickle
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk.testing import LocalService
from tests.spark.kit import SECRET, read, rows
from tests.transport.tokens import TokenService
from tests.unit.values import CANARY

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra engines is not installed")
options = pytest.importorskip("jobruns_sdk.spark.options")
tasks = pytest.importorskip("jobruns_sdk.spark.tasks")
source = pytest.importorskip("jobruns_sdk.spark.source")

PATIENCE = 600
ROLES = "audit=arn:aws:iam::111122223333:role/audit lab=arn:aws:iam::444455556666:role/lab"


@pytest.fixture
def seeded(local: LocalService) -> LocalService:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 5, arguments={"--password": CANARY})
    return local


def test_roles_are_assumed_for_their_profiles(
    spark: "SparkSession", seeded: LocalService, tokens: TokenService
) -> None:
    tokens.asked.clear()
    jobs = ["glue:etl?profile=audit", "glue:etl?profile=lab", "glue:etl?profile=prod", "glue:etl"]
    found = rows(read(spark, seeded, jobs, roles=ROLES, externalIds="lab=x-1"))
    assert len(found) == 4 * 5
    assert {request.access_key for request in seeded.requests} == {"audit-key", "lab-key", "prod-key", "local"}
    assert {(asked["RoleArn"].rpartition("/")[2], asked.get("ExternalId")) for asked in tokens.asked} == {
        ("audit", None),
        ("lab", "x-1"),
    }


def test_a_role_that_may_not_be_assumed_is_an_error_of_ours(spark: "SparkSession", seeded: LocalService) -> None:
    from pyspark.errors import PySparkException  # noqa: PLC0415  # it need not be installed

    roles = "audit=arn:aws:iam::111122223333:role/denied"
    with pytest.raises(PySparkException, match=r"CredentialsError: glue.GetJobRuns: AccessDenied") as caught:
        read(spark, seeded, ["glue:etl?profile=audit"], roles=roles).collect()
    assert SECRET not in str(caught.value)


def written(events: Path, *, of: str) -> str:
    """Return what Spark has written for its UI, the end of a query included: it writes in a thread of its own."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        files = [path for path in events.rglob("*") if path.is_file()]
        text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in files)
        if "SQLExecutionEnd" in text.partition(of)[2]:
            return text
        time.sleep(0.05)  # what that thread has written is to be seen in the files only
    raise AssertionError(f"nothing is written of {of}")


def test_nothing_that_spark_shows_holds_a_secret(
    spark: "SparkSession", seeded: LocalService, events: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = read(spark, seeded, ["glue:etl?profile=audit", "glue:etl"], roles=ROLES)
    frame.createOrReplaceTempView("secretive")
    frame.explain(True)  # noqa: FBT003  # its own way
    spark.sql("SELECT state, count(*) FROM secretive GROUP BY state").explain(True)  # noqa: FBT003
    assert len(spark.sql("SELECT *, 'the last' AS mark FROM secretive").collect()) == 10
    shown = capsys.readouterr().out + str(frame)
    assert "jobruns" in shown
    logged = written(events, of="the last AS mark")
    assert "BatchScan jobruns" in logged
    for text in (shown, logged):
        assert SECRET not in text
        assert CANARY not in text


def test_what_travels_to_tasks_holds_no_secret(seeded: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    given = {"jobs": "glue:*?region=us-east-1", "endpoint": seeded.url, "roles": ROLES}
    made = source.JobRunsDataSource(given)
    reader = made.reader(made.schema())
    partitions = reader.partitions()
    assert [list(batch.column("run_id").to_pylist()) for batch in reader.read(partitions[0])] != []
    for value in (made, reader, partitions, made.streamReader(made.schema())):
        pickled = pickle.dumps(value)
        assert b"JobRuns" in pickled or b"Task" in pickled
        assert SECRET.encode() not in pickled
        assert SECRET not in repr(value)
