"""What the parts ask of each other, as protocols and small values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, runtime_checkable

import attrs
import msgspec

from jobruns_sdk.errors import JobRunsError, ResponseFormatError
from jobruns_sdk.model.changes import StopOutcome
from jobruns_sdk.model.native import N, Native, decode
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging import Pages
from jobruns_sdk.query import Order


@attrs.frozen
class Reply:
    """The answer to a call that succeeded.

    Attributes:
        body: The body as it came.
        request_id: The service's id of the request.
        requests: How many requests it took.
        waited: Seconds that were waited for the quota.
        http_status: The status that it came with.
    """

    body: bytes = attrs.field(repr=False)
    request_id: str | None = None
    requests: int = 1
    waited: float = 0.0
    http_status: int | None = None


@attrs.frozen
class Operation(Generic[N]):
    """An AWS operation.

    Attributes:
        service: The service's name as botocore has it.
        name: The operation's name as AWS writes it, such as ``"GetJobRuns"``.
        decoder: Decodes its answer.
        codes: The service's error codes and the errors that stand for them.
        repeatable: Whether it may be sent again when it is unknown if the service has seen it.
        secret: The members of its request that may hold secrets: no error shows their texts.
    """

    service: str
    name: str
    decoder: msgspec.json.Decoder[N] = attrs.field(repr=False)
    codes: Mapping[str, type[JobRunsError]] = attrs.field(repr=False)
    repeatable: bool = True
    secret: tuple[str, ...] = ()

    def read(self, reply: Reply) -> N:
        """Decode an answer.

        Raises:
            ResponseFormatError: It is not what the operation answers.
        """
        try:
            return decode(
                self.decoder,
                reply.body,
                service=self.service,
                operation=self.name,
                request_id=reply.request_id,
                http_status=reply.http_status,
            )
        except ResponseFormatError as error:
            error.requests = reply.requests
            raise

    def lacks(self, where: str, reply: Reply) -> ResponseFormatError:
        """Return the error that says what an answer should hold and does not."""
        return self.malformed(f"the answer lacks {where}", where, reply)

    def malformed(self, fault: str, where: str, reply: Reply) -> ResponseFormatError:
        """Return the error that says what is wrong at a place of an answer."""
        error = ResponseFormatError(
            fault,
            where=where,
            service=self.service,
            operation=self.name,
            request_id=reply.request_id,
            http_status=reply.http_status,
        )
        error.requests = reply.requests
        return error


class Call(Protocol):
    """Calls an operation in one region with one set of credentials; retries and quotas are its business."""

    async def __call__(self, operation: Operation[Any], params: Mapping[str, object]) -> Reply:
        """Return the answer of an operation.

        Raises:
            JobRunsError: The service refused, did not answer, or went on failing.
        """
        ...


class Handle(Protocol):
    """A job of whatever service: its runs can be listed and got."""

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        ...

    def runs(
        self,
        *,
        states: Iterable[RunState] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[Native]]:
        """Return the job's runs; nothing is requested until they are iterated."""
        ...

    async def run(self, run_id: str) -> JobRun[Native]:
        """Return a run in the state of its latest attempt."""
        ...


@runtime_checkable
class ListsAttempts(Protocol):
    """A job whose runs have attempts."""

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run, first one first."""
        ...


@runtime_checkable
class DescribesJob(Protocol):
    """A job whose definition can be read."""

    async def job(self) -> Job[Native]:
        """Return the job."""
        ...


class Polling(msgspec.Struct, frozen=True):
    """How the runs of a job are polled.

    Attributes:
        list_operation: What the list costs.
        get_operation: What a get costs.
        largest_page: How many runs a page of the list holds.
        thin: Whether the list tells less of a run that has ended than a get does.
    """

    list_operation: Operation[Any]
    get_operation: Operation[Any]
    largest_page: int
    thin: bool

    def is_whole(self, run: JobRun[Any]) -> bool:
        """Whether a listed run needs no get."""
        return not (self.thin and run.is_terminal)


@runtime_checkable
class Follows(Handle, Protocol):
    """A job whose runs can be waited for and watched."""

    def run_ref(self, run_id: str) -> RunRef:
        """Return the reference of a run, by the id that its list rows have."""
        ...

    @property
    def polling(self) -> Polling:
        """How its runs are polled."""
        ...

    def survey(self, since: datetime | None) -> Pages[JobRun[Native]]:
        """Return the runs created since then of which the service knows, those that have ended if it cannot tell."""
        ...


@runtime_checkable
class Stops(Protocol):
    """A job whose runs can be stopped."""

    async def stop(self, run_ids: Sequence[str], *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs to be stopped; return an outcome for each id, in order."""
        ...


@runtime_checkable
class Retries(Protocol):
    """A job whose failed runs may be tried again after they were seen as failed."""

    @property
    def ref(self) -> JobRef:
        """The job's reference."""
        ...

    async def retry_limit(self) -> int | None:
        """Return how many retries may follow a first attempt."""
        ...


@runtime_checkable
class Streams(Protocol):
    """A job whose runs may go on for ever."""

    async def is_streaming(self, run: JobRun[Any]) -> bool:
        """Whether a run does not end by itself."""
        ...
