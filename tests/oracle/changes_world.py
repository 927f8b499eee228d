"""A small world of jobs for the oracle of changes, written from the rules: what the services hold, and what they show.

All of it follows from one seed. What the world does:

- runs start, go on and end; some wait without any time (Glue), some go on for ever;
- Glue's failed attempts are tried again after seconds, an hour or a day: each retry is a row of its own;
- rows come to the list up to 25 minutes late, and an answer of a list may be up to 4 minutes stale as a whole;
- runs that ended long ago leave (retention), and so do single ones at any moment, also while they go on;
- jobs are made, deleted and made anew; calls fail, are refused for a while, or find nothing once.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Literal

import attrs

Kind = Literal["emr-serverless", "glue", "datazone"]

START: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
STALE: Final = 240.0  # seconds: the most by which an answer is behind
LATE: Final = 1500.0  # seconds: the most by which a row is listed late
NEVER: Final = float("inf")

LIVES: Final[Mapping[Kind, Sequence[str]]] = {
    "emr-serverless": ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING"),
    "glue": ("STARTING", "RUNNING"),
    "datazone": ("SCHEDULED", "IN_PROGRESS"),
}
ENDS: Final[Mapping[Kind, Sequence[str]]] = {
    "emr-serverless": ("SUCCESS", "SUCCESS", "FAILED", "CANCELLED"),
    "glue": ("SUCCEEDED", "FAILED", "FAILED", "FAILED", "STOPPED", "TIMEOUT"),
    "datazone": ("SUCCESS", "PARTIALLY_SUCCEEDED", "FAILED", "CANCELED"),
}


@attrs.define(eq=False)
class Row:
    """A row of a list: a run, or on Glue one attempt of it."""

    id: str
    root: str
    attempt: int
    created: float
    listed: float
    history: list[tuple[float, str, int]]  # since when, which state, which attempt (of EMR Serverless)
    endless: bool = False
    timeless: bool = False
    started: float | None = None  # of a row that came without a time
    removed: float = NEVER
    retry_at: float = NEVER
    was_missing: bool = False

    def at(self, moment: float) -> tuple[float, str, int]:
        return [entry for entry in self.history if entry[0] <= moment or entry is self.history[0]][-1]

    def time_at(self, moment: float) -> float | None:
        if not self.timeless:
            return self.created
        return self.started if self.started is not None and self.started <= moment else None

    @property
    def state(self) -> str:
        return self.history[-1][1]

    def is_there(self, moment: float) -> bool:
        return self.created <= moment < self.removed

    def is_listed(self, moment: float, stale: float) -> bool:
        return self.listed <= moment - stale and self.removed > moment


@attrs.define(eq=False)
class Job:
    kind: Kind
    path: tuple[str, ...]
    rows: list[Row] = attrs.field(factory=list[Row])
    failing: int = 0
    refused_until: float = 0.0
    deleted: bool = False

    @property
    def text(self) -> str:
        return f"{self.kind}:{'/'.join(self.path)}?region=eu-west-1"


class ClientClock:
    """The clock of the client's machine, which is off."""

    def __init__(self, world: "World", offset: float) -> None:
        self._world = world
        self._offset = offset

    def now(self) -> datetime:
        return START + timedelta(seconds=self._world.now + self._offset)

    def monotonic(self) -> float:
        return self._world.now

    async def sleep(self, seconds: float) -> None:
        self._world.now += min(seconds, 1.0)
        for _ in range(3):
            await asyncio.sleep(0)

    def calling(self) -> AbstractContextManager[None]:
        return nullcontext()


@attrs.frozen
class Temper:
    """How restless the world is."""

    events: float = 0.5  # between two requests
    stale: float = 0.0  # the share of answers that are behind
    late: float = 0.0  # the share of rows that are listed late
    fault: float = 0.0  # of requests
    missing: float = 0.0  # of gets that find nothing once
    retention: float = NEVER  # seconds after which a run has left
    vanish: float = 0.0
    jobs: float = 0.0  # of events: a job is deleted or made
    dated: bool = True  # whether answers have a Date


