"""The services' whole truth: accounts, jobs, runs with the lives that are planned for them, and all that was asked.

A run is a list of phases (as in the worlds of `tests/oracle`), so that its state at any moment is known, past and
future; a stop rewrites the rest of it. Moments are seconds of virtual time since the world began.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from attrs import define, field

from tests.oracle.starting_history import StartCall
from tests.oracle.waiting_world import NEVER, Life, Outage, Phase, ServiceName, Work

Shows = Literal["all", "not failed", "none"]
KEY_ARGUMENT = "--jobruns-idempotency-key"


@define(eq=False)
class Job(Work):
    """A job of one account in one region, and how its service treats it."""

    account: str = "111122223333"
    region: str = "eu-west-1"
    timeout: int | None = None
    room: int = 1000
    slot_lag: float = 0.0
    list_shows: Shows = "all"
    get_shows: Shows = "all"
    token_life: float = NEVER
    counts: bool = False
    waiting_is_undated: bool = False

    @property
    def place(self) -> tuple[str, str, str, str]:
        return self.account, self.region, self.service, self.name


@define(eq=False)
class Run(Life):
    """A run with all its attempts, past and to come."""

    arguments: dict[str, str] = field(factory=dict[str, str])
    timeout: int = 2880
    maker: StartCall | None = None
    token: str | None = None
    shift: float = 0.0
    first_gone: int = 0
    first_gone_at: float = NEVER
    mode: str = "BATCH"
    touched: float = 0.0

    @property
    def job(self) -> Job:
        assert isinstance(self.work, Job)
        return self.work

    @property
    def lost_at(self) -> float:
        """The moment from which nobody can read it: a run without a row left has left the history."""
        whole = self.first_gone_at if self.first_gone > self.end.attempt else NEVER
        return min(self.gone_at, self.work.deleted_at, whole)

    def began(self, attempt: int) -> float:
        """Return when that attempt begins by what its row shows."""
        mine = [phase for phase in self.phases if phase.attempt == attempt]
        if self.job.waiting_is_undated:
            return next((phase.at for phase in mine if phase.state != "WAITING"), mine[0].at)
        return mine[0].at

    def listed(self, now: float) -> Iterator[tuple[int, Phase]]:
        """Return the number and the phase of each attempt that can be seen, where each attempt is a row."""
        if not self.seen_from <= now < self.lost_at:
            return
        latest: dict[int, Phase] = {}
        for phase in self.phases:
            if phase.at > now:
                break
            if phase.attempt in latest or phase.at + self.lag <= now:
                latest[phase.attempt] = phase
        for number, phase in latest.items():
            if not (number < self.first_gone and now >= self.first_gone_at):
                yield number, phase

    def row_id(self, number: int) -> str:
        return f"{self.id}_attempt_{number}" if number and self.work.service == "glue" else self.id


class Bucket:
    """What an account is granted of one operation."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._left, self._at = burst, 0.0

    def take(self, now: float) -> bool:
        self._left = min(self.burst, self._left + (now - self._at) * self.rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Place(NamedTuple):
    """Where a token of a list goes on."""

    issued: float
    key: tuple[float, ...] | None
    passed: int


@define(eq=False)
class Heard:
    """A request, from its writing until its client has nothing to wait for; times are None where nothing came."""

    process: str
    service: ServiceName
    operation: str
    job: Job | None
    call: StartCall | None
    sent_at: float
    run: str = ""
    given: dict[str, Any] = field(factory=dict[str, Any])
    kind: str = "answer"
    is_written: bool = False
    acted_at: float | None = None
    answered_at: float | None = None
    over_at: float | None = None
    result: str = ""
    status: int = 0
    rows: list[tuple[str, str]] = field(factory=list[tuple[str, str]])
    made: Run | None = None
    found: Run | None = None
    program: int = -1
    behind: float = 0.0

    @property
    def odd(self) -> bool:
        """Tell whether anything went wrong with it, or took long."""
        late = self.over_at is None or self.over_at - self.sent_at > 10
        return self.kind != "answer" or self.result == "ThrottlingException" or late


@define(eq=False)
class World:
    """All that there is, and all that was heard."""

    rng: random.Random
    jobs: dict[tuple[str, str, str, str], Job] = field(factory=dict[tuple[str, str, str, str], Job])
    runs: dict[tuple[str, str, str], dict[str, Run]] = field(
        factory=lambda: defaultdict[tuple[str, str, str], dict[str, Run]](dict)
    )
    lives: dict[str, Life] = field(factory=dict[str, Life])
    heard: list[Heard] = field(factory=list[Heard])
    outages: list[Outage] = field(factory=list[Outage])
    quotas: dict[tuple[str, str, str, str], Bucket] = field(factory=dict[tuple[str, str, str, str], Bucket])
    tokens: dict[str, Place] = field(factory=dict[str, Place])
    shown: dict[tuple[str, str], float] = field(factory=dict[tuple[str, str], float])
    log: list[str] = field(factory=list[str])

    def add_job(self, job: Job) -> Job:
        self.jobs[job.place] = job
        return job

    def add(self, run: Run) -> Run:
        job = run.job
        job.runs.append(run)
        self.runs[job.account, job.region, job.service][run.id] = run
        self.lives[run.ref] = run
        return run

    def limit(self, what: tuple[str, str, str, str], rate: float, burst: float) -> None:
        """Grant an account so many calls of an operation."""
        self.quotas[what] = Bucket(rate, burst)

    def active(self, job: Job, now: float) -> int:
        """Return how many runs of a job take up room."""
        return sum(
            1
            for run in job.runs
            if run.created <= now < run.end.at + job.slot_lag and (not run.pauses_at(now) or job.service != "glue")
        )

    def note(self, now: float, text: str) -> None:
        self.log.append(f"{now:10.2f} {text}")
