"""How values show: a short ``repr``, a table in a notebook, and one in a terminal where rich is."""

import io
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import attrs
import pytest
from rich.console import Console

from jobruns_sdk.model.display import Shown
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.runs import Attempt, Job, JobRun, Usage
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.services.glue import native as glue
from tests.unit.values import ATTEMPT, CANARY, ENDED, JOB, REF, RUN

FOUND = Job(JOB, "nightly-etl", None, glue.Job(Name="nightly-etl"))
STREAM = attrs.evolve(
    RUN, state=RunState.STOPPED, native_state="CANCELLED", attempt=2, message="<b>stop</b> & go\nmore"
)


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


class Cells(HTMLParser):
    """The text of a table's cells, by row; every element that is opened must be closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.rows[-1][-1] += data


def html_of(value: Any) -> str:  # noqa: ANN401  # whatever a notebook would ask
    html: str = value._repr_html_()
    return html


def printed(value: object, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(value)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (JOB, "<JobRef glue:nightly-etl?region=eu-west-1>"),
        (REF, "<RunRef glue:nightly-etl/jr_0?region=eu-west-1>"),
        (
            RUN,
            f"<JobRun {REF}: FAILED, created 2026-11-20 02:00:04Z, took 0:05:00, 'it broke'>",
        ),
        (
            attrs.evolve(STREAM, ended_at=None, message=None),
            f"<JobRun {REF}: STOPPED (CANCELLED), attempt 2, created 2026-11-20 02:00:04Z>",
        ),
        (
            attrs.evolve(ATTEMPT, created_at=None, started_at=None),
            "<Attempt 2 of glue:nightly-etl/jr_0?region=eu-west-1: FAILED, 'it broke'>",
        ),
        (FOUND, "<Job glue:nightly-etl?region=eu-west-1: name nightly-etl>"),
        (attrs.evolve(FOUND, name=None), "<Job glue:nightly-etl?region=eu-west-1>"),
        (attrs.evolve(FOUND, state="STARTED"), f"<Job {JOB}: name nightly-etl, state STARTED>"),
        (
            attrs.evolve(RUN, state=RunState.UNKNOWN, native_state="", created_at=None, started_at=None, message=None),
            f"<JobRun {REF}: UNKNOWN>",
        ),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_a_repr_is_short(value: object, text: str) -> None:
    assert repr(value) == text


@pytest.mark.parametrize(
    ("usage", "text"),
    [
        (Usage(dpu_hours=1.5), "1.5 DPU h (consumed)"),
        (Usage(1 / 3, 2, 0, basis="billed"), "0.333 vCPU h, 2 GB h, 0 GB h of storage (billed)"),
    ],
)
def test_usage_is_told_with_its_units(usage: Usage, text: str) -> None:
    assert str(usage) == text


@pytest.mark.usefixtures("in_berlin")
def test_a_notebook_shows_one_value_as_a_card_in_the_readers_zone() -> None:
    cells = dict(Cells(html_of(STREAM)).rows)
    assert cells == {
        "run": "glue:nightly-etl/jr_0?region=eu-west-1",
        "run name": "nightly-etl",
        "state": "STOPPED (CANCELLED), attempt 2",
        "created": "2026-11-20 03:00:04 CET",
        "duration": "0:05:00",
        "usage": "1.5 DPU h (consumed)",
        "message": "<b>stop</b> & go",
    }
    assert '<time datetime="2026-11-20T02:00:04.313000+00:00">' in html_of(STREAM)
    assert dict(Cells(html_of(ATTEMPT)).rows) == {
        "run": "glue:nightly-etl/jr_0?region=eu-west-1",
        "attempt": "2",
        "state": "FAILED",
        "created": "2026-11-20 03:00:04 CET",
        "duration": "0:05:00",
        "usage": "1.5 DPU h (consumed)",
        "message": "it broke",
    }
    assert dict(Cells(html_of(FOUND)).rows) == {"job": str(JOB), "name": "nightly-etl", "state": ""}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (None, ""),
        ("\n one \ntwo\nthree", "one "),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 77 + "..."),
    ],
)
def test_a_table_holds_the_first_line_of_a_message_up_to_80_characters(message: str | None, shown: str) -> None:
    assert dict(Cells(html_of(attrs.evolve(RUN, message=message))).rows)["message"] == shown


def test_a_notebook_shows_a_list_as_a_table() -> None:
    head, *rows = Cells(html_of(Collected([RUN, STREAM]))).rows
    assert head == ["state", "job", "run", "attempt", "created", "took", "message"]
    assert [row[:4] for row in rows] == [
        ["FAILED", "nightly-etl", "jr_0", "1"],
        ["STOPPED", "nightly-etl", "jr_0", "2"],
    ]
    assert [row[5:] for row in rows] == [["5m 00s", "it broke"], ["5m 00s", "<b>stop</b> & go"]]
    *_, last = Cells(html_of(Collected([RUN] * 1_234))).rows
    assert last == ["and 1,134 more"]


def test_the_state_has_a_colour() -> None:
    assert '<td style="color: red">FAILED</td>' in html_of(Collected([RUN]))
    assert '<td style="color: orange">STOPPED (CANCELLED), attempt 2</td>' in html_of(STREAM)
    running = attrs.evolve(RUN, state=RunState.RUNNING, name="FAILED")
    assert "color" not in html_of(running)


def test_a_terminal_shows_a_list_as_a_table_in_utc_that_fits() -> None:
    assert printed(Collected([RUN, STREAM])).splitlines() == [
        "state    job          run   try  created       took    message         ",
        "FAILED   nightly-etl  jr_0  1    11-20 02:00Z  5m 00s  it broke        ",
        "STOPPED  nightly-etl  jr_0  2    11-20 02:00Z  5m 00s  <b>stop</b> & go",
    ]
    assert "and 9 more" in printed(Collected([RUN] * 109))
    assert "2026-11-20 02:00:04Z" in printed(Collected([RUN, STREAM]), width=160)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_a_terminal_shows_a_line_for_each_run_and_cuts_messages_and_names_alone(width: int) -> None:
    job = JobRef("glue", ("a-job-with-a-name-that-goes-on-for-longer-than-others",), "eu-west-1")
    runs = [
        attrs.evolve(RUN, id=f"jr_{number}{7**number:0<64}", job=job, state=state, message="An error occurred: " * 9)
        for number, state in enumerate(RunState)
    ]
    head, *lines = printed(Collected(runs), width).splitlines()
    assert len(lines) == len(runs)
    assert max(map(len, (head, *lines))) <= width
    for run, line in zip(runs, lines, strict=True):
        assert line.startswith(run.state[:11])
        assert "a-job" in line
        assert f" {run.id[:9]} " in line
        assert ("An error" in line) is (width > 60)


def test_a_table_shows_as_much_of_a_run_id_as_tells_it_from_others() -> None:
    ids = ["jr_0123456A89", "jr_0123456B77", "jr_99999999", "00f1abcdef", "jr_0"]
    rows = Cells(html_of(Collected([attrs.evolve(RUN, id=run_id) for run_id in ids]))).rows[1:]
    assert [row[2] for row in rows] == ["jr_0123456A", "jr_0123456B", "jr_999999", "00f1ab", "jr_0"]
    html = html_of(Collected([attrs.evolve(RUN, id=run_id) for run_id in ids]))
    assert 'title="glue:nightly-etl/jr_0123456A89?region=eu-west-1">jr_0123456A</td>' in html
    assert 'text-overflow: ellipsis" title="it broke">it broke</td>' in html


def test_jobs_of_one_name_are_told_apart_and_applications_have_their_names() -> None:
    analytics = JobRef("emr-serverless", ("00f1",), "eu-west-1", job_name="analytics")
    elsewhere = attrs.evolve(JOB, region="us-east-1")
    runs = [attrs.evolve(RUN, job=job) for job in (JOB, elsewhere, analytics)]
    rows = Cells(html_of(Collected(runs))).rows[1:]
    assert [row[1] for row in rows] == ["nightly-etl (eu-west-1)", "nightly-etl (us-east-1)", "analytics"]


def test_what_goes_on_counts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jobruns_sdk.model.tables.now", lambda: ENDED)
    going = attrs.evolve(RUN, state=RunState.RUNNING, ended_at=None)
    queued = attrs.evolve(going, state=RunState.QUEUED, started_at=None)
    unknown = attrs.evolve(going, state=RunState.UNKNOWN, native_state="PAUSED")
    later = attrs.evolve(going, started_at=ENDED + timedelta(hours=1))
    rows = Cells(html_of(Collected([going, queued, unknown, later]))).rows[1:]
    assert [row[5] for row in rows] == ["5m 00s+", "", "5m 00s+", ""]
    assert rows[2][0] == "UNKNOWN (PAUSED)"


def test_a_terminal_shows_attempts_and_jobs_as_tables() -> None:
    text = printed(Collected([ATTEMPT]))
    assert text.splitlines()[1].split() == [
        "FAILED",
        "nightly-etl",
        "jr_0",
        "2",
        "11-20",
        "02:00Z",
        "5m",
        "00s",
        "it",
        "broke",
    ]
    assert printed(Collected([FOUND])).split() == ["job", "name", "state", str(JOB), "nightly-etl"]


@pytest.mark.parametrize("value", [RUN, ATTEMPT, FOUND])
def test_a_terminal_shows_one_value_as_a_card(value: Shown) -> None:
    text = printed(value, width=160)
    assert [line.split()[0] for line in text.splitlines()][:1] in (["run"], ["job"])
    assert str(JOB).partition("?")[0] in text


@pytest.mark.parametrize("items", [[], [1, 2], [RUN, "text"]])
def test_a_list_of_other_things_shows_as_a_list(items: list[object]) -> None:
    assert html_of(Collected(items)).startswith("<pre>[")
    assert printed(Collected(items), width=1_000).strip().startswith("[")


def test_what_is_shown_holds_no_secret() -> None:
    values: list[JobRun[Any] | Attempt[Any] | Job[Any]] = [RUN, ATTEMPT, FOUND]
    for value in values:
        assert CANARY not in html_of(value) + printed(value, width=1_000)


def test_what_was_collected_is_a_list() -> None:
    assert Collected([1, 2]) == [1, 2]
    assert repr(Collected([1, 2])) == "[1, 2]"


def test_a_slice_of_what_was_collected_shows_as_a_table_too() -> None:
    runs = Collected([RUN, STREAM, RUN])

    assert runs[1] is runs[-2] is STREAM
    assert runs[::2] == [RUN, RUN]
    assert len(Cells(html_of(runs[:2])).rows) == 3


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
@pytest.mark.parametrize("seconds", [-62135596800, -62135596800 + 3600, 0, 253402300799])
def test_every_time_that_there_is_shows(monkeypatch: pytest.MonkeyPatch, zone: str, seconds: int) -> None:
    run = attrs.evolve(RUN, created_at=datetime.min.replace(tzinfo=UTC) + timedelta(seconds=seconds + 62135596800))
    with monkeypatch.context() as patch:
        patch.setitem(os.environ, "TZ", zone)
        time.tzset()
        html = html_of(run)
    time.tzset()

    assert run.created_at is not None
    assert f'<time datetime="{run.created_at.isoformat()}">' in html