class World:
    def __init__(self, random: Random, temper: Temper, *, cap: int, offset: float) -> None:
        self.random = random
        self.temper = temper
        self.cap = cap
        self.now = 0.0
        self.clock = ClientClock(self, offset)
        self.jobs: list[Job] = []
        self.requests = 0
        self.asleep = False
        self.retries = 0
        self.moved: dict[str, float] = {}
        self._serial = 0

    def add_job(self, kind: Kind) -> Job:
        number = len(self.jobs)
        paths = {
            "emr-serverless": (f"00app{number}",),
            "glue": (f"job-{number}",),
            "datazone": ("dzd_x", f"job{number}"),
        }
        job = Job(kind, paths[kind])
        self.jobs.append(job)
        return job

    # What happens

    def advance(self, seconds: float) -> None:
        """Let time pass, in some steps, with what happens meanwhile."""
        for _ in range(4):
            self.now += seconds / 4
            for job in self.jobs:
                self._pass(job)
                if not job.deleted and self.random.random() < min(0.9, seconds / 4000):
                    self.start(job)
            if self.random.random() < self.temper.jobs:
                self._change_jobs()

    def step(self) -> None:
        """Let happen what happens between two requests."""
        self.now += self.random.choice((0.0, 0.2, 2.0))
        if self.random.random() < self.temper.events:
            job = self.random.choice(self.jobs)
            if not job.deleted and self.random.random() < 0.3:
                self.start(job)
            self._pass(job)

    def start(self, job: Job, *, ago: float = 0.0) -> Row:
        self._serial += 1
        created = self.now - ago
        name = f"{'jr_' if job.kind == 'glue' else '00f'}{self._serial:05x}{self.random.getrandbits(24):06x}"
        row = Row(name, name, 1, created, self._listed(created), [(created, LIVES[job.kind][0], 1)])
        row.endless = self.random.random() < 0.03
        if job.kind == "glue" and self.random.random() < 0.1:
            row.timeless, row.history = True, [(created, "WAITING", 1)]
        job.rows.append(row)
        return row

    def _listed(self, created: float) -> float:
        is_late = self.random.random() < self.temper.late
        return created + (self.random.random() * LATE if is_late else 0.0)

    def _pass(self, job: Job) -> None:
        for row in list(job.rows):
            if row.removed <= self.now:
                continue
            if row.state in (*LIVES[job.kind], "WAITING"):
                self._go_on(job, row)
            elif row.retry_at <= self.now:
                self._retry(job, row)
            elif self.now - row.history[-1][0] > self.temper.retention and row.retry_at == NEVER:
                self._leave(job, row)
            if self.random.random() < self.temper.vanish:
                self._leave(job, row)

    def _go_on(self, job: Job, row: Row) -> None:
        if self.random.random() < 0.5:
            return
        _, state, attempt = row.history[-1]
        lives = LIVES[job.kind]
        if state == "WAITING":
            row.started = self.now if self.random.random() < 0.8 else None
            self._become(row, "STARTING" if row.started else "FAILED", 1)
        elif state != lives[-1]:
            self._become(row, lives[lives.index(state) + 1], attempt)
        elif not row.endless:
            if job.kind == "emr-serverless" and self.random.random() < 0.15:
                self._become(row, "PENDING", attempt + 1)
                return
            self._become(row, self.random.choice(ENDS[job.kind]), attempt)
            may_retry = job.kind == "glue" and row.state in {"FAILED", "TIMEOUT"} and row.attempt < 4
            if may_retry and self.random.random() < 0.5:
                row.retry_at = self.now + self.random.choice((5.0, 60.0, 3600.0, 3600.0, 90_000.0))

    def _become(self, row: Row, state: str, attempt: int) -> None:
        row.history.append((self.now, state, attempt))
        self.moved[row.root] = self.now

    def _retry(self, job: Job, row: Row) -> None:
        row.retry_at = NEVER
        self.retries += 1
        retry = Row(
            f"{row.root}_attempt_{row.attempt}",
            row.root,
            row.attempt + 1,
            self.now,
            self._listed(self.now),
            [(self.now, "STARTING", 1)],
        )
        job.rows.append(retry)
        self.moved[row.root] = retry.listed

    def _leave(self, job: Job, row: Row) -> None:
        if any(one.retry_at != NEVER for one in job.rows if one.root == row.root):
            return
        for one in job.rows:
            if one.root == row.root and one.removed == NEVER:
                one.removed = self.now

    def _change_jobs(self) -> None:
        gone = [job for job in self.jobs if job.deleted]
        if gone and self.random.random() < 0.5:
            gone[0].deleted = False  # a job of that name is made anew
        elif self.random.random() < 0.5 and len(self.jobs) < 6:
            job = self.add_job(self.random.choice(("glue", "glue", "emr-serverless", "datazone")))
            self.start(job)
        elif len([job for job in self.jobs if not job.deleted]) > 1:
            job = self.random.choice([job for job in self.jobs if not job.deleted])
            job.deleted = True
            for row in job.rows:
                row.removed = min(row.removed, self.now)

    # What the services say

    def staleness(self) -> float:
        return self.random.random() * STALE if self.random.random() < self.temper.stale else 0.0

    def listed(self, job: Job, stale: float) -> Iterator[Row]:
        """Yield the rows that a list holds, newest first; a row stands where it was put when it was listed."""
        rows = [row for row in job.rows if row.is_listed(self.now, stale)]
        yield from sorted(rows, key=lambda row: (-row.created, row.id))

    # The truth

    def truth(self, job: Job) -> Iterator[tuple[str, str, int, float]]:
        """Yield each run that is there: its id, state and attempt, and when it changed, or came to the list, last."""
        groups: dict[str, list[Row]] = {}
        for row in job.rows:
            if row.removed == NEVER:
                groups.setdefault(row.root, []).append(row)
        for root, rows in groups.items():
            last = max(rows, key=lambda row: row.attempt)
            since, state, attempt = last.history[-1]
            yield (
                root,
                state,
                last.attempt if job.kind == "glue" else attempt,
                max(since, *(row.listed for row in rows)),
            )

    def first_time(self, job: Job, root: str) -> float:
        return min(row.created for row in job.rows if row.root == root)
