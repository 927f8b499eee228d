"""How near each client comes to what an account's real quota allows, where the published one is another.

    python -m tests.benchmarks.pace [--ways jobruns_sdk adaptive ...]

Each situation has a server with a token bucket of its own, for each way to read; the readers are processes of their
own, and all of them go at once: what holds them back is the bucket, not the processor. The published quota of EMR
Serverless's ListJobRuns is one call a second, 25 at once. The ideal is the time that the bucket alone dictates; the
time is that from the first request to the last answer. aiobotocore is used in each of its three retry modes, with the
attempts that it has by default.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

import attrs
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session
from aiohttp import web

from jobruns_sdk import JobRunsClient, Quota
from tests.benchmarks.server import ROOT
from tests.unit.transport.accounts import Account

_REGION: Final = "eu-west-1"
_LATENCY: Final = 0.02
_ROWS: Final = 5
_MODES: Final = ("legacy", "standard", "adaptive")
_OURS: Final = "jobruns_sdk"


@attrs.frozen
class Situation:
    """An account's real quota, and what is read from it.

    Attributes:
        name: What is to be said of it.
        rate: Calls a second.
        burst: Calls at once.
        pages: The pages that each process reads.
        processes: How many read at the same time.
    """

    name: str
    rate: float
    burst: int
    pages: int
    processes: int = 1

    @property
    def ideal(self) -> float:
        """The seconds that the bucket alone dictates."""
        return (self.pages * self.processes - self.burst) / self.rate


SITUATIONS: Final = (
    Situation("ten times the published quota", 10, 50, 200),
    Situation("the published quota", 1, 25, 150),
    Situation("half of it", 0.5, 10, 60),
    Situation("the published quota, shared by three processes", 1, 25, 35, 3),
    Situation("ten times the published rate, a fifth of its burst", 10, 5, 40),
)


@attrs.define
class _Service:
    """A server that lists runs as fast as an account's quota allows."""

    situation: Situation
    account: Account
    began: float = 0.0
    ended: float = 0.0

    async def list_runs(self, request: web.Request) -> web.Response:
        now = time.monotonic()
        self.began = self.began or now
        if not self.account.lets_through(now):
            said: dict[str, Any] = {"message": "Rate exceeded"}
            return web.json_response(said, status=400, headers={"x-amzn-errortype": "ThrottlingException"})
        await asyncio.sleep(_LATENCY)
        self.ended = time.monotonic()
        page = int(request.query.get("nextToken", "0"))
        runs = [_run(page * _ROWS + row) for row in range(_ROWS)]
        more = {"nextToken": str(page + 1)} if page + 1 < self.situation.pages else {}
        return web.json_response({"jobRuns": runs, **more})


def _run(number: int) -> dict[str, Any]:
    arn = f"arn:aws:emr-serverless:{_REGION}:111122223333:/applications/00f1/jobruns/{number:016}"
    at = 1_795_155_000 - number
    return {
        "applicationId": "00f1",
        "id": f"{number:016}",
        "arn": arn,
        "createdBy": "arn:aws:iam::111122223333:role/r",
        "createdAt": at,
        "updatedAt": at,
        "executionRole": "arn:aws:iam::111122223333:role/r",
        "state": "SUCCESS",
        "stateDetails": "",
        "releaseLabel": "emr-7.5.0",
    }


def _session() -> AioSession:
    session = get_session()
    session.set_credentials("benchmark", "benchmark")
    return session


async def _read(url: str, way: str) -> int:
    """Return how many runs were read."""
    if way == _OURS:
        async with JobRunsClient(session=_session(), region_name=_REGION, endpoint_url=url) as client:
            return len(await client.emr_serverless("00f1").runs(page_size=_ROWS).collect())
    config = AioConfig(retries={"mode": way})
    opened = _session().create_client("emr-serverless", region_name=_REGION, endpoint_url=url, config=config)
    count = 0
    async with opened as client:
        async for page in client.get_paginator("list_job_runs").paginate(applicationId="00f1"):
            count += len(page["jobRuns"])
    return count


def _read_when_told(url: str, way: str) -> None:
    """Read once a line comes in; print the runs that were read, or the error that ended it."""
    print("ready", flush=True)  # noqa: T201  # tells whoever has started it
    sys.stdin.readline()
    try:
        print(json.dumps(asyncio.run(_read(url, way))))  # noqa: T201  # as above
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        print(json.dumps(type(error).__name__))  # noqa: T201  # as above


async def _measured(situation: Situation, way: str, go: asyncio.Event, ready: asyncio.Semaphore) -> dict[str, Any]:
    account = Account(Quota(rate=situation.rate, burst=situation.burst))
    service = _Service(situation, account)
    app = web.Application()
    app.router.add_get("/applications/{id}/jobruns", service.list_runs)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    command = [sys.executable, "-m", "tests.benchmarks.pace", "--read", url, way]
    pipe = asyncio.subprocess.PIPE
    readers = [
        await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=pipe, stdout=pipe)
        for _ in range(situation.processes)
    ]
    for reader in readers:
        assert reader.stdout is not None
        await reader.stdout.readline()
    ready.release()
    await go.wait()
    told = await asyncio.gather(*(reader.communicate(b"go\n") for reader in readers))
    took = service.ended - service.began
    await runner.cleanup()
    outcomes = [json.loads(out) for out, _ in told]
    failed = [outcome for outcome in outcomes if outcome != situation.pages * _ROWS]
    return {
        "situation": situation.name,
        "ideal": situation.ideal,
        "way": way,
        "seconds": round(took, 1),
        "of_ideal": round(took / situation.ideal, 2),
        "calls": account.calls,
        "throttled": round(account.throttled / account.calls, 3),
        "failed": failed,
    }


async def measured(situations: Sequence[Situation], ways: Sequence[str]) -> list[dict[str, Any]]:
    """Return what each way took in each situation, all at once."""
    go, ready = asyncio.Event(), asyncio.Semaphore(0)
    tasks = [asyncio.create_task(_measured(one, way, go, ready)) for one in situations for way in ways]
    for _ in tasks:
        await ready.acquire()
    go.set()
    return list(await asyncio.gather(*tasks))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ways", nargs="+", default=[_OURS, *_MODES], choices=[_OURS, *_MODES])
    parser.add_argument("--read", nargs=2, metavar=("URL", "WAY"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        _read_when_told(*given.read)
        return
    say = print  # a benchmark prints
    say("| the account's real quota | ideal | client | time | of the ideal | throttled | failed |")
    say("|---|---|---|---|---|---|---|")
    for row in asyncio.run(measured(SITUATIONS, given.ways)):
        failed = ", ".join(map(str, row["failed"])) or "none"
        cells = (row["situation"], f"{row['ideal']:.0f} s", row["way"], f"{row['seconds']} s", row["of_ideal"])
        say("|", " | ".join(map(str, (*cells, f"{row['throttled']:.1%}", failed))), "|")


if __name__ == "__main__":
    main()
