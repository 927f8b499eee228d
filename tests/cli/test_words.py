"""Words for jobs, runs and times, and the tables that hold what they stand for."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import InvalidRequestError, JobRef
from jobruns_sdk.cli.arguments import parser
from jobruns_sdk.cli.moments import span, when
from jobruns_sdk.cli.options import KINDS, Filters, Form, Look, Places
from jobruns_sdk.cli.table import Column, lines, width_of
from jobruns_sdk.cli.words import job_word, run_word, words_in

NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")  # an hour is missing there at 02:00 of that day
NOWHERE = Places(profiles=(), regions=(), endpoint_url=None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(days=14)),
        ("today", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("yesterday", datetime(2026, 3, 27, 23, tzinfo=UTC)),
        ("2026-11-29", datetime(2026, 11, 28, 23, tzinfo=UTC)),
        ("2026-07-01T04:00", datetime(2026, 7, 1, 2, tzinfo=UTC)),
        ("2026-11-29T04:00+01:00", datetime(2026, 11, 29, 3, tzinfo=UTC)),
        ("2026-11-29T04:00:00Z", datetime(2026, 11, 29, 4, tzinfo=UTC)),
    ],
)
def test_times_are_as_people_write_them(text: str, expected: datetime) -> None:
    assert when(text)(NOW, BERLIN) == expected


@pytest.mark.parametrize("text", ["", "soon", "7", "-7d", "7d ago", "2026-13-01", "9999999w", "7 d", "0x1h"])
def test_other_words_are_not_times(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time|lies outside"):
        when(text)


@given(
    st.timedeltas(timedelta(seconds=1), timedelta(days=4000)).map(
        lambda one: timedelta(seconds=one // timedelta(seconds=1))
    )
)
def test_spans_are_read_as_they_are_written(one: timedelta) -> None:
    days, seconds = one.days, one.seconds
    assert span(f"{days}d{seconds // 3600}h{seconds // 60 % 60}m{seconds % 60}s") == one


def test_words_for_jobs() -> None:
    assert job_word("glue:a").ref == JobRef("glue", ("a",))
    assert job_word("glue:My Job").ref == job_word("glue:My%20Job").ref == JobRef("glue", ("My Job",))
    assert job_word("emr:00f1spark00demo9").ref == JobRef("emr-serverless", ("00f1spark00demo9",))
    assert (job_word("emr:analytics").ref, job_word("emr:analytics").name) == (None, "analytics")
    assert job_word("glue:nightly-*").pattern == "nightly-*"
    assert (job_word("glue:").ref, job_word("glue:").pattern) == (None, None)
    assert job_word("arn:aws:glue:eu-west-1:111122223333:job/a").refs(NOWHERE) == [JobRef("glue", ("a",), "eu-west-1")]
    for text in ("", "a", "s3:a", "glue:a/b/c", "datazone:a"):
        with pytest.raises(InvalidRequestError):
            job_word(text)


def test_a_job_is_read_in_each_place_unless_it_says_where_it_is() -> None:
    places = Places(profiles=("a", "b"), regions=("eu-west-1", "us-east-1"), endpoint_url=None)
    assert len(set(job_word("glue:x").refs(places))) == 4
    assert {ref.region for ref in job_word("glue:x?region=eu-north-1").refs(places)} == {"eu-north-1"}


def test_words_for_runs() -> None:
    whole = f"glue:a/jr_{'0' * 64}?region=eu-west-1"
    assert run_word(whole).is_whole
    assert run_word(whole).job.region == "eu-west-1"
    assert (run_word("glue:a/jr_0123").run_id, run_word("glue:a/jr_0123").is_whole) == ("jr_0123", False)
    assert run_word("datazone:dzd_x/job/run1").run_id == "run1"
    assert run_word("glue:a").run_id is None
    arn = "arn:aws:emr-serverless:eu-west-1:111122223333:/applications/00f1spark00demo9/jobruns/00f1aaaaaaaaaaaa"
    assert run_word(arn).is_whole
    for text in ("glue:a/jr_012", "glue:", "glue:a-*", "emr:analytics/00f"):
        with pytest.raises(InvalidRequestError):
            run_word(text)


def test_a_dash_stands_for_standard_input() -> None:
    assert words_in(["a", "-"], ["b\n", "\n", "a\n"]) == ["a", "b"]
    assert words_in(["a"], ["b\n"]) == ["a"]


WIDE = st.text(st.sampled_from("ab cé中🙂\u0301-"), max_size=30).map(lambda text: " ".join(text.split()))


@given(
    st.integers(1, 6).flatmap(lambda columns: st.lists(st.lists(WIDE, min_size=columns, max_size=columns), max_size=8)),
    st.integers(20, 200),
    st.sampled_from(["…", ".."]),
)
def test_no_line_of_a_table_is_longer_than_the_terminal(rows: list[list[str]], width: int, ellipsis: str) -> None:
    count = len(rows[0]) if rows else 3
    columns = [Column(f"head{at}", [row[at] for row in rows], gives=at % 3) for at in range(count)]
    made = lines(columns, width, ellipsis)
    assert len(made) == 1 + len(rows)
    assert all("\n" not in line and width_of(line) <= width for line in made)


def test_what_fits_is_not_cut() -> None:
    columns = [Column("state", ["failed"]), Column("took", ["5m"], is_right=True), Column("message", ["why"], gives=0)]
    assert lines(columns, 80, "…") == ["state   took  message", "failed    5m  why"]


@pytest.mark.parametrize("name", KINDS)
def test_the_options_of_a_command_are_the_fields_of_its_class(name: str) -> None:
    options = {action.dest for action in parser().commands[name].filled()._actions} - {"help"}  # noqa: SLF001
    nested = {"filters": Filters, "form": Form, "places": Places, "look": Look}
    fields: set[str] = set()
    for field in attrs.fields(KINDS[name]):
        kind = nested.get(field.name)
        fields |= {one.name for one in attrs.fields(kind)} if kind is not None else {field.name}
    assert fields == options
