"""The report is one file that fetches nothing, tells what is in the pictures, and holds no secret."""

import hashlib
import re
from base64 import b64encode
from datetime import UTC
from html.parser import HTMLParser
from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError, RunState, Usage
from jobruns_sdk.costs import PriceTable
from jobruns_sdk.pictures import report
from jobruns_sdk.services.glue import native
from tests.pictures.kit import ANALYTICS, DAY, ETL, EVIL, HOUR, MINUTE, NOW, attempt, run
from tests.unit.values import CANARY


class Read(HTMLParser):
    """What a report says: its numbers, its table's rows, and every address in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.refs: list[str | None] = []
        self.numbers: list[str] = []
        self.addresses: list[str | None] = []
        self.scripts = 0
        self.within: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.within.append(tag)
        self.addresses += [value for name, value in attrs if name in {"href", "src", "srcset", "action", "data"}]
        self.scripts += tag == "script"
        if tag == "tr":
            self.rows.append([])
            self.refs.append(dict(attrs).get("data-ref"))
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag == "dd":
            self.numbers.append("")
        if tag in {"meta", "input", "path", "rect", "circle"}:
            self.within.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag, attrs

    def handle_endtag(self, tag: str) -> None:
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.within and self.within[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        if self.within and self.within[-1] == "dd":
            self.numbers[-1] += data


def of(*runs: Any, **options: Any) -> str:  # noqa: ANN401  # as report() takes them
    given: dict[str, Any] = {"now": NOW, "zone": UTC}
    return report(runs, **given | options)


def test_it_counts_what_it_draws_and_lists_what_to_look_at() -> None:
    retried = run("jr_2222222222", NOW - 3 * HOUR, HOUR, RunState.FAILED, attempt=2, message="disk full\nmore")
    html = of(
        run("jr_1111111111"),
        retried,
        run("00f3", NOW - 2 * DAY, None, RunState.RUNNING, job=ANALYTICS),
        run("jr_3333333333", NOW - 9 * DAY, HOUR, RunState.FAILED),
        attempts=[attempt(retried, 2, NOW - 150 * MINUTE, 30 * MINUTE, RunState.FAILED)],
        since=NOW - DAY,
    )
    found = Read(html)

    assert found.numbers == ["3", "1", "50.0%", "1", "1"]
    assert found.rows == [
        ["State", "Job", "Run", "Attempt", "Created", "Took", "Message"],
        ["failed", "nightly-etl", "jr_222222", "2", "2026-11-30 16:20:00 UTC", "1h 00m", "disk full"],
        ["running", "analytics", "00f3", "1", "2026-11-28 19:20:00 UTC", "2d 0h+", ""],
    ]
    assert found.refs[1:] == [
        "glue:nightly-etl/jr_2222222222?region=eu-west-1",
        "emr-serverless:00f1spark00demo9/00f3?region=eu-west-1",
    ]
    assert html.count("<svg xmlns") == 2


def test_it_says_what_the_runs_cost_and_how_many_have_no_known_cost() -> None:
    priced: dict[str, Any] = {"usage": Usage(dpu_hours=10.0, basis="estimated"), "native": native.JobRun()}
    runs = [run("jr_1111111111", **priced), run("jr_2222222222", **priced), run("jr_3333333333", usage=None)]
    prices = PriceTable("USD", {("eu-west-1", "ETL-DPU-Hour"): "123.456"})

    assert Read(of(*runs, since=NOW - DAY, costs=prices)).numbers[5:] == ["2,469.12 USD", "1"]
    assert Read(of(*runs[:2], since=NOW - DAY, costs=prices)).numbers[5:] == ["2,469.12 USD"]
    assert Read(of(*runs[2:], since=NOW - DAY, costs=prices)).numbers[5:] == ["unknown", "1"]
    assert Read(of(*runs, since=NOW - DAY)).numbers[5:] == []
    with pytest.raises(InvalidRequestError, match="costs must be a PriceTable"):
        report(runs, costs={})  # type: ignore[arg-type]  # the mistake


def test_nothing_is_fetched_and_only_its_own_script_may_run() -> None:
    html = of(run("jr_1", job=EVIL, message="</script><script>alert(1)</script>", state=RunState.FAILED))
    found = Read(html)

    assert found.addresses == []
    assert found.scripts == 1
    assert set(re.findall(r"https?://[^\"']+", html)) == {"http://www.w3.org/2000/svg"}
    script = html.partition("<script>")[2].partition("</script>")[0]
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    assert f"content=\"{policy}script-src 'sha256-{digest}'\"" in html
    assert not any(sign in html for sign in "\x1b\u202e")


def test_it_holds_no_arguments() -> None:
    assert CANARY not in of(run("jr_1", state=RunState.FAILED))


def test_a_title_is_escaped() -> None:
    assert "<h1>&lt;b&gt;Night&lt;/b&gt;</h1>" in of(title="<b>Night</b>")
    with pytest.raises(InvalidRequestError, match="title must be a string"):
        of(title="")


def test_no_runs_at_all() -> None:
    found = Read(of())

    assert found.numbers == ["0", "0", "–", "0", "0"]  # noqa: RUF001  # a dash
    assert found.rows == []


def test_five_thousand_runs_are_less_than_three_megabytes() -> None:
    message = "An error occurred while calling o122.pyWriteDynamicFrame. Exception thrown in awaitResult: Job aborted"
    html = of(
        *(
            run(
                f"jr_{n:064x}",
                NOW - 7 * DAY + 2 * n * MINUTE,
                (4 + n % 57) * MINUTE,
                RunState.FAILED if n % 7 == 5 else RunState.SUCCEEDED,
                job=[ETL, ANALYTICS][n % 2],
                queued=MINUTE,
                message=message if n % 7 == 5 else None,
            )
            for n in range(5_000)
        )
    )

    assert len(html.encode()) < 3_000_000
    assert (
        html.count('<rect class="bar SUCCEEDED" data-run=') + html.count('<rect class="bar FAILED" data-run=') == 5_000
    )


def test_a_table_has_a_thousand_rows_at_most() -> None:
    html = of(*(run(f"jr_{n:08}", NOW - DAY + n * MINUTE, MINUTE, RunState.FAILED) for n in range(1_234)))

    assert len(Read(html).rows) == 1_001
    assert "<p>and 234 more</p>" in html


def test_more_runs_than_can_be_told_apart_are_summed_by_hour() -> None:
    html = of(
        *(
            run(f"jr_{n}", NOW - DAY + n * MINUTE / 15, MINUTE, RunState.FAILED if n % 600 == 1 else RunState.SUCCEEDED)
            for n in range(20_001)
        )
    )

    columns = re.findall(r'class="bar (\w+)" data-runs="(\d+)"', html)
    assert {
        state: sum(int(number) for name, number in columns if name == state) for state in ("SUCCEEDED", "FAILED")
    } == {
        "SUCCEEDED": 20_001 - 34,
        "FAILED": 34,
    }
    assert "<title>2026-11-29 19:20:00 UTC: 898 SUCCEEDED, 2 FAILED</title>" in html
    assert "columns count what began in 1h 00m, unsuccessful runs below the line" in html
