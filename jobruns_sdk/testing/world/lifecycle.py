"""The lives of job runs, in memory: states are computed from what was decided and the present instant, without timers.

An `Attempt` holds the instants at which its state changes, in milliseconds since the epoch, so that its state is a pure
function of (attempt, now). What depends on other runs (a free slot, the next attempt) is decided in `jobs.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

_VCPU: Final = 4.0
_GB_A_VCPU: Final = 4.0
_GB_OF_STORAGE_A_VCPU: Final = 5.0

Native = Mapping[str, object]
"""Members of a service's own structure, by AWS's names."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The names that one service gives to the stages of a run, and its habits."""

    service: str
    early: tuple[str, ...]
    queued: str
    running: str
    stopping: str
    succeeded: str
    failed: str
    stopped: str
    timed_out: str
    others: frozenset[str] = frozenset()
    timeout_stops: bool = False
    terminal: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        final = {self.succeeded, self.failed, self.stopped, self.timed_out}
        object.__setattr__(self, "terminal", frozenset(final) | self.others)

    def native(self, outcome: str) -> str:
        """The service's own name for an outcome given in its terms or in the SDK's (`SUCCEEDED`, `TIMED_OUT`, ...)."""
        unified = {
            "SUCCEEDED": self.succeeded,
            "FAILED": self.failed,
            "STOPPED": self.stopped,
            "TIMED_OUT": self.timed_out,
            "QUEUED": self.queued,
            "STARTING": self.early[-1],
            "RUNNING": self.running,
            "STOPPING": self.stopping,
        }
        own = {*self.early, self.queued, self.running, self.stopping, *self.terminal}
        state = outcome if outcome in own else unified.get(outcome, outcome)
        if not state.replace("_", "").isalpha() or not state.isupper():
            raise ValueError(f"a state is written in capitals, such as {self.succeeded!r}: not {outcome!r}")
        # Any other may be one that AWS adds tomorrow.
        if state not in own and (near := get_close_matches(state, own | unified.keys(), n=1, cutoff=0.85)):
            raise ValueError(f"{self.service} has no state {outcome!r}: did you mean {near[0]!r}?")
        return state


GLUE = Machine(
    service="glue",
    early=("STARTING",),
    queued="WAITING",
    running="RUNNING",
    stopping="STOPPING",
    succeeded="SUCCEEDED",
    failed="FAILED",
    stopped="STOPPED",
    timed_out="TIMEOUT",
    others=frozenset({"ERROR", "EXPIRED"}),
)
EMR_SERVERLESS = Machine(
    service="emr-serverless",
    early=("SUBMITTED", "PENDING", "SCHEDULED"),
    queued="QUEUED",
    running="RUNNING",
    stopping="CANCELLING",
    succeeded="SUCCESS",
    failed="FAILED",
    stopped="CANCELLED",
    timed_out="CANCELLED",
    timeout_stops=True,  # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/job-states.html
)
DATAZONE = Machine(
    service="datazone",
    early=("SCHEDULED",),
    queued="SCHEDULED",
    running="IN_PROGRESS",
    stopping="IN_PROGRESS",
    succeeded="SUCCESS",
    failed="FAILED",
    stopped="CANCELED",
    timed_out="TIMED_OUT",
    others=frozenset({"PARTIALLY_SUCCEEDED", "ABORTED"}),
)


@dataclass(frozen=True, slots=True)
class Script:
    """The script of a run's life: shared by all runs of a job unless one has its own. Times are milliseconds.

    The first `fail_attempts` attempts fail, as long as the job retries them; the next one ends in `outcome`.
    `duration` is the time spent running, None for a run that does not end by itself; in an `endless` script that holds
    for the attempt that does not fail, as with streaming.
    """

    outcome: str
    duration: int | None
    fail_attempts: int = 0
    message: str | None = None
    startup: int = 30_000
    stopping: int = 10_000
    endless: bool = False


