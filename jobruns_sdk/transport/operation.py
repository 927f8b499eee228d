"""The seam between the services and the transport: an operation, a call of it, and its answer."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import Any, Final, Generic, Protocol

import attrs
import msgspec

from jobruns_sdk.errors import JobRunsError, ResponseFormatError
from jobruns_sdk.model.native import N
from jobruns_sdk.times import exact
from jobruns_sdk.transport.decoding import decode


@attrs.frozen
class Reply:
    """The answer to a call that succeeded.

    Attributes:
        body: The body as it came.
        request_id: The service's id of the request.
        requests: How many requests it took.
        waited: Seconds that were waited for the quota.
        http_status: The status that it came with.
        date: The service's ``Date`` header as it came, None without one.
        etag: The version of an object of S3, None of anything else.
    """

    body: bytes = attrs.field(repr=False)
    request_id: str | None = None
    requests: int = 1
    waited: float = 0.0
    http_status: int | None = None
    date: str | None = None
    etag: str | None = None

    @property
    def service_time(self) -> datetime | None:
        """The service's time when it answered, to the second; None if it did not say."""
        return time_of(self.date)


def time_of(date: str | None) -> datetime | None:
    """Return the time that a ``Date`` header tells (aware UTC), None if it tells none."""
    try:
        said = parsedate_to_datetime(date or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return exact(said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC))


class Sending(msgspec.Struct, eq=False):
    """The doubt about a call that is under way: may the service have seen one of its requests?

    It begins when a request is written, not when a call is made: before that a call waits for its quota and for a
    connection, which may have to be made, and a cancellation there proves that nothing was sent.

    Attributes:
        told: Whether a transport has taken on the call; of any other one nothing is known.
        written: Whether the present request may be on the wire.
        doubt: Whether an earlier request of the same call may have taken effect.
        seconds: The client's clock.
        sent_at: When the latest request was written, in seconds of that clock.
        lost_at: When it was known that no answer to it comes, or none that tells anything.
    """

    told: bool = False
    written: bool = False
    doubt: bool = False
    seconds: Callable[[], float] = monotonic
    sent_at: float | None = None
    lost_at: float | None = None

    def write(self) -> None:
        """Begin to doubt: the request is being written."""
        self.written, self.sent_at = True, self.seconds()

    @property
    def in_doubt(self) -> bool:
        """True if the operation may have taken effect."""
        return self.written or self.doubt or not self.told


_sending: Final[ContextVar[Sending | None]] = ContextVar("jobruns_sending", default=None)


def sending() -> Sending | None:
    """Return the doubt about the call that is made here, None where nobody keeps one."""
    return _sending.get()


def mark_written(*_: object, **__: object) -> None:
    """Let the call that is made here know that its request may be on the wire from now on."""
    if (call := _sending.get()) is not None:
        call.write()


@contextmanager
def tracked() -> Generator[Sending]:
    """Keep the doubt about the calls that are made in the block, for whoever is cancelled in one of them."""
    tracking = Sending()
    token = _sending.set(tracking)
    try:
        yield tracking
    finally:
        _sending.reset(token)


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
        conditional: Whether it may be answered with status 304, "not modified", which is an answer as well.
    """

    service: str
    name: str
    decoder: msgspec.json.Decoder[N] = attrs.field(repr=False)
    codes: Mapping[str, type[JobRunsError]] = attrs.field(repr=False)
    repeatable: bool = True
    secret: tuple[str, ...] = ()
    conditional: bool = False

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
