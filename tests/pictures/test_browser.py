"""In a real browser no label sticks out or covers another, colours follow the reader, and nothing is fetched."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from jobruns_sdk import RunState
from jobruns_sdk.pictures import Picture, durations, report, timeline
from tests.pictures.browser import measure, needs_browser, printed_pages
from tests.pictures.kit import ANALYTICS, DAY, ETL, EVIL, HOUR, MINUTE, NOW, attempt, drawn, run

pytestmark = needs_browser
BERLIN: Final = ZoneInfo("Europe/Berlin")


def night() -> tuple[list[Any], list[Any]]:
    """Return runs of every kind: going on, queued, retried, before the window, 40 at once, an evil name."""
    states = [state for state in RunState if state.is_terminal]
    runs = [
        run(f"jr_e{n}", NOW - 20 * HOUR + n * 90 * MINUTE, HOUR, states[n % 5], queued=9 * MINUTE) for n in range(10)
    ]
    runs += [run(f"jr_h{n}", NOW - DAY + n * HOUR, 4 * MINUTE, states[n % 5], job=ANALYTICS) for n in range(24)]
    runs += [run(f"jr_s{n}", NOW - 9 * HOUR + n * MINUTE, 2 * HOUR, states[n % 5], job=EVIL) for n in range(40)]
    runs += [
        run(f"jr_o{n}", NOW - 3 * HOUR, None, state, job=ANALYTICS)
        for n, state in enumerate(state for state in RunState if not state.is_terminal)
    ]
    runs.append(run("jr_stream", NOW - 3 * DAY, None, RunState.RUNNING, message="</script><script>alerted=1</script>"))
    retried = run("jr_r", NOW - 7 * HOUR, 5 * HOUR, attempt=3)
    attempts = [
        attempt(retried, n + 1, NOW - (7 - 2 * n) * HOUR + 5 * MINUTE, HOUR, state)
        for n, state in enumerate((RunState.FAILED, RunState.TIMED_OUT, RunState.SUCCEEDED))
    ]
    return [*runs, retried], attempts


def pictures() -> list[Picture]:
    runs, attempts = night()
    change = datetime(2026, 10, 25, 2, 15, tzinfo=UTC)  # an hour after clocks were set back
    spans = (timedelta(seconds=20), 3 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 9 * DAY, 70 * DAY, 900 * DAY, 9_000 * DAY)
    return [
        timeline(runs, attempts=attempts, since=NOW - DAY, now=NOW, zone=BERLIN),
        timeline([], now=NOW, zone=UTC),
        durations(runs, now=NOW, zone=BERLIN),
        timeline([run("jr_1", change - 4 * HOUR, 3 * HOUR)], now=change, until=change, zone=BERLIN),
        *(timeline([run("jr_1", NOW - span, span)], since=NOW - span, now=NOW, zone=BERLIN) for span in spans),
        *(durations([run("jr_1", NOW - span, span), run("jr_2", NOW)], now=NOW, zone=BERLIN) for span in spans),
        timeline([run("jr_1", job=ETL)], now=NOW, lane=lambda _: "W" * 60, zone=UTC),
        timeline([run("jr_1", job=ETL)], now=NOW, lane=lambda _: "夜間バッチ処理" * 9, zone=UTC),
    ]


@pytest.mark.parametrize("width", [480, 960, 1600])
def test_every_label_lies_inside_and_none_covers_another(tmp_path: Path, width: int) -> None:
    shown = pictures()
    found = measure([picture.svg(width=width) for picture in shown], tmp_path, width=width + 20)

    assert [(each["outside"], each["over"], each["loose"]) for each in found] == [([], [], [])] * len(shown)
    assert [each["drawn"] for each in found] == [len(drawn(picture.svg())) for picture in shown]
    assert found[0]["drawn"] == 83


@pytest.mark.parametrize(("dark", "ground"), [(False, "rgb(255, 255, 255)"), (True, "rgb(19, 20, 22)")])
def test_colours_follow_the_reader_unless_they_are_told(tmp_path: Path, dark: bool, ground: str) -> None:  # noqa: FBT001  # a parameter
    picture = pictures()[0]
    pages = [picture.svg(), picture.svg(theme="light"), picture.svg(theme="dark"), report([run("jr_1")], now=NOW)]
    found = measure(pages, tmp_path, dark=dark)

    assert [each["ground"] for each in found] == [ground, "rgb(255, 255, 255)", "rgb(19, 20, 22)", ground]


@pytest.mark.parametrize("width", [380, 1000])
def test_a_report_fits_a_phone_and_a_screen_and_fetches_nothing(tmp_path: Path, width: int) -> None:
    runs, attempts = night()
    html = report(runs, attempts=attempts, since=NOW - DAY, now=NOW, zone=BERLIN, title="<script>alerted=1</script>")
    (found,) = measure([html], tmp_path, width=width)

    assert found["wide"] <= width
    assert (found["outside"], found["over"], found["loose"]) == ([], [], [])
    assert (found["fetched"], found["scripts"], found["alerts"]) == (0, 1, 0)
    assert found["filter"], "its own script ran, by the hash in its policy"


def test_the_table_of_a_report_can_be_filtered(tmp_path: Path) -> None:
    html = report(
        [run("jr_1", state=RunState.FAILED), run("jr_2", state=RunState.FAILED, message="disk full")], now=NOW
    )
    type_in = (
        "const page = frames[0].contentDocument, box = page.getElementById('filter');box.value = 'DISK failed';"
        "box.dispatchEvent(new frames[0].contentWindow.Event('input'));"
        "const hidden = [...page.querySelectorAll('tbody tr')].map(row => row.hidden);"
        "frames[0].contentWindow.alerted = hidden + ' ' + page.getElementById('shown').value"
    )
    (found,) = measure([html], tmp_path, then=type_in)

    assert found["alerts"] == "false,true 1 of 2"


def test_a_row_of_a_printed_table_is_a_line_high(tmp_path: Path) -> None:
    runs = [run(f"jr_{n}{7**n:0<60}", NOW - n * HOUR, HOUR, RunState.PARTIALLY_SUCCEEDED) for n in range(1, 41)]

    assert printed_pages(report(runs, now=NOW, zone=BERLIN), tmp_path) <= 2
