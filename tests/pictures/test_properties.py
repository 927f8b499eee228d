"""Over random histories: what is drawn is what was, no more and no less, and only a success looks like one."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.pictures import Picture, durations, report, timeline
from tests.pictures.kit import ANALYTICS, ETL, NOW, SVG, attempt, drawn, elements, run

ENDED: Final = [state for state in RunState if state.is_terminal]
GOING_ON: Final = [state for state in RunState if state.is_active]
ZONES: Final = [
    ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Australia/Lord_Howe")
]
NAMES: Final = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() or text.isascii())
SPANS: Final = st.integers(0, 300_000).map(lambda seconds: timedelta(seconds=seconds))


class Lived(NamedTuple):
    """A run, its attempts, and the bars that it must have: kind, state, begin and end."""

    run: JobRun[Any]
    attempts: list[Attempt[Any]]
    bars: list[tuple[str, RunState, datetime, datetime]]


@st.composite
def lives(draw: st.DrawFn) -> list[Lived]:
    """Draw runs with attempts that follow each other, the last of which may go on; the judge of what is drawn."""
    return [_life(draw, number) for number in range(draw(st.integers(0, 12)))]


def _life(draw: st.DrawFn, number: int) -> Lived:
    job = draw(st.sampled_from([ETL, ANALYTICS]))
    created = NOW - timedelta(days=5) + draw(SPANS)
    bars: list[tuple[str, RunState, datetime, datetime]] = []
    times: list[tuple[datetime, datetime | None, RunState]] = []
    at = created
    for left in reversed(range(draw(st.integers(1, 4)))):
        begin = min(at + draw(SPANS) / 60, NOW)
        goes_on = left == 0 and draw(st.booleans())
        end = NOW if goes_on else min(begin + draw(SPANS) / 10, NOW)
        state = draw(st.sampled_from(GOING_ON[1:] if goes_on else ENDED))
        if begin > at:
            bars.append(("waiting", RunState.QUEUED, at, begin))
        bars.append(("attempt", state, begin, end))
        times.append((begin, None if goes_on else end, state))
        at = end
    begin, end_or_none, state = times[-1]
    known: dict[str, Any] = {
        "created_at": created,
        "started_at": begin,
        "ended_at": end_or_none,
        "updated_at": end_or_none or begin,
    }
    one = run(f"jr_{number}", state=state, job=job, attempt=len(times), **known)
    attempts = [
        attempt(one, n, begin, None if end is None else end - begin, state)
        for n, (begin, end, state) in enumerate(times, 1)
    ]
    return Lived(one, attempts, bars)


@given(found=lives(), data=st.data())
@settings(max_examples=60)
def test_the_bars_are_the_attempts_and_the_waits_between_them(found: list[Lived], data: st.DataObject) -> None:
    since = NOW - data.draw(st.integers(1, 7)) * timedelta(days=1)
    runs = data.draw(st.permutations([life.run for life in found]))
    attempts = data.draw(st.permutations([each for life in found for each in life.attempts]))
    picture = timeline(runs, attempts=attempts, since=since, now=NOW, zone=UTC)

    expected = {
        life.run.ref: life.bars for life in found if life.bars[-1][3] >= since and life.bars[0][2] <= picture.until
    }
    seen: dict[Any, list[tuple[str, RunState, datetime, datetime]]] = {}
    for bar in picture.rows():
        seen.setdefault(bar.run, []).append((bar.kind, bar.state, bar.begin, bar.end))
    assert seen == expected
    check_rows(picture)
    check_drawing(picture)


@given(found=lives())
@settings(max_examples=30)
def test_without_attempts_a_run_is_one_bar_from_its_beginning_to_its_end(found: list[Lived]) -> None:
    picture = timeline([life.run for life in found], now=NOW, zone=UTC)

    bars = {bar.run: bar for bar in picture.rows() if bar.kind != "waiting"}
    assert len(bars) == len(found)
    for life in found:
        bar = bars[life.run.ref]
        retried = life.run.attempt > 1
        assert (bar.kind, bar.state) == ("run" if retried else "attempt", life.run.state)
        assert bar.begin == (life.run.created_at if retried else life.run.started_at)
        assert bar.end == (life.run.ended_at or NOW)
        assert bar.is_open is (life.run.ended_at is None)
    check_drawing(picture)


def check_rows(picture: Picture) -> None:
    """No two runs lie in one row at one time."""
    places: dict[tuple[str, int], list[tuple[datetime, datetime]]] = {}
    spans: dict[Any, list[Any]] = {}
    for bar in picture.rows():
        spans.setdefault((bar.lane, bar.sublane, bar.run), []).append(bar)
    for (lane, row, _), bars in spans.items():
        places.setdefault((lane, row), []).append((bars[0].begin, max(bar.end for bar in bars)))
    for taken in places.values():
        ordered = sorted(taken)
        assert all(before[1] <= after[0] for before, after in pairwise(ordered))


def check_drawing(picture: Picture) -> None:
    """The shapes are the bars of the span of time, each in its state's colours, inside, and open if it goes on."""
    svg = picture.svg()
    visible = [
        bar
        for bar in picture.rows()
        if (bar.kind != "waiting" or bar.is_open) and bar.begin <= picture.until and bar.end >= picture.since
    ]
    assert Counter(drawn(svg)) == Counter((str(bar.state), bar.run.run_id) for bar in visible)
    for rect in elements(svg, "rect"):
        x, wide = float(rect.get("x") or 0), float(rect.get("width") or 0)
        assert x >= 0
        assert x + wide <= 960.1
    text = picture.text(72, ascii=True).splitlines()
    assert max(map(len, text)) <= 72


