"""Times of the class that Python itself has, also while a test has put another one in its place.

freezegun and its like replace ``datetime`` in every module. What is made with it meanwhile outlives the test: a decoder
that wants the stand-in refuses every time later, and no encoder knows it.
"""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import msgspec


def real(kind: type[Any]) -> type[Any]:
    """Return Python's own class of times for one that stands in for it or inherits from it; any other one as it is."""
    return next((base for base in kind.__mro__ if base.__module__ == "datetime" and base.__name__ == "datetime"), kind)


def exact(moment: datetime) -> datetime:
    """Return the same time as an object of Python's own class."""
    kind = real(type(moment))
    if type(moment) is kind:
        return moment
    found: datetime = kind.combine(moment.date(), moment.time(), moment.tzinfo)
    return found


def now() -> datetime:
    """Return the time (aware UTC)."""
    return exact(datetime.now(UTC))


def monotonic() -> float:
    """Return seconds that never go backwards, and go on while a test has frozen the time of day."""
    return time.clock_gettime(time.CLOCK_MONOTONIC) if hasattr(time, "clock_gettime") else time.monotonic()


if TYPE_CHECKING:
    Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
else:
    Moment = Annotated[real(datetime), msgspec.Meta(tz=True)]
