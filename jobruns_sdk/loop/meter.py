"""A meter of what calls go through on the way to their answers: who makes them is told, whether they succeed or not."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final


class Meter:
    """A meter of calls.

    Attributes:
        requests: Requests that were sent.
        throttled: Those that the service has throttled.
        waited: Seconds for which calls have waited for their turn under the pace.
        date: The ``Date`` header of the answer that came last; None where there was none.
    """

    requests: int = 0
    throttled: int = 0
    waited: float = 0.0
    date: str | None = None

    def add(self, *, requests: int = 0, throttled: int = 0, waited: float = 0.0) -> None:
        """Add to it."""
        self.requests += requests
        self.throttled += throttled
        self.waited += waited


_meter: Final[ContextVar[Meter | None]] = ContextVar("jobruns_meter", default=None)


@contextmanager
def metered(inner: Meter) -> Generator[None]:
    """Meter the calls of a block; an outer block's meter gets them, too."""
    outer, requests, throttled, waited = _meter.get(), inner.requests, inner.throttled, inner.waited
    token = _meter.set(inner)
    try:
        yield
    finally:
        _meter.reset(token)
        if outer is not None:
            sent = inner.requests - requests
            outer.add(requests=sent, throttled=inner.throttled - throttled, waited=inner.waited - waited)
            outer.date = inner.date or outer.date


def meter() -> Meter:
    """Return the meter of the calls that are made here; what nobody has set is read by nobody."""
    return _meter.get() or Meter()
