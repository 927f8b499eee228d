"""Random worlds: forty runs with whole lives, the jobs they are of, what vanishes and what goes wrong."""

import math
import random
from typing import get_args

from attrs import define, field

from tests.oracle.waiting_world import FaultKind, Life, Outage, Phase, ServiceName, Work, World

RUNS = 40
HOUR = 3600.0
RETRY_PAUSES = (10.0, 900.0)
SHORT_PAUSES = (10.0, 200.0)


@define(eq=False)
class Planner:
    """Makes lives for a world; `grace` is the shortest one that a program of the schedule allows for retries."""

    world: World
    grace: float
    _count: int = field(default=0, init=False)

    @property
    def rng(self) -> random.Random:
        return self.world.rng

    def new_id(self, service: ServiceName) -> str:
        self._count += 1
        return f"jr_{self._count:04x}{self.rng.getrandbits(32):08x}" if service == "glue" else f"00f{self._count:013x}"

    def span(self, low: float, high: float) -> float:
        """Draw a span; short ones are as likely as long ones."""
        return low * math.exp(math.log(high / low) * self.rng.random())

    def life(self, work: Work, created: float) -> Life:
        """Plan the whole life of a run that is created at that moment."""
        phases = {"glue": self._glue, "emr-serverless": self._emr, "datazone": self._datazone}[work.service](
            work, created
        )
        rng = self.rng
        life = Life(work, self.new_id(work.service), phases, stop_takes=self.span(3, 120))
        if rng.random() < 0.3:
            life.lag = self.span(1, 12)
        if rng.random() < 0.1:
            life.stoppable = False
        if rng.random() < 0.06:
            life.gone_at = life.end.at + rng.choice([5.0, 60.0, 900.0])
        elif rng.random() < 0.03:
            life.gone_at = created + (life.end.at - created) * rng.random()
        return life

    def _duration(self) -> float:
        return self.span(4, 40) if self.rng.random() < 0.25 else self.span(60, 1.8 * HOUR)

    def _begin(self, states: tuple[str, ...], at: float, attempt: int) -> list[Phase]:
        phases: list[Phase] = []
        for state in states:
            phases.append(Phase(at, state, attempt))
            at += self.span(0.5, 60) if self.rng.random() < 0.8 else self.span(60, 900)
        return phases

    def _glue(self, work: Work, created: float) -> list[Phase]:
        rng, at, phases = self.rng, created, list[Phase]()
        failures = min(work.max_retries + 1, rng.choice([0, 0, 0, 1, 1, 2, 3]))
        longest = SHORT_PAUSES if not work.readable else (RETRY_PAUSES[0], min(RETRY_PAUSES[1], 0.6 * self.grace))
        gives_up = rng.random() < 0.08
        for attempt in range(failures):
            begun = self._begin(
                ("WAITING", "STARTING", "RUNNING") if rng.random() < 0.3 else ("STARTING", "RUNNING"), at, attempt
            )
            end = begun[-1].at + self._duration() / (1 + failures)
            phases += [*begun, Phase(end, "FAILED", attempt)]
            if gives_up or attempt == work.max_retries:
                return phases
            at = end + self.span(*longest)
        begun = self._begin(("STARTING", "RUNNING"), at, failures)
        end = begun[-1].at + self._duration()
        last = rng.choices(["SUCCEEDED", "STOPPED", "TIMEOUT"], [8, 2, 1])[0]
        if last == "STOPPED":
            begun.append(Phase(end, "STOPPING", failures))
            end += self.span(2, 120)
        return [*phases, *begun, Phase(end, last, failures)]

    def _emr(self, work: Work, created: float) -> list[Phase]:
        del work
        rng, at, phases = self.rng, created, list[Phase]()
        attempts = rng.choice([1, 1, 1, 2, 3])
        for attempt in range(1, attempts + 1):
            first = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING") if attempt == 1 else ("PENDING", "RUNNING")
            begun = self._begin(first, at, attempt)
            at = begun[-1].at + self._duration() / attempts
            phases += begun
        last = rng.choices(["SUCCESS", "FAILED", "CANCELLED"], [7, 2, 1])[0]
        if last == "CANCELLED":
            phases.append(Phase(at, "CANCELLING", attempts))
            at += self.span(2, 120)
        return [*phases, Phase(at, last, attempts)]

    def _datazone(self, work: Work, created: float) -> list[Phase]:
        del work
        last = self.rng.choice(["SUCCESS", "PARTIALLY_SUCCEEDED", "FAILED", "TIMED_OUT", "CANCELED"])
        begun = self._begin(("SCHEDULED", "IN_PROGRESS"), created, 1)
        return [*begun, Phase(begun[-1].at + self._duration(), last, 1)]

    def works(self) -> list[Work]:
        rng = self.rng
        count = rng.choices([1, 2, 4, 8, 20, 60], [4, 4, 6, 4, 1, 1])[0]
        services: list[ServiceName] = rng.choices(["glue", "emr-serverless", "datazone"], [5, 3, 1], k=count)
        works: list[Work] = []
        for number, service in enumerate(services):
            name = {
                "glue": f"job-{number}",
                "emr-serverless": f"00fapp{number:04d}",
                "datazone": f"dzd_domain1/job{number}",
            }[service]
            work = Work(service, name)
            if service == "glue":
                work.max_retries = rng.choice([0, 1, 1, 2, 3])
                work.readable = rng.random() < 0.8
            works.append(self.world.add_work(work))
        return works

    def populate(self, works: list[Work], horizon: float) -> None:
        """Add the runs: begun before the schedule, going on at its begin, and created while it lasts."""
        for _ in range(RUNS):
            created = -self.span(1, 2 * HOUR) if self.rng.random() < 0.5 else self.rng.uniform(0, horizon * 0.8)
            self.world.add(self.life(self.rng.choice(works), created))
        if self.rng.random() < 0.15:
            self._bury(self.rng.choice(works))
        if len(works) > 1 and self.rng.random() < 0.3:
            self.rng.choice(works[1:]).deleted_at = self.rng.uniform(0, horizon)

    def _bury(self, work: Work) -> None:
        """Put a long row of ended runs in front of one that goes on."""
        count = self.rng.choice([60, 210, 410])
        attempt = 0 if work.service == "glue" else 1
        for number in range(count):
            created = -1800.0 + number
            begun = {
                "glue": ("STARTING", "SUCCEEDED"),
                "emr-serverless": ("SUBMITTED", "SUCCESS"),
                "datazone": ("SCHEDULED", "SUCCESS"),
            }
            first, last = begun[work.service]
            phases = [Phase(created, first, attempt), Phase(created + 60, last, attempt)]
            self.world.add(Life(work, self.new_id(work.service), phases, history=True))
        states = {
            "glue": ("RUNNING", "SUCCEEDED"),
            "emr-serverless": ("RUNNING", "SUCCESS"),
            "datazone": ("IN_PROGRESS", "SUCCESS"),
        }
        going, last = states[work.service]
        phases = [Phase(-2 * HOUR, going, attempt), Phase(self.rng.uniform(600, 6000), last, attempt)]
        self.world.add(Life(work, self.new_id(work.service), phases))

    def trouble(self, works: list[Work], horizon: float) -> None:
        """Plan what goes wrong: nothing in most schedules, else a few spans of seconds up to half an hour."""
        rng = self.rng
        if rng.random() < 0.5:
            return
        for _ in range(rng.choice([1, 1, 2, 3])):
            kind: FaultKind = rng.choice(get_args(FaultKind))
            since = rng.uniform(5, horizon)
            outage = Outage(since, since + self.span(3, 0.5 * HOUR), kind, chance=rng.choice([1.0, 1.0, 0.5]))
            if rng.random() < 0.6:
                work = rng.choice(works)
                outage.service, outage.work = work.service, work.name if rng.random() < 0.4 else None
            if kind == "throttle":
                outage.work = None  # AWS counts the calls of an account, of whatever job
            if rng.random() < 0.2:
                outage.operations = frozenset(rng.sample(["GetJobRuns", "GetJobRun", "ListJobRuns", "GetJob"], 2))
            self.world.outages.append(outage)