class Attempt:
    """One attempt: the instants (milliseconds, None while not decided) at which its state changes."""

    __slots__ = ("admitted", "begun", "created", "ended", "final", "message", "number", "previous", "run", "stopping")

    def __init__(self, run: "Run", number: int, created: int, previous: "Attempt | None") -> None:
        self.run: Run = run
        self.number: int = number
        self.created: int = created
        self.previous: Attempt | None = previous
        self.admitted: int | None = None
        self.begun: int | None = None
        self.stopping: int | None = None
        self.ended: int | None = None
        self.final: str = ""
        self.message: str | None = None

    @property
    def key(self) -> tuple[int, int, int]:
        """The sort key of the attempt in its job's history: by time, then by order of starting."""
        return (self.created, self.run.sequence, self.number)

    def state_at(self, now: int) -> str:
        """The native state at an instant that is not before the attempt's creation."""
        machine = self.run.machine
        if self.ended is not None and now >= self.ended:
            return self.final
        if self.stopping is not None and now >= self.stopping:
            return machine.stopping
        if self.begun is not None and now >= self.begun:
            return machine.running
        if self.admitted is None or self.begun is None or now < self.admitted:
            return machine.queued
        early = self._early_states()
        share = (now - self.admitted) * len(early) // max(1, self.begun - self.admitted)
        return early[min(share, len(early) - 1)]

    def updated_at(self, now: int) -> int:
        """The latest instant, up to now, at which the state changed."""
        if self.ended is not None and now >= self.ended and self.final in self.run.machine.terminal:
            return self.ended
        return max(mark for mark in self.marks() if mark == self.created or mark <= now)

    def marks(self) -> list[int]:
        """The instants at which the state may change, as far as they are decided."""
        marks = [mark for mark in (self.admitted, self.begun, self.stopping, self.ended) if mark is not None]
        if self.admitted is not None and self.begun is not None:
            early = len(self._early_states())
            # The state is the first whose share has passed: a share that is no whole number ends at the next one.
            span = self.begun - self.admitted
            marks += [self.admitted + -(-span * step // early) for step in range(1, early)]
        return [self.created, *marks]

    def is_terminal_at(self, now: int) -> bool:
        """True if the attempt has come to its end."""
        return self.ended is not None and now >= self.ended and self.final in self.run.machine.terminal

    def ended_at(self, now: int) -> int | None:
        """The end of the attempt, None before that."""
        return self.ended if self.is_terminal_at(now) else None

    def started_at(self, now: int) -> int | None:
        """The time at which the attempt began to run, None before that, and where it was stopped before that."""
        limit = now if self.stopping is None else min(now, self.stopping)
        return self.begun if self.begun is not None and self.begun <= limit else None

    def _early_states(self) -> tuple[str, ...]:
        early = self.run.machine.early
        waited = self.number > 0 or self.admitted != self.created
        return early[1:] if waited and len(early) > 1 else early


class Run:
    """One run and the chain of its attempts, latest first through `Attempt.previous`."""

    __slots__ = ("created", "id", "last", "machine", "max_retries", "request", "script", "sequence", "timeout")

    def __init__(  # a run is made in two places, each of which knows all of this
        self,
        run_id: str,
        sequence: int,
        created: int,
        *,
        machine: Machine,
        script: Script,
        request: Native,
        max_retries: int,
        timeout: int | None,
    ) -> None:
        self.id: str = run_id
        self.sequence: int = sequence
        self.created: int = created
        self.machine: Machine = machine
        self.script: Script = script
        self.request: Native = request
        self.max_retries: int = max_retries
        self.timeout: int | None = timeout
        self.last: Attempt = Attempt(self, 0, created, None)

    @property
    def most_attempts(self) -> int:
        """The number of attempts that there may be of it, or are."""
        return max(self.max_retries, self.last.number) + 1

    def attempts(self) -> Iterator[Attempt]:
        """The attempts, latest first."""
        attempt: Attempt | None = self.last
        while attempt is not None:
            yield attempt
            attempt = attempt.previous

    def attempt_at(self, now: int) -> Attempt:
        """The latest attempt that existed at an instant; the first one before any did."""
        chosen = self.last
        while chosen.created > now and chosen.previous is not None:
            chosen = chosen.previous
        return chosen

    def attempt(self, number: int, now: int) -> Attempt | None:
        """The attempt with a number counted from 0, if it exists by now."""
        return next((a for a in self.attempts() if a.number == number and a.created <= now), None)


def used(seconds: int, *, billed: bool = False) -> dict[str, float]:
    """The resources that so many seconds have used, as EMR Serverless tells them."""
    hours = _VCPU * seconds / 3600
    storage = 0.0 if billed else round(hours * _GB_OF_STORAGE_A_VCPU, 3)
    return {"vCPUHour": round(hours, 3), "memoryGBHour": round(hours * _GB_A_VCPU, 3), "storageGBHour": storage}


def plan(attempt: Attempt, at: int) -> None:
    """Decide the rest of an attempt's life from the instant at which it is given a slot."""
    run, script, machine = attempt.run, attempt.run.script, attempt.run.machine
    fails = attempt.number < script.fail_attempts
    attempt.admitted = at
    attempt.begun = at + script.startup
    attempt.final = machine.failed if fails else script.outcome
    attempt.message = script.message
    duration = None if script.endless and not fails else script.duration
    if run.timeout is not None and (duration is None or duration > run.timeout):
        limit = attempt.begun + run.timeout
        attempt.final = machine.timed_out
        attempt.message = None
        attempt.stopping = limit if machine.timeout_stops else None
        attempt.ended = limit + script.stopping if machine.timeout_stops else limit
    elif duration is not None:
        attempt.ended = attempt.begun + duration
        if attempt.final == machine.stopped:
            attempt.stopping = max(attempt.begun, attempt.ended - script.stopping)


def stop(attempt: Attempt, now: int, delay: int) -> bool:
    """Ask an attempt to stop, `delay` milliseconds being what stopping takes. False if it has already ended.

    A run that would end successfully before it is stopped does so.
    """
    machine = attempt.run.machine
    if attempt.is_terminal_at(now):
        return False
    if attempt.stopping is not None and attempt.stopping <= now:
        return True
    attempt.stopping = now
    if attempt.admitted is None:
        attempt.ended, attempt.final = now, machine.stopped
        return True
    finishes_first = attempt.ended is not None and now < attempt.ended <= now + delay
    if not (finishes_first and attempt.final == machine.succeeded):
        attempt.ended, attempt.final, attempt.message = now + delay, machine.stopped, None
    return True
