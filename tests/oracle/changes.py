"""The oracle of changes: syncs at random moments of a living world, judged by what the services hold.

    python -m tests.oracle.changes [SEED] [--schedules N] [--from SEED]

A schedule is a world, and a program that keeps a store up to date by ``client.changes``: it stores pages, saves
cursors, is cut off at any page, goes on from any page's cursor, now and then asks for fewer jobs, or discovers them by
a search that fails or lacks one. What is judged, after each sync that came to its end, and after a last one in a calm
world:

- of each run of a job that was read, what changed before the sync began is in the store, the last word by (updated_at,
  attempt) being the truth: its state and its attempt (an answer may be four minutes behind, so as much is left out);
- a run that the store holds as going on goes on, or was told as gone;
- a cursor that was handed out is taken, and no sync goes on for ever.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import attrs
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRun, JobRunsClient, JobRunsError, NotFoundError, Page, SourceError, Walk, WalkReport
from jobruns_sdk.errors import ServiceUnavailableError
from tests.oracle.changes_wire import wire
from tests.oracle.changes_world import LIVES, NEVER, STALE, START, Job, Kind, Temper, World

SYNCS: Final = 12
_MOST_LEGS: Final = 60
Key = tuple[str, str]


@attrs.define
class Result:
    """What came of schedules."""

    problems: list[str] = attrs.field(factory=list[str])
    schedules: int = 0
    syncs: int = 0
    legs: int = 0
    handed_out: int = 0
    runs: int = 0
    ended: int = 0
    retries: int = 0
    gone: int = 0
    requests: int = 0
    longest: int = 0

    def add(self, other: "Result") -> None:
        self.problems += other.problems
        for field in attrs.fields(Result):
            if field.name not in {"problems", "longest"}:
                setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))
        self.longest = max(self.longest, other.longest)


async def _search(jobs: list[Job], *, fails: bool) -> AsyncIterator[str]:
    for job in jobs:
        await asyncio.sleep(0)
        yield job.text
    if fails:
        raise ServiceUnavailableError("the search is down")


class Store:
    """The last word of each run."""

    def __init__(self) -> None:
        self.runs: dict[Key, JobRun[Any]] = {}

    def keep(self, run: JobRun[Any]) -> None:
        key = str(run.job), run.id
        before = self.runs.get(key)
        if before is None or _word(run) >= _word(before):
            self.runs[key] = run


def _word(run: JobRun[Any]) -> tuple[datetime, int]:
    return run.updated_at or START - timedelta(days=900), run.attempt


class Program:
    """One schedule: a program and its world."""

    def __init__(self, seed: int, session: AioSession) -> None:
        self.random = Random(seed)
        self.seed = seed
        self.result = Result(schedules=1)
        self.store = Store()
        self.cursor: str | None = None
        self.gone: set[Key] = set()
        self.unsaved: set[Key] = set()
        self._session = session
        self._world()
        self._on_error: list[SourceError] = []

    def _world(self) -> None:
        random = self.random
        temper = Temper(
            events=random.choice((0.0, 0.3, 1.0)),
            stale=random.choice((0.0, 0.0, 0.3)),
            late=random.choice((0.0, 0.1)),
            fault=random.choice((0.0, 0.0, 0.05)),
            missing=random.choice((0.0, 0.0, 0.1)),
            retention=random.choice((NEVER, NEVER, 40_000.0)),
            vanish=random.choice((0.0, 0.0, 0.002)),
            jobs=random.choice((0.0, 0.0, 0.1)),
            dated=random.random() < 0.7,
        )
        offset = random.choice((0.0, 600.0, -600.0))
        self.world = world = World(random, temper, cap=random.choice((2, 5, 50)), offset=offset)
        kinds: list[Kind] = ["glue", "glue", "emr-serverless", "datazone"]
        for kind in random.sample(kinds, random.randint(1, 4)):
            world.add_job(kind)
        for job in world.jobs:
            for ago in sorted((random.random() * 90_000 for _ in range(random.choice((0, 5, 15)))), reverse=True):
                world.start(job, ago=ago)
        past = random.random() < 0.3
        self.created_after = START - timedelta(seconds=random.random() * 60_000) if past else None

    async def run(self) -> Result:
        """Sync again and again, and judge."""
        await self._connected()
        for _ in range(SYNCS):
            self.world.advance(self.random.choice((0.0, 30.0, 600.0, 600.0, 3_000.0, 20_000.0)))
            if self.random.random() < 0.05:
                job = self.random.choice(self.world.jobs)
                job.refused_until = self.world.now + self.random.choice((5.0, 3_000.0))
            await self._sync()
        calm = Temper(events=0.0, dated=self.world.temper.dated)
        for job in self.world.jobs:
            job.refused_until, job.failing = 0.0, 0
        self.world.advance(STALE)
        self.world.temper = calm
        await self._sync(is_last=True)
        result, there = self.result, [run for job in self.world.jobs for run in self.world.truth(job)]
        result.runs, result.retries = len(there), self.world.retries
        result.ended = sum(
            state not in {"WAITING", *(name for life in LIVES.values() for name in life)} for _, state, _, _ in there
        )
        result.requests, result.gone = self.world.requests, len(self.gone)
        return result

    def _client(self) -> JobRunsClient:
        return JobRunsClient(
            session=self._session,
            region_name="eu-west-1",
            endpoint_url="http://127.0.0.1:9",  # nobody listens there: the wire is in memory
            config=AioConfig(http_session_cls=wire(self.world)),
            quotas=None,
            max_attempts=2,
            clock=self.world.clock,
        )

    async def _connected(self) -> None:
        self.client = await self._client().open()
        self.world.asleep = True  # connecting takes threads
        for text in ("glue:x", "emr-serverless:00x1", "datazone:dzd_x/x"):
            await self.client.runs(text).first()
        self.world.asleep = False

    async def _sync(self, *, is_last: bool = False) -> None:
        """Read changes until it has caught up, in as many legs as it takes."""
        self.result.syncs += 1
        for _ in range(_MOST_LEGS):
            self.result.legs += 1
            asked = self._asked(is_last=is_last)
            if await self._leg(asked, is_last=is_last):
                break
            if self.random.random() < 0.1:
                return  # it gives up for today
        else:
            if not is_last:
                return  # jobs that are refused for long fail each time
            self._problem("a sync does not end")

    def _asked(self, *, is_last: bool) -> list[Job]:
        jobs = [*self.world.jobs]
        if not is_last and len(jobs) > 1 and self.random.random() < 0.1:
            jobs.remove(self.random.choice(jobs))
        self.random.shuffle(jobs)
        return jobs

    async def _leg(self, asked: list[Job], *, is_last: bool) -> bool:
        """Walk once; return whether it came to its end."""
        random, begun = self.random, self.world.now
        fails = not is_last and random.random() < 0.05
        by_search = random.random() < 0.4
        if not by_search:  # what is asked for no more is dropped, with the runs that were followed
            names = {job.text for job in asked}
            self.unsaved |= {key for key in self.store.runs if key[0] not in names}
        walk = self.client.changes(
            _search(asked, fails=fails) if by_search else [job.text for job in asked],
            cursor=self.cursor,
            created_after=self.created_after,
            on_error=random.choice(("raise", "skip", self._on_error.append)),
            concurrency=random.choice((1, 3, 32)),
        ).open()
        cut = None if is_last or random.random() < 0.6 else random.randint(1, 4)
        pages: list[Page[JobRun[Any]]] = []
        last: str | None = None
        is_complete = False
        try:
            async with walk:
                is_complete = await self._read(walk, pages, cut)
            last = walk.cursor if is_complete and random.random() < 0.5 else None
        except JobRunsError as error:
            last = error.cursor if random.random() < 0.5 else None
        self._save(pages, last, is_complete=is_complete)
        failed = self._failures(walk.report)
        if is_complete:
            jobs = [job for job in asked if job.text not in failed and not (job.deleted or fails)]
            for job in jobs:
                self._judge(job, begun - (0.0 if is_last else STALE), failed)
        return is_complete

    async def _read(self, walk: Walk[JobRun[Any]], pages: list[Page[JobRun[Any]]], cut: int | None) -> bool:
        while page := await walk.next_page():
            pages.append(page)
            if len(pages) == cut:
                return False
            if self.random.random() < 0.1:
                self.world.advance(self.random.choice((1.0, 300.0)))
        return True

    def _save(self, pages: list[Page[JobRun[Any]]], last: str | None, *, is_complete: bool) -> None:
        """Store pages and save the cursor of one: who is killed has stored some, and saved that of an earlier one."""
        random = self.random
        cursors = [self.cursor, *(page.cursor for page in pages)]
        cursors[-1] = last or cursors[-1]
        saved = len(pages) if is_complete or random.random() < 0.6 else random.randint(0, len(pages))
        for number, page in enumerate(pages[: max(saved, random.randint(0, len(pages)))]):
            self.result.handed_out += len(page.items)
            for run in page.items:
                self.store.keep(run)
                # What is stored without its cursor, nobody follows until it is handed out again.
                (self.unsaved.discard if number < saved else self.unsaved.add)((str(run.job), run.id))
        self.cursor = cursors[saved]
        self.result.longest = max(self.result.longest, len(self.cursor or ""))

    def _failures(self, report: WalkReport) -> set[str]:
        """Return the jobs and the runs that a report tells of, and note the runs that are gone."""
        failed: set[str] = set()
        for event in report.failed:
            if event.run is None:
                failed.add(str(event.job))
            elif isinstance(event.error, NotFoundError):
                self.gone.add((str(event.job), event.run.run_id))
            else:
                failed.add(f"{event.job} {event.run.run_id}")
        return failed

    # Judging

    def _judge(self, job: Job, until: float, failed: set[str]) -> None:
        """Judge what the store holds of a job, by what changed up to that moment."""
        there: set[str] = set()
        for root, state, attempt, since in self.world.truth(job):
            there.add(root)
            first = START + timedelta(seconds=self.world.first_time(job, root))
            is_asked = self.created_after is None or first >= self.created_after
            if is_asked and since <= until and f"{job.text} {root}" not in failed:
                self._judge_run(job, root, f"{state} {attempt}", since)
        for (text, root), stored in self.store.runs.items():
            is_excused = f"{text} {root}" in failed or (text, root) in self.gone | self.unsaved
            if text != job.text or root in there or is_excused or stored.is_terminal or self._is_brief_retry(job, root):
                continue
            if max(row.removed for row in job.rows if row.root == root) < until:
                self._problem(f"{text} {root} left in silence")

    def _is_brief_retry(self, _job: Job, _root: str) -> bool:
        """Whether a run went on only in a retry that nobody had to see."""
        return False  # what is handed out of it is followed

    def _judge_run(self, job: Job, root: str, truth: str, since: float) -> None:
        stored = self.store.runs.get((job.text, root))
        if stored is None:
            self._problem(f"{job.text} {root} {truth} since {since:.0f} was never handed out")
            return
        told = f"{stored.native_state} {stored.attempt}"
        # What changed since then may have been told already, by a later answer.
        is_later = stored.updated_at is not None and stored.updated_at > START + timedelta(seconds=since + 0.01)
        if told != truth and not is_later:
            self._problem(f"{job.text} {root} is {truth} since {since:.0f}, and stored as {told}")

    def _problem(self, text: str) -> None:
        self.result.problems.append(f"seed {self.seed}, at {self.world.now:.0f}: {text}")


class Schedules:
    """Runs schedules in the event loop that it is used in."""

    def __init__(self) -> None:
        self._session: AioSession = get_session()
        self._session.set_credentials("an-access-key", "a-secret-key")

    async def run(self, seed: int) -> Result:
        """Run the schedule of a seed."""
        program = Program(seed, self._session)
        try:
            return await program.run()
        finally:
            await program.client.aclose()


async def run_all(seeds: range) -> Result:
    """Run the schedules of some seeds."""
    schedules, total = Schedules(), Result()
    for seed in seeds:
        total.add(await schedules.run(seed))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge changes of a living world.")
    parser.add_argument("seed", nargs="?", type=int, help="run the schedule of this seed alone")
    parser.add_argument("--schedules", type=int, default=1000, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed of them")
    given = parser.parse_args()
    began = time.process_time()
    first, count = (given.first, given.schedules) if given.seed is None else (given.seed, 1)
    result = asyncio.run(run_all(range(first, first + count)))
    for problem in result.problems[:40]:
        print(problem)  # noqa: T201  # a program's output
    kinds = Counter(problem.partition(",")[0] for problem in result.problems)
    figures = ", ".join(
        f"{getattr(result, field.name)} {field.name}" for field in attrs.fields(Result) if field.name != "problems"
    )
    took = time.process_time() - began
    print(f"{figures}, {took:.0f} s of processor time; {len(result.problems)} problems in {len(kinds)} schedules")  # noqa: T201  # as above
    return 1 if kinds else 0


if __name__ == "__main__":
    raise SystemExit(main())
