"""Time that a test has frozen by freezegun: meanwhile, after that, and where the package is imported in it."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from freezegun import freeze_time

from jobruns_sdk import sync
from jobruns_sdk.loop.clock import RealClock
from jobruns_sdk.testing import LocalService
from jobruns_sdk.times import exact

ROOT: Final = Path(__file__).parents[2]


@pytest.mark.parametrize("imported", ["before", "frozen"])
def test_time_is_frozen_in_a_process_of_its_own(imported: str) -> None:
    command = [sys.executable, "-m", "tests.surroundings.frozen", imported]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)  # noqa: S603  # ours
    lines = done.stdout.splitlines()

    assert done.returncode == 0, done.stderr
    assert [line for line in lines if "FAIL" in line] == []
    assert len(lines) == 16 * (4 if imported == "before" else 3)


def test_back_off_and_polls_go_on_while_time_is_frozen(local: LocalService) -> None:
    """Of a synchronous client, whose event loop is its own: an asynchronous one has freezegun's ``real_asyncio``."""
    local.add_glue_job("etl")
    run = local.add_run("glue:etl", state="SUCCEEDED")
    local.fault("GetJobRun", "error500", times=2)
    with freeze_time("2026-01-04"), sync.JobRunsClient(**_settings(local)) as client:
        assert client.run(f"glue:etl/{run}").succeeded
        assert client.wait(f"glue:etl/{run}", timeout=timedelta(minutes=1)).succeeded


def _settings(local: LocalService) -> dict[str, Any]:
    from tests.transport.clients import CountingSession  # noqa: PLC0415  # what is imported at the top is frozen as well

    return {"session": CountingSession(), "region_name": "us-east-1", "endpoint_url": local.url, "quotas": None}


def test_the_clock_of_a_client_gives_times_that_are_no_stand_ins() -> None:
    with freeze_time("2026-01-04"):
        clock = RealClock()
        now, before = clock.now(), clock.monotonic()
        assert clock.monotonic() >= before

    assert (type(now), now) == (datetime, datetime(2026, 1, 4, tzinfo=UTC))


def test_a_time_of_any_class_is_made_exact() -> None:
    class Own(datetime):
        """As pandas and pendulum have them."""

    moment = Own(2026, 1, 4, 12, 30, 1, 7, UTC)

    assert type(exact(moment)) is datetime
    assert exact(moment) == moment
