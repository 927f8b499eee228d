"""The values that observers are given. None of them holds a request, an answer or credentials.

They are structures and no attrs classes, a dozen of which would take 8 ms of the import. What has a beginning is
compared by identity, so that the value that tells of the end finds what was kept at the beginning:

    CallStarted  <-  CallRetried.call, TurnTaken.call, CallEnded.call
    PollStarted  <-  PollEnded.poll
    WaitStarted  <-  PollStarted.waits, WaitEnded.wait
"""

from datetime import datetime

import msgspec

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.reports import WalkReport
from jobruns_sdk.model.states import RunState


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of an error; the error itself would keep the frames in which it was raised.

    Attributes:
        kind: The name of its class, such as ``"ThrottledError"``; ``"CancelledError"`` where the caller was cancelled.
        message: The error in words, without secrets.
        code: The service's own error code, None where no service has answered.
        request_id: The service's id of the request, or None.
        http_status: The status of the answer, None where there was none.
        in_doubt: Whether the operation may have taken effect all the same.
    """

    kind: str
    message: str
    code: str | None = None
    request_id: str | None = None
    http_status: int | None = None
    in_doubt: bool = False

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        """Return the facts of an error; one that is not of this package's has its class alone."""
        if not isinstance(error, JobRunsError):
            return cls(kind=type(error).__name__, message="")
        return cls(
            kind=type(error).__name__,
            message=error.message,
            code=error.code,
            request_id=error.request_id,
            http_status=error.http_status,
            in_doubt=error.in_doubt,
        )

    @property
    def type(self) -> str:
        """The service's code where there is one, else the name of the class."""
        return self.code or self.kind

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


class CallStarted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A call was made; its requests, retries and waits follow. Each call is equal to itself alone.

    Attributes:
        service: The service's name, such as ``"glue"``.
        operation: The operation as AWS writes it, such as ``"GetJobRuns"``.
        region: The region, or None.
        profile: The name of the session whose credentials are used, None for the client's own.
        job: The job that it is about, None where jobs are listed.
    """

    service: str
    operation: str
    region: str | None
    profile: str | None
    job: JobRef | None = None


class TurnTaken(msgspec.Struct, frozen=True, kw_only=True):
    """A call has waited for its turn under the quota, and sends its next request now.

    Attributes:
        call: The call.
        seconds: How long it has waited, in seconds of the client's clock.
    """

    call: CallStarted
    seconds: float


class CallRetried(msgspec.Struct, frozen=True, kw_only=True):
    """A request of a call has failed, and another one follows.

    Attributes:
        call: The call.
        failure: Why it has failed.
        requests: How many requests of the call were sent so far.
        pause: Seconds until the next one; after a throttle 0, and the next one waits for its turn.
    """

    call: CallStarted
    failure: Failure
    requests: int
    pause: float


class CallEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A call has ended, in the task in which it was made.

    Attributes:
        call: The call.
        seconds: How long it took, retries and waits included, in seconds of the client's clock.
        requests: How many requests it has sent, throttled ones included.
        waited: How many of the seconds were waits for the quota.
        server: The host that was asked, None where there was no connection yet.
        request_id: The service's id of the last request, or None.
        http_status: The status of the answer, None where there was none.
        failure: Why it has failed, None where it has not.
    """

    call: CallStarted
    seconds: float
    requests: int
    waited: float
    server: str | None = None
    request_id: str | None = None
    http_status: int | None = None
    failure: Failure | None = None


class WaitStarted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Somebody begins to wait for a run, or to watch it. Each wait is equal to itself alone.

    Attributes:
        run: The run.
    """

    run: RunRef


class WaitEnded(msgspec.Struct, frozen=True, kw_only=True):
    """Nobody waits there for the run any more.

    Attributes:
        wait: The wait.
        state: The run's state as it was last seen, None if it never was.
        failure: Why the wait has ended before the run, as far as it is known.
    """

    wait: WaitStarted
    state: RunState | None
    failure: Failure | None = None


class PollStarted(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Runs of one job are polled for all who wait for them. Each poll is equal to itself alone.

    Attributes:
        job: The job.
        runs: How many runs are polled.
        waits: Those who wait for these runs.
    """

    job: JobRef
    runs: int
    waits: tuple[WaitStarted, ...]


class PollEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A poll is over.

    Attributes:
        poll: The poll.
        seconds: How long it took, in seconds of the client's clock.
        hidden: How many of its runs an error has hidden.
        failure: Why it has ended early, as where the client was closed; None if it has not.
    """

    poll: PollStarted
    seconds: float
    hidden: int
    failure: Failure | None = None


class RunChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A poll has seen a run in another state or attempt than this client knew; states between two polls may be missed.

    Attributes:
        run: The run.
        before: The state before, None the first time.
        after: The state now.
        native_state: The same in the service's own words.
        attempt: The number of the attempt that is in that state, from 1.
        at: The time at which it was seen (aware UTC).
    """

    run: RunRef
    before: RunState | None
    after: RunState
    native_state: str
    attempt: int
    at: datetime


class WalkEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A walk through a listing that has made calls has ended; one that failed and is asked again ends again.

    Attributes:
        listing: The listing, such as ``"runs of glue:nightly-etl?region=eu-west-1"``.
        report: The calls, pages and rows so far, and the sources that have failed.
        is_left: True if it was left before its end.
        failure: Why it has failed, None if it has not.
    """

    listing: str
    report: WalkReport
    is_left: bool
    failure: Failure | None = None
