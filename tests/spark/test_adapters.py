"""A service from outside in Spark: its adapter is imported by each process, and never sent."""

import asyncio
import pickle
import re

import pytest

from jobruns_sdk import InvalidRequestError, JobRef
from jobruns_sdk.spark.access import Access
from jobruns_sdk.spark.options import read_options
from jobruns_sdk.spark.patterns import JobPattern
from jobruns_sdk.spark.tasks import jobs_of, read_part, tasks_of
from jobruns_sdk.spark.worker import worker
from tests.adapter.test_batch import Batch
from tests.transport.scripted import serving

ENTRY = "batch=tests.adapter.batch.entry:ENTRY"
CLASS = "batch=tests.adapter.batch.service:BatchQueue"


def test_its_jobs_are_named_found_and_limited_as_those_inside() -> None:
    options = read_options(
        {"adapters": ENTRY, "jobs": "batch:queue batch:nightly-*", "quotas": "batch:ListJobs=1/25 glue:GetJobRuns=2/9"}
    )
    assert options.jobs == (JobRef("batch", ("queue",)), JobPattern("batch", "nightly-*"))
    assert options.access.quota("batch", "ListJobs").burst == 25
    assert options.access.most_parts("batch") == 24
    shares = options.access.shares(4)
    assert shares is not None
    assert shares["batch", "ListJobs"].rate == 0.25
    assert read_options({"adapters": ENTRY, "services": "batch"}).jobs == (JobPattern("batch", "*"),)


def test_a_domain_of_an_adapter_that_names_no_operations_is_not_divided() -> None:
    assert read_options({"adapters": CLASS, "jobs": "batch:queue"}).access.most_parts("batch") == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"jobs": "batch:queue"}, "unknown service 'batch'"),
        ({"adapters": CLASS, "services": "batch"}, "expected emr-serverless or glue"),
        ({"adapters": CLASS, "jobs": "batch:night-*"}, "can be found by a pattern"),
        ({"adapters": "batch=tests.adapter", "jobs": "batch:queue"}, "expected service=module:name"),
        ({"adapters": "batch=tests.adapter.nothing:ENTRY", "jobs": "batch:queue"}, "cannot be imported"),
        ({"adapters": "batch=tests.adapter.batch.entry:NOTHING", "jobs": "batch:queue"}, "cannot be imported"),
        (
            {"adapters": "glue=tests.adapter.batch.entry:ENTRY", "jobs": "glue:etl"},
            "is not the name of a custom service",
        ),
        ({"adapters": "batch=tests.adapter.batch.translate:STATES", "jobs": "batch:queue"}, "a callable"),
    ],
)
def test_what_cannot_be_used_is_refused_on_the_driver(options: dict[str, str], says: str) -> None:
    with pytest.raises(InvalidRequestError, match=re.escape(says)) as caught:
        read_options(options)
    assert caught.value.message.startswith("option ")


async def test_its_runs_are_read_by_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")

    def read(url: str) -> list[tuple[str, str]]:
        given = {"adapters": ENTRY, "services": "batch", "nativeStates": "FAILED", "endpoint": url, "quotas": "none"}
        options = read_options(given)
        jobs = jobs_of(options)
        tasks = pickle.loads(pickle.dumps(tasks_of(jobs, options)))  # noqa: S301  # our own
        rows = [row for task in tasks for batch in read_part(task, options) for row in batch.to_pylist()]
        worker().close()
        return [(row["run_ref"].rpartition("/")[0], row["native_state"]) for row in rows]

    async with serving(Batch()) as server:
        rows = await asyncio.to_thread(read, server.url)
    assert len(rows) == 9
    assert {state for _, state in rows} == {"FAILED"}
    assert len({job for job, _ in rows}) == 3


def test_what_is_sent_names_the_adapter_only() -> None:
    access = Access(adapters=(("batch", "tests.adapter.batch.entry:ENTRY"),))
    assert pickle.loads(pickle.dumps(access)) == access  # noqa: S301  # our own
