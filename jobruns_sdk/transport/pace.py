"""The pace of an operation: a token bucket whose rate is learnt. Values only; nothing here sleeps.

A published quota is a first guess: accounts have theirs raised, and several programs share one. So the rate grows while
calls wait for it and none is refused, and falls at a throttle. After a throttle the account's bucket is known to be
empty, and what it lets through until the next one is what it grants this client:

    10:00:00  throttled             the bucket is empty
    10:00:20  18 calls let through
    10:00:20  throttled             empty again: 0.9 calls a second, whatever was published

A throttle of a call that did not have to wait says nothing of the rate, since none was tried: the burst is smaller than
was thought. The rate goes on to be sought then, from a low one upwards.
"""

from collections import deque
from typing import Final

import attrs

from jobruns_sdk.transport.quotas import Quota

# Chosen by simulation over accounts of ten times the guess, the guess, half of it, and one shared by three clients:
# time within a tenth of the ideal, at most one call in twenty throttled, and shares that even out. Held by
# tests/unit/transport/test_pace.py.
_FIRST_CUT: Final = 0.45  # of a rate of which nothing is known but that it is too much
_CUT: Final = 0.8  # of what was granted; who calls more often is cut more often, so that clients share evenly
_CAUTION: Final = 0.9  # what was let through holds tokens that were saved up, too
_SPAN: Final = 13.0  # seconds until a rate is back where it was cut
_SPAN_WHEN_FOUND: Final = 26.0  # the same of a rate that was found by doubling, and is known to be about right
_FAR: Final = 5  # times what was granted: where that is all there is, a rate is hardly doubled as far as that
_UNSPENT: Final = 0.1  # of the burst, above which a throttle tells that the burst is smaller
_LEAST_PAUSE: Final = 0.4  # seconds after a throttle; tokens are saved up meanwhile, so that none of this is lost
_SLOWEST: Final = 1 / 16  # calls a second: no published quota is lower, and a pause is bounded by it
_RECENT: Final = (4, 32)  # calls, to tell how many are sent a second: one after the other, or many together
_MODEST: Final = 1.0  # calls a second: whoever makes fewer is not why the service throttles
_QUIET: Final = 60.0  # seconds without a throttle, after which time alone doubles the rate, up to the first guess


@attrs.frozen
class Pace:
    """The pace of an operation, as it was learnt.

    Attributes:
        rate: Calls a second that may go on; None where nothing holds them back.
        burst: Calls that can be made at once after a pause.
        throttled: Calls that the service has throttled.
        waited: Seconds for which calls have waited, added up.
    """

    rate: float | None
    burst: float
    throttled: int
    waited: float


@attrs.frozen
class Ticket:
    """The state of a pace when a call was sent, which tells what its answer teaches.

    Attributes:
        throttles: The throttles until then: of calls under way together, one throttle tells as much as all.
        steps: The times that the rate had grown: only a call sent at the present rate lets it grow.
        was_held: Whether the call had to wait: a rate that holds nobody back is not known to be right.
    """

    throttles: int
    steps: int
    was_held: bool


