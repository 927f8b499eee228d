"""What a seed stands for: the climate of a world, its jobs, runs, troubles, processes and programs.

Each piece is drawn from a seed of its own, so that a world from which pieces are left out has the others unchanged;
shrinking does that. A program chooses among runs by drawing lots that hang on the run's id alone.
"""

import math
import random
from itertools import pairwise
from typing import Final, get_args

from attrs import define, field, frozen

from tests.oracle.waiting_plans import Planner
from tests.oracle.waiting_world import Phase, ServiceName
from tests.simulation.network import FaultName, Stale, Trouble
from tests.simulation.world import Job, Run, Shows, World

HOUR: Final = 3600.0
ACCOUNTS: Final = ("111122223333", "444455556666")
PUBLISHED: Final = {
    ("emr-serverless", "ListJobRuns"): (1.0, 25.0),
    ("emr-serverless", "StartJobRun"): (1.0, 25.0),
    ("emr-serverless", "CancelJobRun"): (1.0, 25.0),
    ("emr-serverless", "GetJobRun"): (10.0, 50.0),
    ("glue", "GetJobRuns"): (20.0, 40.0),
    ("glue", "GetJobRun"): (20.0, 40.0),
    ("glue", "GetJob"): (20.0, 40.0),
    ("glue", "StartJobRun"): (20.0, 40.0),
    ("glue", "BatchStopJobRun"): (20.0, 40.0),
    ("datazone", "ListJobRuns"): (20.0, 40.0),
    ("datazone", "GetJobRun"): (20.0, 40.0),
}
HIDING: Final[tuple[tuple[Shows, Shows], ...]] = (
    ("none", "all"), ("none", "none"), ("not failed", "not failed"), ("not failed", "all"),
)  # fmt: skip
DOUBTS: Final[tuple[FaultName, ...]] = ("lost", "took", "reset")  # after which nobody knows whether a run was started
LISTS: Final = frozenset({"GetJobRuns", "ListJobRuns"})
EVENTS: Final = ("sent", "acted", "answered")  # what may happen to a request
PIECES: Final = ("runs", "troubles", "kills", "programs")


@frozen
class Climate:
    """What a world is like, as ranges and chances."""

    name: str
    jobs: tuple[int, ...] = (1, 2, 4)
    services: tuple[int, int, int] = (4, 4, 1)
    runs: tuple[int, int] = (20, 60)
    tempo: float = 1.0
    horizon: float = HOUR
    processes: tuple[int, ...] = (1, 2)
    accounts: int = 1
    programs: tuple[int, int] = (4, 12)
    walks: float = 3
    reads: float = 0.15
    starts: float = 2
    waits: float = 3
    watches: float = 2
    stops: float = 1
    troubles: float = 0.3
    noise: float = 0.3
    kills: float = 0.2
    tight: float = 0.0
    buries: float = 0.1
    same_job: float = 0.3
    cancels: float = 0.15
    keeps: float = 0.0
    mists: tuple[int, ...] = ()


