"""What a process keeps between tasks: its clients, and after a fork nothing."""

import pytest

from jobruns_sdk import ClientClosedError, InvalidRequestError
from jobruns_sdk.spark.access import Access
from jobruns_sdk.spark.worker import Worker
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
    with pytest.raises(InvalidRequestError, match="endpoint_url is an http or https address"):
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
