"""Sums of many runs: the parts make the whole, what is unknown is counted, and a month is summed in two ways."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any, get_args
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import UNSUCCESSFUL, InvalidRequestError, RunState
from jobruns_sdk.costs import CostRow
from jobruns_sdk.costs.summary import GroupBy
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import JobRun, Usage
from tests.costs.figures import APPLICATION, GLUE, PRICES, REGION, emr_run, glue_run

DAY = datetime(2026, 11, 1, tzinfo=UTC)
JOBS = [JobRef("glue", (name,), region) for name in ("a", "b", "c") for region in (REGION, "eu-west-1")]


def run(job: JobRef, dpu_hours: float | None, state: RunState, at: timedelta) -> JobRun[Any]:
    usage = None if dpu_hours is None else Usage(dpu_hours=dpu_hours, basis="estimated")
    return attrs.evolve(glue_run({}), job=job, usage=usage, state=state, created_at=DAY + at)


def is_unknown(one: JobRun[Any]) -> bool:
    return one.usage is None or (one.job.region != REGION and bool(one.usage.dpu_hours))


runs = st.lists(
    st.builds(
        run,
        st.sampled_from(JOBS),
        st.none() | st.floats(0, 1e4),
        st.sampled_from(RunState),
        st.timedeltas(timedelta(), timedelta(days=40)),
    ),
    max_size=30,
)
groups = st.lists(st.sampled_from(get_args(GroupBy)), unique=True, max_size=3)


@given(runs, groups)
def test_groups_make_the_whole(rows: list[JobRun[Any]], by: list[GroupBy]) -> None:
    table, whole = PRICES.summary(rows, by=by), PRICES.summary(rows)

    assert sum(row.runs for row in table) == len(rows)
    assert sum(row.unknown for row in table) == sum(map(is_unknown, rows))
    assert len({row.group for row in table}) == len(table)
    if rows:
        assert sum(row.amount or 0 for row in table) == (whole[0].amount or 0)
        assert sum(row.unsuccessful for row in table) == whole[0].unsuccessful
    assert all((row.amount is None) == (row.unknown == row.runs) for row in table)


def test_a_month_is_summed_in_two_ways() -> None:
    chance = Random(20261130)
    rows = [
        run(
            chance.choice(JOBS[::2]),  # those of the region with a price
            chance.randrange(60, 36_000) * chance.randrange(2, 50) / 3600,
            chance.choice([*RunState]),
            timedelta(seconds=chance.randrange(30 * 86_400)),
        )
        for _ in range(5_000)
    ]
    by_day = PRICES.summary(rows, by=("job", "day", "state"))

    seconds: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        assert row.usage is not None
        assert row.usage.dpu_hours is not None
        assert row.created_at is not None
        seconds[str(row.job), row.created_at.date().isoformat(), row.state] += round(row.usage.dpu_hours * 3600)
    exact = {group: Fraction(total, 3600) * Fraction("0.44") for group, total in seconds.items()}
    assert {group.group for group in by_day} == exact.keys()
    for group in by_day:
        assert group.amount is not None
        assert abs(Fraction(group.amount) - exact[group.group]) < Fraction(1, 10**9)
    unsuccessful = sum(amount for group, amount in exact.items() if group[2] in UNSUCCESSFUL)
    assert abs(Fraction(PRICES.summary(rows)[0].unsuccessful) - unsuccessful) < Fraction(1, 10**7)


def test_what_is_unknown_is_counted_and_never_zero() -> None:
    known, unknown = glue_run({"MaxCapacity": 10.0, "ExecutionTime": 3600}), attrs.evolve(glue_run({}), usage=None)

    assert PRICES.summary([known, unknown, unknown]) == [CostRow((), Decimal("4.4"), Decimal(0), "USD", 3, 2)]
    assert PRICES.summary([unknown]) == [CostRow((), None, Decimal(0), "USD", 1, 1)]
    assert PRICES.summary([]) == []


def test_the_most_expensive_group_comes_first_and_what_is_unknown_last() -> None:
    cheap = attrs.evolve(glue_run({"MaxCapacity": 1.0, "ExecutionTime": 3600}), job=JOBS[2])
    dear = glue_run({"MaxCapacity": 10.0, "ExecutionTime": 3600})
    unknown = attrs.evolve(dear, usage=None, job=JOBS[4])

    rows = PRICES.summary([unknown, cheap, dear], by="job_name")
    assert [row.group for row in rows] == [("etl",), ("b",), ("c",)]


def test_days_are_those_of_the_zone() -> None:
    row = attrs.evolve(glue_run({"MaxCapacity": 1.0, "ExecutionTime": 60}), created_at=DAY - timedelta(minutes=30))
    assert PRICES.summary([row], by="day")[0].group == ("2026-10-31",)
    assert PRICES.summary([row], by="day", zone=ZoneInfo("Europe/Berlin"))[0].group == ("2026-11-01",)


def test_groups_by_names() -> None:
    named = attrs.evolve(APPLICATION, job_name="analytics", profile="prod")
    row = PRICES.summary([emr_run(1, 1, job=named)], by=("job", "job_name", "service", "region", "profile", "state"))[0]
    text = "emr-serverless:00f1abc?region=us-east-1&profile=prod"
    assert row.group == (text, "analytics", "emr-serverless", REGION, "prod", "SUCCEEDED")
    assert PRICES.summary([emr_run(1, 1)], by="day")[0].group == ("",)
    assert PRICES.summary([glue_run({})], by=["profile"])[0].group == ("",)
    assert GLUE.profile is None


@pytest.mark.parametrize(
    ("options", "words"), [({"by": "month"}, "by must be of 'job'"), ({"zone": "UTC"}, "a time zone")]
)
def test_what_is_no_group_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequestError, match=words):
        PRICES.summary([], **options)
