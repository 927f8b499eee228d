"""The domain model: values that know no service and do no I/O."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeVar, Unpack

import attrs

from jobruns_sdk.checks import check_flag, is_text, kind_of
from jobruns_sdk.errors import Facts, JobRunsError, harmless, told_by
from jobruns_sdk.hints import Elsewhere
from jobruns_sdk.model.display import Shown, moment
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.states import RunState

N_co = TypeVar("N_co", covariant=True)
_MESSAGE: Final = 80


# Not slotted: without slots a frozen attrs class is made in 0.45 us instead of 0.59, JobRun in 0.70 instead of 1.18.
@attrs.frozen(slots=False)
class Usage:
    """The resources that a run or an attempt used, in hours; None where the service does not tell.

    Attributes:
        vcpu_hours: Virtual CPU hours (EMR Serverless).
        memory_gb_hours: Memory in GB hours (EMR Serverless).
        storage_gb_hours: Storage in GB hours (EMR Serverless).
        dpu_hours: Data processing unit hours (Glue), summed over attempts.
        basis: ``"billed"`` as the service bills it, ``"consumed"`` as it measured, or ``"estimated"`` here from
            capacity and time.
    """

    vcpu_hours: float | None = None
    memory_gb_hours: float | None = None
    storage_gb_hours: float | None = None
    dpu_hours: float | None = None
    basis: Literal["billed", "consumed", "estimated"] = "consumed"

    def __str__(self) -> str:
        known = (
            (self.vcpu_hours, "vCPU h"),
            (self.memory_gb_hours, "GB h"),
            (self.storage_gb_hours, "GB h of storage"),
        )
        amounts = [f"{hours:.3g} {unit}" for hours, unit in (*known, (self.dpu_hours, "DPU h")) if hours is not None]
        return f"{', '.join(amounts)} ({self.basis})"


def _cut(text: object, length: int = _MESSAGE) -> str:
    whole = repr(text)
    return whole if len(whole) <= length else f"{whole[: length - 3]}..."


def first_line(message: str | None) -> str | None:
    """Return the first line of a message, up to 80 characters."""
    line = message and message.strip().partition("\n")[0]
    return line if line is None or len(line) <= _MESSAGE else f"{line[: _MESSAGE - 3]}..."


def _elapsed(start: datetime | None, end: datetime | None) -> timedelta | None:
    return None if start is None or end is None or end < start else end - start


def state_of(row: "JobRun[Any] | Attempt[Any]") -> str:
    """Return the state in words, with the service's own word where that is another one."""
    return row.state if row.native_state in ("", row.state) else f"{row.state} ({harmless(row.native_state)})"


def _brief(what: str, state: str, row: "JobRun[object] | Attempt[object]") -> str:
    created = f", created {moment(row.created_at)}" if row.created_at else ""
    took = f", took {row.duration}" if row.duration is not None else ""
    message = f", {_cut(row.message)}" if row.message else ""
    return f"<{what}: {state}{created}{took}{message}>"


class _Row(Shown):
    """A value that says what to use to whoever takes it for a dict, or for one of another library's."""

    __slots__ = ()

    if not TYPE_CHECKING:
        status = Elsewhere("use state, or native_state")
        run_id = Elsewhere("use id")
        error = Elsewhere("use message")
        error_message = Elsewhere("use message")

        def __getitem__(self, name: object) -> object:
            text = f"{type(self).__name__!r} object is not a dict: use attributes, as in run.state, or to_dict(run)"
            raise TypeError(text)

        def __dir__(self) -> list[str]:
            return [name for name in super().__dir__() if not isinstance(vars(_Row).get(name), Elsewhere)]