TIMES: Final = st.none() | st.integers(-14_400, 14_400).map(lambda minutes: NOW + timedelta(minutes=minutes))


@st.composite
def wild_runs(draw: st.DrawFn) -> JobRun[Any]:
    times: dict[str, Any] = {name: draw(TIMES) for name in ("created_at", "started_at", "updated_at", "ended_at")}
    return run(
        f"jr_{draw(st.integers(0, 9))}",
        state=draw(st.sampled_from(RunState)),
        job=JobRef("glue", (draw(NAMES),), "eu-west-1"),
        name=draw(st.none() | NAMES),
        attempt=draw(st.integers(1, 4)),
        message=draw(st.none() | st.text(max_size=200)),
        **times,
    )


@st.composite
def wild_attempts(draw: st.DrawFn, runs: list[JobRun[Any]]) -> list[Attempt[Any]]:
    found: list[Attempt[Any]] = []
    for _ in range(draw(st.integers(0, 6)) if runs else 0):
        one = attempt(draw(st.sampled_from(runs)), draw(st.integers(1, 5)), NOW, None, draw(st.sampled_from(RunState)))
        times: dict[str, Any] = {name: draw(TIMES) for name in ("created_at", "started_at", "updated_at", "ended_at")}
        found.append(attrs.evolve(one, **times))
    return found


@given(runs=st.lists(wild_runs(), max_size=8), data=st.data(), zone=st.sampled_from(ZONES))
@settings(max_examples=60)
def test_whatever_services_tell_can_be_drawn_and_only_successes_look_like_them(
    runs: list[JobRun[Any]], data: st.DataObject, zone: ZoneInfo
) -> None:
    attempts = data.draw(wild_attempts(runs))
    lane: Any = data.draw(st.sampled_from(["job", "name"]))
    picture = timeline(runs, attempts=attempts, now=NOW, lane=lane, zone=zone)
    html = report(runs, attempts=attempts, now=NOW, lane=lane, zone=zone)

    succeeded = {one.ref for one in runs if one.succeeded} | {
        one.run for one in attempts if one.state is RunState.SUCCEEDED
    }
    for each in (picture, durations(runs, now=NOW, lane=lane, zone=zone)):
        assert {bar.run for bar in each.rows() if bar.state is RunState.SUCCEEDED} <= succeeded
        assert all(bar.begin <= bar.end for bar in each.rows())
        assert not any(bar.is_open and bar.state.is_terminal for bar in each.rows())
        svg = each.svg()
        shapes = ET.fromstring(svg).iter()  # noqa: S314  # made here
        green = {shape.get("data-run") for shape in shapes if "SUCCEEDED" in (shape.get("class") or "").split()}
        assert green - {None} <= {ref.run_id for ref in succeeded}
        assert f"{SVG}script" not in {shape.tag for shape in ET.fromstring(svg).iter()}  # noqa: S314  # made here
        assert max(map(len, each.text(50, ascii=True).splitlines())) <= 50
    assert html.count("<script") == 1
