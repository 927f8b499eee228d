"""Random schedules of waits, watches and stops on one client, judged by the whole history of each run.

    python -m tests.oracle.waiting [SEED] [--schedules N]

With SEED that schedule alone is run, and all that was heard and told is printed. A schedule is forty runs with whole
lives of seconds to hours on one to sixty jobs, trouble in half of them, and three to fourteen programs that come and
go. Everything random comes from the seed.
"""

import argparse
import asyncio
import contextlib
import functools
import logging
import os
import random
import sys
from collections import Counter
from collections.abc import Generator, Iterator
from typing import Any, Literal
from unittest import mock

from aiobotocore.session import AioSession, get_session
from attrs import define, field
from botocore.auth import SigV4Auth

from jobruns_sdk import JobRunsClient, RunState
from tests.oracle.waiting_judge_all import AllJudge
from tests.oracle.waiting_judge_watch import ShareJudge, WatchJudge
from tests.oracle.waiting_plans import HOUR, Planner
from tests.oracle.waiting_programs import Pace, Record, Stop, Wait, WaitAll, Watch, missing
from tests.oracle.waiting_services import Services
from tests.oracle.waiting_time import LoopClock, StalledError, VirtualLoop, transport_to
from tests.oracle.waiting_world import Life, Work, World

PACES = [(10.0, 60.0), (30.0, 120.0), (60.0, 60.0), (60.0, 300.0), (120.0, 120.0), (300.0, 300.0)]
LIMIT = 30 * HOUR
ALONE = 45 * 60.0
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@define(eq=False)
class Schedule:
    """A world, and who does something on a client of it."""

    seed: int
    world: World
    planner: Planner
    works: list[Work]
    horizon: float
    records: list[Record] = field(factory=list[Record])
    left: list[str] = field(factory=list[str])

    @property
    def rng(self) -> random.Random:
        return self.world.rng

    # -- who does what

    def pace(self) -> Pace:
        """Draw from a few, so that several share one."""
        return Pace(*self.rng.choice(PACES), grace=self.planner.grace)

    def moment(self) -> float:
        return 0.0 if self.rng.random() < 0.3 else self.rng.uniform(0, self.horizon * 0.7)

    def timeout(self) -> float | None:
        return self.rng.choice([None, 60.0, 900.0, HOUR, 3 * HOUR, 8 * HOUR])

    def readable(self) -> list[Life]:
        """Return runs that programs are given: those that are long over are not interesting."""
        return [life for work in self.works for life in work.runs if not life.history]

    def any_wait(self) -> Wait:
        rng = self.rng
        record = Wait(self.moment(), self.pace(), self.timeout(), on_timeout=rng.choice(["leave", "leave", "stop"]))
        able = [work for work in self.works if work.service != "datazone" and work.deleted_at > 10 * HOUR]
        if able and rng.random() < 0.25:
            record.of = rng.choice(able)
        else:
            record.life = self.known_at(record.begins)
        if rng.random() < 0.15:
            record.until = rng.choice([frozenset({RunState.RUNNING}), frozenset({RunState.RUNNING, RunState.STOPPING})])
        if rng.random() < 0.2 and not (record.life and record.life.work.service == "datazone"):
            record.on_cancel = "stop"
        if rng.random() < 0.2:
            record.unseen_for = rng.choice([120.0, 600.0, 2400.0])
        if rng.random() < 0.15:
            record.nudged = record.begins + rng.uniform(1, self.horizon)
        return record

    def known_at(self, moment: float) -> Life:
        """Choose a run that somebody can have heard of by then, if there is one."""
        lives = self.readable()
        return self.rng.choice([life for life in lives if life.created <= moment] or lives)

    def any_wait_all(self) -> WaitAll:
        lives, rng = self.readable(), self.rng
        record = WaitAll(self.moment(), self.pace(), self.timeout(), return_exceptions=rng.random() < 0.5)
        sound = rng.random() < 0.6
        of = [life for life in lives if life.created <= record.begins and not (sound and life.lost_at < 20 * HOUR)]
        stop: Literal["leave", "stop"] = rng.choice(["leave", "stop"])
        record.on_timeout = stop
        if stop == "stop":
            record.timeout = record.timeout or rng.choice([900.0, HOUR])
            of = [life for life in of if life.work.service != "datazone"]
        record.of = rng.sample(of, min(len(of), rng.choice([2, 10, 40])))
        return record

    def any_watch(self) -> Watch:
        rng = self.rng
        record = Watch(self.moment(), self.pace(), rng.choice([900.0, HOUR, 2 * HOUR]))
        told: Literal["call", "skip", "raise"] = rng.choice(["call", "call", "call", "skip", "raise"])
        record.on_error = told
        record.jobs = rng.sample(self.works, rng.randint(0, len(self.works)))
        if not record.jobs or rng.random() < 0.4:
            known = [life for life in self.readable() if life.created <= record.begins]
            record.runs = rng.sample(known, min(len(known), rng.randint(1, 5)))
        if record.on_error != "raise" and rng.random() < 0.2:
            work = rng.choice(self.works)
            record.absent = [f"{work.ref}/{'jr_' if work.service == 'glue' else '00'}99gone"]
        return record

    def any_stop(self) -> Stop:
        rng = self.rng
        record = Stop(self.moment(), self.pace(), wait=rng.choice([None, None, 30.0, 600.0]))
        paused = [life for life in self.readable() if life.pauses_at(record.begins)]
        record.of = rng.sample(self.readable(), rng.randint(1, 12)) + paused[:3]
        if rng.random() < 0.2:
            record.of.append(rng.choice(record.of))
        return record

    def plan(self) -> None:
        rng = self.rng
        for _ in range(rng.randint(3, 10)):
            kind = rng.choices([self.any_wait, self.any_wait_all, self.any_watch, self.any_stop], [6, 2, 3, 1])[0]
            self.records.append(kind())
        if rng.random() < 0.3:
            self._crowd()
        if rng.random() < 0.15:
            self._stop_in_a_pause()

    def _crowd(self) -> None:
        """Many waits of one job at one pace, begun at once."""
        work = max(self.works, key=lambda work: len([life for life in work.runs if not life.history]))
        pace, begins = self.pace(), self.moment()
        known = [life for life in work.runs if life.created <= begins and not life.history]
        for life in known[:30]:
            self.records.append(Wait(begins, pace, self.rng.choice([None, 3 * HOUR]), life=life))

    def _stop_in_a_pause(self) -> None:
        for life in self.readable():
            for phase, after in zip(life.phases, life.phases[1:], strict=False):
                if life.is_ended(phase.state) and phase.at > 0:
                    self.records.append(Stop(self.rng.uniform(phase.at, after.at), self.pace(), of=[life]))
                    return

    # -- running it

    async def run(self, client: JobRunsClient, services: Services) -> None:
        async with client:
            tasks = [asyncio.create_task(record.run(client)) for record in self.records]
            self._plan_cancellations(tasks, services)
            _, pending = await asyncio.wait(tasks, timeout=LIMIT)
            if pending:
                self.left.append(f"{len(pending)} programs are not over after {LIMIT:.0f} s")
                for task in pending:
                    task.cancel()
                await asyncio.wait(pending)
            for task in tasks:
                task.result()
            await self._alone()

    def _plan_cancellations(self, tasks: "list[asyncio.Task[None]]", services: Services) -> None:
        """Cancel some at a moment, others when a request is under way."""
        loop = asyncio.get_running_loop()
        for record, task in zip(self.records, tasks, strict=True):
            chance = self.rng.random()
            if chance < (0.6 if isinstance(record, Wait) and record.on_cancel == "stop" else 0.1):
                loop.call_at(record.begins + self.rng.expovariate(1 / 600), record.cancel, task)
            elif chance < 0.7 and self.rng.random() < 0.2:
                services.interrupts.setdefault(self.rng.randint(0, 300), functools.partial(record.cancel, task))

    async def _alone(self) -> None:
        """See that nothing goes on when everybody has left, but for stops that wait for a retry."""
        stops = any(
            life.work.service == "glue" and any(phase.state in {"FAILED", "TIMEOUT"} for phase in life.phases)
            for record in self.records
            for life in record.lives
        )
        await asyncio.sleep(ALONE if stops else 1.0)
        heard = len(self.world.heard)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.sleep(10 * 60.0)
        if tasks:
            self.left.append(f"left behind: {[task.get_name() for task in tasks]}")
        if len(self.world.heard) > heard:
            self.left.append(f"{len(self.world.heard) - heard} requests when everybody had left")

    def complaints(self) -> Iterator[str]:
        judge, watches = AllJudge(self.world), WatchJudge(self.world)
        for record in self.records:
            if record.begun < 0:
                continue
            match record:
                case Wait():
                    told = judge.wait(record)
                case WaitAll():
                    told = judge.wait_all(record)
                case Watch():
                    told = watches.watch(record)
                case Stop():
                    told = judge.stop(record)
                case _:
                    raise AssertionError(record)
            for text in told:
                yield f"{type(record).__name__} of {record.begun:.0f} to {record.ended:.0f}: {text}"
        yield from ShareJudge(self.world, self.records).complaints()
        yield from self.left


