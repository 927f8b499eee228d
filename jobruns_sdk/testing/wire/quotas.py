"""The services' published quotas, as token buckets on the service's own clock, for each region and account."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from jobruns_sdk.checks import mapping_of, refusal
from jobruns_sdk.testing.world.world import World

Quota = tuple[float, float]
"""Calls a second, and how many may come at once."""

# https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/endpoints-quotas.html
# Attempts are not in that table; the rate of the other list operation is assumed.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
# That of GetLogEvents differs between regions; the lowest is assumed.
PUBLISHED: Final[Mapping[str, Quota]] = {
    "emr-serverless:ListJobRuns": (1, 25),
    "emr-serverless:StartJobRun": (1, 25),
    "emr-serverless:CancelJobRun": (1, 25),
    "emr-serverless:ListJobRunAttempts": (1, 25),
    "emr-serverless:GetJobRun": (10, 50),
    "emr-serverless:GetApplication": (10, 50),
    "emr-serverless:ListApplications": (10, 50),
    "emr-serverless:GetDashboardForJobRun": (1, 2),
    "logs:DescribeLogStreams": (5, 5),
    "logs:GetLogEvents": (10, 10),
}

_RIGHT: Final = "True, False or a mapping such as {'glue:GetJobRuns': (5, 10)}: calls a second, and at once"


def limits_of(quotas: bool | Mapping[str, Quota]) -> Mapping[str, Quota]:  # noqa: FBT001  # as LocalService takes it
    """The quotas that are meant: none, the published ones, or those that are given.

    Raises:
        ValueError: They are not to be read as such.
    """
    if isinstance(quotas, bool):
        return PUBLISHED if quotas else {}
    for operation, quota in mapping_of("quotas", _RIGHT, quotas):
        match quota:
            case (int() | float() as rate, int() | float() as burst) if rate > 0 and burst > 0:
                continue
            case _:
                raise refusal(f"quotas[{operation!r}]", "(calls a second, calls at once), both more than 0", quota)
    return quotas


@dataclass(slots=True)
class Quotas:
    """The quotas in force, by `service:Operation` or by operation alone."""

    limits: Mapping[str, Quota]
    _levels: dict[tuple[str, str, str], tuple[float, int]] = field(
        default_factory=dict[tuple[str, str, str], tuple[float, int]]
    )

    def allows(self, service: str, operation: str, world: World, now: int) -> bool:
        """True if a call at an instant (milliseconds) is within its account's quota in the region; counts it if so."""
        name = f"{service}:{operation}"
        quota = self.limits.get(name) or self.limits.get(operation)
        if quota is None:
            return True
        rate, burst = quota
        level, since = self._levels.get(key := (name, world.account, world.region), (burst, now))
        level = min(burst, level + rate * (now - since) / 1000)
        allowed = level >= 1 - 1e-9
        self._levels[key] = (level - 1 if allowed else level, now)
        return allowed
