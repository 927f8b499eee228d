"""A small world of job runs that goes on living between any two requests, and the listing APIs that show it.

It stands in for EMR Serverless, Glue and DataZone and is made from their public models alone; nothing of the package
is used. It keeps the whole history, so that a judge can say what a walk had to find:

- every event and every answer has a moment of its own (``World.moment``), and every row knows its states by moment;
- a page shows the rows as they are when it is asked for; its token names a place in the list, not a number of rows,
  unless the world ``counts`` (where rows then leave at the end of a list alone, so that no list skips any);
- ListJobRuns of EMR Serverless takes one state or several, and groups by state where several are given;
- pages vary in size, may be empty with a token, and the last one may have a token, too; tokens may expire;
- a row that is late stands behind its place, and comes to the list at any moment;
- Glue's retries are rows of their own, which begin after the attempt before has FAILED; the first rows of such a group
  may have left the history, by age and at its end; from amid it a group leaves as a whole.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Literal

import attrs

Kind = Literal["emr-serverless", "glue", "datazone"]
Outcome = Literal["page", "run", "expired", "failed", "missing"]

# The lives of runs. What stands in the same line is active; a run moves to the right and may leave a state out.
LIVES: Final[Mapping[Kind, Sequence[str]]] = {
    "emr-serverless": ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING"),
    "glue": ("WAITING", "STARTING", "RUNNING", "STOPPING"),
    "datazone": ("SCHEDULED", "IN_PROGRESS"),
}
ENDS: Final[Mapping[Kind, Sequence[str]]] = {
    "emr-serverless": ("SUCCESS", "SUCCESS", "FAILED", "CANCELLED"),
    "glue": ("SUCCEEDED", "FAILED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"),
    "datazone": ("SUCCESS", "PARTIALLY_SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "CANCELED"),
}
_STOPPING: Final = {"CANCELLING": "CANCELLED", "STOPPING": "STOPPED"}
_FOR_EVER: Final = 1 << 60
_MOST_ROWS: Final = 120


@attrs.define(eq=False)
class Row:
    """A row of a list, with all that ever happened to it; times are whole milliseconds since the epoch."""

    id: str
    root: str
    attempt: int
    created: int
    place: int
    serial: int
    mode: str
    moments: list[int]
    states: list[str]
    listed: int
    removed: int = _FOR_EVER
    vanished: bool = False
    moved_back: list[int] = attrs.field(factory=list[int])

    @property
    def state(self) -> str:
        return self.states[-1]

    @property
    def late(self) -> bool:
        return self.place != self.created

    def state_at(self, moment: int) -> str:
        return self.states[max(n for n, since in enumerate(self.moments) if since <= moment or n == 0)]

    def states_between(self, first: int, last: int) -> set[str]:
        within = (state for since, state in zip(self.moments, self.states, strict=True) if first < since <= last)
        return {self.state_at(first), *within}

    def listed_between(self, first: int, last: int) -> bool:
        return self.listed <= first and self.removed > last


@attrs.define(eq=False)
class Job:
    """A job of one of the services, with its rows in the order in which they came to be."""

    kind: Kind
    path: tuple[str, ...]
    rows: list[Row] = attrs.field(factory=list[Row])
    failing: int = 0  # how many of the next requests fail

    def visible(self, moment: int) -> list[Row]:
        return [row for row in self.rows if row.listed <= moment < row.removed]


@attrs.frozen
class Temper:
    """How restless a world is: events between two requests, and the weights of their kinds."""

    events: float
    move: float = 0.0
    start: float = 0.0
    remove: float = 0.0
    retention: float = 0.0
    late: float = 0.0
    expire: float = 0.0
    fault: float = 0.0


@attrs.frozen
class Asked:
    """What a list call asks for."""

    job: Job
    states: tuple[str, ...]
    after: int | None
    before: int | None
    mode: str | None
    oldest: bool
    size: int
    token: str | None


@attrs.frozen
class Answer:
    """An answer: what was asked, and the rows that were shown, each with its state at that moment."""

    moment: int
    operation: str
    job: Job
    asked: Asked | None
    rows: tuple[tuple[str, str], ...]
    outcome: Outcome


@attrs.frozen
class _Place:
    issued: int
    key: tuple[int, int, int] | None
    passed: int


class WorldClock:
    """The world's time for a client: a sleep takes a second, whatever its jitter, so that a seed says it all."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._passed = 0.0

    def now(self) -> datetime:
        return self._start + timedelta(seconds=round(self._passed, 3))

    def monotonic(self) -> float:
        return self._passed

    def advance(self, seconds: float) -> None:
        self._passed += seconds

    async def sleep(self, seconds: float) -> None:
        self._passed += 1.0 if seconds > 0 else 0.0
        for _ in range(5):
            await asyncio.sleep(0)

    def calling(self) -> AbstractContextManager[None]:
        return nullcontext()


