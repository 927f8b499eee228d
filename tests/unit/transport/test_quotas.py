import random
from typing import Any, Final

import pytest

from jobruns_sdk import InvalidRequestError, Quota
from jobruns_sdk.services.registry import QUOTAS
from jobruns_sdk.transport.quotas import UNPUBLISHED, backoff, quotas_with, shares_of


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0), (1, -3), (float("nan"), 1)])
def test_a_quota_lets_something_through(rate: float, burst: int) -> None:
    with pytest.raises(InvalidRequestError, match=r"(rate must be a number greater than 0|burst must be an integer)"):
        Quota(rate=rate, burst=burst)


def test_the_published_quotas_are_these() -> None:
    assert QUOTAS["emr-serverless", "ListJobRuns"] == QUOTAS["emr-serverless", "StartJobRun"] == Quota(1, 25)
    assert QUOTAS["emr-serverless", "CancelJobRun"] == Quota(1, 25)
    assert QUOTAS["emr-serverless", "GetJobRun"] == QUOTAS["emr-serverless", "ListApplications"] == Quota(10, 50)
    assert QUOTAS["emr-serverless", "GetDashboardForJobRun"] == Quota(1, 2)
    assert {service for service, _ in QUOTAS} == {"emr-serverless"}
    assert UNPUBLISHED.rate > 0


KNOWN: Final = {("glue", "StartJobRun"), ("glue", "GetJobRuns"), ("datazone", "ListJobRuns")}
FIVE: Final = Quota(rate=5, burst=10)
KEYS: Final = "each key of quotas must be a service and an operation, such as ('glue', 'GetJobRuns'), got"
QUOTAS_GIVEN: Final = (
    'quotas must be a mapping such as {("glue", "GetJobRuns"): Quota(rate=5, burst=10)}, or None, got '
)


def test_quotas_that_are_given_replace_the_published_ones() -> None:
    given = {("glue", "GetJobRuns"): FIVE, ("emr-serverless", "GetJobRun"): FIVE, ("athena", "Anything"): FIVE}

    assert quotas_with(given, QUOTAS, KNOWN | QUOTAS.keys(), ["athena"]) == {**QUOTAS, **given}
    assert quotas_with({}, QUOTAS, KNOWN, []) == QUOTAS
    assert quotas_with(None, QUOTAS, KNOWN, []) is None


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (5, f"{QUOTAS_GIVEN}5"),
        ([("glue", "GetJobRuns")], f"{QUOTAS_GIVEN}a value of type list"),
        (
            {("glue", "GetJobRun"): FIVE},
            "quotas: 'GetJobRun' of 'glue' is never called, known are GetJobRuns, StartJobRun",
        ),
        ({("athena", "GetJobRun"): FIVE}, "quotas: 'GetJobRun' of 'athena' is never called, known are none"),
        (
            {"glue": FIVE},
            f"{KEYS} 'glue'",
        ),
        (
            {("glue", 5): FIVE},
            f"{KEYS} a value of type tuple",
        ),
        (
            {("glue", "GetJobRuns"): 5},
            "quotas['glue', 'GetJobRuns'] must be a Quota, such as Quota(rate=5, burst=10), got 5",
        ),
    ],
)
def test_quotas_are_of_operations_that_are_called(given: Any, text: str) -> None:  # noqa: ANN401  # wrong on purpose
    with pytest.raises(InvalidRequestError) as caught:
        quotas_with(given, QUOTAS, KNOWN, [])
    assert caught.value.message == text


def test_profiles_share_quotas_as_they_are_told() -> None:
    assert shares_of(None, []) == {}
    assert shares_of({"audit": "prod", "own": None}, ["audit", "own", "prod"]) == {"audit": "prod", "own": None}


@pytest.mark.parametrize(
    ("given", "profiles", "text"),
    [
        (5, [], 'share_quotas must be a mapping of profiles, such as {"prod-read-only": "prod"}, or None, got 5'),
        ({"prod": "dev"}, ["prod", "b"], "share_quotas: 'dev' is not among the client's sessions (b, prod)"),
        ({"prod": ["dev"]}, ["prod"], "share_quotas: ['dev'] is not among the client's sessions (prod)"),
        ({"dev": None}, ["prod"], "share_quotas: 'dev' is not among the client's sessions (prod)"),
        ({"dev": "prod"}, [], "share_quotas: 'dev' is not among the client's sessions (none)"),
    ],
)
def test_only_profiles_of_the_client_share_quotas(
    given: Any,  # noqa: ANN401  # wrong on purpose
    profiles: list[str],
    text: str,
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shares_of(given, profiles)
    assert caught.value.message == text


DRAWS: Final = 10_000


@pytest.mark.parametrize("failures", [1, 2, 3, 5, 9, 40, 10_000])
def test_back_off_is_drawn_from_nothing_to_its_bound(failures: int) -> None:
    rng, bound = random.Random(3), min(20.0, 0.1 * 2.0 ** min(failures - 1, 60))
    drawn = [backoff(failures, rng.random()) for _ in range(DRAWS)]

    assert 0 <= min(drawn) < 0.01 * bound
    assert 0.99 * bound < max(drawn) <= bound
    assert sum(drawn) / DRAWS == pytest.approx(bound / 2, rel=0.05)
    assert backoff(failures, 1.0) == pytest.approx(bound)
