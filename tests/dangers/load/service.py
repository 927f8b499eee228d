"""A local service in a process of its own, in real time, with jobs to read and runs to wait for.

python -m tests.dangers.load.service PLAN
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import IO, Any, Final

import attrs

from jobruns_sdk import Quota
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.testing import LocalService

OK: Final = 200
ROOT: Final = Path(__file__).parents[3]
_SLACK: Final = 1.25
"""How much larger a burst the service takes than the client makes: requests arrive less evenly than they are sent."""


@attrs.frozen
class Plan:
    """What is to go on at once, and for how long.

    Attributes:
        seconds: How long, once all of it has begun.
        iterations: How many loops over the runs of a job, each beginning anew at its end.
        waits: How many runs are waited for; every tenth never ends.
        rate: How many pages a second the quota of GetJobRuns allows; None for no quotas.
        interval: The seconds between polls.
    """

    seconds: float
    iterations: int
    waits: int
    rate: int | None = None
    interval: float = 5.0

    @property
    def quotas(self) -> dict[tuple[str, str], Quota] | None:
        """What the client is told to keep, beside the published quotas."""
        return None if self.rate is None else {("glue", "GetJobRuns"): Quota(self.rate, self.rate)}

    @property
    def enforced(self) -> dict[str, tuple[float, float]]:
        """What the service enforces."""
        if self.quotas is None:
            return {}
        unpublished = {("glue", name): Quota(20, 100) for name in ("GetJob", "GetJobRun")}
        quotas = {**QUOTAS, **unpublished, **self.quotas}
        return {f"{service}:{name}": (quota.rate, _SLACK * quota.burst) for (service, name), quota in quotas.items()}

    def encoded(self) -> str:
        """Return the plan as text."""
        return json.dumps(attrs.asdict(self))


def _seeded(local: LocalService, plan: Plan) -> dict[str, list[str]]:
    chance = Random(7)
    reading = [f"glue:read-{index}" for index in range(20)]
    waited = [f"glue:wait-{index}" for index in range(10)]
    ireland = local.account(region_name="eu-west-1")
    for job in reading:
        ireland.add_glue_job(job.removeprefix("glue:"))
        ireland.add_runs(job, 2_000)
    for job in waited:
        local.add_glue_job(job.removeprefix("glue:"))
    # The published quota of ListJobRuns is one a second: a look at four applications takes that long.
    apps = [f"emr-serverless:{local.add_application(max_concurrent_runs=None)}" for _ in range(4)]
    runs: list[str] = []
    for index in range(plan.waits):
        job = apps[index % 4] if index % 50 == 0 else waited[index % 10]
        ends = chance.uniform(0, 2) * plan.seconds if index % 10 else 24 * 3_600
        runs.append(f"{job}/{local.add_run(job, startup=timedelta(0), duration=timedelta(seconds=ends))}")
    return {"url": [local.url], "reading": reading, "runs": runs}


def _tell(facts: object) -> None:
    print(json.dumps(facts), flush=True)  # noqa: T201  # tells whoever has started it


def _serve(plan: Plan) -> None:
    with LocalService(speed=1, quotas=plan.enforced) as local:
        _tell(_seeded(local, plan))
        for _ in sys.stdin:
            failed = [f"{one.operation} {one.region} {one.status}" for one in local.requests if one.status != OK]
            _tell({"calls": local.calls(), "failed": Counter(failed), "problems": local.problems})


class Service:
    """The process of a local service."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdin
        assert process.stdout
        self._input: IO[str] = process.stdin
        self._output: IO[str] = process.stdout
        facts = self._told()
        self.url: str = facts["url"][0]
        self.reading: list[str] = facts["reading"]
        self.runs: list[str] = facts["runs"]

    def report(self) -> dict[str, Any]:
        """Return what the service has seen."""
        print("report", file=self._input, flush=True)
        return self._told()

    def _told(self) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads(self._output.readline())
        return facts


@contextmanager
def serving(plan: Plan) -> Generator[Service]:
    """Run the service; it ends with its input, so that it never outlives its client."""
    command = [sys.executable, "-m", "tests.dangers.load.service", plan.encoded()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  # this module
        yield Service(process)
        assert process.stdin
        process.stdin.close()


if __name__ == "__main__":
    _serve(Plan(**json.loads(sys.argv[1])))