class World:
    """The services, as they stand at this moment."""

    def __init__(self, random: Random, temper: Temper, *, counts: bool = False, cap: int = 50) -> None:
        self.random = random
        self.temper = temper
        self.counts = counts
        self.cap = cap
        self.inclusive = random.random() < 0.5
        self.clock = WorldClock(datetime(2026, 5, 4, 12, tzinfo=UTC))
        self.moment = 0
        self.asleep = False  # every list is empty, and nothing happens
        self.jobs: list[Job] = []
        self.answers: list[Answer] = []
        self.expirations: list[int] = []
        self._places: dict[str, _Place] = {}
        self._serial = 0

    # The history

    def now(self) -> int:
        return round(self.clock.now().timestamp() * 1000)

    def add_job(self, kind: Kind, path: tuple[str, ...]) -> Job:
        job = Job(kind, path)
        self.jobs.append(job)
        return job

    def populate(self, job: Job, count: int, busy: float, gap: float) -> None:
        """Give a job a past: so many runs, a share of the newest ones still going on."""
        created = self.now()
        runs: list[Row] = []
        for number in range(count):
            if self.random.random() > 0.06:  # some begin in the same millisecond
                created -= 1 + int(self.random.expovariate(1 / gap) * 1000)
            active = self.random.random() < (busy if number < count * 0.7 else busy / 8)
            state = self.random.choice(LIVES[job.kind] if active else ENDS[job.kind])
            late = self.temper.late and self.random.random() < 0.04
            runs.append(self._row(job, created, state, place=created - int(late and self.random.random() * gap * 8000)))
        for row in reversed(runs):
            if job.kind == "glue":
                self._past_retries(job, row, gap)

    def _past_retries(self, job: Job, root: Row, gap: float) -> None:
        if root.state == "FAILED" and self.random.random() < 0.5:
            last = root
            for attempt in range(1, self.random.randint(2, 4)):
                created = last.created + 1000 + int(self.random.expovariate(1 / gap) * 2000)
                if created > self.now():
                    break
                last = self._row(job, created, "FAILED", root=root.id, attempt=attempt)
            last.states[-1] = self.random.choice((*ENDS["glue"], "RUNNING"))
            if self.random.random() < 0.15:  # retention has taken the first attempts
                root.removed = 0

    def _row(
        self, job: Job, created: int, state: str, *, place: int | None = None, root: str | None = None, attempt: int = 0
    ) -> Row:
        self._serial += 1
        name = f"{'jr_' if job.kind == 'glue' else '00f'}{self._serial:04x}{self.random.getrandbits(24):06x}"
        run_id = name if root is None else f"{root}_attempt_{attempt}"
        mode = "STREAMING" if self.random.random() < 0.2 else "BATCH"
        row = Row(
            id=run_id,
            root=root or name,
            attempt=attempt,
            created=created,
            place=created if place is None else place,
            serial=self._serial,
            mode=mode,
            moments=[self.moment],
            states=[state],
            listed=self.moment,
            vanished=job.kind != "glue" and self.random.random() < 0.06,
        )
        job.rows.append(row)
        return row

    # What happens

    def step(self, factor: float = 1.0) -> None:
        """Let time pass, and happen what happens meanwhile."""
        self.clock.advance(self.random.choice((0.0, 0.2, 1.5, 20.0)) * factor)
        events = self.temper.events * factor
        count = int(events) + (self.random.random() < events % 1)
        kinds = ("move", "start", "remove", "retention", "late", "expire", "fault")
        weights: list[float] = [getattr(self.temper, kind) for kind in kinds]
        if any(weights):
            for kind in self.random.choices(kinds, weights, k=count):
                self.moment += 1
                getattr(self, f"_{kind}")(self.random.choice(self.jobs))

    def _move(self, job: Job) -> None:
        going = [row for row in job.visible(self.moment) if row.state in LIVES[job.kind] or self._may_retry(job, row)]
        if not going:
            return
        row = self.random.choice(going)
        if row.state not in LIVES[job.kind]:
            self._retry(job, row)
        elif job.kind == "emr-serverless" and row.state == "RUNNING" and self.random.random() < 0.12:
            row.attempt += 1
            row.moved_back.append(self.moment)
            self._become(row, self.random.choice(("PENDING", "SCHEDULED")))
        elif row.state in _STOPPING:
            self._become(row, _STOPPING[row.state])
        else:
            rest = LIVES[job.kind][LIVES[job.kind].index(row.state) + 1 :]
            ahead = [state for state in rest if state not in _STOPPING]
            stops = [state for state in rest if state in _STOPPING]
            if stops and self.random.random() < 0.1:
                self._become(row, stops[0])
            elif ahead and self.random.random() < 0.9:
                self._become(row, ahead[0] if self.random.random() < 0.7 else self.random.choice(ahead))
            else:
                self._become(row, self.random.choice(ENDS[job.kind]))

    def _may_retry(self, job: Job, row: Row) -> bool:
        """Tell whether Glue retries this row now: it has failed not long ago, and is its group's last."""
        return (
            job.kind == "glue"
            and row.state == "FAILED"
            and len(row.states) > 1
            and row.attempt < 3
            and row.attempt == max(other.attempt for other in job.rows if other.root == row.root)
        )

    def _retry(self, job: Job, row: Row) -> None:
        place = None
        if self.temper.late and self.random.random() < 0.3:  # an odd order: behind the attempt before
            place = row.place - self.random.randrange(1, 200_000)
        self._row(job, self.now(), "STARTING", place=place, root=row.root, attempt=row.attempt + 1)

    def _become(self, row: Row, state: str) -> None:
        row.moments.append(self.moment)
        row.states.append(state)

    def _start(self, job: Job) -> None:
        if len(job.rows) > _MOST_ROWS:  # with pages of one row a list would grow faster than it can be read
            return
        self._row(job, self.now(), LIVES[job.kind][0] if self.random.random() < 0.8 else LIVES[job.kind][1])

    def _late(self, job: Job) -> None:
        if len(job.rows) > _MOST_ROWS:
            return
        created = self.now() - self.random.randrange(600_000)
        place = created - self.random.randrange(1, 3_600_000)
        self._row(job, created, self.random.choice((*LIVES[job.kind], *ENDS[job.kind])), place=place)

    def _remove(self, job: Job) -> None:
        if not self.counts and (rows := job.visible(self.moment)):
            # Glue has no operation that takes one attempt from amid the history: what leaves by age is retention's.
            root = self.random.choice(rows).root
            for row in rows:
                row.removed = self.moment if row.root == root else row.removed

    def _retention(self, job: Job) -> None:
        # What is oldest stands at the front where DataZone lists it first: tokens that count rows would skip as many.
        if self.counts and job.kind == "datazone":
            return
        rows = sorted(job.visible(self.moment), key=lambda row: row.place)
        for row in rows[: self.random.randrange(1, 4)]:
            row.removed = self.moment

    def _expire(self, job: Job) -> None:  # noqa: ARG002  # every kind of event is called alike
        if len(self.expirations) < 3:
            self.expirations.append(self.moment)

    def _fault(self, job: Job) -> None:
        job.failing = self.random.choice((1, 2, 2, 2, 3, 4))

    # What the services say

    def list(self, asked: Asked) -> tuple[list[Row], str | None]:
        """Return a page of what is there now, and its token."""
        place = self._places[asked.token] if asked.token else None
        ordered = sorted(self._matching(asked), key=lambda row: self._key(asked, row))
        if place is None:
            behind = ordered
        elif self.counts:
            behind = ordered[place.passed :]
        else:
            behind = [row for row in ordered if place.key is None or self._key(asked, row) > place.key]
        most = max(1, min(asked.size, self.random.randint(1, self.cap) if self.random.random() < 0.3 else self.cap))
        rows = [] if self.random.random() < 0.07 else behind[:most]
        if len(rows) == len(behind) and self.random.random() < 0.8:
            return rows, None
        before = place.key if place else None
        key = self._key(asked, rows[-1]) if rows else before
        passed = (place.passed if place else 0) + len(rows)
        token = f"t{len(self._places)}-{self.random.getrandbits(32):08x}"
        self._places[token] = _Place(self.moment, key, passed)
        return rows, token

    def _matching(self, asked: Asked) -> Iterator[Row]:
        edge = 0 if self.inclusive or asked.job.kind != "emr-serverless" else 1
        for row in asked.job.visible(self.moment):
            if (
                (not asked.states or row.state in asked.states)
                and (asked.after is None or row.created >= asked.after + edge)
                and (asked.before is None or row.created <= asked.before - edge)
                and (asked.mode is None or row.mode == asked.mode)
            ):
                yield row

    def _key(self, asked: Asked, row: Row) -> tuple[int, int, int]:
        group = asked.states.index(row.state) if asked.states else 0
        sign = 1 if asked.oldest else -1
        return group, sign * row.place, sign * row.serial

    def expired(self, token: str) -> bool:
        return bool(self.expirations) and self._places[token].issued < self.expirations[-1]

    def known(self, token: str) -> bool:
        return token in self._places
