"""The states of runs and attempts, in one vocabulary for all services."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from jobruns_sdk.checks import shown
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.hints import HintedEnum


class RunState(StrEnum, metaclass=HintedEnum):
    """The state of a run or an attempt, in one vocabulary for all services.

    A state that a service adds tomorrow is ``UNKNOWN``; the service's own word is always in ``native_state``.
    """

    QUEUED = "QUEUED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    SUCCEEDED = "SUCCEEDED"
    PARTIALLY_SUCCEEDED = "PARTIALLY_SUCCEEDED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"
    TIMED_OUT = "TIMED_OUT"
    UNKNOWN = "UNKNOWN"

    @property
    def is_terminal(self) -> bool:
        """True if the run has ended; an unknown state has not."""
        return self in _TERMINAL

    @property
    def is_active(self) -> bool:
        """True if the run is known to be on its way to an end."""
        return self in _ACTIVE

    @property
    def is_failure(self) -> bool:
        """True if the run ended by failing: FAILED or TIMED_OUT. See also ``UNSUCCESSFUL``."""
        return self in _FAILURE


_ACTIVE: Final = frozenset({RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING})
_FAILURE: Final = frozenset({RunState.FAILED, RunState.TIMED_OUT})

UNSUCCESSFUL: Final = _FAILURE | {RunState.STOPPED, RunState.PARTIALLY_SUCCEEDED}
"""The terminal states to look at for "what went wrong?".

STOPPED belongs to it: EMR Serverless reports a run that exceeded its time limit as CANCELLED.
"""

_TERMINAL: Final = UNSUCCESSFUL | {RunState.SUCCEEDED}


def states_of(name: str, named: Iterable[Any]) -> frozenset[RunState]:
    """Return the states that an argument names.

    Raises:
        InvalidRequestError: It names something else.
    """
    states: set[RunState] = set()
    for state in named:
        try:
            states.add(RunState(state))
        except ValueError as error:
            hint = _hint(name, state) if isinstance(state, str) else ""
            known = f"states are {', '.join(RunState)}"
            raise InvalidRequestError(f"{name}: {shown(state)} is not a RunState{hint}; {known}") from error
    return frozenset(states)


# Services' own words for states, by the states that they mean: for hints alone, since nothing here knows a service.
_OWN_WORDS: Final = {
    RunState.QUEUED: ("PENDING", "SCHEDULED", "SUBMITTED", "WAITING"),
    RunState.STARTING: ("SCHEDULED",),
    RunState.RUNNING: ("IN_PROGRESS",),
    RunState.STOPPING: ("CANCELLING",),
    RunState.SUCCEEDED: ("SUCCESS",),
    RunState.FAILED: ("ABORTED", "ERROR"),
    RunState.STOPPED: ("CANCELED", "CANCELLED"),
    RunState.TIMED_OUT: ("EXPIRED", "TIMEOUT"),
}
_NEAR: Final = 0.7  # the least likeness of a word that was mistyped


def _hint(name: str, word: str) -> str:
    meant = [state for state, words in _OWN_WORDS.items() if word.upper() in words]
    if meant:
        native = f", or native_states={{{word.upper()!r}}}" if name == "states" else ""
        return f", it is a service's own name for {' or '.join(meant)}: use that{native}"
    near = get_close_matches(word.upper(), RunState, n=1, cutoff=_NEAR)
    return f", nearest is {near[0]}" if near else ""
