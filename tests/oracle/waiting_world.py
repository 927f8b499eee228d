"""Glue, EMR Serverless and DataZone as a plan: each run's whole life is known, and a stop rewrites the rest of it.

A run is a list of phases, each a moment, a state in the service's own word and the number of the attempt. Nothing
here knows the client. Moments are seconds of virtual time since the schedule began; what lies before it is negative.
"""

import bisect
import random
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from attrs import define, field

ServiceName = Literal["glue", "emr-serverless", "datazone"]
ENDED: dict[ServiceName, frozenset[str]] = {
    "glue": frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"}),
    "emr-serverless": frozenset({"SUCCESS", "FAILED", "CANCELLED"}),
    "datazone": frozenset({"SUCCESS", "PARTIALLY_SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT", "CANCELED"}),
}
NEVER = float("inf")
GRACE = 1800.0  # unless told
GRACE_UNREADABLE = 300.0
RECOVERY = 65.0  # the call under way when all went well again may take its whole call_timeout
RECOVERY_FROM_THROTTLES = 300.0  # and a pace that was slowed is found again step by step


class Phase(NamedTuple):
    """From that moment on the attempt is in that state."""

    at: float
    state: str
    attempt: int


@define(eq=False)
class Work:
    """A Glue job, an EMR Serverless application or a DataZone job."""

    service: ServiceName
    name: str
    max_retries: int = 0
    readable: bool = True
    deleted_at: float = NEVER
    runs: "list[Life]" = field(factory=list["Life"])

    @property
    def ref(self) -> str:
        return f"{self.service}:{self.name}"