@attrs.frozen(slots=False, repr=False)
class JobRun(_Row, Generic[N_co]):
    """One run that somebody started, with its retries, in the state of its latest attempt.

    Attributes:
        job: The job that it is a run of.
        id: The service's id of the run.
        name: The run's name on EMR Serverless, the job's name on Glue, None on DataZone.
        state: What it is doing, in one vocabulary for all services.
        native_state: The same in the service's own word.
        message: The service's explanation, usually of a failure; may be long and of many lines.
        attempt: The number of the latest attempt, from 1.
        created_at: When the run was created (aware UTC, like all times here).
        started_at: When its first attempt started, where the service tells: EMR Serverless does not once it is retried.
        updated_at: When it last changed.
        ended_at: When it ended, where the service tells.
        created_by: Who started it, where the service tells.
        usage: What it used, where the service tells.
        native: The service's own structure, complete and typed; it takes no part in equality or hash.
    """

    job: JobRef
    id: str
    name: str | None
    state: RunState
    native_state: str
    message: str | None
    attempt: int
    created_at: datetime | None
    started_at: datetime | None
    updated_at: datetime | None
    ended_at: datetime | None
    created_by: str | None
    usage: Usage | None
    native: N_co = attrs.field(eq=False)

    def __repr__(self) -> str:
        return _brief(f"JobRun {self.ref}", self._state, self)

    def __rich_repr__(self) -> Iterable[tuple[str, object]]:
        """Return what tables show."""
        yield from (("run", self.ref), ("run name", self.name), ("state", self._state))
        yield from (("created", self.created_at), ("duration", self.duration), ("usage", self.usage))
        yield "message", first_line(self.message)

    @property
    def _state(self) -> str:
        return state_of(self) + (f", attempt {self.attempt}" if self.attempt > 1 else "")

    @property
    def ref(self) -> RunRef:
        """The run's reference: job, region and run id."""
        return RunRef(self.job, self.id)

    @property
    def service(self) -> str:
        """The service that runs it."""
        return self.job.service

    @property
    def job_name(self) -> str | None:
        """The job's name, where it is known without a call: on Glue, and of jobs that were discovered or got."""
        return self.job.job_name

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None unless both are known and in that order."""
        return _elapsed(self.started_at, self.ended_at)

    @property
    def is_terminal(self) -> bool:
        """True if the run has ended. On Glue a failed run is final as seen: a retry may still come."""
        return self.state.is_terminal

    @property
    def succeeded(self) -> bool:
        """True if the run ended in SUCCEEDED."""
        return self.state is RunState.SUCCEEDED

    def raise_for_state(self, allow_partial: bool = False) -> Self:  # noqa: FBT001, FBT002 it may be given by position
        """Return this run if it succeeded.

        Args:
            allow_partial: Whether PARTIALLY_SUCCEEDED counts as success.

        Raises:
            InvalidRequestError: ``allow_partial`` is not a bool.
            RunNotFinishedError: The run has not ended yet.
            RunFailedError: The run ended in any other state.
        """
        check_flag("allow_partial", allow_partial)
        if not self.is_terminal:
            unfinished = f"{self.ref} has not ended: it is {state_of(self)}"
            raise RunNotFinishedError(unfinished, run=self, service=self.service)
        if self.succeeded or (allow_partial and self.state is RunState.PARTIALLY_SUCCEEDED):
            return self
        reason = f": {_cut(self.message, 500)}" if self.message else ""
        failed = f"{self.ref} ended as {state_of(self)}{reason}"
        raise RunFailedError(failed, run=self, service=self.service)


check_run: Final = kind_of(JobRun, "a JobRun, such as run() returns")


@attrs.frozen(slots=False, repr=False)
class Attempt(_Row, Generic[N_co]):
    """One attempt of a run; a run without retries has one.

    Attributes:
        run: The run's reference.
        id: The service's id of the attempt; on EMR Serverless and DataZone that of the run.
        number: From 1, on every service.
        state: What it is doing, in one vocabulary for all services.
        native_state: The same in the service's own word.
        message: The service's explanation, usually of a failure.
        created_at: When the attempt was created (aware UTC, like all times here).
        started_at: When it started, where the service tells.
        updated_at: When it last changed.
        ended_at: When it ended, where the service tells.
        usage: What it used, where the service tells.
        native: The service's own structure; it takes no part in equality or hash.
    """

    run: RunRef
    id: str
    number: int
    state: RunState
    native_state: str
    message: str | None
    created_at: datetime | None
    started_at: datetime | None
    updated_at: datetime | None
    ended_at: datetime | None
    usage: Usage | None
    native: N_co = attrs.field(eq=False)

    def __repr__(self) -> str:
        return _brief(f"Attempt {self.number} of {self.run}", state_of(self), self)

    def __rich_repr__(self) -> Iterable[tuple[str, object]]:
        """Return what tables show."""
        yield from (("run", self.run), ("attempt", self.number), ("state", state_of(self)))
        yield from (("created", self.created_at), ("duration", self.duration), ("usage", self.usage))
        yield "message", first_line(self.message)

    @property
    def duration(self) -> timedelta | None:
        """The time from start to end; None unless both are known and in that order."""
        return _elapsed(self.started_at, self.ended_at)

    @property
    def is_terminal(self) -> bool:
        """True if the attempt has ended."""
        return self.state.is_terminal


@attrs.frozen(slots=False, repr=False)
class Job(Shown, Generic[N_co]):
    """Something that has runs: an EMR Serverless application or a Glue job.

    Attributes:
        ref: The job's reference, as the client's methods take it; runs that are read by it know the job's name.
        name: Its name; None for an application without one.
        state: The application's own state on EMR Serverless, None on Glue, whose jobs have none.
        native: The service's own structure; it takes no part in equality or hash.
    """

    ref: JobRef
    name: str | None
    state: str | None
    native: N_co = attrs.field(eq=False)

    def __attrs_post_init__(self) -> None:
        """Let the reference know the job's name, and with it all that is read by the reference."""
        if is_text(self.name) and self.ref.job_name != self.name:
            object.__setattr__(self, "ref", attrs.evolve(self.ref, job_name=self.name))

    def __repr__(self) -> str:
        known = ", ".join(f"{label} {value}" for label, value in (("name", self.name), ("state", self.state)) if value)
        return harmless(f"<Job {self.ref}: {known}>" if known else f"<Job {self.ref}>")

    def __rich_repr__(self) -> Iterable[tuple[str, object]]:
        """Return what tables show."""
        yield from (("job", self.ref), ("name", self.name), ("state", self.state))


