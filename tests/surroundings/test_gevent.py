"""Programs that gevent has patched, as workers of gunicorn are: nobody waits for a loop that does not run."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from jobruns_sdk.testing import LocalService

ROOT: Final = Path(__file__).parents[2]
PATCHED: Final = """
from gevent import monkey; monkey.patch_all()
import gevent
from jobruns_sdk.sync import JobRunsClient
"""
ONE: Final = "with JobRunsClient() as client: print(len(client.glue('etl').runs().collect()))\n"
BESIDE: Final = f"""
ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.001)
gevent.spawn(tick)
{ONE}
print(len(ticks) > 3)
"""
IN_TURN: Final = ONE * 3
LEFT_OPEN: Final = f"""
first = JobRunsClient().open()
print(len(first.glue('etl').runs().collect()))
second = JobRunsClient().open()
print(len(second.glue('etl').runs().collect()))
first.close()
print(len(second.glue('etl').runs().collect()))
third = JobRunsClient().open()
print(len(third.glue('etl').runs().collect()))
second.close()
print(len(third.glue('etl').runs().collect()))
third.close()
{ONE}"""
MANY: Final = """
import asyncio, random
numbers = random.Random(4)
def work(number):
    found = []
    for _ in range(3):
        gevent.sleep(numbers.random() / 100)
        with JobRunsClient() as client:
            gevent.sleep(numbers.random() / 100)
            found += [len(client.glue('etl').runs().collect()) for _ in range(2)]
    return found
workers = [gevent.spawn(work, number) for number in range(12)]
gevent.joinall(workers)
for worker in workers: print(worker.get())
import threading
print([thread.name for thread in threading.enumerate() if thread.name == "jobruns-bridge"])
"""
ENDLESS: Final = """
import threading
started, stopped = threading.Event(), threading.Event()
def wait_for_ever():
    with JobRunsClient() as client:
        try:
            client.wait(client.glue('etl').start(), timeout=None, on_poll=lambda run: started.set(), until={'STOPPED'})
        finally:
            stopped.set()
worker = gevent.spawn(wait_for_ever)
started.wait()
with JobRunsClient() as client:
    print(len(client.glue('etl').runs(limit=2).collect()))
worker.kill()
print(stopped.is_set())
with JobRunsClient() as client:
    print(len(client.glue('etl').runs(limit=2).collect()))
"""
WITHIN: Final = """
from jobruns_sdk import JobRunsError
with JobRunsClient() as first, JobRunsClient() as second:
    second.glue('etl').runs().collect()
    def look(run):
        for client in (second, JobRunsClient()):
            try:
                with client: client.glue('etl').runs().collect()
            except JobRunsError as error:
                print(type(error).__name__, str(error)[:150])
    first.wait(first.glue('etl').runs().first(), timeout=None, on_poll=look)
    print(len(first.glue('etl').runs().collect()))
"""
COROUTINE: Final = f"""
import asyncio
from jobruns_sdk import ClientClosedError
async def main():
    try:
        {ONE.strip()}
    except ClientClosedError as error:
        print(error)
asyncio.run(main())
{ONE}"""
DEAD: Final = """
from jobruns_sdk import ClientClosedError
with JobRunsClient() as first, JobRunsClient() as second:
    first.glue('etl').runs().collect(), second.glue('etl').runs().collect()
    ref = second.glue('etl').start()
    waiting = gevent.spawn(second.wait, ref, timeout=None, until={'STOPPED'})
    gevent.sleep(0.1)
    async def die():
        import asyncio
        def leave(): raise SystemExit(3)
        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(60)
    for call in (lambda: first.bridge.run(die()), waiting.get, second.glue('etl').runs().collect):
        try: call()
        except BaseException as error: print(type(error).__name__)
with JobRunsClient() as client:
    print(len(client.glue('etl').runs(limit=2).collect()))
"""


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(speed=1) as local:
        local.add_glue_job("etl")
        local.add_runs("glue:etl", 3)
        yield local


def run(program: str, local: LocalService) -> list[str]:
    environment = {**local.environment, "PATH": "/usr/bin", "AWS_EC2_METADATA_DISABLED": "true"}
    command = [sys.executable, "-W", "ignore", "-c", PATCHED + program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603  # ours
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_one_client_works_beside_other_greenlets(local: LocalService) -> None:
    assert run(BESIDE, local) == ["3", "True"]


def test_clients_work_one_after_the_other(local: LocalService) -> None:
    assert run(IN_TURN, local) == ["3"] * 3


def test_clients_work_at_once_and_each_is_closed_by_itself(local: LocalService) -> None:
    assert run(LEFT_OPEN, local) == ["3"] * 6


def test_clients_come_and_go_in_many_greenlets(local: LocalService) -> None:
    assert run(MANY, local) == [*[str([3] * 6)] * 12, "[]"]


def test_a_greenlet_that_is_killed_ends_its_own_call_only(local: LocalService) -> None:
    assert run(ENDLESS, local) == ["2", "True", "2"]


def test_a_callback_that_would_wait_for_its_own_loop_is_refused(local: LocalService) -> None:
    *refusals, last = run(WITHIN, local)

    assert len(refusals) == 2
    assert all("callback cannot wait" in refusal for refusal in refusals)
    assert last == "3"


def test_a_coroutine_is_told_to_use_the_asynchronous_client(local: LocalService) -> None:
    refusal, after = run(COROUTINE, local)

    assert "another loop runs in this thread" in refusal
    assert after == "3"


def test_a_loop_that_dies_fails_all_who_wait_for_it(local: LocalService) -> None:
    assert run(DEAD, local) == ["SystemExit", "ClientClosedError", "ClientClosedError", "2"]
