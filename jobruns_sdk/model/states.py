"""The states of runs and attempts, in one vocabulary for all services."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, Final

from jobruns_sdk.checks import shown
from jobruns_sdk.errors import InvalidRequestError


class RunState(StrEnum):
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
            near = get_close_matches(state.upper(), RunState, n=1, cutoff=_NEAR) if isinstance(state, str) else []
            meant = f", nearest is {near[0]}" if near else ""
            known = f"states are {', '.join(RunState)}"
            raise InvalidRequestError(f"{name}: {shown(state)} is not a RunState{meant}; {known}") from error
    return frozenset(states)


_NEAR: Final = 0.7  # with less, words that services have for other states would be taken for typing errors
