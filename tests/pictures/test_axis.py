"""Ticks are at round times of the reader's zone, each once, also on days when clocks change."""

import os
import time
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.pictures.axis import clock, local, ticks

BERLIN = ZoneInfo("Europe/Berlin")


def labels(since: datetime, until: datetime, zone: ZoneInfo | None = BERLIN, most: int = 10) -> list[str]:
    return [f"{tick.day} {tick.label}".strip() for tick in ticks(since, until, zone, most)]


def test_hours_of_a_day_that_clocks_are_set_forward() -> None:
    assert labels(datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 4, tzinfo=UTC)) == [
        "Sun 29 Mar 00:00",
        *("00:30", "01:00", "01:30", "03:00", "03:30", "04:00", "04:30", "05:00", "05:30", "06:00"),
    ]


def test_hours_of_a_day_that_clocks_are_set_back() -> None:
    since, until = datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 6, tzinfo=UTC)

    assert labels(since, until) == [
        "Sun 25 Oct 00:00",
        "01:00",
        "02:00",
        "02:00",
        "03:00",
        "04:00",
        "05:00",
        "06:00",
        "07:00",
    ]
    assert [clock(tick.at, BERLIN) for tick in ticks(since, until, BERLIN, 10)][2:4] == [
        "2026-10-25 02:00:00 CEST",
        "2026-10-25 02:00:00 CET",
    ]


def test_days_of_a_week_that_clocks_change_are_midnights() -> None:
    found = ticks(datetime(2026, 10, 22, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC), BERLIN, 10)

    assert [local(tick.at, BERLIN).hour for tick in found] == [0] * 7
    assert [tick.label for tick in found][:4] == ["Fri 23 Oct", "Sat 24 Oct", "Sun 25 Oct", "Mon 26 Oct"]


def test_weeks_begin_on_mondays_and_months_and_years_on_their_first_day() -> None:
    since = datetime(2026, 1, 15, tzinfo=UTC)
    assert labels(since, since + timedelta(days=50)) == [
        *("Mon 19 Jan", "Mon 26 Jan", "Mon 2 Feb", "Mon 9 Feb", "Mon 16 Feb", "Mon 23 Feb", "Mon 2 Mar")
    ]
    assert labels(since, since + timedelta(days=250))[:3] == ["Feb 2026", "Mar 2026", "Apr 2026"]
    assert labels(since, since + timedelta(days=9_000))[:2] == ["Jan 2030", "Jan 2035"]


def test_a_zone_whose_offset_is_no_whole_hour() -> None:
    since = datetime(2026, 1, 15, 0, 1, tzinfo=UTC)
    for hours, most in ((1, 8), (10, 8), (40, 8)):
        found = labels(since, since + timedelta(hours=hours), ZoneInfo("Asia/Kathmandu"), most)
        assert 2 <= len(found) <= most + 1
        assert all(label[-2:] in {"00", "10", "20", "30", "40", "50"} for label in found)


def test_the_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    since = datetime(2026, 3, 28, 20, tzinfo=UTC)
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", "Europe/Berlin")
        time.tzset()
        here = [
            (tick.at, tick.label)
            for hours in (8, 90, 9_000)
            for tick in ticks(since, since + timedelta(hours=hours), None, 9)
        ]
    time.tzset()

    there = [
        (tick.at, tick.label)
        for hours in (8, 90, 9_000)
        for tick in ticks(since, since + timedelta(hours=hours), BERLIN, 9)
    ]
    assert here == there


MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(
    since=MOMENTS,
    length=st.floats(1, 1e10).map(lambda seconds: timedelta(seconds=seconds)),
    zone=st.sampled_from(
        [*map(ZoneInfo, ("UTC", "Europe/Berlin", "Australia/Lord_Howe")), timezone(timedelta(hours=-12))]
    ),
    most=st.integers(2, 20),
)
def test_ticks_are_inside_in_order_and_not_too_many(
    since: datetime, length: timedelta, zone: ZoneInfo, most: int
) -> None:
    until = since + min(length, datetime.max.replace(tzinfo=UTC) - since)
    if until > since:
        found = ticks(since, until, zone, most)
        assert all(since <= tick.at <= until for tick in found)
        assert all(before.at < after.at for before, after in pairwise(found))
        assert len(found) <= most + 3