def schedule_of(seed: int) -> Schedule:
    rng = random.Random(seed)
    world = World(rng)
    planner = Planner(world, grace=rng.choice([1800.0, 1800.0, 600.0, 2400.0]))
    horizon = rng.choice([0.5, 1.0, 2.0]) * HOUR
    schedule = Schedule(seed, world, planner, planner.works(), horizon)
    planner.populate(schedule.works, horizon)
    planner.trouble(schedule.works, horizon)
    schedule.plan()
    return schedule


@contextlib.contextmanager
def seeded_jitter(seed: int) -> Generator[None]:
    """Take the system's random numbers from that seed, too, so that a schedule comes out the same each time."""
    rng = random.Random(seed)
    random.seed(seed)
    with (
        mock.patch.object(random.SystemRandom, "random", rng.random),
        mock.patch.object(random.SystemRandom, "getrandbits", rng.getrandbits),
    ):
        yield


def leave_unsigned(_auth: SigV4Auth, _request: object) -> None:
    """Add no signature: nobody checks it, and making it is an eighth of the time."""


class Examiner:
    """Runs schedules one after the other, each in a loop of its own; botocore's models are loaded once."""

    def __init__(self) -> None:
        self._models: Any = get_session().get_component("data_loader")

    def session(self) -> AioSession:
        session = get_session()
        session.register_component("data_loader", self._models)
        return session

    def examine(self, seed: int) -> tuple[Schedule, list[str]]:
        """Run the schedule of that seed, and return it with all complaints."""
        return self.judge(schedule_of(seed))

    def judge(self, schedule: Schedule) -> tuple[Schedule, list[str]]:
        """Run that schedule, and return it with all complaints."""
        services = Services(schedule.world, schedule.planner.life)
        loop = VirtualLoop()
        try:
            with (
                mock.patch.dict(os.environ, ENVIRONMENT),
                mock.patch.object(SigV4Auth, "add_auth", leave_unsigned),
                seeded_jitter(schedule.seed),
            ):
                client = JobRunsClient(
                    session=self.session(),
                    region_name="eu-west-1",
                    clock=LoopClock(loop),
                    config=transport_to(services.answer),
                    quotas=None,
                )
                loop.run_until_complete(schedule.run(client, services))
        except StalledError as error:
            schedule.left.append(str(error))
        finally:
            loop.close()
        return schedule, list(schedule.complaints())


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.waiting")
    parser.add_argument("seed", type=int, nargs="?")
    parser.add_argument("--schedules", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args(arguments)
    logging.getLogger("jobruns_sdk").setLevel(logging.CRITICAL)  # that MaxRetries cannot be read is what is simulated
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.schedules)
    examiner, failed, kinds, requests = Examiner(), 0, Counter[str](), 0
    for seed in seeds:
        schedule, complaints = examiner.examine(seed)
        requests += len(schedule.world.heard)
        if complaints:
            failed += 1
            tell(f"seed {seed}: {len(complaints)} complaints")
            for text in complaints if asked.seed is not None else complaints[:3]:
                tell(f"    {text}")
        kinds.update(type(record).__name__ for record in schedule.records)
    tell(f"{failed} of {len(seeds)} schedules failed; {dict(kinds)}; {requests} requests")
    if missing:
        tell(f"not there yet: {sorted(missing)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