@define(eq=False)
class Life:
    """A run with all its attempts, past and to come."""

    work: Work
    id: str
    phases: list[Phase]
    lag: float = 0.0
    gone_at: float = NEVER
    stoppable: bool = True
    stop_takes: float = 20.0
    history: bool = False
    rows: dict[object, dict[str, Any]] = field(factory=dict[object, dict[str, Any]])
    stops: list[float] = field(factory=list[float])

    @property
    def ref(self) -> str:
        return f"{self.work.ref}/{self.id}"

    def told(self, phase: object, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return the row that a service tells of it in a phase, which is made once."""
        row = self.rows.get(phase)
        if row is None:
            row = self.rows[phase] = make()
        return row

    @property
    def created(self) -> float:
        return self.phases[0].at

    @property
    def end(self) -> Phase:
        """The phase in which it stays for good, by the plan as it is now."""
        return self.phases[-1]

    @property
    def seen_from(self) -> float:
        return self.created + self.lag

    @property
    def lost_at(self) -> float:
        """The moment from which nobody can read it."""
        return min(self.gone_at, self.work.deleted_at)

    def is_ended(self, state: str) -> bool:
        return state in ENDED[self.work.service]

    def phase_at(self, now: float) -> Phase | None:
        place = bisect.bisect_right(self.phases, now, key=lambda phase: phase.at)
        return self.phases[place - 1] if place else None

    def goes_on_at(self, now: float) -> bool:
        """Tell whether it has been created and has not ended for good."""
        return self.created <= now < self.end.at

    def pauses_at(self, now: float) -> bool:
        """Tell whether an attempt has failed and another one is to come."""
        phase = self.phase_at(now)
        return phase is not None and self.goes_on_at(now) and self.is_ended(phase.state)

    def resumes_after(self, now: float) -> float:
        """Return when the next attempt can be seen, where it pauses at that moment."""
        return next((phase.at for phase in self.phases if phase.at > now), NEVER) + self.lag

    def longest_attempt_after(self, now: float) -> float:
        """Return how long the longest of the attempts that begin after a moment goes on."""
        ends = [phase.at for phase in self.phases if self.is_ended(phase.state)]
        begins = [after.at for before, after in pairwise(self.phases) if self.is_ended(before.state) and after.at > now]
        return max((min(end for end in [*ends, NEVER] if end > begin) - begin for begin in begins), default=0.0)

    def attempts_at(self, now: float) -> "list[list[Phase]]":
        """Return the phases so far of each attempt that can be seen."""
        if self.history:
            return [self.phases]
        attempts: dict[int, list[Phase]] = defaultdict(list)
        for phase in self.phases:
            if phase.at <= now:
                attempts[phase.attempt].append(phase)
        return [phases for phases in attempts.values() if phases[0].at + self.lag <= now]

    def states_between(self, since: float, until: float) -> set[tuple[str, int]]:
        """Return the states and attempts that it was in at any moment of that span."""
        told: set[tuple[str, int]] = set()
        for phase, after in zip(self.phases, [*self.phases[1:], None], strict=True):
            if phase.at <= until and (after is None or after.at > since):
                told.add((phase.state, phase.attempt))
        return told

    def place_of(self, state: str, attempt: int) -> int:
        """Return how far in its life it was in a state of an attempt, -1 for one in which it never was."""
        places = (place for place, phase in enumerate(self.phases) if (phase.state, phase.attempt) == (state, attempt))
        return next(places, -1)

    def stop(self, now: float) -> bool:
        """End the attempt that goes on, and all that was to come; False where there is none to be stopped."""
        phase = self.phase_at(now)
        if phase is None or self.is_ended(phase.state) or not self.stoppable:
            return False
        self.stops.append(now)
        stopping, stopped = ("STOPPING", "STOPPED") if self.work.service == "glue" else ("CANCELLING", "CANCELLED")
        if phase.state != stopping:
            past = [each for each in self.phases if each.at <= now]
            self.phases = [
                *past,
                Phase(now, stopping, phase.attempt),
                Phase(now + self.stop_takes, stopped, phase.attempt),
            ]
        return True

    def may_be_retried(self) -> bool:
        """Tell whether, by all that can be known from outside, a retry may follow the end."""
        return self.work.service == "glue" and self.end.state == "FAILED" and self.end.attempt < self.work.max_retries

    def known_end(self, grace: float) -> float:
        """Return the moment from which a careful client can know that it has ended for good."""
        if self.work.service != "glue" or self.end.state in {"SUCCEEDED", "STOPPED"}:
            return self.end.at
        if not self.work.readable:
            return self.end.at + (GRACE_UNREADABLE if grace == GRACE else grace)
        if self.end.attempt >= self.work.max_retries:
            return self.end.at
        return self.end.at + grace


FaultKind = Literal[
    "500", "503html", "reset", "reset_after", "expired", "signature", "skew", "html", "throttle", "denied"
]


@define
class Outage:
    """A span in which requests go wrong; those that it does not name go well."""

    since: float
    until: float
    kind: FaultKind
    service: ServiceName | None = None
    work: str | None = None
    operations: frozenset[str] | None = None
    chance: float = 1.0

    def strikes(self, now: float, work: Work | None, operation: str, rng: random.Random) -> bool:
        return (
            self.since <= now < self.until
            and (work is None or self.touches(work))
            and (self.operations is None or operation in self.operations)
            and (self.chance >= 1 or rng.random() < self.chance)
        )

    def touches(self, work: Work) -> bool:
        return self.service in {None, work.service} and self.work in {None, work.name}


class Heard(NamedTuple):
    """A request that came in, and what it was answered."""

    at: float
    operation: str
    work: str
    what: str
    result: str


@define(eq=False)
class World:
    """All that there is, all that goes wrong, and all that was heard."""

    rng: random.Random
    works: dict[str, Work] = field(factory=dict[str, Work])
    lives: dict[str, Life] = field(factory=dict[str, Life])
    outages: list[Outage] = field(factory=list[Outage])
    heard: list[Heard] = field(factory=list[Heard])

    def add_work(self, work: Work) -> Work:
        self.works[work.ref] = work
        return work

    def add(self, life: Life) -> Life:
        life.work.runs.append(life)
        self.lives[life.ref] = life
        return life

    def calm_after(self, work: Work, moment: float, span: float) -> float:
        """Return when `span` seconds without anything going wrong with that job have passed since that moment."""
        start = moment
        for outage in sorted(self.outages, key=lambda each: each.since):
            if outage.touches(work) and outage.since < start + span and outage.until > start:
                start = outage.until + (RECOVERY_FROM_THROTTLES if outage.kind == "throttle" else RECOVERY)
        return start + span

    def is_calm(self, work: Work, since: float, until: float) -> bool:
        return not any(each.touches(work) and each.since < until and each.until > since for each in self.outages)
