"""One call as it is told to observers, from its beginning to its end."""

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import msgspec

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.caller import caller
from jobruns_sdk.observing.seam import Observers, Observing
from jobruns_sdk.observing.values import CallEnded, CallRetried, CallStarted, Failure, TurnTaken
from jobruns_sdk.observing.walks import WalkCaller
from jobruns_sdk.transport.operation import Operation, Reply
from jobruns_sdk.transport.underlying import without_secrets

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef


class ObservedCall:
    """A call that is told to observers: its beginning when the block is entered, its end when that is left."""

    def __init__(self, observers: Observers, started: CallStarted, seconds: Callable[[], float]) -> None:
        self._observers = observers
        self._started = started
        self._seconds = seconds
        self._begun = seconds()
        self._requests = 0
        self._waited = 0.0
        self._url: str | None = None
        self._reply: Reply | None = None

    def __enter__(self) -> Self:
        if self._observers.call is not None:
            self._observers.call(self._started)
        return self

    def sends(self, url: str, waited: float) -> None:
        """Note that a request is sent to an address, and for how long it has waited for its turn."""
        self._url = url
        self._requests += 1
        self._waited += waited
        if waited and self._observers.turn is not None:
            self._observers.turn(TurnTaken(call=self._started, seconds=waited))

    def retries(self, failure: JobRunsError, pause: float = 0.0) -> None:
        """Tell that a request has failed, and the seconds until the next one."""
        if self._observers.retry is not None:
            told = CallRetried(call=self._started, failure=_fit(failure), requests=self._requests, pause=pause)
            self._observers.retry(told)

    def answered(self, reply: Reply) -> Reply:
        """Note the answer, and return it."""
        self._reply = reply
        return reply

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._observers.call is None:
            return
        failure, reply = None if error is None else Failure.of(error), self._reply
        told = failure if reply is None else reply
        self._observers.call(
            CallEnded(
                call=self._started,
                seconds=self._seconds() - self._begun,
                requests=self._requests,
                waited=self._waited,
                server=None if self._url is None else urlsplit(self._url).hostname,
                request_id=None if told is None else told.request_id,
                http_status=None if told is None else told.http_status,
                failure=failure,
            )
        )


def observed(
    observing: Observing,
    operation: Operation[Any],
    region: str | None,
    profile: str | None,
    *,
    job: "JobRef | None",
    seconds: Callable[[], float],
) -> ObservedCall | None:
    """Return a call as it is told to observers, None where nobody observes it."""
    if (observers := observing.now) is None:
        return None
    if observers.walk is not None and isinstance(walk := caller(), WalkCaller):
        walk.observers = observers
    if observers.call is None and observers.retry is None and observers.turn is None:
        return None
    started = CallStarted(service=operation.service, operation=operation.name, region=region, profile=profile, job=job)
    return ObservedCall(observers, started, seconds)


def _fit(error: JobRunsError) -> Failure:
    # The errors that a call raises are made fit to show; those that it tries again after are not.
    failure = Failure.of(error)
    if error.http_status is not None:  # a service's own words were seen to where they were read
        return failure
    return msgspec.structs.replace(failure, message=without_secrets(failure.message))