CLIMATES: Final = (
    Climate("calm", troubles=0.0, noise=0.0, kills=0.0, cancels=0.05),
    Climate("all", accounts=2, processes=(2, 3), programs=(8, 20), troubles=0.6, kills=0.5),
    Climate("lists", jobs=(1, 2, 3), services=(2, 5, 1), runs=(60, 180), tempo=0.1, horizon=300.0, walks=8,
            waits=1, watches=0.5, stops=0.5, starts=0),
    Climate("starts", jobs=(1, 2), services=(4, 2, 0), runs=(0, 10), starts=12, walks=1, waits=1, watches=0, stops=0,
            reads=0.0, processes=(2, 3), noise=0.7, horizon=900.0, same_job=0.9, cancels=0.3, programs=(6, 14)),
    Climate("waits", jobs=(1, 2, 4, 8, 20, 60), services=(5, 3, 1), runs=(40, 40), walks=0, starts=1, waits=6,
            watches=4, stops=2, buries=0.2, troubles=0.5, noise=0.1),
    Climate("quota", jobs=(1, 3, 12), runs=(40, 120), tight=1.0, processes=(2, 3), walks=6, starts=4, waits=3,
            troubles=0.1, noise=0.1, kills=0.1, horizon=900.0, programs=(8, 20)),
    Climate("days", jobs=(1, 2), services=(5, 2, 0), runs=(2, 12), starts=8, walks=1, waits=1, watches=0, stops=0,
            reads=0.0, tempo=24.0, horizon=40 * HOUR, buries=0.15, same_job=0.9, noise=0.1, processes=(1, 2, 3)),
)  # fmt: skip
WEIGHTS: Final = (2, 5, 5, 5, 6, 4, 3)
RARE: Final = (
    Climate("bursts", jobs=(1,), services=(1, 0, 0), runs=(0, 4), starts=12, walks=0, waits=0, watches=0, stops=0,
            reads=0.0, processes=(1,), noise=0.0, kills=0.1, horizon=900.0, cancels=0.5, programs=(8, 16)),
    Climate("twins", jobs=(2, 3), services=(0, 1, 0), runs=(0, 6), starts=12, walks=1, waits=1, watches=0, stops=0,
            reads=0.0, noise=0.2, horizon=900.0, same_job=0.2, programs=(6, 12)),
    Climate("crowds", jobs=(1,), services=(3, 3, 2), runs=(40, 80), walks=0, starts=0, waits=1, watches=8, stops=1,
            reads=0.0, troubles=0.2, noise=0.1, horizon=600.0, programs=(2, 4)),
)  # fmt: skip
KEEPING: Final = Climate(
    "keeping", jobs=(1, 2, 3), services=(4, 5, 2), runs=(20, 70), keeps=0.8, starts=1, waits=1, stops=2, watches=0,
    walks=1, programs=(3, 7), kills=0.5, buries=0.2, horizon=2 * HOUR,
)  # fmt: skip
MISTS: Final = Climate(
    "mists", jobs=(1, 2), services=(3, 5, 1), runs=(30, 60), walks=0, starts=0, waits=3, watches=6, stops=1, reads=0.0,
    troubles=0.0, noise=0.0, kills=0.1, programs=(2, 5), mists=(2, 3, 4),
)  # fmt: skip
LATER: Final = 10_000
"""The seed from which on most worlds have a rare climate, or one that keeps what is read, or that hides it."""


@define(eq=False)
class ProcessPlan:
    """A process with its clock, and when it is killed: at moments, or so many turns after the n-th request's event."""

    name: str
    account: str
    region: str
    skew: float
    steps: list[tuple[float, float]]
    kills: list[float]
    after: list[tuple[str, int, int]]
    pause: float


@define(eq=False)
class ProgramPlan:
    """A program of a process, which is made when it begins."""

    process: int
    begins: float
    kind: str
    seed: str


def dice(*names: object) -> random.Random:
    """Return random numbers of their own for a piece of a world."""
    return random.Random("/".join(map(str, names)))


def climate_of(seed: int) -> Climate:
    if seed >= LATER and seed % 4 == 3:
        return dice(seed, "climate").choice(RARE)
    if seed >= LATER and seed % 4 == 1:
        return KEEPING
    if seed >= LATER and seed % 8 == 6:
        return MISTS
    return dice(seed, "climate").choices(CLIMATES, WEIGHTS)[0]


