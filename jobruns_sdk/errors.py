"""Every error of this package. Nothing of botocore, aiohttp or msgspec reaches the caller.

JobRunsError
├── InvalidRequestError (ValueError)
│   └── CursorError (PaginationError)
├── NotFoundError
├── ConflictError
├── LimitExceededError
├── AccessDeniedError
├── CredentialsError
├── ThrottledError
├── ServiceUnavailableError
├── TransportError
│   └── CallTimeoutError (TimeoutError)
├── ResponseFormatError
├── UnknownAnswerError
├── PaginationError
├── UnsupportedOperationError
│   └── LogsUnavailableError
├── ClientClosedError
├── StoreError
├── WaitTimeoutError (TimeoutError)
├── RunFailedError
├── RunNotFinishedError
└── StartOutcomeUnknownError
"""

import re
from contextlib import suppress
from importlib import import_module
from typing import Any, Final, TypedDict, Unpack

# What moves the cursor of a terminal, changes its title or its clipboard, or turns the direction of what follows; not
# the ends of lines and tabs of texts that have many lines. Halves of surrogates cannot be printed at all.
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """Return a string that is safe to print: control characters are escaped as Python does."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], text)


class Answered(TypedDict, total=False):
    """The facts that an answer of a service tells."""

    code: str | None
    request_id: str | None
    http_status: int | None


class Facts(Answered, total=False):
    """The facts that every error of the tree may carry."""

    service: str | None
    operation: str | None
    retryable: bool | None


class JobRunsError(Exception):
    """Base of all errors of this package; the exception underneath, if there was one, is its ``__cause__``.

    Attributes:
        message: What was wrong, in words.
        service: The service that was asked (``"glue"``), or None where no service was involved.
        operation: The AWS operation (``"GetJobRuns"``), or None.
        code: The service's own error code as it was sent, known to this package or not, or None.
        request_id: The service's id of the request, to give to AWS support, or None.
        http_status: The status of the answer, or None where there was no answer.
        retryable: Whether the same call may succeed when it is repeated later.
        in_doubt: Whether the operation may have taken effect all the same: a request was sent, and its answer was
            lost or told of a failure inside the service.
        requests: How many requests the call that failed has made, retries included; 0 where none was made.
        run: The run as a wait or a watch last saw it (a ``JobRun``), where such an error ended it; else None.
        cursor: Where to go on with the list that was being read, behind what was handed out; None where no list was, or
            where nothing was handed out since its start.
    """

    retryable: bool = False
    in_doubt: bool = False
    requests: int = 0
    run: Any = None  # a JobRun, which this module knows nothing of
    cursor: str | None = None

    def __init__(
        self,
        message: str,
        *,
        service: str | None = None,
        operation: str | None = None,
        code: str | None = None,
        request_id: str | None = None,
        http_status: int | None = None,
        retryable: bool | None = None,
    ) -> None:
        """Keep the facts; ``retryable`` is the class's own unless it is given."""
        super().__init__(message)
        self.message = message
        self.service = service
        self.operation = operation
        self.code = code
        self.request_id = request_id
        self.http_status = http_status
        if retryable is not None:
            self.retryable = retryable

    def __str__(self) -> str:
        """Return ``service.operation: code: message (HTTP status, request id, requests)``, as far as known.

        Nothing is repeated, and a single request is not mentioned.

        Control characters, which a service may have taken from anybody, are shown and not sent to a terminal.
        """
        told = self.operation is None and self.message.startswith((f"{self.service}:", f"{self.service} "))
        place = "" if told else ".".join(part for part in (self.service, self.operation) if part)
        head = ": ".join(part for part in (place, self.code, self.message) if part)
        facts = [f"HTTP {self.http_status}"] if self.http_status is not None else []
        facts += [f"request id {self.request_id}"] if self.request_id else []
        facts += [f"{self.requests} requests"] if self.requests > 1 else []
        return harmless(f"{head} ({', '.join(facts)})" if facts else head)


def told_by(error: JobRunsError | None) -> tuple[type[JobRunsError], str] | None:
    """Return what makes errors equal where values hold them: errors themselves are equal to nothing else."""
    return None if error is None else (type(error), str(error))


