"""The forms of output: an answer that programs read, and tables that people do."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from jobruns_sdk import Attempt, Job, JobRun, RunRef, StateChange, from_dict
from jobruns_sdk.arrow import ATTEMPT_SCHEMA, RUN_SCHEMA
from jobruns_sdk.cli.fields import ATTEMPT_FIELDS, KINDS, RUN_FIELDS, reader
from jobruns_sdk.testing import LocalService
from tests.cli.kit import WITHOUT_RICH, Shell

SECRET = "hunter2-is-secret"  # noqa: S105  # of nobody
EVIL = "line one\x1b]0;title\x07\u202e\tend\nline two \x9b31m"


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    now = datetime.now(UTC)
    with LocalService(start=now, check=True, auto_advance=False) as service:
        service.add_glue_job("etl", max_retries=2, default_arguments={"--password": SECRET})
        service.add_glue_job("über")
        service.add_application("00f1spark00demo9", name="analytics")
        service.add_application("00f1spark00demo8", name="twins")
        service.add_application("00f1spark00demo7", name="twins")
        for hours, state in ((1, "SUCCEEDED"), (2, "FAILED"), (30, "TIMEOUT")):
            at = now - timedelta(hours=hours)
            service.add_run(
                "glue:etl",
                state=state,
                created_at=at,
                ended_at=at + timedelta(minutes=hours),
                message=EVIL if state == "FAILED" else None,
                attempts=3 if state == "FAILED" else 1,
                arguments={"--password": SECRET},
            )
        service.add_run("glue:über", state="SUCCEEDED", created_at=now - timedelta(days=3))
        driver = {"sparkSubmit": {"entryPoint": "s3://code/job.py", "entryPointArguments": [SECRET]}}
        app = "emr-serverless:00f1spark00demo9"
        service.add_run(app, state="SUCCESS", created_at=now - timedelta(hours=3), native={"jobDriver": driver})
        yield service
        assert service.problems == []


def test_fields_are_those_of_data_frames() -> None:
    assert [*RUN_FIELDS] == RUN_SCHEMA.names
    assert [*ATTEMPT_FIELDS] == ATTEMPT_SCHEMA.names


@pytest.mark.parametrize("kind", [JobRun, Attempt, Job, StateChange])
def test_every_column_of_a_table_is_a_field(kind: type) -> None:
    for name in (*KINDS[kind].columns, *KINDS[kind].wide):
        assert callable(reader(KINDS[kind], name, include_secrets=False))


def test_a_pipe_gets_values_that_tabs_part(jobruns: Shell) -> None:
    done = jobruns("ls", "glue:etl")
    rows = [line.split("\t") for line in done.lines]
    assert [row[0] for row in rows] == ["SUCCEEDED", "FAILED", "TIMED_OUT"]
    assert {len(row) for row in rows} == {7}
    state, job, run, attempt, created, took, message = rows[1]
    assert (state, job, attempt, took) == ("FAILED", "glue:etl?region=us-east-1", "3", "120")
    assert RunRef.parse(run).job.path == ("etl",)
    assert created.endswith("Z")
    assert datetime.fromisoformat(created).tzinfo is not None
    assert message == r"line one\x1b]0;title\x07\u202e end line two \x9b31m"


def test_values_in_json_lines_are_those_of_the_package(jobruns: Shell) -> None:
    done = jobruns("ls", "glue:etl", "emr:analytics", "-o", "jsonl")
    runs = [from_dict(json.loads(line)) for line in done.lines]
    assert [run.state for run in runs if isinstance(run, JobRun)] == ["SUCCEEDED", "FAILED", "SUCCEEDED", "TIMED_OUT"]
    assert SECRET not in done.out
    assert "\x9b" not in done.out
    assert isinstance(runs[1], JobRun)
    assert runs[1].message == EVIL


def test_the_other_forms_have_the_same_rows(jobruns: Shell) -> None:
    names = jobruns("ls", "glue:etl", "-o", "name").lines
    assert [RunRef.parse(name).job.path for name in names] == [("etl",)] * 3
    table = list(csv.DictReader(io.StringIO(jobruns("ls", "glue:etl", "-o", "csv").out)))
    assert [row["run_ref"] for row in table] == names
    wide = jobruns("ls", "glue:etl", "-o", "wide", env={"COLUMNS": "60"})
    assert all(name in line for name, line in zip(names, wide.lines[1:], strict=True))


def test_nothing_is_an_answer_too(jobruns: Shell) -> None:
    outs = [jobruns("ls", "glue:etl", "-s", "stopped", "-o", form) for form in ("json", "csv")]
    assert [done.out for done in outs] == ["[]\n", "state,job_ref,run_ref,attempt,created_at,duration,message\n"]
    assert {done.code for done in outs} == {0}


@pytest.mark.parametrize(
    "words",
    [
        ("ls", "-o", "jsonl"),
        ("show", "emr:analytics"),
    ],
)
def test_what_may_be_secret_is_shown_to_those_who_ask_for_it(jobruns: Shell, words: tuple[str, ...]) -> None:
    assert SECRET not in (plain := jobruns(*words)).out + plain.err
    assert plain.code == 0
    assert SECRET in jobruns(*words, "--include-secrets").out


def test_a_limit_says_that_there_is_more(jobruns: Shell) -> None:
    done = jobruns("ls", "glue:etl", "-n", "2")
    assert (len(done.lines), done.err) == (2, "jobruns: the newest 2 of more runs; see -n and --all\n")
    assert jobruns("ls", "glue:etl", "-n", "3").err == ""


def test_since_is_an_end_and_what_it_meant_is_told(jobruns: Shell) -> None:
    done = jobruns(
        "ls", "glue:etl", "--since", "29h45m", "-o", "table"
    )  # the run of 30 hours ago ended after 30 minutes
    assert len(done.lines) == 1 + 3
    assert done.err.startswith("jobruns: since 20")
    assert " UTC" in done.err
    assert len(jobruns("ls", "glue:etl", "--since", "29h", "--until", "90m").lines) == 1


def test_colors_are_for_those_who_want_them(jobruns: Shell) -> None:
    table = ("ls", "glue:etl", "-o", "table")
    assert "\x1b[31m✗ failed" in (colored := jobruns(*table, env={"FORCE_COLOR": "1"})).out
    assert "\x1b" not in jobruns(*table, env={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert "\x1b]0" not in colored.out


def test_other_encodings_get_ascii(jobruns: Shell) -> None:
    done = jobruns("ls", "-o", "table", env={"PYTHONIOENCODING": "ascii", "COLUMNS": "90"})
    assert done.out.isascii()
    assert done.err == ""
    assert "x failed" in done.out
    assert r"glue:\xfcber" in done.out
    assert max(map(len, done.lines)) <= 90


def test_rich_is_not_needed(jobruns: Shell) -> None:
    words = ("watch", "glue:etl", "--timeout", "1s")
    assert jobruns(*words) == jobruns(*words, command=WITHOUT_RICH)
    assert len(jobruns("ls", "glue:etl", "-o", "table", command=WITHOUT_RICH).lines) == 1 + 3


def test_two_applications_of_one_name_are_told_apart(jobruns: Shell) -> None:
    done = jobruns("ls", "emr:twins")
    assert (done.code, done.out) == (2, "")
    assert "00f1spark00demo7" in done.err
    assert "00f1spark00demo8" in done.err