class _RunError(JobRunsError):
    def __init__(self, message: str, *, run: "JobRun[Any] | None" = None, **facts: Unpack[Facts]) -> None:
        super().__init__(message, **facts)
        self.run = run


@attrs.frozen
class StopOutcome:
    """The answer to a request to stop a run.

    Attributes:
        ref: The run that was to be stopped.
        accepted: True if the request was taken: by the service, which stops the run some time after; with a clock that
            stands still by the client, too, which stops the retry of a Glue run whose attempt has just failed. Also if
            another request has stopped the retry that this one was to stop.
        error: The reason why it was not, None if it was.
        run: The run as it was last seen; None where stopping takes no look at it.
    """

    ref: RunRef
    accepted: bool
    error: JobRunsError | None = attrs.field(default=None, eq=told_by)
    run: JobRun[object] | None = None


class WaitTimeoutError(_RunError, TimeoutError):
    """A wait ended before the run did.

    Attributes:
        run: The run as it was last seen, or None if it was never seen.
        outcome: The answer to the request to stop the run, with ``on_timeout="stop"``; else None.
        outcomes: The same for each run that was given up, in the order in which the runs were given to ``wait_all``.
    """

    run: "JobRun[Any] | None"

    def __init__(
        self,
        message: str,
        *,
        outcome: StopOutcome | None = None,
        outcomes: Sequence[StopOutcome] = (),
        run: "JobRun[Any] | None" = None,
        **facts: Unpack[Facts],
    ) -> None:
        super().__init__(message, run=run, **facts)
        self.outcome = outcome
        self.outcomes: tuple[StopOutcome, ...] = tuple(outcomes)


class RunFailedError(_RunError):
    """A run ended in another state than SUCCEEDED.

    Attributes:
        run: That run.
    """

    run: "JobRun[Any]"


class RunNotFinishedError(_RunError):
    """A run's outcome was asked for before its end.

    Attributes:
        run: That run.
    """

    run: "JobRun[Any]"
