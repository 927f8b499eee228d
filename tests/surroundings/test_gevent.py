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
AT_ONCE: Final = """
from jobruns_sdk import ClientClosedError
with JobRunsClient() as first:
    print(len(first.glue('etl').runs().collect()))
    second = JobRunsClient()
    try:
        with second: print('open')
    except ClientClosedError as error:
        print(error)
    second.close()
    print(len(first.glue('etl').runs().collect()))
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


def test_a_second_client_is_refused_at_once_and_leaves_the_first_alone(local: LocalService) -> None:
    before, refusal, after = run(AT_ONCE, local)

    assert (before, after) == ("3", "3")
    assert refusal.startswith("its event loop has ended: ")
