"""With quotas enforced, no call is throttled, however many tasks there are; each domain has its quota for itself."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import pytest

from jobruns_sdk.testing import LocalAccount, LocalService
from tests.spark.kit import read, rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("pyspark", reason="the extra engines is not installed")

RATE, BURST = 2, 10
BUNCHED = 6  # calls by which the service's burst is larger: requests arrive less evenly than they are sent
APPLICATIONS, PAGES = 4, 5
REGIONS: Final = ("eu-west-1", "eu-central-1", "us-east-1", "us-west-2")


@pytest.mark.parametrize("tasks", [1, 2, 4])
@pytest.mark.parametrize("domains", [1, 4])
def test_no_call_is_throttled_whatever_the_number_of_tasks(spark: "SparkSession", tasks: int, domains: int) -> None:
    with LocalService(speed=1, quotas={"emr-serverless:ListJobRuns": (RATE, BURST + BUNCHED)}) as local:
        jobs = [f"emr-serverless:00f1app{number:09}" for number in range(APPLICATIONS)]

        def seed(account: LocalAccount) -> None:
            for job in jobs:
                account.add_application(job.partition(":")[2])
                account.add_runs(job, PAGES * 50)

        local.everywhere(seed)
        frame = read(
            spark,
            local,
            jobs,
            tasks=tasks,
            regions=",".join(REGIONS[:domains]),
            quotas=f"emr-serverless:ListJobRuns={RATE}/{BURST}",
        )
        assert len(rows(frame)) == domains * APPLICATIONS * PAGES * 50
        assert {request.status for request in local.requests} == {200}
        calls = Counter(request.region for request in local.requests)
        assert calls == dict.fromkeys(REGIONS[:domains], APPLICATIONS * PAGES)
        # It took no less than the quota of one domain allows, but for requests that arrived bunched.
        first, last = local.requests[0].at, local.requests[-1].at
        assert (last - first).total_seconds() >= (APPLICATIONS * PAGES - BURST - BUNCHED / 2) / RATE


def test_the_same_calls_are_throttled_where_quotas_are_not_kept(spark: "SparkSession") -> None:
    with LocalService(speed=1, quotas={"emr-serverless:ListJobRuns": (0.001, 3)}) as local:
        jobs = [f"emr-serverless:{local.add_application()}" for _ in range(8)]
        with ThreadPoolExecutor() as threads:
            reading = threads.submit(read(spark, local, jobs, quotas="none", tasks=4).collect)
            while not reading.done():
                wait([reading], timeout=0.1)
                if any(request.status == 400 for request in local.requests):  # else nobody is let in for ten minutes
                    local.advance(timedelta(hours=1))
            assert reading.result() == []
        assert {request.status for request in local.requests} == {200, 400}
