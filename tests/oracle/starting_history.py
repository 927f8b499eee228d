"""The values of a schedule's history: runs, requests and calls, as the world knows them and no client does."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from jobruns_sdk import JobRunsError, RunRef

if TYPE_CHECKING:
    import asyncio

BAD_ENDS = frozenset({"FAILED", "STOPPED", "TIMEOUT", "ERROR", "CANCELLED"})
PLAIN = "answer"
GLUE, EMR = "glue", "emr-serverless"


@dataclass(frozen=True)
class Fault:
    """The fate of one request.

    Attributes:
        kind: ``"answer"``, or what goes wrong: ``"refused"`` (no connection), ``"lost"`` and ``"reset"`` (it breaks),
            ``"cut"`` (it breaks in the body), ``"silence"``, ``"error500"``, ``"html503"``, ``"html200"``,
            ``"throttle"``, ``"http429"``.
        effect: Whether the service acts on it.
        acts_after: Seconds from the writing to the effect, which may come after the connection broke.
        ends_after: Seconds from the writing to the answer, or to what comes in its place.
        drops: Whether the service forgets a request whose caller has gone before the effect.
    """

    kind: str = PLAIN
    effect: bool = True
    acts_after: float = 0.02
    ends_after: float = 0.05
    drops: bool = False

    @property
    def is_odd(self) -> bool:
        return self.kind != PLAIN or self.ends_after > 10


@dataclass(frozen=True)
class JobKey:
    """A job as the service knows it: two profiles of one account mean the same one."""

    service: str
    account: str
    name: str


@dataclass(eq=False)
class Run:
    """A run that somebody started; ``phases`` are its attempts: (begins, ends, end state), in seconds."""

    id: str
    job: JobKey
    arguments: dict[str, str]
    maker: "StartCall | None"
    made_at: float
    visible_at: float
    works_at: float
    phases: list[tuple[float, float, str]]
    timeout: int | None = None
    token: str | None = None

    @property
    def key(self) -> str | None:
        return self.maker.key if self.maker else None

    @property
    def ended_at(self) -> float:
        """When its last attempt ends, also one that is still to come."""
        return self.phases[-1][1]

    @property
    def end(self) -> str:
        return self.phases[-1][2]

    def attempts(self, at: float) -> list["Attempt"]:
        """Return the attempts that there are at a moment, the first one first."""
        rows: list[Attempt] = []
        for number, (begin, end, state) in enumerate(self.phases):
            if begin > at and number:
                break
            if at >= end:
                rows.append(Attempt(number, begin, end, state))
            else:
                waiting = not number and at < self.works_at
                rows.append(Attempt(number, begin, None, "WAITING" if waiting else "RUNNING"))
        return rows


class Attempt(NamedTuple):
    """An attempt as it is at some moment; the first one has the number 0."""

    number: int
    begin: float
    end: float | None
    state: str

    def name_of(self, run: Run) -> str:
        return f"{run.id}_attempt_{self.number}" if self.number else run.id


@dataclass(eq=False)
class Sending:
    """A request, from the moment at which the client's HTTP session was handed it, until it has nothing to wait for."""

    client: str
    operation: str
    job: JobKey
    call: "StartCall | None"
    sent_at: float
    fault: Fault
    first_page: bool = False
    acted_at: float | None = None
    answered_at: float | None = None
    over_at: float | None = None
    answer: str = ""
    run: Run | None = None
    made: bool = False
    arguments: dict[str, str] | None = None
    timeout: int | None = None

    @property
    def in_doubt(self) -> bool:
        """Whether its client cannot know what came of it, which begins when the HTTP session has the request."""
        return self.answered_at is None or self.answer in {"500", "503", "html"}


@dataclass(eq=False)
class StartCall:
    """A ``start()`` (or ``find()``, where ``finds``) of some client."""

    number: int
    client: str
    group: str
    profile: str | None
    job: JobKey
    key: str | None
    request: str
    on_failed: str = "adopt"
    key_lifetime: float | None = None
    slot_timeout: float | None = None
    finds: bool = False
    faults: list[Fault] = field(default_factory=list[Fault])
    read_faults: list[Fault] = field(default_factory=list[Fault])
    cancel: tuple[str, float, int] | None = None
    began: float = 0.0
    ended: float | None = None
    cancelled_at: float | None = None
    closed_at: float | None = None
    result: RunRef | None = None
    error: JobRunsError | None = None
    odd: BaseException | None = None
    task: "asyncio.Task[Any] | None" = None
    sendings: list[Sending] = field(default_factory=list[Sending])
    requests: int = 0

    def fate(self, operation: str) -> Fault:
        """Return the fate of the next request."""
        plan = self.faults if operation == "StartJobRun" else self.read_faults
        return plan.pop(0) if plan else Fault()

    def said(self) -> str:
        """Tell in a line what was asked and what came of it."""
        asked = ", ".join(
            f"{name}={value!r}"
            for name, value in (
                ("key", self.key),
                ("request", self.request),
                ("on_failed", self.on_failed if self.on_failed != "adopt" else None),
                ("key_lifetime", self.key_lifetime),
                ("slot_timeout", self.slot_timeout),
            )
            if value is not None
        )
        end = "goes on"
        if self.result is not None:
            end = f"-> {self.result.run_id[:12]}"
        elif self.error is not None:
            end = f"{type(self.error).__name__}(in_doubt={self.error.in_doubt}): {str(self.error)[:160]}"
        elif self.odd is not None:
            end = repr(self.odd)[:200]
        elif self.ended is not None:
            end = "None"
        verb = "find" if self.finds else "start"
        until = "" if self.ended is None else f"-{self.ended:.2f}"
        who = f"{self.client}{'/' + self.profile if self.profile else ''}"
        gone = f" (cancelled at {self.cancelled_at:.2f})" if self.cancelled_at is not None else ""
        what = f"{verb} {self.job.service}:{self.job.name} {asked}"
        return f"[{self.began:.2f}{until}] #{self.number} {who} {what}{gone} {end}"


CALL: ContextVar[StartCall | None] = ContextVar("CALL", default=None)
OnEvent = Callable[[StartCall, str, int], None]
