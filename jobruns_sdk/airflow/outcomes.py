"""The outcome of a wait as JSON: what a trigger hands to its task, and what the task makes of it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, TypedDict

import attrs

from jobruns_sdk.airflow.compat import AirflowException, AirflowFailException
from jobruns_sdk.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidRequestError,
    JobRunsError,
    NotFoundError,
    UnsupportedOperationError,
)
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun, WaitTimeoutError
from jobruns_sdk.model.states import RunState

HOPELESS: Final = (AccessDeniedError, ConflictError, InvalidRequestError, NotFoundError, UnsupportedOperationError)
"""Errors that another try would meet again."""

_SHOWN: Final = 500  # characters of a service's message in an exception; the whole of it is in the outcome


class Outcome(TypedDict):
    """The outcome of a wait.

    Attributes:
        ref: The run's reference, as a string.
        error: None if the run has ended, else the class of the error that ended the wait.
        hopeless: Whether another try would meet the error again.
        reason: The error in words.
        state: The run's state as it was last seen, None if it was not.
        native_state: The same in the service's own word.
        attempt: The number of its latest attempt.
        message: The service's explanation.
        name: The run's name.
        created_at: When it was created, in ISO 8601.
        started_at: When it started.
        ended_at: When it ended.
        duration: Seconds from start to end.
        usage: What it used, in hours, with their ``basis``.
    """

    ref: str
    error: str | None
    hopeless: bool
    reason: str | None
    state: str | None
    native_state: str | None
    attempt: int | None
    message: str | None
    name: str | None
    created_at: str | None
    started_at: str | None
    ended_at: str | None
    duration: float | None
    usage: dict[str, float | str] | None


def outcome_of(ref: RunRef, run: JobRun[Any] | None, error: JobRunsError | None = None) -> Outcome:
    """Return the outcome of a wait.

    Args:
        ref: The run that was waited for.
        run: The run as it was last seen, None if it was not.
        error: What ended the wait before the run did.
    """
    return Outcome(
        ref=str(ref if run is None else run.ref),
        error=None if error is None else type(error).__name__,
        hopeless=isinstance(error, HOPELESS),
        reason=None if error is None else str(error),
        state=None if run is None else str(run.state),
        native_state=None if run is None else run.native_state,
        attempt=None if run is None else run.attempt,
        message=None if run is None else run.message,
        name=None if run is None else run.name,
        created_at=None if run is None else _text(run.created_at),
        started_at=None if run is None else _text(run.started_at),
        ended_at=None if run is None else _text(run.ended_at),
        duration=None if run is None or run.duration is None else run.duration.total_seconds(),
        usage=None if run is None else _usage(run),
    )


def outcome_of_error(ref: RunRef, error: JobRunsError) -> Outcome:
    """Return the outcome of a wait that an error has ended."""
    return outcome_of(ref, getattr(error, "run", None), error)


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


def _usage(run: JobRun[Any]) -> dict[str, float | str] | None:
    if run.usage is None:
        return None
    return {name: value for name, value in attrs.asdict(run.usage).items() if value is not None}


def is_over(outcome: Mapping[str, Any], error: type[JobRunsError]) -> bool:
    """True if that error has ended a wait."""
    return outcome.get("error") == error.__name__


def is_timeout(outcome: Mapping[str, Any]) -> bool:
    """True if the time of a wait was up."""
    return is_over(outcome, WaitTimeoutError)


def is_success(outcome: Mapping[str, Any], *, allow_partial: bool = False) -> bool:
    """True if a run has ended as it should."""
    right = {RunState.SUCCEEDED, *({RunState.PARTIALLY_SUCCEEDED} if allow_partial else ())}
    return outcome.get("error") is None and outcome.get("state") in right


def failure_of(outcome: Mapping[str, Any]) -> AirflowException:
    """Return the exception that fails a task, with the run's state, its attempt and the service's message."""
    ref, reason = outcome.get("ref"), outcome.get("reason")
    if outcome.get("error") is not None:
        kind = AirflowFailException if outcome.get("hopeless") else AirflowException
        return kind(str(reason))
    state, native = outcome.get("state"), outcome.get("native_state")
    told = f"{state} ({native})" if native not in (None, "", state) else f"{state}"
    message = outcome.get("message")
    cut = message if message is None or len(message) <= _SHOWN else f"{message[: _SHOWN - 3]}..."
    return AirflowException(f"{ref} ended as {told}, attempt {outcome.get('attempt')}{f': {cut}' if cut else ''}")


def failure_to_start(error: JobRunsError) -> Exception:
    """Return the exception that fails a task whose run was not started: the error itself where a retry may help."""
    return AirflowFailException(str(error)) if isinstance(error, HOPELESS) else error
