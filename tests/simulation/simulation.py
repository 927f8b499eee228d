"""One world, from its seed to its end: processes open and die, programs come and go, and all of it is judged."""

import asyncio
import contextlib
import gc
import hashlib
import math
import os
import random
import uuid
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final
from unittest import mock

from aiobotocore.session import get_session
from attrs import define, field
from botocore.auth import SigV4Auth

from jobruns_sdk.transport import quotas
from tests.oracle.waiting_programs import Record, Watch
from tests.simulation.loop import SimulationLoop, StalledError
from tests.simulation.making import Maker
from tests.simulation.network import Network
from tests.simulation.plans import HOUR, ProcessPlan, ProgramPlan, Story, dice
from tests.simulation.processes import Process, ProcessClock
from tests.simulation.programs import Start, StartAndWait, Walk, now
from tests.simulation.programs_changes import Keep, files
from tests.simulation.reads import Read
from tests.simulation.services import Services
from tests.simulation.world import Heard, Job, Run

LIMIT: Final = 500 * HOUR
# What watches for a retry that is to be stopped: half an hour, five minutes for a clock that may be wrong, and an hour
# in which the run may go unseen.
ALONE: Final = 100 * 60.0
ENVIRONMENT: Final = {
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nonexistent",
    "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
}
_models: list[Any] = []


@define(eq=False)
class Done:
    """A program with the process that ran it, once it is over or its process was killed."""

    number: int
    record: Record
    process: Process


