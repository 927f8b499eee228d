"""The oracle of reading: random walks over a living world, judged by the promises alone.

    python -m tests.oracle.reading [SEED] [--schedules N] [--from SEED]

A schedule is a world and a few chains of walks over it; all of it follows from one seed. With a SEED that schedule runs
alone, and its problems are told with their courses; without one, N schedules run, the first with the seed of
``--from``, and their problems are counted by kind. What holds a chain is said in ``tests/oracle/reading_judge.py``,
what the world does in ``reading_world.py``.
"""

import argparse
import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import attrs
from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession, get_session

from jobruns_sdk import JobRunsClient
from tests.oracle.reading_judge import Chain, Judge, Problem
from tests.oracle.reading_queries import make_query
from tests.oracle.reading_walks import Driver, text_of
from tests.oracle.reading_wire import wire
from tests.oracle.reading_world import Answer, Kind, Temper, World

CHAINS: Final = 4


@attrs.frozen
class Told:
    """A problem, and where it was met."""

    seed: int
    problem: Problem
    chain: Chain
    answers: list[Answer]

    @property
    def course(self) -> str:
        """What was asked, answered and handed out, in order."""
        legs = self.chain.legs
        lines = [(leg.began, f"leg {leg.style}, resumed {leg.resumed}, limit {leg.limit}") for leg in legs]
        lines += [
            (one.moment, f"      handed out {one.run.id} {one.run.native_state} of attempt {one.run.attempt}")
            for one in self.chain.yields
        ]
        for answer in self.answers:
            asked = answer.asked and f"{answer.asked.states} token {answer.asked.token} size {answer.asked.size}"
            rows = " ".join(f"{row_id}={state}" for row_id, state in answer.rows)
            line = f"  {answer.operation} {text_of(answer.job)} {asked or ''} {answer.outcome}: {rows}"
            lines += [(answer.moment, line)] * any(leg.began < answer.moment <= leg.ended for leg in legs)
        return "\n".join(f"{moment:6} {line}" for moment, line in sorted(lines, key=lambda line: line[0]))

    def __str__(self) -> str:
        query = self.chain.query
        legs = ", ".join(f"{leg.style} {len(leg.yields)}" for leg in self.chain.legs)
        jobs = ", ".join(text_of(job) for job in query.jobs)
        given: dict[str, Any] = attrs.asdict(query, recurse=False)
        asked = {
            name: sorted(map(str, value)) if name in {"states", "native"} and value else value
            for name, value in given.items()
            if name != "jobs"
        }
        return f"seed {self.seed}: {self.problem.kind}: {self.problem.text}\n    {jobs}: {asked}\n    legs: {legs}"


