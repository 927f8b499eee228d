"""Quotas as token buckets, and back-off before a retry. Values only; nothing here sleeps."""

from collections.abc import Collection, Mapping
from random import Random, SystemRandom
from typing import Final

import attrs

from jobruns_sdk.checks import check_count, check_number, mapping_of, refusal, validated
from jobruns_sdk.errors import InvalidRequestError

_BACKOFF_BASE: Final = 0.1
_THROTTLED_BASE: Final = 1.0
_LEAST_CHANCE: Final = 0.1  # of a back-off, so that time passes between two throttles
_RECOVERY: Final = 5 / 6
_LEAST_INTERVAL: Final = 0.01
_BACKOFF_LIMIT: Final = 20.0

jitter: Random = SystemRandom()
"""The source of chance: processes that are seeded alike, or forked from one, shall not wait alike."""


@attrs.frozen
class Quota:
    """The quota of an operation for an account in a region.

    Attributes:
        rate: Calls a second that may go on for ever.
        burst: Calls that may be made at once after a rest.
    """

    rate: float = attrs.field(validator=validated(check_number))
    burst: int = attrs.field(validator=validated(check_count))


UNPUBLISHED: Final = Quota(rate=20, burst=100)
"""The quota that is assumed of an operation whose own AWS does not publish: all of Glue's and DataZone's."""


def quotas_with(
    given: Mapping[tuple[str, str], Quota] | None,
    published: Mapping[tuple[str, str], Quota],
    known: Collection[tuple[str, str]],
    others: Collection[str],
) -> Mapping[tuple[str, str], Quota] | None:
    """Return the published quotas as far as those that are given do not replace them.

    Args:
        given: What a user says; None for no limits, which is returned then.
        published: The published quotas, by service and operation.
        known: The operations that this package calls, by service and name.
        others: Services that it does not know; their operations may have any name.

    Raises:
        InvalidRequestError: It is no such mapping, or names an operation that is never called.
    """
    if given is None:
        return None
    right = 'a mapping such as {("glue", "GetJobRuns"): Quota(rate=5, burst=10)}, or None'
    for key, quota in mapping_of("quotas", right, given):
        match key:
            case (str() as service, str() as name):
                if key not in known and service not in others:
                    names = ", ".join(sorted(operation for of, operation in known if of == service))
                    raise InvalidRequestError(
                        f"quotas: {name!r:.80} of {service!r:.80} is never called, known are {names or 'none'}"
                    )
            case _:
                raise refusal("each key of quotas", "a service and an operation, such as ('glue', 'GetJobRuns')", key)
        if not isinstance(quota, Quota):
            raise refusal(f"quotas[{service!r}, {name!r}]", "a Quota, such as Quota(rate=5, burst=10)", quota)
    return {**published, **given}


def shares_of(
    given: Mapping[str | None, str | None] | None, profiles: Collection[str]
) -> Mapping[str | None, str | None]:
    """Return which profiles count for the quotas of another one.

    Raises:
        InvalidRequestError: It is no such mapping, or names a profile that there is not.
    """
    right = 'a mapping of profiles, such as {"prod-read-only": "prod"}, or None'
    for pair in () if given is None else mapping_of("share_quotas", right, given):
        for profile in pair:
            if profile is not None and not (isinstance(profile, str) and profile in profiles):
                known = ", ".join(sorted(profiles)) or "none"
                raise InvalidRequestError(f"share_quotas: {profile!r:.80} is not among the client's sessions ({known})")
    return given or {}


class TokenBucket:
    """Tells how long a call has to wait so that a quota is kept; calls go in the order in which they ask."""

    def __init__(self, quota: Quota) -> None:
        self._interval = 1 / quota.rate
        self._ahead = (quota.burst - 1) * self._interval
        self._free_at = float("-inf")

    def take(self, now: float) -> float:
        """Take a token; return the seconds to wait before it may be used.

        Args:
            now: The time in seconds, on a clock that never goes backwards.
        """
        self._free_at = max(self._free_at, now) + self._interval
        return max(0.0, self._free_at - self._interval - self._ahead - now)

    def give_back(self) -> None:
        """Give back a token that was taken and not used."""
        self._free_at -= self._interval


class Slowdown:
    """The back-off of an operation as a whole: a service that throttles one of its calls throttles all.

    Calls go one by one then, an interval apart. A throttle doubles the interval, an answer shortens it by a sixth:
    where 2 calls a second are let through it stays near half a second, whatever was published, and goes in the end.
    """

    def __init__(self) -> None:
        self._interval = 0.0
        self._next = float("-inf")
        self._throttles = 0

    @property
    def is_on(self) -> bool:
        """True if calls are held back."""
        return self._interval > 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next call may be sent; none where nothing was throttled lately."""
        return max(0.0, self._next - now) if self.is_on else 0.0

    def sent(self, now: float) -> int:
        """Take note of a call that is sent; return the count of throttles before it, to be told with its own."""
        self._next = max(self._next, now + self._interval)
        return self._throttles

    def let_through(self) -> None:
        """Take note of an answer that is no throttle."""
        self._interval *= _RECOVERY
        if self._interval < _LEAST_INTERVAL:
            self._interval = 0.0

    def throttled(self, before: int, now: float, chance: float) -> None:
        """Take note of a throttle.

        Args:
            before: What ``sent`` has returned for the call.
            now: The time in seconds, on a clock that never goes backwards.
            chance: A random number from 0 to 1, so that processes do not come back all at once.
        """
        # Of 32 calls that were under way together, and are throttled together, one tells as much as all.
        if before == self._throttles:
            self._throttles += 1
            self._interval = min(_BACKOFF_LIMIT, 2 * self._interval or _THROTTLED_BASE)
            self._next = now + self._interval * (_LEAST_CHANCE + (1 - _LEAST_CHANCE) * chance)


def backoff(failures: int, chance: float) -> float:
    """Return the seconds to wait before a retry: exponential, capped at 20 s, with full jitter.

    Args:
        failures: How often the call has failed, from 1.
        chance: A random number from 0 to 1.
    """
    return chance * min(_BACKOFF_LIMIT, _BACKOFF_BASE * 2.0 ** min(failures - 1, 32))
