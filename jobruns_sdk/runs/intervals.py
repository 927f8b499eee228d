"""The pace of polls: intervals that grow while nothing changes."""

from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Final

import attrs

from jobruns_sdk.checks import check_some_time, check_time, optional, validated
from jobruns_sdk.errors import InvalidRequestError

_GROWTH: Final = 3.0
_MOST: Final = timedelta(minutes=1)


def poll_intervals(least: float, most: float, random: Random) -> Iterator[float]:
    """Yield seconds between polls: growing from the least to the most, with decorrelated jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    interval = least
    while True:
        yield interval
        interval = min(most, random.uniform(least, interval * _GROWTH))


def _check_longest(pace: "PollIntervals", _: object, most: timedelta | None) -> None:
    if pace.longest < pace.poll_interval:
        raise InvalidRequestError(f"max_poll_interval is poll_interval ({pace.poll_interval}) or more, got {most}")


@attrs.frozen(kw_only=True)
class PollIntervals:
    """The pace of polls.

    Attributes:
        poll_interval: The time between the first polls.
        max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
            ``poll_interval`` where that is longer.
        retry_grace: How long a Glue attempt that failed may be the last one before it is taken for the last one, where
            the job is known to have more retries; 5 minutes at most where nobody can tell.
        rests: Whether runs are polled every ten minutes alone while events tell of them.
    """

    poll_interval: timedelta = attrs.field(default=timedelta(seconds=10), validator=validated(check_some_time))
    max_poll_interval: timedelta | None = attrs.field(
        default=None, validator=[validated(optional(check_some_time)), _check_longest]
    )
    retry_grace: timedelta = attrs.field(default=timedelta(minutes=30), validator=validated(check_time))
    rests: bool = False

    @property
    def longest(self) -> timedelta:
        """The time up to which the time between polls grows."""
        return max(self.poll_interval, _MOST) if self.max_poll_interval is None else self.max_poll_interval

    def intervals(self, random: Random) -> Iterator[float]:
        """Yield seconds between polls."""
        return poll_intervals(self.poll_interval.total_seconds(), self.longest.total_seconds(), random)
