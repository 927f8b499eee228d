"""What each fault costs and comes to, written down from the rules, not taken from the code.

- A call sends at most three requests here (``max_attempts=3``), within its deadline.
- What may pass by itself is tried again: a throttle always; a failure of the service and a lost answer only where a
  second request does no harm, which is everywhere but at a start of Glue, which takes no token.
- A throttle uses up none of the three: time alone bounds it, of which there is none here (``throttle_timeout``).
- What will not pass by itself is told at once.
- aiohttp would send a GET or a DELETE once more by itself when the connection breaks: it does not here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from jobruns_sdk import (
    CallTimeoutError,
    CredentialsError,
    JobRunsError,
    ResponseFormatError,
    ServiceUnavailableError,
    StartOutcomeUnknownError,
    ThrottledError,
    TransportError,
)
from tests.dangers.faults.operations import Kind

ONCE: Final[Mapping[Kind, int]] = {"read": 1, "post": 1, "delete": 1, "change": 1, "token": 1, "start": 1}
THRICE: Final[Mapping[Kind, int]] = dict.fromkeys(ONCE, 3)
NEVER: Final[Mapping[Kind, int]] = dict.fromkeys(ONCE, 0)
BUT_NO_START: Final[Mapping[Kind, int]] = {**THRICE, "start": 1}


@dataclass(frozen=True)
class Staying:
    """A fault that stays.

    Attributes:
        requests: How many requests are sent.
        error: What the caller is told.
        in_doubt: Whether the operation may have taken effect; a start then ends in StartOutcomeUnknownError.
        answered: Whether an answer came, whose request id the error has.
        arrives: Whether the requests reach the service.
        retryable: Whether the same call may succeed later.
        effect: Whether the operation takes effect each time, so that a start of Glue finds its run.
    """

    requests: Mapping[Kind, int]
    error: type[JobRunsError]
    in_doubt: bool = False
    answered: bool = True
    arrives: bool = True
    retryable: bool = True
    effect: bool = False

    def error_of(self, kind: Kind) -> type[JobRunsError] | None:
        """Return what the caller is told of an operation, None if it is its value."""
        if kind == "start" and self.effect:
            return None
        return StartOutcomeUnknownError if self.in_doubt and kind in {"token", "start"} else self.error


STAYING: Final[Mapping[str, Staying]] = {
    "connection refused": Staying(THRICE, TransportError, answered=False, arrives=False),
    "name not found (DNS)": Staying(THRICE, TransportError, answered=False, arrives=False),
    "certificate not trusted (TLS)": Staying(ONCE, TransportError, answered=False, arrives=False, retryable=False),
    "no credentials": Staying(NEVER, CredentialsError, answered=False, arrives=False),
    "expired credentials": Staying(ONCE, CredentialsError, retryable=False),
    "clock wrong (signature expired)": Staying(ONCE, CredentialsError, retryable=False),
    "clock wrong (RequestTimeTooSkewed)": Staying(ONCE, CredentialsError, retryable=False),
    "reset before the effect": Staying(BUT_NO_START, TransportError, in_doubt=True, answered=False),
    "reset after the effect": Staying(BUT_NO_START, TransportError, in_doubt=True, answered=False, effect=True),
    "body cut at any byte": Staying(BUT_NO_START, TransportError, in_doubt=True, answered=False),
    "a byte now and then": Staying(ONCE, CallTimeoutError, in_doubt=True, answered=False, effect=True),
    "silence": Staying(ONCE, CallTimeoutError, in_doubt=True, answered=False),
    "500": Staying(BUT_NO_START, ServiceUnavailableError, in_doubt=True),
    "503 with HTML": Staying(BUT_NO_START, ServiceUnavailableError, in_doubt=True),
    "503 with nothing": Staying(BUT_NO_START, ServiceUnavailableError, in_doubt=True),
    "429 with a code": Staying(ONCE, ThrottledError),
    "429 without a code": Staying(ONCE, ThrottledError),
    "throttling as 400": Staying(ONCE, ThrottledError),
    "200 with HTML": Staying(ONCE, ResponseFormatError, in_doubt=True, retryable=False),
}


@dataclass(frozen=True)
class Passing:
    """A fault that strikes once.

    Attributes:
        requests: How many requests are sent.
        start: What a start of Glue comes to, None for its run; all else comes to what it comes to without the fault.
    """

    requests: Mapping[Kind, int]
    start: type[JobRunsError] | None = None


TWICE: Final[Mapping[Kind, int]] = dict.fromkeys(ONCE, 2)
TWICE_BUT_NO_START: Final[Mapping[Kind, int]] = {**TWICE, "start": 1}

PASSING: Final[Mapping[str, Passing]] = {
    "reset before the effect": Passing(TWICE_BUT_NO_START, start=StartOutcomeUnknownError),
    "reset after the effect": Passing(TWICE_BUT_NO_START),
    "body cut in the middle": Passing(TWICE_BUT_NO_START),
    "500 before the effect": Passing(TWICE_BUT_NO_START, start=StartOutcomeUnknownError),
    "500 after the effect": Passing(TWICE_BUT_NO_START),
    "503 with HTML after the effect": Passing(TWICE_BUT_NO_START),
    "429 with a code": Passing(TWICE),
    "429 without a code": Passing(TWICE),
    "throttling as 400": Passing(TWICE),
}
