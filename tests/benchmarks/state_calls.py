"""Calls of ListJobRuns for states of an application with a long history: `python -m tests.benchmarks.state_calls`.

Counts, not times: they are the same in each run.
"""

import asyncio
import sys
from collections.abc import Collection
from typing import Final

from jobruns_sdk import UNSUCCESSFUL, RunState
from jobruns_sdk.testing import LocalService
from tests.fanout.kit import client_of

APPLICATION: Final = "00f1abcdefgh0909"
ASKED: Final[dict[str, Collection[RunState]]] = {
    "active": [state for state in RunState if state.is_active],
    "UNSUCCESSFUL": UNSUCCESSFUL,
    "RUNNING, SUCCEEDED": {RunState.RUNNING, RunState.SUCCEEDED},
}
ACTIVE: Final = 120  # runs that go on, of an application whose runs are queued in part
FAILED_OF: Final = 50  # one run of so many has failed


def filled(runs: int) -> LocalService:
    """Return a service with so many runs: most have succeeded."""
    local = LocalService(auto_advance=False)
    local.add_application(APPLICATION)
    name = f"emr-serverless:{APPLICATION}"
    local.add_runs(name, runs // FAILED_OF, state="FAILED")
    local.add_runs(name, runs - runs // FAILED_OF - ACTIVE, state="SUCCESS")
    for state in ("SUBMITTED", "SCHEDULED", "RUNNING"):
        local.add_runs(name, ACTIVE // 3, state=state)
    return local


async def calls(runs: int) -> dict[str, tuple[int, int]]:
    """Return how many runs came, and with how many calls, by what was asked for."""
    counted: dict[str, tuple[int, int]] = {}
    async with filled(runs) as local, client_of(local) as client:
        for name, states in ASKED.items():
            before = local.calls("ListJobRuns")
            found = await client.emr_serverless(APPLICATION).runs(states=states).collect()
            counted[name] = (len(found), local.calls("ListJobRuns") - before)
    return counted


if __name__ == "__main__":
    for asked, (came, made) in asyncio.run(calls(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)).items():
        sys.stdout.write(f"{asked}: {came:,} runs, {made:,} calls\n")