@define(eq=False)
class Simulation:
    """A story that is played."""

    story: Story
    loop: SimulationLoop
    network: Network = field(init=False)
    processes: list[Process] = field(factory=list[Process])
    done: list[Done] = field(factory=list[Done])
    left: list[str] = field(factory=list[str])
    complaints: list[str] = field(factory=list[str])
    started: int = 0

    def __attrs_post_init__(self) -> None:
        story = self.story
        services = Services(story.world, self._start)
        self.network = Network(
            story.world, services, dice(story.seed, "network"), list(story.troubles.values()), story.latency
        )
        self.network.watchers.append(self._heard)

    def _start(self, job: Job, moment: float) -> Run:
        self.started += 1
        rng = dice(self.story.seed, "started", self.started)
        prefix = "jr_" if job.service == "glue" else "00f"
        run_id = f"{prefix}s{self.started:03x}{rng.getrandbits(32):08x}"
        return self.story.life(job, math.floor(moment * 1000) / 1000, rng, run_id, plain=True)

    # -- processes

    async def play(self) -> None:
        """Play it to its end."""
        story = self.story
        lives = [asyncio.create_task(self._live(number, plan)) for number, plan in enumerate(story.processes)]
        _, pending = await asyncio.wait(lives, timeout=3 * LIMIT)
        if pending:
            self.left.append(f"{len(pending)} processes are not over after {3 * LIMIT:.0f} s")
        for task in lives:
            if task.done():
                task.result()

    async def _live(self, number: int, plan: ProcessPlan) -> None:
        """Live all lives of a process: what was killed is started again, with what it had stored."""
        programs = [(n, p, None) for n, p in sorted(self.story.programs.items()) if p.process == number]
        todo: list[tuple[int, ProgramPlan, Record | None]] = [*programs]
        clock = ProcessClock(plan.skew, plan.steps)
        for life in range(8):
            process = Process(f"{plan.name}.{life}", plan.account, plan.region, clock, self.network, _models[0])
            self.processes.append(process)
            await process.open()
            over = [asyncio.create_task(self._run(process, n, p, record)) for n, p, record in todo]
            death = asyncio.get_running_loop().create_future()
            for moment in plan.kills:
                if moment > now():
                    asyncio.get_running_loop().call_at(moment, self._kill, process, death)
                    break
            self._deaths[process.name] = (plan, death)
            everything = asyncio.gather(*over)
            await asyncio.wait([everything, death], timeout=LIMIT, return_when=asyncio.FIRST_COMPLETED)
            if process.killed_at is None:
                death.cancel()
                await self._end(process, everything)
                return
            everything.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await everything
            todo = [again for n, p, _ in todo if (again := self._again(process, n, p)) is not None]
            await asyncio.sleep(plan.pause)

    _deaths: "dict[str, tuple[ProcessPlan, asyncio.Future[None]]]" = field(
        factory=dict[str, "tuple[ProcessPlan, asyncio.Future[None]]"], init=False
    )

    def _kill(self, process: Process, death: "asyncio.Future[None]") -> None:
        if not death.done():
            process.kill()
            self.story.world.note(now(), f"{process.name} is killed")
            death.set_result(None)

    def _heard(self, what: str, heard: Heard) -> None:
        """Kill a process, or cancel a program, so many turns after something happened to its n-th request."""
        plan, death = self._deaths.get(heard.process, (None, None))
        if plan is not None and death is not None:
            for each in list(plan.after):
                if each[0] == what:
                    plan.after.remove(each)
                    if each[1] > 1:
                        plan.after.append((each[0], each[1] - 1, each[2]))
                    else:
                        process = next(p for p in self.processes if p.name == heard.process)
                        self._turns(each[2], lambda process=process, death=death: self._kill(process, death))
        call = heard.call
        if call is not None and call.cancel is not None and call.cancel[:2] == (what, call.requests):
            self._turns(call.cancel[2], lambda: call.task.cancel() if call.task is not None else None)

    def _turns(self, count: int, action: Any) -> None:  # noqa: ANN401 - a callable
        if count <= 0:
            asyncio.get_running_loop().call_soon(action)
        else:
            asyncio.get_running_loop().call_soon(self._turns, count - 1, action)

    async def _run(self, process: Process, number: int, plan: ProgramPlan, record: Record | None) -> None:
        """Run a program of a process when it is time."""
        await asyncio.sleep(max(0.0, plan.begins - now()))
        if process.killed_at is not None:
            return
        if record is None:
            record = Maker(self.story, process.account, process.region).make(plan, now())
        if record is None:
            return
        record.begins = now()
        self.done.append(Done(number, record, process))
        process.records.append(record)
        task = process.task(record.run(process.client), number)
        rng = random.Random(f"{plan.seed}/cancel")
        loop = asyncio.get_running_loop()
        if isinstance(record, Start):
            if record.cancel_at is not None:
                loop.call_soon(self._arm, record, task, rng.randrange(8))
        elif rng.random() < self.story.climate.cancels * (2 if getattr(record, "on_cancel", "") == "stop" else 1):
            loop.call_at(now() + rng.expovariate(1 / 600), self._cancel, process, record, task)
        await asyncio.wait([task])
        task.result()
        self.story.world.note(now(), f"{process.name} #{number} {described(record)}")

    def _cancel(self, process: Process, record: Record, task: "asyncio.Task[Any]") -> None:
        if process.killed_at is None:
            record.cancel(task)

    def _arm(self, record: Start, task: "asyncio.Task[Any]", turns: int) -> None:
        call = record.call
        if call is None:
            if record.ended < 0:
                asyncio.get_running_loop().call_later(0.001, self._arm, record, task, turns)
            return
        assert record.cancel_at is not None
        call.task, call.cancel = _Cancels(record, task), (*record.cancel_at, turns)  # type: ignore[assignment]

    def _again(self, process: Process, number: int, plan: ProgramPlan) -> tuple[int, ProgramPlan, Record | None] | None:
        """Return what a process does again of a program when it is started anew."""
        mine = [done.record for done in self.done if done.number == number and done.process is process]
        if not mine:
            return number, plan, None
        record = mine[-1]
        if record.ended >= 0:
            return None
        if isinstance(record, Walk):
            if record.legs:
                record.legs[-1].ended = round((process.killed_at or 0.0) * 1e6)
            self.done.remove(next(done for done in self.done if done.record is record))
            process.records.remove(record)
            return number, plan, record
        if isinstance(record, Keep):
            self.done.remove(next(done for done in self.done if done.record is record))
            process.records.remove(record)
            return number, plan, record
        if isinstance(record, StartAndWait) or (isinstance(record, Start) and record.key is None):
            return None
        return number, plan, None

    async def _end(self, process: Process, everything: "asyncio.Future[Any]") -> None:
        """See that nothing goes on when everybody has left, but for stops that wait for a retry, and close."""
        if not everything.done():
            self.left.append(f"{process.name}: programs are not over after {LIMIT:.0f} s")
            everything.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await everything
        stops = any(life.work.service == "glue" for record in process.records for life in record.lives)
        await asyncio.sleep(ALONE if stops else 1.0)
        before = sum(heard.process == process.name for heard in self.story.world.heard)
        tasks = process.owner.running()
        await asyncio.sleep(10 * 60.0)
        if tasks:
            self.left.append(f"{process.name}: left behind: {[str(task.get_coro()) for task in tasks]}")
        after = sum(heard.process == process.name for heard in self.story.world.heard)
        if after > before:
            self.left.append(f"{process.name}: {after - before} requests when everybody had left")
        await asyncio.wait([process.task(process.client.aclose())])
        await asyncio.sleep(1.0)
        if process.owner.running():
            self.left.append(f"{process.name}: left behind by aclose: {len(process.owner.running())} tasks")

    async def clear(self) -> None:
        """Let killed processes end, whatever they do then, so that nothing is left to Python's end."""
        self.network.is_closed = True
        loop = self.loop
        for process in self.processes:
            if process.killed_at is not None:
                loop.release(process.owner)
                for _ in range(20):
                    tasks = process.owner.running()
                    if not tasks:
                        break
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks, timeout=100)


