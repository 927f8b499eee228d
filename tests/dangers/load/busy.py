"""One client, busy: loops over runs and waits for runs by the thousand, and then it is closed.

python -m tests.dangers.load.busy PLAN

What comes out is JSON: the pages that each loop got, how late ends were noticed, memory, and how everything ended.
"""

import asyncio
import gc
import json
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import attrs
from aiobotocore.session import AioSession

from jobruns_sdk import ClientClosedError, JobRef, JobRun, JobRunsClient
from tests.dangers.cancellation.books import held_by, other_tasks
from tests.dangers.load.service import ROOT, Plan, Service, serving

_PAGE: Final = 25
_FEWEST: Final = 2  # pages: then every loop holds one, and one that was fetched ahead
_MOST: Final = 40  # times the seconds of the plan


@attrs.frozen
class Figures:
    """What was seen.

    Attributes:
        warming: Seconds until every loop had its second page and every wait a look; from then on it went on as planned.
        pages: Of the loops, the fewest, the median and the most pages that one got.
        done: How many waits saw the end of their run.
        unpolled: How many waits had not even one look at their run.
        latest: The most seconds between a run's end, after warming up, and the notice of it.
        memory: Resident bytes after warming up, and at the end.
        ends: How everything that was under way ended when the client was closed.
        closing: Seconds until all of it had ended.
        left: What is left afterwards.
        complaints: What the event loop complained of.
        service: What the service has seen: its calls, those that failed, its own problems.
    """

    warming: float
    pages: tuple[int, int, int]
    done: int
    unpolled: int
    latest: float
    memory: tuple[int, int]
    ends: dict[str, int]
    closing: float
    left: dict[str, int]
    complaints: list[str]
    service: dict[str, Any]


def resident() -> int:
    """Return how many bytes of memory this process has."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Busy:
    """What goes on at once on one client."""

    def __init__(self, client: JobRunsClient, service: Service, plan: Plan) -> None:
        self._client = client
        self._service = service
        self._plan = plan
        self._pages = [0] * plan.iterations
        self._polled: set[str] = set()
        self._late: list[float] = []
        self._noticing_since = datetime.now(UTC)

    def begun(self) -> list[asyncio.Task[None]]:
        """Begin it all."""
        loops = [asyncio.ensure_future(self._loop(index)) for index in range(self._plan.iterations)]
        return loops + [asyncio.ensure_future(self._wait(run)) for run in self._service.runs]

    async def _loop(self, index: int) -> None:
        # In a region of their own, so that their quota is not that of the waits.
        job = JobRef.parse(f"{self._service.reading[index % len(self._service.reading)]}?region=eu-west-1")
        while True:
            async for _ in self._client.handle(job).runs(page_size=_PAGE).by_page():
                self._pages[index] += 1

    async def _wait(self, run: str) -> None:
        def polled(_: JobRun[Any]) -> None:
            self._polled.add(run)

        interval = timedelta(seconds=self._plan.interval)
        ended = await self._client.wait(
            run, timeout=None, poll_interval=interval, max_poll_interval=interval, on_poll=polled
        )
        assert ended.ended_at is not None
        if ended.ended_at >= self._noticing_since:
            self._late.append((datetime.now(UTC) - ended.ended_at).total_seconds())

    def _is_warm(self) -> bool:
        return len(self._polled) == self._plan.waits and min(self._pages) >= _FEWEST

    async def figures(self) -> dict[str, Any]:
        """Begin it all, close the client when the time has come, and return what was seen."""
        plan, tasks, began = self._plan, self.begun(), time.monotonic()
        while not self._is_warm() and time.monotonic() - began < _MOST * plan.seconds:  # noqa: ASYNC110  # by others, often
            await asyncio.sleep(0.1)
        warmed, warm, self._late = time.monotonic() - began, resident(), []
        self._noticing_since = datetime.now(UTC)
        await asyncio.sleep(plan.seconds)
        memory = (warm, resident())
        began = time.monotonic()
        await self._client.__aexit__(None, None, None)
        done, pending = await asyncio.wait(tasks, timeout=60)
        closing = time.monotonic() - began
        errors = [type(error).__name__ if (error := task.exception()) else "done" for task in done]
        ends = Counter([*errors, *("not at all" for _ in pending)])
        del done, pending, tasks
        pages = sorted(self._pages)
        return {
            "warming": warmed,
            "pages": (pages[0], pages[len(pages) // 2], pages[-1]),
            "done": ends["done"],
            "unpolled": plan.waits - len(self._polled),
            "latest": max(self._late, default=0.0),
            "memory": memory,
            "ends": dict(ends),
            "closing": closing,
            "left": {**held_by(self._client), **({"tasks": len(other_tasks())} if other_tasks() else {})},
        }


async def _measure(plan: Plan) -> Figures:
    complaints: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(str(context)))
    session = AioSession()
    session.set_credentials("key", "secret")
    with serving(plan) as service:
        client = JobRunsClient(
            session=session, endpoint_url=service.url, region_name="us-east-1", quotas=plan.quotas, call_timeout=300
        )
        figures = await Busy(await client.__aenter__(), service, plan).figures()
        gc.collect()
        await asyncio.sleep(0)
        return Figures(**figures, complaints=complaints, service=service.report())


def measured(plan: Plan) -> Figures:
    """Return what is seen in a process of its own, in which every warning is an error."""
    command = [sys.executable, "-W", "error", "-m", "tests.dangers.load.busy", plan.encoded()]
    limit = 60 + (_MOST + 2) * plan.seconds
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=limit, check=False)  # noqa: S603  # this module
    assert (ended.returncode, ended.stderr) == (0, "")
    return Figures(**json.loads(ended.stdout))


def check(figures: Figures, plan: Plan) -> None:
    """Fail where something went wrong, was starved, grew without bound, or was left."""
    slowest, median, _ = figures.pages
    before, after = figures.memory
    closed = plan.iterations + plan.waits - figures.done
    assert figures.ends == {"done": figures.done, ClientClosedError.__name__: closed}
    assert figures.service["failed"] == {}  # in particular, no call was throttled
    assert (figures.left, figures.complaints, figures.service["problems"]) == ({}, [], [])
    assert figures.unpolled == 0
    assert figures.done > plan.waits / 4
    assert 3 * slowest >= median > 0
    assert after < 1.15 * before + 10_000_000


if __name__ == "__main__":
    print(json.dumps(attrs.asdict(asyncio.run(_measure(Plan(**json.loads(sys.argv[1])))))))  # noqa: T201  # tells whoever has started it