class PaceKeeper:
    """Tells how long the next call of an operation has to wait, and learns from what comes of it.

    Calls go one after the other: ``wait`` until there is no wait, then ``sent``.
    """

    def __init__(self, guess: Quota | None, ceiling: Quota | None = None) -> None:
        """Begin with a full bucket.

        Args:
            guess: The first guess; None for no wait until the first throttle.
            ceiling: What is never exceeded, None for nothing.
        """
        self._guess = guess
        self._ceiling = ceiling
        self._first = _MODEST if guess is None else guess.rate
        self._rate = float("inf") if guess is None else guess.rate
        self._burst: float = 1.0 if guess is None else guess.burst
        self._level = self._burst
        self._at = float("-inf")
        self._top = self._rate  # where the rate was cut last
        self._span = _SPAN
        self._doubles = True  # no throttle has told yet that the rate is too high
        self._emptied: float | None = None  # the moment of the last throttle
        self._granted = 0  # calls let through since then
        self._throttles = 0
        self._steps = 0
        self._throttled = 0
        self._waited = 0.0
        self._sent: deque[float] = deque(maxlen=max(_RECENT))

    def is_open(self) -> bool:
        """Return whether no call has to wait, however many there are."""
        return self._rate == float("inf")

    @property
    def pace(self) -> Pace:
        """The pace as it was learnt."""
        return Pace(None if self.is_open() else self._rate, self._burst, self._throttled, self._waited)

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be sent.

        Args:
            now: The time in seconds, on a clock that never goes backwards.
        """
        if self.is_open():
            return 0.0
        self._recover(now)
        self._fill(now)
        lacking = 1 - self._level
        return lacking / self._rate if lacking > 1e-9 else 0.0  # noqa: PLR2004  # rounding is no reason to wait

    def sent(self, now: float, waited: float = 0.0) -> Ticket:
        """Take note of a call that is sent, and of how long it has waited."""
        self._waited += waited
        self._sent.append(now)
        if not self.is_open():
            self._fill(now)
            self._level -= 1
        return Ticket(self._throttles, self._steps, waited > 0)

    def let_through(self, ticket: Ticket, now: float) -> None:
        """Take note of an answer that is not a throttle."""
        if ticket.throttles == self._throttles:
            self._granted += 1
        if self.is_open() or not ticket.was_held or ticket.steps != self._steps:
            return
        # A rate far beyond what is sent, for want of connections, say, would be a bad guess when it is throttled.
        rate = min(2 * self._rate, 2 * self._recent_rate(now), self._grown(now))
        if self._ceiling is not None:
            rate = min(rate, self._ceiling.rate)
        if rate > self._rate:
            self._fill(now)  # what has passed was at the old rate
            self._rate = rate
            self._steps += 1

    def throttled(self, ticket: Ticket, now: float, chance: float) -> None:
        """Take note of a throttle.

        Args:
            ticket: What ``sent`` has returned for the call.
            now: The time in seconds, on a clock that never goes backwards.
            chance: A random number from 0 to 1, so that processes do not come back all at once.
        """
        self._throttled += 1
        if ticket.throttles != self._throttles:
            return
        self._throttles += 1
        # Where the bucket is all but empty, a moment's delay of a request has the same look.
        is_unspent = self.is_open() or self._level > _UNSPENT * self._burst
        if not self.is_open():
            self._fill(now)
            self._burst = max(1.0, self._burst - max(0.0, self._level))  # it held less than was thought
        self._cut(now, tried=ticket.was_held or self._steps > 0 or not is_unspent)
        self._rate = max(min(_SLOWEST, self._first), self._rate)  # a share of a quota, which is a ceiling, may be lower
        self._emptied, self._granted, self._at = now, 0, now
        pause = max(1 / self._rate, _LEAST_PAUSE) * (0.75 + chance / 2)
        self._level = 1 - pause * self._rate

    def _cut(self, now: float, *, tried: bool) -> None:
        self._span = _SPAN
        if self._emptied is None:
            self._top = self._rate = _FIRST_CUT * min(self._rate, self._recent_rate(now))
            self._doubles = not tried
            return
        seconds = max(now - self._emptied, 1e-3)
        if self._doubles and self._granted:
            # Half of it was let through. What was granted since the last throttle is a better guess, or far too low:
            #   a bucket of 5 tokens, 10 a second     throttled, calls after 2, 1, 0.5, 0.2, 0.1 s, throttled
            # It ran over in the pauses, and that these were too long is not to be taken for the account's rate.
            half, granted = self._rate / 2, _CAUTION * self._granted / seconds
            is_far_less = self._granted == 1 or granted < self._rate / _FAR
            self._top = self._rate = half if is_far_less else min(half, granted)
            self._span = _SPAN_WHEN_FOUND
        else:
            granted = (self._granted + 1) / seconds
            self._top = min(self._rate, max(_CAUTION * granted, self._rate / 2))
            self._rate = _CUT * self._top
        self._doubles = False

    def _recover(self, now: float) -> None:
        # What throttled may have gone long ago, and few calls would never find out: none of them waits.
        #   10:00  an outage: whatever is called is throttled, ten times one after the other
        #   10:30  forty gets at once: at the rate of 10:00 they would take ten minutes
        quiet = 0.0 if self._emptied is None else (now - self._emptied) / _QUIET - 1
        rate = min(self._first, self._top * 2 ** min(quiet, 32)) if quiet > 0 else 0.0
        if rate > self._rate:
            self._fill(now)  # what has passed was at the old rate
            self._rate = rate

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._burst, self._level + self._rate * (now - self._at))
            self._at = now

    def _grown(self, now: float) -> float:
        """Return the rate after that time without a throttle.

        It doubles until a throttle tells that it is too high. Then it is a cubic, as TCP has it: quickly back to where
        it was cut, slowly past there, and ever faster beyond, where the account seems to grant more than it did.
        """
        if self._doubles or self._emptied is None:
            return 2 * self._rate
        past = (now - self._emptied) / self._span - 1
        if past > 1 and self._guess is not None:
            self._burst = max(self._burst, self._guess.burst)
        return self._top * (1 + (1 - _CUT) * past**3)

    def _recent_rate(self, now: float) -> float:
        """Return how many calls a second were sent lately, or what is few enough to be no matter."""
        counts = {min(calls, len(self._sent)) for calls in _RECENT}
        return max(_MODEST, *(count / max(now - self._sent[-count], 0.1) for count in counts))