@define(eq=False)
class Story:
    """A world before it begins, made from a seed; `keep` names the numbers of pieces that are left in."""

    seed: int
    keep: dict[str, frozenset[int]] = field(factory=dict[str, frozenset[int]])
    steps: int | None = None
    climate: Climate = field(init=False)
    world: World = field(init=False)
    planner: Planner = field(init=False)
    processes: list[ProcessPlan] = field(factory=list[ProcessPlan])
    programs: dict[int, ProgramPlan] = field(factory=dict[int, ProgramPlan])
    troubles: dict[int, Trouble] = field(factory=dict[int, Trouble])
    latency: float = 0.1
    grace: float = 1800.0
    keyed: float = 0.7
    counts: dict[str, int] = field(factory=dict[str, int])

    def __attrs_post_init__(self) -> None:
        rng = dice(self.seed)
        self.climate = climate_of(self.seed)
        self.keyed = {"bursts": 0.1, "twins": 0.95}.get(self.climate.name, rng.choice([0.1, 0.7, 0.95]))
        self.world = World(dice(self.seed, "world"))
        self.grace = rng.choice([1800.0, 1800.0, 600.0, 2400.0])
        self.planner = Planner(self.world, self.grace)  # type: ignore[arg-type]  # of it only the numbers are used
        self.latency = rng.choice([0.05, 0.1, 0.1, 0.3])
        self._add_processes(rng)
        self._add_jobs(rng)
        self._add_runs(rng)
        self._add_troubles(rng)
        if self.climate.mists:  # which has no other troubles
            self._add_mists(rng)
        self._add_programs(rng)

    def keeps(self, piece: str, number: int) -> bool:
        """Tell whether a piece is left in; count it in any case."""
        self.counts[piece] = max(self.counts.get(piece, 0), number + 1)
        return piece not in self.keep or number in self.keep[piece]

    # -- processes, jobs and runs

    def _add_processes(self, rng: random.Random) -> None:
        climate, kills = self.climate, 0
        count = rng.choice(climate.processes)
        for number in range(count):
            own = dice(self.seed, "process", number)
            skew = own.choice([0.0, 0.0, own.uniform(-240, 240)])
            steps = [(own.uniform(0, climate.horizon), own.uniform(-240, 240))] if own.random() < 0.15 else []
            account = ACCOUNTS[number % climate.accounts]
            region = own.choice(["eu-west-1", "us-east-1"]) if climate.name == "all" else "eu-west-1"
            plan = ProcessPlan(f"p{number}", account, region, skew, steps, [], [], own.choice([0.5, 5.0, 60.0]))
            for _ in range(3):
                chance, at, event = own.random(), own.uniform(0, 2 * climate.horizon), own.choice(EVENTS)
                after = (event, own.choice([1, 2, 3, 5, 8, 30]), own.randrange(8))
                if self.keeps("kills", kills) and chance < climate.kills / 2:
                    if at < climate.horizon:
                        plan.kills.append(at)
                    else:
                        plan.after.append(after)
                kills += 1
            self.processes.append(plan)

    def _add_jobs(self, rng: random.Random) -> None:
        climate = self.climate
        places = sorted({(plan.account, plan.region) for plan in self.processes})
        services: list[ServiceName] = ["glue", "emr-serverless", "datazone"]
        number = 0
        for place, (account, region) in enumerate(places):
            for _ in range(rng.choice(climate.jobs)):
                own = dice(self.seed, "job", number)
                service: ServiceName = own.choices(services, climate.services)[0]
                name = _name(service, number, place)
                self.world.add_job(self._job(own, service, name, account, region))
                number += 1
        if climate.tight and rng.random() < climate.tight:
            for account, region in places:
                factor = rng.choice([0.1, 0.25, 0.5])
                for of, (rate, burst) in PUBLISHED.items():
                    self.world.limit((account, region, *of), max(0.3, rate * factor), max(4, burst * factor))

    def _job(self, rng: random.Random, service: ServiceName, name: str, account: str, region: str) -> Job:
        starting = self.climate.name in {"starts", "days"}
        job = Job(service, name, account=account, region=region)
        if service == "glue":
            job.max_retries = rng.choice([0, 1, 1, 2, 3])
            job.readable = rng.random() < 0.8
            job.timeout = (
                rng.choice([None, None, 2880, 2880, 60]) if not starting else rng.choice([None, 2880, 7 * 1440])
            )
            if not job.readable and (job.timeout or 2880) > 2880:  # nobody could know how long runs may live
                job.timeout = 2880
            if starting and rng.random() < 0.35:
                job.list_shows, job.get_shows = rng.choice(HIDING)
            job.waiting_is_undated = starting and rng.random() < 0.3
            job.room = rng.choice([1, 2, 1000, 1000, 1000]) if starting else 1000
            job.counts = rng.random() < 0.1
        if rng.random() < 0.2:
            job.token_life = rng.choice([3.0, 30.0, 300.0])
        return job

    def life(self, job: Job, created: float, rng: random.Random, run_id: str, *, plain: bool = False) -> Run:
        """Plan the life of a run; all of it is drawn from these numbers."""
        before, self.world.rng = self.world.rng, rng
        try:
            planned = self.planner.life(job, created)
        finally:
            self.world.rng = before
        run = Run(job, run_id, planned.phases, planned.lag, planned.gone_at, planned.stoppable, planned.stop_takes)
        tempo = self.climate.tempo
        if self.climate.name == "days":  # as long as two days, Glue's own limit, where a key is looked for so far back
            tempo = min(rng.choice([1.0, 24.0, 100.0]), 46 * HOUR / (run.end.at - run.created))
        if tempo != 1.0:
            run.phases = _stretched(run, tempo)
            run.gone_at = created + (run.gone_at - created) * tempo
        run.phases = [Phase(math.floor(each.at * 1000) / 1000, each.state, each.attempt) for each in run.phases]
        run.arguments, run.timeout = {"--day": "1"}, job.timeout or 2880
        if job.service == "glue" and run.end.attempt and rng.random() < 0.45 and not plain and not job.counts:
            run.first_gone = rng.randint(1, run.end.attempt)
            run.first_gone_at = max(-1.0, run.end.at) + rng.choice([0.0, 0.0, 60.0])
        if rng.random() < 0.04 and not plain:
            run.shift = rng.choice([1.0, 60.0, 3000.0])
        if rng.random() < 0.2:
            run.touched = rng.choice([1.0, 60.0, 3000.0])
        if job.counts or plain:  # a run that has left the history stands for no key, and a search ends before it
            run.gone_at = math.inf
        return run

    def _add_runs(self, rng: random.Random) -> None:
        climate = self.climate
        jobs = list(self.world.jobs.values())
        for number in range(rng.randint(*climate.runs)):
            own = dice(self.seed, "run", number)
            job = own.choice(jobs)
            past = own.random() < 0.5
            # Glue's list is read until it is half an hour too old, so that there has to be something as old.
            scale = min(climate.tempo, 1.0) if job.service != "glue" else 1.0
            created = -self.planner_span(own, 1, 2 * HOUR * scale) if past else own.uniform(0, climate.horizon * 0.8)
            if self.keeps("runs", number):
                prefix = "jr_" if job.service == "glue" else "00f"
                run_id = f"{prefix}{number:04x}{own.getrandbits(32):08x}"
                self.world.add(self.life(job, math.floor(created * 1000) / 1000, own, run_id))
        if rng.random() < climate.buries:
            self._bury(rng.choice(jobs), rng)

    @staticmethod
    def planner_span(rng: random.Random, low: float, high: float) -> float:
        """Draw a span; short ones are as likely as long ones."""
        return low * math.exp(math.log(high / low) * rng.random())

    def _bury(self, job: Job, rng: random.Random) -> None:
        """Put a long row of ended runs in front of one that goes on."""
        count = rng.choice([60, 210, 410, 2300] if self.climate.name == "days" else [60, 210, 410])
        attempt = 0 if job.service == "glue" else 1
        states = {
            "glue": ("RUNNING", "SUCCEEDED"),
            "emr-serverless": ("RUNNING", "SUCCESS"),
            "datazone": ("IN_PROGRESS", "SUCCESS"),
        }
        going, last = states[job.service]
        since = -1800.0 if self.climate.name != "days" else rng.uniform(0, 20) * HOUR
        for number in range(count):
            created = since + number / 2
            phases = [Phase(created, going, attempt), Phase(created + 60, last, attempt)]
            run = Run(job, f"{'jr_' if job.service == 'glue' else '00f'}b{number:05x}", phases, history=False)
            run.arguments = {"--other": "1"}
            self.world.add(run)
        phases = [Phase(-2 * HOUR, going, attempt), Phase(rng.uniform(600, 6000), last, attempt)]
        run = Run(job, f"{'jr_' if job.service == 'glue' else '00f'}buried", phases)
        run.arguments = {"--other": "1"}
        self.world.add(run)

    # -- what goes wrong

    def _add_troubles(self, rng: random.Random) -> None:
        climate, kinds, number = self.climate, get_args(FaultName), 0
        count = rng.choice([1, 1, 2, 3]) if rng.random() < climate.troubles else 0
        for _ in range(count):
            trouble = self._trouble(dice(self.seed, "trouble", number), kinds)
            if self.keeps("troubles", number):
                self.troubles[number] = trouble
            number += 1
        if rng.random() < climate.noise:
            for kind in rng.sample(kinds, 4):
                chance = rng.choice([0.01, 0.03, 0.1])
                if self.keeps("troubles", number):
                    self.troubles[number] = Trouble(0.0, math.inf, kind, chance)
                number += 1
        if climate.starts > 5:
            for kind in rng.sample(kinds, 5) if climate.name != "bursts" else DOUBTS:
                trouble = Trouble(0.0, math.inf, kind, rng.choice([0.05, 0.2]), operations=frozenset({"StartJobRun"}))
                if self.keeps("troubles", number):
                    self.troubles[number] = trouble
                number += 1

    def _add_mists(self, rng: random.Random) -> None:
        """Add spans in which lists are stale, or fail, while each run can be got."""
        for number in range(rng.choice(self.climate.mists)):
            trouble = self._mist(dice(self.seed, "trouble", number))
            if self.keeps("troubles", number):
                self.troubles[number] = trouble

    def _mist(self, own: random.Random) -> Trouble:
        since = max(0.0, own.uniform(-0.5, 1) * self.climate.horizon)
        kind: FaultName | Stale = own.choice(("stale", "stale", "500", "reset"))
        chance = own.choice([1.0, 0.5]) if kind == "stale" else 1.0
        return Trouble(since, since + self.planner_span(own, 60, HOUR), kind, chance, operations=LISTS)

    def _trouble(self, own: random.Random, kinds: tuple[FaultName, ...]) -> Trouble:
        """Draw a span in which something goes wrong."""
        jobs = list(self.world.jobs.values())
        kind = own.choice(kinds)
        since = own.uniform(5, self.climate.horizon)
        trouble = Trouble(since, since + self.planner_span(own, 3, 0.5 * HOUR), kind, own.choice([1.0, 1.0, 0.5]))
        if own.random() < 0.6:
            job = own.choice(jobs)
            trouble.service, trouble.job = job.service, job.name if own.random() < 0.4 else None
        if kind == "throttle":
            trouble.job = None  # AWS counts the calls of an account, of whatever job
        if own.random() < 0.2:
            trouble.operations = frozenset(own.sample(["GetJobRuns", "GetJobRun", "ListJobRuns", "GetJob"], 2))
        return trouble

    # -- programs

    def _add_programs(self, rng: random.Random) -> None:
        climate = self.climate
        count = self.steps if self.steps is not None else rng.randint(*climate.programs)
        kinds = ("walk", "start", "wait", "wait_all", "watch", "stop")
        weights = (climate.walks, climate.starts, climate.waits, climate.waits / 2, climate.watches, climate.stops)
        begins = 0.0
        for number in range(count):
            own = dice(self.seed, "program", number)
            kind = own.choices(kinds, weights)[0]
            process = own.randrange(len(self.processes))
            if climate.walks and dice(self.seed, "read", number).random() < climate.reads:
                kind = "read"
            if climate.keeps and dice(self.seed, "keep", number).random() < climate.keeps:
                kind = own.choice(["changes", "sync", "sync"])
            if kind == "start" and climate.starts > 5:  # one after the other, or at once
                begins += self._pause(own)
                when = begins
            else:
                when = 0.0 if own.random() < 0.2 else own.uniform(0, climate.horizon * 0.7)
            if self.keeps("programs", number):
                self.programs[number] = ProgramPlan(process, when, kind, f"{self.seed}/program/{number}")

    def _pause(self, rng: random.Random) -> float:
        if self.climate.name == "days" and rng.random() < 0.5:
            return rng.choice((HOUR, 5 * HOUR, 23 * HOUR, 25 * HOUR, 30 * HOUR)) * rng.uniform(0.99, 1.01)
        if rng.random() < (0.5 if self.climate.name != "bursts" else 0.9):
            return rng.choice((0.0, 0.001, rng.uniform(0, 0.2), rng.uniform(0, 3)))
        return rng.choice((rng.uniform(0, 20), rng.uniform(20, 200), rng.uniform(200, 1500)))


def _stretched(run: Run, tempo: float) -> list[Phase]:
    """Return its phases at another tempo; a retry follows as soon as ever, or nobody would wait for it."""
    at, phases = run.phases[0].at, [run.phases[0]]
    for before, after in pairwise(run.phases):
        at += (after.at - before.at) * (min(tempo, 1.0) if run.is_ended(before.state) else tempo)
        phases.append(Phase(at, after.state, after.attempt))
    return phases


def _name(service: ServiceName, number: int, place: int) -> str:
    match service:
        case "glue":
            return f"job-{number}"
        case "emr-serverless":
            return f"00fapp{number:04d}"
        case "datazone":
            return f"dzd_domain{place}/job{number}"