class _Cancels:
    """A task of a start, as `_heard` cancels it."""

    def __init__(self, record: Start, task: "asyncio.Task[Any]") -> None:
        self._record, self._task = record, task

    def cancel(self) -> None:
        call = self._record.call
        if call is not None and call.ended is None:
            call.cancelled_at = now()
            self._record.cancel(self._task)


def described(record: Record) -> str:
    """Tell in a line what a program did and what came of it."""
    what = type(record).__name__
    match record:
        case Walk():
            legs = [(leg.style, len(leg.yields)) for leg in record.legs]
            states = sorted(record.options.get("states", ()))
            what += f" {[job.ref for job in record.jobs]} {states} {legs} complete={record.complete}"
        case Read():
            what += f" {record.what} {[job.ref for job in record.jobs]} {len(record.got)} complete={record.complete}"
        case Keep():
            what += f" {[job.ref for job in record.jobs]} {record.done} reads, {len(record.caught)} to their end"
        case Start():
            what += f" {record.call.said() if record.call else ''}"
        case Watch():
            what += f" {[job.ref for job in record.jobs]} {len(record.runs)} runs {len(record.changes)} changes"
        case _:
            what += f" {[life.ref for life in record.lives][:3]}"
    return f"[{record.begun:.2f}-{record.ended:.2f}] {what} {record.error!r:.300}"


def leave_unsigned(_auth: SigV4Auth, _request: object) -> None:
    """Add no signature: nobody checks it, and making it is an eighth of the time."""


@contextlib.contextmanager
def seeded(seed: int) -> Generator[None]:
    """Take the few real things from the seed: jitter, which has one place, and the bytes that tokens are made of."""
    rng = dice(seed, "jitter")
    with (
        mock.patch.dict(os.environ, ENVIRONMENT),
        mock.patch.object(quotas, "jitter", rng),
        mock.patch.object(uuid, "uuid4", side_effect=lambda: uuid.UUID(int=rng.getrandbits(128), version=4)),
        mock.patch.object(SigV4Auth, "add_auth", leave_unsigned),
    ):
        yield


def play(story: Story, judge: Callable[[Simulation], Iterable[str]]) -> Simulation:
    """Play a story in a loop of its own, and judge it."""
    if not _models:
        _models.append(get_session().get_component("data_loader"))
    gc.disable()  # when it collects hangs on the process, and what it collects may have something to say
    loop = SimulationLoop(dice(story.seed, "loop"))
    simulation = Simulation(story, loop)
    try:
        with seeded(story.seed), files():
            try:
                loop.run_until_complete(simulation.play())
            except StalledError as error:
                simulation.left.append(str(error))
            simulation.complaints = list(judge(simulation))
            with contextlib.suppress(StalledError):
                loop.run_until_complete(simulation.clear())
    finally:
        loop.close()
        gc.enable()
    return simulation


def trace(simulation: Simulation) -> str:
    """Return a digest of all that happened."""
    digest = hashlib.sha256()
    for heard in simulation.story.world.heard:
        told = (heard.process, heard.operation, heard.run, heard.sent_at, heard.acted_at, heard.over_at, heard.result)
        digest.update(repr((*told, sorted(heard.given.items(), key=str), heard.rows)).encode())
    digest.update("\n".join(simulation.story.world.log).encode())
    return digest.hexdigest()
