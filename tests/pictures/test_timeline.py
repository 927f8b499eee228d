"""A timeline is as true as what is known of the runs."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import pytest
from rich.console import Console

from jobruns_sdk import InvalidRequestError, JobRun, RunState
from jobruns_sdk.pictures import Picture, timeline
from tests.pictures.kit import (
    ANALYTICS,
    DAY,
    ETL,
    EVIL,
    HOUR,
    MINUTE,
    NOW,
    attempt,
    brief,
    drawn,
    elements,
    run,
)

TEXT = """
                   Mon 30 Nov
                   09:00       12:00       15:00      18:00
analytics    ╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍╍▶
nightly-etl                 ━━━━✗···━━━━━━━━━━━━━       ····
· queued  ▶ running  ━ succeeded  ✗ failed
2026-11-30 07:20:00 UTC to 2026-11-30 19:20:00 UTC: 3 runs,
2 going on
"""[1:].splitlines()


def of(*runs: Any, **options: Any) -> Picture:  # noqa: ANN401  # as timeline() takes them
    given: dict[str, Any] = {"now": NOW, "zone": UTC}
    return timeline(runs, **given | options)


def test_a_run_is_a_bar_and_its_queue_a_line() -> None:
    picture = of(run("jr_1", queued=10 * MINUTE))

    assert brief(picture.rows()) == [("waiting", "QUEUED", 1, 240, 230), ("attempt", "SUCCEEDED", 1, 230, 170)]
    assert {bar.lane for bar in picture.rows()} == {"nightly-etl"}
    assert drawn(picture.svg()) == [("SUCCEEDED", "jr_1")]


def test_a_run_that_goes_on_is_open_until_now() -> None:
    (bar,) = of(run("jr_1", took=None, state=RunState.RUNNING)).rows()

    assert (bar.end, bar.is_open, bar.state) == (NOW, True, RunState.RUNNING)


def test_a_queued_run_is_waiting_and_nothing_else() -> None:
    picture = of(run("jr_1", took=None, state=RunState.QUEUED, started_at=None))

    assert brief(picture.rows()) == [("waiting", "QUEUED", 1, 240, 0)]
    assert [rect.get("class") for rect in elements(picture.svg(), "rect") if rect.get("data-run")] == ["hollow QUEUED"]
    assert "━" not in picture.text()


def test_a_retried_run_has_no_queue_unless_its_attempts_are_given() -> None:
    retried = run("jr_1", NOW - 4 * HOUR, 3 * HOUR, attempt=3, started_at=NOW - 2 * HOUR)
    attempts = [
        attempt(retried, 3, NOW - 2 * HOUR, HOUR, RunState.SUCCEEDED),
        attempt(retried, 1, NOW - 230 * MINUTE, 40 * MINUTE, RunState.FAILED),
        attempt(retried, 2, NOW - 180 * MINUTE, 40 * MINUTE, RunState.TIMED_OUT),
    ]

    assert brief(of(retried).rows()) == [("run", "SUCCEEDED", 3, 240, 60)]
    assert brief(of(retried, attempts=attempts).rows()) == [
        ("waiting", "QUEUED", 1, 240, 230),
        ("attempt", "FAILED", 1, 230, 190),
        ("waiting", "QUEUED", 2, 190, 180),
        ("attempt", "TIMED_OUT", 2, 180, 140),
        ("waiting", "QUEUED", 3, 140, 120),
        ("attempt", "SUCCEEDED", 3, 120, 60),
    ]


def test_an_attempt_that_was_read_before_its_run_takes_the_later_word() -> None:
    ended = run("jr_1", NOW - 4 * HOUR, 3 * HOUR, attempt=2)
    early = [
        attempt(ended, 1, NOW - 4 * HOUR, HOUR, RunState.FAILED),
        attempt(ended, 2, NOW - 3 * HOUR, None, RunState.RUNNING),
    ]

    assert brief(of(ended, attempts=early).rows())[-1] == ("attempt", "SUCCEEDED", 2, 180, 60)
    assert brief(of(ended, attempts=early[:1]).rows()) == [
        ("attempt", "FAILED", 1, 240, 180),
        ("run", "SUCCEEDED", 2, 180, 60),
    ]


def test_attempts_whose_times_contradict_each_other_keep_their_run_in_one_row_and_in_the_window() -> None:
    odd = run("jr_1", NOW - 4 * HOUR, 2 * HOUR, attempt=2)
    attempts = [
        attempt(odd, 1, NOW - 2 * HOUR, HOUR, RunState.FAILED),
        attempt(odd, 2, NOW - 4 * HOUR, HOUR, RunState.SUCCEEDED),
    ]
    other = run("jr_2", NOW - 210 * MINUTE, 20 * MINUTE)

    rows = {bar.run.run_id: bar.sublane for bar in of(odd, other, attempts=attempts).rows()}
    assert rows == {"jr_1": 0, "jr_2": 1}
    assert len(of(odd, attempts=attempts, until=NOW - 3 * HOUR, since=NOW - 5 * HOUR).rows()) == 3


def test_an_attempt_that_is_queued_is_waiting_and_open() -> None:
    retried = run("jr_1", NOW - 4 * HOUR, None, RunState.QUEUED, attempt=2)
    attempts = [
        attempt(retried, 1, NOW - 4 * HOUR, HOUR, RunState.FAILED),
        attempt(retried, 2, NOW - 2 * HOUR, None, RunState.QUEUED, started_at=None),
    ]
    picture = of(retried, attempts=attempts)

    assert brief(picture.rows()) == [
        ("attempt", "FAILED", 1, 240, 180),
        ("waiting", "QUEUED", 2, 180, 120),
        ("waiting", "QUEUED", 2, 120, 0),
    ]
    assert [bar.is_open for bar in picture.rows()] == [False, False, True]
    assert drawn(picture.svg()) == [("QUEUED", "jr_1"), ("FAILED", "jr_1")]


@pytest.mark.parametrize(
    "window", [{"since": NOW + DAY}, {"until": NOW - 9 * DAY}, {"since": NOW + DAY, "until": NOW + 2 * DAY}]
)
def test_a_window_without_runs_is_drawn_empty(window: dict[str, Any]) -> None:
    picture = of(run("jr_1"), **window)

    assert picture.rows() == []
    assert picture.since < picture.until
    assert "1 outside this time" in picture.text()
    assert "No runs in this time" in picture.svg()


def test_no_wait_is_drawn_before_an_attempt_whose_predecessor_is_forgotten() -> None:
    retried = run("jr_1", NOW - 4 * HOUR, 3 * HOUR, attempt=2)

    assert brief(of(retried, attempts=[attempt(retried, 2, NOW - 2 * HOUR, HOUR, RunState.SUCCEEDED)]).rows()) == [
        ("attempt", "SUCCEEDED", 2, 120, 60)
    ]


def test_an_end_that_is_not_told_is_the_last_change_and_the_picture_says_so() -> None:
    picture = of(run("jr_1", ended_at=None), run("jr_2"))

    assert [(bar.is_approximate, bar.end) for bar in picture.rows()] == [
        (True, NOW - 3 * HOUR),
        (False, NOW - 3 * HOUR),
    ]
    assert "of 1 the end is the last change" in picture.text()
    assert "of 1 the end is the last change" in picture.svg()


@pytest.mark.parametrize(
    ("more", "state", "expected"),
    [
        ({"ended_at": NOW - 5 * HOUR, "updated_at": None}, RunState.FAILED, (240, 240)),
        ({"started_at": NOW - 5 * HOUR}, RunState.SUCCEEDED, (300, 180)),
        ({"created_at": None}, RunState.SUCCEEDED, (240, 180)),
        ({"created_at": None, "started_at": None, "ended_at": None}, RunState.STOPPED, (180, 180)),
        ({"created_at": NOW + HOUR, "started_at": None, "ended_at": None}, RunState.RUNNING, (-60, -60)),
        ({}, RunState.UNKNOWN, (240, 180)),
        ({"ended_at": None}, RunState.UNKNOWN, (240, 0)),
    ],
)
def test_times_that_contradict_each_other_or_are_missing(
    more: dict[str, Any], state: RunState, expected: tuple[int, int]
) -> None:
    (bar,) = of(run("jr_1", state=state, **more)).rows()

    assert ((NOW - bar.begin) // MINUTE, (NOW - bar.end) // MINUTE) == expected
    assert bar.state is state


def test_a_run_without_any_time_is_told_of() -> None:
    nothing: dict[str, Any] = dict.fromkeys(("created_at", "started_at", "updated_at", "ended_at"))
    picture = of(run("jr_1", **nothing))

    assert picture.rows() == []
    assert "1 without times" in picture.text()


def test_the_window_keeps_what_overlaps_it_and_counts_the_rest() -> None:
    stream = run("jr_0", NOW - 3 * DAY, None, RunState.RUNNING)
    before, after = run("jr_1", NOW - 9 * HOUR), run("jr_2", NOW - 2 * HOUR)
    picture = of(stream, before, after, since=NOW - 4 * HOUR)

    assert [bar.run.run_id for bar in picture.rows()] == ["jr_0", "jr_2"]
    assert (picture.since, picture.until) == (NOW - 4 * HOUR, NOW)
    assert "1 outside this time" in picture.text()
    left = [path for path in elements(picture.svg(), "path") if "l-5" in (path.get("d") or "")]
    assert left, "an arrow where it began before"


def test_a_run_that_appears_twice_is_drawn_once_as_it_was_last_seen() -> None:
    early = run("jr_1", took=None, state=RunState.RUNNING)
    late = run("jr_1", state=RunState.FAILED)
    retried = run("jr_1", took=None, state=RunState.RUNNING, attempt=2)

    assert [bar.state for bar in of(late, early).rows()] == [RunState.FAILED]
    assert [bar.attempt for bar in of(retried, late, early).rows()] == [2]


def test_runs_that_overlap_lie_in_rows_of_their_own() -> None:
    runs = [run(f"jr_{n}", NOW - 10 * HOUR + n * MINUTE, 2 * HOUR) for n in range(40)]
    later = run("jr_later", NOW - HOUR, MINUTE)
    picture = of(*runs, later)

    rows = {bar.run.run_id: bar.sublane for bar in picture.rows()}
    assert [rows[f"jr_{n}"] for n in range(40)] == list(range(40))
    assert rows["jr_later"] == 0
    assert ">40 at once</text>" in picture.svg()
    assert len(drawn(picture.svg())) == 41


def test_what_failed_is_drawn_last() -> None:
    runs = [run(f"jr_{n}", NOW - 10 * HOUR, 2 * HOUR, list(RunState)[n % 10]) for n in range(20)]

    assert [state for state, _ in drawn(of(*runs).svg())][-2:] == ["FAILED", "FAILED"]


def test_a_bar_is_two_pixels_wide_at_least_and_stays_inside() -> None:
    picture = of(run("jr_1", NOW - DAY, timedelta(0)), run("jr_2", NOW, timedelta(0), RunState.FAILED))

    bars = [rect for rect in elements(picture.svg(), "rect") if rect.get("data-run")]
    assert [float(bar.get("width") or 0) >= 2 for bar in bars] == [True, True]
    assert all(float(bar.get("x") or 0) + float(bar.get("width") or 0) <= 960 - 22 + 0.1 for bar in bars)


def test_no_runs_at_all() -> None:
    picture = timeline([], now=NOW, zone=UTC)

    assert picture.rows() == []
    assert "No runs in this time" in picture.svg()
    assert picture.text() == "2026-11-30 18:20:00 UTC to 2026-11-30 19:20:00 UTC: 0 runs"
    assert repr(picture) == "<Timeline: 0 runs, 2026-11-30T18:20:00+00:00 to 2026-11-30T19:20:00+00:00>"


def test_names_of_services_and_people_are_escaped() -> None:
    evil = run("jr_1", job=EVIL, message="<script>alert(2)</script>\x1b]0;owned\x07\ufffe\nmore", state=RunState.FAILED)
    picture = of(evil)

    svg = picture.svg()
    assert "<script" not in svg
    assert not any(sign in svg + picture.text() for sign in "\x1b\x07\u202e\ufffe")
    (tooltip,) = [title.text or "" for title in elements(svg, "title") if "FAILED" in (title.text or "")]
    assert "<script>alert(2)</script>\\x1b]0;owned" in tooltip
    assert "more" not in tooltip
    assert picture.text(ascii=True).isascii()


def test_a_tooltip_tells_the_run_and_its_times() -> None:
    svg = of(run("jr_1", state=RunState.FAILED, message="disk full\nat line 3"), zone=ZoneInfo("Europe/Berlin")).svg()

    assert (
        "<title>glue:nightly-etl/jr_1?region=eu-west-1\nFAILED, attempt 1, 1h 00m\n"
        "2026-11-30 16:20:00 CET to 2026-11-30 17:20:00 CET\ndisk full</title>"
    ) in svg


def test_a_picture_says_what_it_shows_to_those_who_do_not_see_it() -> None:
    svg = of(run("jr_1"), run("jr_2", state=RunState.FAILED, job=ANALYTICS)).svg()

    assert ' role="img" aria-label="Timeline of 2 runs in 2 lanes"' in svg
    (told,) = [each.text or "" for each in elements(svg, "desc")]
    assert told.endswith("2 runs; analytics: 1 FAILED; nightly-etl: 1 SUCCEEDED")


@pytest.mark.parametrize("state", [state for state in RunState if state is not RunState.SUCCEEDED])
def test_a_state_is_told_without_its_colour(state: RunState) -> None:
    took = HOUR if state.is_terminal else None
    picture = of(run("jr_1", NOW - 4 * HOUR, took, state), until=NOW)
    success = of(run("jr_1", NOW - 4 * HOUR, HOUR if took else 4 * HOUR), until=NOW)

    def shapes(each: Picture) -> list[str]:
        rects = [rect.get("class", "").split()[0] for rect in elements(each.svg(), "rect")]
        return [*(path.get("d", "") for path in elements(each.svg(), "path")), *rects]

    assert shapes(picture) != shapes(success)
    (line,) = [line for line in picture.text().splitlines() if line.startswith("nightly-etl")]
    assert line.removeprefix("nightly-etl").strip(" ━")


def test_light_and_dark() -> None:
    picture = of(run("jr_1"))

    assert "prefers-color-scheme" in picture.svg()
    light, dark = picture.svg(theme="light"), picture.svg(theme="dark")
    assert "prefers-color-scheme" not in light + dark
    assert ("#131416" in light, "#131416" in dark) == (False, True)


def test_a_style_touches_nothing_else_of_a_page() -> None:
    svg = of(run("jr_1")).svg()
    style = elements(svg, "style")[0].text or ""
    selectors = [rule.partition("{")[0].rpartition("}")[2] for rule in style.replace("}", "}\n").splitlines()]
    plain = [one for one in selectors if one and not one.startswith("@")]

    assert plain
    assert all(one.startswith("svg.jobruns") for one in plain)
    assert svg.count("http") == 1  # the name of the format


@pytest.mark.parametrize("width", [40, 60, 100, 200])
@pytest.mark.parametrize("ascii", [True, False])
def test_text_fits(width: int, ascii: bool) -> None:  # noqa: A002, FBT001  # as Picture.text() names it
    runs = [
        run(f"jr_{n}", NOW - n * HOUR, HOUR, list(RunState)[n % 10], job=[ETL, ANALYTICS, EVIL][n % 3])
        for n in range(30)
    ]
    lines = of(*runs).text(width, ascii=ascii).splitlines()

    assert max(map(len, lines)) <= width
    assert [line[:7] for line in lines if line[0] in "<an"][:3] == ["<script", "analyti", "nightly"]


def test_text_of_a_night() -> None:
    retried = run("jr_1", NOW - 8 * HOUR, 5 * HOUR, attempt=2)
    runs = [
        retried,
        run("00f1", NOW - 3 * DAY, None, RunState.RUNNING, job=ANALYTICS),
        run("jr_2", NOW - HOUR, None, RunState.QUEUED, started_at=None),
    ]
    attempts = [
        attempt(retried, 1, NOW - 8 * HOUR, HOUR, RunState.FAILED),
        attempt(retried, 2, NOW - 6 * HOUR, 3 * HOUR, RunState.SUCCEEDED),
    ]
    picture = of(*runs, attempts=attempts, since=NOW - 12 * HOUR)

    assert picture.text(60).splitlines() == TEXT
    assert str(picture) == picture.text(100)


def test_rich_shows_colours_and_the_width_of_its_console() -> None:
    picture = of(run("jr_1", state=RunState.FAILED))
    console = Console(width=70, color_system="standard", force_terminal=True, record=True)
    with console.capture() as shown:
        console.print(picture)

    assert "\x1b[31m━\x1b[0m" in shown.get()
    assert re.sub(r"\x1b\[[\d;]*m", "", shown.get()).split() == picture.text(70).split()


def test_a_picture_is_a_value() -> None:
    one, other = of(run("jr_1")), of(run("jr_1"))

    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        one.title = "x"  # type: ignore[misc]  # which is refused


def test_a_picture_can_be_kept(tmp_path: Path) -> None:
    picture = of(run("jr_1"))
    picture.save(tmp_path / "t.svg")
    picture.save(str(tmp_path / "t.TXT"))

    assert (tmp_path / "t.svg").read_text(encoding="utf-8") == picture.svg()
    assert (tmp_path / "t.TXT").read_text(encoding="utf-8") == picture.text() + "\n"
    with pytest.raises(InvalidRequestError, match=r"path must be the name of a \.svg or a \.txt file"):
        picture.save(tmp_path / "t.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.TXT", "t.svg"]


def nameless(of: JobRun[Any]) -> str:
    return of.message or ""


def numbered(of: JobRun[Any]) -> int:
    return of.attempt


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"since": datetime(2026, 1, 1)}, "since must be a datetime with a time zone"),  # noqa: DTZ001  # refused
    ({"until": "now"}, "until must be"),
    ({"since": NOW, "until": NOW}, "since must be before until"),
    ({"now": 1}, "now must be"),
    ({"zone": "Europe/Berlin"}, "zone must be a time zone"),
    ({"lane": "service"}, 'lane must be "job", "name" or a function of a run'),
    ({"lane": nameless}, "what lane= returns must be a string, got an empty one"),
    ({"lane": numbered}, "what lane= returns must be a string"),
    ({"names": ["x"]}, "names must be a mapping of jobs to names"),
    ({"names": {"glue": "x"}}, "names no service"),
    ({"names": {"glue:x": ""}}, "must be a string, got an empty one"),
    ({"attempts": [run("jr_1")]}, "each of attempts must be an Attempt"),
]


@pytest.mark.parametrize(("options", "match"), REFUSED)
def test_what_is_refused(options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidRequestError, match=match):
        of(run("jr_1"), **options)


def test_runs_that_are_none_are_refused() -> None:
    for wrong in ("glue:x/jr_1", run("jr_1")):
        with pytest.raises(InvalidRequestError, match="runs must be a list"):
            timeline(wrong)  # type: ignore[arg-type]  # which is refused
    with pytest.raises(InvalidRequestError, match="each of runs must be a JobRun"):
        timeline([run("jr_1").ref])  # type: ignore[list-item]  # which is refused
    for wrong_width in (10, 0, True):
        with pytest.raises(InvalidRequestError, match="width must be"):
            of().svg(width=wrong_width)
        with pytest.raises(InvalidRequestError, match="width must be"):
            of().text(wrong_width)
    with pytest.raises(InvalidRequestError, match="theme must be"):
        of().svg(theme="pink")  # type: ignore[arg-type]  # which is refused