@attrs.define
class Result:
    """What came of a schedule."""

    problems: list[Told] = attrs.field(factory=list[Told])
    chains: int = 0
    complete: int = 0
    walks: int = 0
    runs: int = 0
    requests: int = 0
    longest: int = 0

    def add(self, other: "Result") -> None:
        self.problems += other.problems
        for name in ("chains", "complete", "walks", "runs", "requests"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.longest = max(self.longest, other.longest)


def make_world(random: Random) -> World:
    """Make a world of one to six jobs, calm or restless, long or short."""
    counts = random.random() < 0.12
    temper = Temper(
        events=random.choice((0.0, 0.3, 1.0, 2.0, 4.0)),
        move=random.choice((1.0, 5.0)),
        start=random.choice((0.0, 1.0, 2.0)),
        remove=random.choice((0.0, 0.0, 0.3, 1.0)),
        retention=random.choice((0.0, 0.0, 0.2)),
        late=random.choice((0.0, 0.0, 0.5)),
        expire=random.choice((0.0, 0.0, 0.3)),
        fault=random.choice((0.0, 0.0, 0.3)),
    )
    world = World(random, temper, counts=counts, cap=random.choice((3, 5, 10, 50)))
    kinds: list[Kind] = ["emr-serverless", "glue", "datazone"]
    busy, gap = random.choice((0.1, 0.5, 0.9)), random.choice((5.0, 300.0, 20_000.0))
    for number in range(random.choice((1, 1, 2, 3, 6))):
        kind = random.choices(kinds, (10, 8, 2))[0]
        paths = {
            "emr-serverless": (f"00app{number}",),
            "glue": (f"job-{number}",),
            "datazone": ("dzd_x", f"job{number}"),
        }
        world.populate(world.add_job(kind, paths[kind]), _count(random), busy, gap)
    return world


def _count(random: Random) -> int:
    return random.choice((0, 3, 10, 20, 40, 60))


class Schedules:
    """Runs schedules in the event loop that it is used in."""

    def __init__(self) -> None:
        self._session: AioSession = get_session()
        self._session.set_credentials("an-access-key", "a-secret-key")

    async def run(self, seed: int) -> Result:
        """Run the schedule of a seed, and judge its chains."""
        random = Random(seed)
        world = make_world(random)
        result = Result()
        async with contextlib.AsyncExitStack() as stack:
            opened: list[JobRunsClient] = []

            async def open_client() -> JobRunsClient:
                if not opened or random.random() < 0.25:
                    opened.append(await stack.enter_async_context(self.client(world)))
                    await self._connect(world, opened[-1])
                return opened[-1]

            calm = world.temper
            for _ in range(CHAINS):
                world.temper = calm
                chain = Chain(make_query(world, random))
                driver = Driver(world, random, open_client, chain)
                await driver.run()
                result.longest = max(result.longest, driver.longest)
                self._judge(seed, world, chain, result)
        result.requests = len(world.answers)
        return result

    def client(self, world: World) -> JobRunsClient:
        """Return a client of a world, not yet opened."""
        return JobRunsClient(
            session=self._session,
            region_name="eu-west-1",
            endpoint_url="http://127.0.0.1:9",  # nobody listens there: the wire is in memory
            config=AioConfig(http_session_cls=wire(world)),
            quotas=None,
            max_attempts=2,
            clock=world.clock,
        )

    async def _connect(self, world: World, client: JobRunsClient) -> None:
        """Let a client connect to its services, which takes threads, before anything depends on an order."""
        world.asleep = True
        for job in {job.kind: job for job in world.jobs}.values():
            await client.runs(text_of(job)).first()
        world.asleep = False

    def _judge(self, seed: int, world: World, chain: Chain, result: Result) -> None:
        result.chains += 1
        result.complete += chain.complete
        result.walks += len(chain.legs)
        result.runs += len(chain.yields)
        result.problems += [Told(seed, problem, chain, world.answers) for problem in Judge(world, chain).problems()]


async def run_all(seeds: Iterator[int] | range) -> Result:
    """Run the schedules of some seeds."""
    schedules, total = Schedules(), Result()
    for seed in seeds:
        total.add(await schedules.run(seed))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="Judge walks over a living world.")
    parser.add_argument("seed", nargs="?", type=int, help="run the schedule of this seed alone")
    parser.add_argument("--schedules", type=int, default=2500, help=f"how many, of {CHAINS} chains each")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first seed of them")
    parser.add_argument("--show", type=int, default=3, help="how many problems of a kind to tell")
    given = parser.parse_args()
    began = time.process_time()
    first, count = (given.first, given.schedules) if given.seed is None else (given.seed, 1)
    result = asyncio.run(run_all(range(first, first + count)))
    kinds = Counter(told.problem.kind for told in result.problems)
    shown: Counter[str] = Counter()
    for told in result.problems:
        shown[told.problem.kind] += 1
        if given.seed is not None or shown[told.problem.kind] <= given.show:
            print(told)  # noqa: T201  # a program's output
    for course in dict.fromkeys(told.course for told in result.problems if given.seed is not None):
        print(course)  # noqa: T201  # as above
    figures = f"{result.chains} chains ({result.complete} to their end), {result.walks} walks, {result.runs} runs"
    took = time.process_time() - began
    print(f"{figures}, {result.requests} requests, longest cursor {result.longest}, {took:.0f} s of processor time")  # noqa: T201  # as above
    for kind, count in kinds.most_common():
        print(f"{count:6} {kind}")  # noqa: T201  # as above
    return 1 if kinds else 0


if __name__ == "__main__":
    raise SystemExit(main())
