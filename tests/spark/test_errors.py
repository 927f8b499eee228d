"""What goes wrong arrives in this package's words, or is skipped; who stops early stops the reading, too."""

import os
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from jobruns_sdk.testing import LocalService
from tests.spark.kit import read, rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra engines is not installed")

LONG = "JOBRUNS_SPARK_LONG" in os.environ
PAGES = 600
DELAY = 0.5  # seconds a page, of which all of them would take far longer than an end that is slow


@pytest.fixture
def two(local: LocalService) -> LocalService:
    for name in ("a", "b"):
        local.add_glue_job(name)
        local.add_runs(f"glue:{name}", 3)
    return local


def failure(spark: "SparkSession", local: LocalService, jobs: list[str], **options: object) -> str:
    from pyspark.errors import PySparkException  # noqa: PLC0415  # it need not be installed

    with pytest.raises(PySparkException) as caught:
        read(spark, local, jobs, **options).collect()
    return str(caught.value)


def test_a_job_that_is_not_there_is_named_or_skipped(spark: "SparkSession", two: LocalService) -> None:
    jobs = ["glue:a", "glue:missing", "glue:b"]
    assert "NotFoundError: glue.GetJobRuns: EntityNotFoundException" in failure(spark, two, jobs)
    assert len(rows(read(spark, two, jobs, onError="skip"))) == 6


@pytest.mark.skipif(not LONG, reason="it takes 20 minutes: .ci/nightly does it, and test_worker.py without Spark")
def test_a_source_that_is_throttled_for_good_is_an_error_or_skipped(spark: "SparkSession", two: LocalService) -> None:
    two.fault("GetJobRuns", "throttle", times=None, match={"JobName": "a"})
    jobs, once = ["glue:a", "glue:b"], {"maxAttempts": 1}
    assert "ThrottledError: glue.GetJobRuns: ThrottlingException" in failure(spark, two, jobs, **once)
    assert {row["name"] for row in rows(read(spark, two, jobs, onError="skip", **once))} == {"b"}


def test_where_jobs_cannot_be_listed_is_an_error_or_skipped(spark: "SparkSession", two: LocalService) -> None:
    two.fault("ListJobs", "error", times=None, code="AccessDeniedException", status=400)
    jobs = ["glue:*", "glue:b"]
    assert "AccessDeniedError: glue.ListJobs: AccessDeniedException" in failure(spark, two, jobs)
    assert {row["name"] for row in rows(read(spark, two, jobs, onError="skip"))} == {"b"}


def test_an_endpoint_that_is_not_there_is_an_error_soon(spark: "SparkSession", two: LocalService) -> None:
    with socket.socket() as held:  # so that nobody else takes the port, at which nobody listens
        held.bind(("127.0.0.1", 0))
        message = failure(spark, two, ["glue:a"], endpoint=f"http://127.0.0.1:{held.getsockname()[1]}", maxAttempts=2)
    assert "TransportError: glue.GetJobRuns: " in message
    assert "Could not connect" in message


def test_a_malformed_option_is_refused_with_its_name(spark: "SparkSession", two: LocalService) -> None:
    message = failure(spark, two, ["glue:a"], createdAfter="yesterday")
    assert "InvalidRequestError: option createdAfter: expected an ISO time with its zone" in message
    message = failure(spark, two, ["glue:a"], lag="1s")
    assert "InvalidRequestError: option lag is for streams" in message
    assert two.calls() == 0


def test_other_columns_are_refused(spark: "SparkSession", two: LocalService) -> None:
    from pyspark.errors import PySparkException  # noqa: PLC0415  # it need not be installed

    reader = spark.read.format("jobruns").options(jobs="glue:a", endpoint=two.url).schema("state string")
    with pytest.raises(PySparkException, match="InvalidRequestError: the columns are fixed: leave out schema"):
        reader.load().collect()


@pytest.fixture
def slow(local: LocalService) -> LocalService:
    """A job of so many pages that come slowly."""
    local.add_application("00f1abcdefgh0909")
    local.add_runs("emr-serverless:00f1abcdefgh0909", PAGES * 50)
    local.fault("ListJobRuns", "delay", seconds=DELAY, after=5, times=None)
    return local


def calls_at_rest(local: LocalService) -> int:
    """Return how many calls came in when none has come for a while."""
    before = -1
    while before != local.calls():
        before = local.calls()
        time.sleep(3 * DELAY)
    return before


def test_a_limit_ends_the_reading(spark: "SparkSession", slow: LocalService) -> None:
    frame = read(spark, slow, ["emr-serverless:00f1abcdefgh0909"], batchRows="50", quotas="none")
    assert len(frame.limit(5).collect()) == 5
    assert calls_at_rest(slow) < PAGES


def test_a_cancelled_job_ends_the_reading(spark: "SparkSession", slow: LocalService) -> None:
    from pyspark.errors import PySparkException  # noqa: PLC0415  # it need not be installed

    outcomes: list[object] = []

    def count() -> None:
        try:
            outcomes.append(read(spark, slow, ["emr-serverless:00f1abcdefgh0909"], quotas="none").count())
        except (PySparkException, OSError) as error:
            outcomes.append(error)
        except Exception as error:  # noqa: BLE001  # py4j's own
            outcomes.append(error)

    counting = threading.Thread(target=count)
    counting.start()
    while slow.calls() < 3 and counting.is_alive():
        time.sleep(0.01)
    spark.sparkContext.cancelAllJobs()
    counting.join()
    assert len(outcomes) == 1
    assert "cancel" in str(outcomes[0])
    assert calls_at_rest(slow) < PAGES
