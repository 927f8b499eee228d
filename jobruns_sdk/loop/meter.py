"""A meter of what calls go through on the way to their answers: who makes them is told, whether they succeed or not."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Meter:
    """A meter of calls.

    Attributes:
        throttled: Requests that the service has throttled.
        waited: Seconds for which calls have waited for their turn under the pace.
    """

    throttled: int = 0
    waited: float = 0.0

    def add(self, *, throttled: int = 0, waited: float = 0.0) -> None:
        """Add to it."""
        self.throttled += throttled
        self.waited += waited


_meter: Final[ContextVar[Meter | None]] = ContextVar("jobruns_meter", default=None)


@contextmanager
def metered(inner: Meter) -> Generator[None]:
    """Meter the calls of a block; an outer block's meter gets them, too."""
    outer, throttled, waited = _meter.get(), inner.throttled, inner.waited
    token = _meter.set(inner)
    try:
        yield
    finally:
        _meter.reset(token)
        if outer is not None:
            outer.add(throttled=inner.throttled - throttled, waited=inner.waited - waited)


def meter() -> Meter:
    """Return the meter of the calls that are made here; what nobody has set is read by nobody."""
    return _meter.get() or Meter()
