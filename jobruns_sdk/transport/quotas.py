"""Quotas as they are published or given, and back-off before a retry. Values only; nothing here sleeps."""

from collections.abc import Collection, Mapping
from random import Random, SystemRandom
from typing import Final

import attrs

from jobruns_sdk.checks import check_count, check_number, mapping_of, refusal, validated
from jobruns_sdk.errors import InvalidRequestError

_BACKOFF_BASE: Final = 0.1
_BACKOFF_LIMIT: Final = 20.0

jitter: Random = SystemRandom()
"""The source of chance: processes that are seeded alike, or forked from one, shall not wait alike."""


@attrs.frozen
class Quota:
    """The quota of an operation for an account in a region.

    Attributes:
        rate: Calls per second that can be sustained.
        burst: Calls that can be made at once after a pause.
    """

    rate: float = attrs.field(validator=validated(check_number))
    burst: int = attrs.field(validator=validated(check_count))


UNPUBLISHED: Final = Quota(rate=20, burst=100)
"""The quota assumed for an operation whose quota AWS does not publish: all of Glue's and DataZone's."""


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
        InvalidRequestError: It is not such a mapping, or names an operation that is never called.
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
        InvalidRequestError: It is not such a mapping, or names a profile that there is not.
    """
    right = 'a mapping of profiles, such as {"prod-read-only": "prod"}, or None'
    for pair in () if given is None else mapping_of("share_quotas", right, given):
        for profile in pair:
            if profile is not None and not (isinstance(profile, str) and profile in profiles):
                known = ", ".join(sorted(profiles)) or "none"
                raise InvalidRequestError(f"share_quotas: {profile!r:.80} is not among the client's sessions ({known})")
    return given or {}


def backoff(failures: int, chance: float) -> float:
    """Return the seconds to wait before a retry: exponential, capped at 20 s, with full jitter.

    Args:
        failures: How often the call has failed, from 1.
        chance: A random number from 0 to 1.
    """
    return chance * min(_BACKOFF_LIMIT, _BACKOFF_BASE * 2.0 ** min(failures - 1, 32))