def point_to(error: Exception, cursor: str | None) -> None:
    """Let an error of a walk tell where to go on; of what a service has answered, the traceback begins at the walk."""
    with suppress(AttributeError):  # not every exception of a caller's own takes attributes
        error.cursor = cursor  # type: ignore[attr-defined]  # of whatever class it is
    shorten(error)


def shorten(error: Exception) -> None:
    """Drop the traceback so far of what a service has answered: its way through the package tells nothing more."""
    if isinstance(error, JobRunsError) and error.http_status is not None:
        error.__traceback__ = None


def answer_of(error: JobRunsError | None) -> Answered:
    """Return what an error tells of the service's answer, for the error that follows from it."""
    if error is None:
        return {}
    return {"code": error.code, "request_id": error.request_id, "http_status": error.http_status}


class InvalidRequestError(JobRunsError, ValueError):
    """An argument was refused: here, before anything was sent, or by the service."""


class NotFoundError(JobRunsError):
    """The service knows no such job, run or application, or its history no longer holds it."""


class ConflictError(JobRunsError):
    """The request contradicts an earlier one, such as an idempotency key used for another request."""


class LimitExceededError(JobRunsError):
    """A limit of the account was met, such as the number of concurrent runs."""


class AccessDeniedError(JobRunsError):
    """The credentials are valid, but not allowed to do this."""


class CredentialsError(JobRunsError):
    """No credentials were found, or they are expired, incomplete or not accepted."""


class ThrottledError(JobRunsError):
    """The service asked to be called less often, and went on doing so through every retry."""

    retryable = True


class ServiceUnavailableError(JobRunsError):
    """The service failed on its own side (HTTP 5xx)."""

    retryable = True
    in_doubt = True


class TransportError(JobRunsError):
    """No answer arrived: connection refused or lost, DNS, TLS.

    Attributes:
        sent: False if it is certain that the request never reached the service, True if it may have.
    """

    retryable = True

    def __init__(self, message: str, *, sent: bool = True, **facts: Unpack[Facts]) -> None:
        """Keep the facts, and whether the request may have reached the service."""
        super().__init__(message, **facts)
        self.sent: bool = sent
        self.in_doubt: bool = sent


class CallTimeoutError(TransportError, TimeoutError):
    """A call did not end within the client's ``call_timeout``."""


class ResponseFormatError(JobRunsError):
    """A success status came with a body that is not what the operation answers.

    Attributes:
        where: The place in the body, such as ``"$.jobRuns[3].state"``; ``"$"`` for the body as a whole.
    """

    in_doubt = True

    def __init__(self, message: str, *, where: str | None = None, **facts: Unpack[Facts]) -> None:
        super().__init__(message, **facts)
        self.where: str = where or "$"


class UnknownAnswerError(JobRunsError):
    """Somebody else than the service has answered: a gateway, a proxy, or whoever has this address.

    The answer has no error code, which all services' refusals have, so that its status says nothing about a job or a
    run: a 404 is no ``NotFoundError``. The message tells the type of its content and how it begins.
    """


class PaginationError(JobRunsError):
    """A listing cannot be continued: its token came twice, or expired and the place is not to be found again."""


class CursorError(InvalidRequestError, PaginationError):
    """A cursor was refused: damaged, of another version, of another listing, or of other filters."""


class UnsupportedOperationError(JobRunsError):
    """The service has no such operation; the message says what to use instead."""


class LogsUnavailableError(UnsupportedOperationError):
    """The logs of a run cannot be read, or there are none; the message says why, and where else to look."""


class ClientClosedError(JobRunsError):
    """The client was used before it was opened or after it was closed."""


class StoreError(JobRunsError):
    """A file of stored runs cannot be used: of something else, of a later version, damaged, locked, or not open.

    ``retryable`` where another process has kept it locked for too long.
    """


class StartOutcomeUnknownError(JobRunsError):
    """A start was sent, its answer was lost, and no such run was seen since: it may exist or not."""

    in_doubt = True


def __getattr__(name: str) -> object:
    """Hand on the three errors that carry a run: they live beside it, and were imported from here before."""
    if name in {"RunFailedError", "RunNotFinishedError", "WaitTimeoutError"}:
        return getattr(import_module("jobruns_sdk.model.runs"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
