"""What a process keeps between tasks: its clients, and after a fork nothing."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial

import pytest

from jobruns_sdk import ClientClosedError, InvalidRequestError, JobRunsClient, ThrottledError
from jobruns_sdk.spark.access import Access
from jobruns_sdk.spark.options import read_options
from jobruns_sdk.spark.tasks import jobs_of, read_part, tasks_of
from jobruns_sdk.spark.worker import Worker, worker
from jobruns_sdk.testing import LocalService
from tests.programs import printed


async def one() -> int:
    return 1


def test_a_client_is_opened_once_for_each_way_to_reach_aws() -> None:
    kept = Worker()
    access = Access(profiles=("prod",))
    client = kept.client(access, 1)
    assert kept.client(Access(profiles=("prod",)), 1) is client
    assert kept.client(access, 2) is not client
    assert kept.client(Access(), 1) is not client
    kept.close()


def test_no_more_clients_are_kept_than_are_of_use() -> None:
    kept = Worker()
    first = kept.client(Access(), 1)
    bridge = kept.bridge
    for parts in range(2, 18):
        kept.client(Access(), parts)
    assert kept.client(Access(), 1) is not first
    with pytest.raises(ClientClosedError):
        bridge.run(one())
    assert kept.bridge.run(one()) == 1
    kept.close()


def test_a_malformed_endpoint_is_refused() -> None:
    kept = Worker()
    with pytest.raises(InvalidRequestError, match="endpoint_url must be an http or https address"):
        kept.client(Access(endpoint="ftp://127.0.0.1"), 1)
    kept.close()


def test_a_process_that_was_forked_off_begins_anew() -> None:
    program = """
import asyncio, os, sys
from jobruns_sdk.spark.worker import worker

before = worker()
before.bridge.run(asyncio.sleep(0))
child = os.fork()
if child == 0:
    print(worker() is not before, worker().bridge.run(asyncio.sleep(0, "anew")), flush=True)
    worker().close()
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(worker() is before, before.bridge.run(asyncio.sleep(0, "goes on")))
before.close()
"""
    assert printed(program).splitlines() == ["True anew", "True goes on"]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the clients of this process give up at the first throttle, and not after ten minutes, as Spark's do."""
    made = partial(JobRunsClient, throttle_timeout=timedelta(0))
    monkeypatch.setattr("jobruns_sdk.spark.worker.JobRunsClient", made)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    yield
    worker().close()


def names_read(given: Mapping[str, str]) -> set[str]:
    options = read_options(given)
    tasks = tasks_of(jobs_of(options), options)
    return {row["name"] for task in tasks for batch in read_part(task, options) for row in batch.to_pylist()}


@pytest.mark.usefixtures("impatient")
def test_a_source_that_is_throttled_for_good_is_an_error_or_skipped(local: LocalService) -> None:
    for name in ("a", "b"):
        local.add_glue_job(name)
        local.add_runs(f"glue:{name}", 3)
    local.fault("GetJobRuns", "throttle", times=None, match={"JobName": "a"})
    given = {"jobs": "glue:a glue:b", "endpoint": local.url, "quotas": "none"}
    with pytest.raises(ThrottledError, match=r"^glue\.GetJobRuns: ThrottlingException"):
        names_read(given)
    assert names_read({**given, "onError": "skip"}) == {"b"}
