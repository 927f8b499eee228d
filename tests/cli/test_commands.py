"""The commands, each by processes against a local service."""

import csv
import json
import sqlite3
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from jobruns_sdk import RunRef
from jobruns_sdk.testing import LocalService
from tests.cli.kit import Shell

NIGHTLY = "glue:nightly-etl"
APPLICATION = "emr-serverless:00f1spark00demo9"


def test_jobs_are_listed_with_names(jobruns: Shell) -> None:
    names = [line.split("\t")[1] for line in jobruns("jobs").lines]
    assert names == ["analytics", "reporting", "clickstream", "hourly-ingest", "nightly-etl", "weekly-report"]
    assert len(jobruns("jobs", "glue", "--tag", "team=sales", "--name", "night*", "-o", "name").lines) == 1


def test_words_of_the_environment_stand_for_jobs(jobruns: Shell) -> None:
    rows = jobruns("ls", "--all", "--fields", "job", env={"JOBRUNS_JOBS": "glue:nightly-* emr:reporting"}).lines
    assert {row.partition("?")[0] for row in rows} == {NIGHTLY, "emr-serverless:00f1hive000demo9"}


def test_a_run_is_shown_by_the_beginning_of_its_id(jobruns: Shell) -> None:
    listed = RunRef.parse(jobruns("ls", NIGHTLY, "-s", "FAILED", "-o", "name").lines[0])
    shown = dict(line.split("\t") for line in jobruns("show", f"{NIGHTLY}/{listed.run_id[:9]}").lines)
    assert (shown["run_ref"], shown["state"], shown["attempt"]) == (str(listed), "FAILED", "3")
    assert jobruns("show", NIGHTLY, "--last-failed", "-o", "name").lines == [str(listed)]
    attempts = jobruns("attempts", f"{NIGHTLY}/{listed.run_id[:9]}", "--fields", "attempt,state,duration").lines
    assert attempts == ["1\tFAILED\t2322", "2\tFAILED\t2322", "3\tFAILED\t2902.5"]
    second = jobruns("show", str(listed), "--attempt", "2", "--fields", "attempt_id").out.strip()
    assert second == f"{listed.run_id}_attempt_1"


def test_a_start_prints_a_reference_that_the_other_commands_take(jobruns: Shell, service: LocalService) -> None:
    words = ("start", "glue:weekly-report", "--arg=--day=2026-11-29", "--key", "2026-11-29")
    first, again = jobruns(*words), jobruns(*words)
    assert first == again
    ref = RunRef.parse(first.out.strip())
    assert service.calls("StartJobRun") == 1
    assert jobruns("stop", "-", given=f"{ref}\n").out == first.out
    ended = jobruns("wait", str(ref), "--interval", "1s", "--fields", "state,run")
    assert (ended.code, ended.out) == (1, f"STOPPED\t{ref}\n")


def test_a_start_on_an_application_takes_its_script_and_a_file(
    jobruns: Shell, service: LocalService, tmp_path: Path
) -> None:
    more = tmp_path / "more.json"
    more.write_text(json.dumps({"execution_timeout": "90m", "tags": {"team": "sales"}, "mode": "BATCH"}))
    role = "arn:aws:iam::111122223333:role/job"
    words = ("--spark", "s3://b/main.py", "--arg=--day=1", "--conf", "spark.executor.cores=4", "--role", role)
    done = jobruns("start", "emr:analytics", *words, "--name", "nightly", "--json", str(more))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{APPLICATION}/")
    sent: Any = next(one.params for one in reversed(service.requests) if one.operation == "StartJobRun")
    assert sent["executionTimeoutMinutes"] == 90
    assert sent["tags"] == {"team": "sales"}
    assert sent["jobDriver"]["sparkSubmit"] == {
        "entryPoint": "s3://b/main.py",
        "entryPointArguments": ["--day=1"],
        "sparkSubmitParameters": "--conf spark.executor.cores=4",
    }


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "no JSON"),
        ("[]", "no JSON object"),
        ('{"colour": 1}', "'colour'"),
        ('{"timeout": "soon"}', "timeout: 'soon'"),
    ],
)
def test_a_file_that_says_something_else_starts_nothing(
    jobruns: Shell, service: LocalService, tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "request.json"
    file.write_text(text)
    before = service.calls("StartJobRun")
    done = jobruns("start", NIGHTLY, "--json", str(file))
    assert (done.code, done.out, service.calls("StartJobRun")) == (2, "", before)
    assert told in done.err


def test_a_watch_tells_each_change_until_the_runs_have_ended(jobruns: Shell, service: LocalService) -> None:
    service.add_glue_job("quick")
    run = service.add_run("glue:quick")
    done = jobruns("watch", f"glue:quick/{run}", "--interval", "1s", "--exit-status", "--fields", "state,run_id")
    assert done.code == 0
    assert done.lines[-1] == f"SUCCEEDED\t{run}"


def test_runs_are_exported_in_the_form_of_the_name(jobruns: Shell, tmp_path: Path) -> None:
    words = ("export", NIGHTLY, "glue:weekly-report", "--until", "1d")
    for name in ("runs.csv", "runs.jsonl", "runs.parquet"):
        assert (done := jobruns(*words, str(tmp_path / name))).code == 0, done.err
    with (tmp_path / "runs.csv").open(encoding="utf-8", newline="") as file:
        refs = [row["run_ref"] for row in csv.DictReader(file)]
    assert [json.loads(line)["ref"] for line in (tmp_path / "runs.jsonl").read_text("utf-8").splitlines()] == refs
    parquet: Any = import_module("pyarrow.parquet")  # the stubs are of what the package uses
    assert parquet.read_table(tmp_path / "runs.parquet").column("run_ref").to_pylist() == refs
    assert len(refs) > 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["runs.csv", "runs.jsonl", "runs.parquet"]


def test_an_export_that_fails_leaves_the_file_as_it_was(jobruns: Shell, tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text("yesterday's")
    assert jobruns("export", "glue:nope", str(file)).code == 5
    assert file.read_text() == "yesterday's"
    assert [*tmp_path.iterdir()] == [file]


def test_a_file_is_brought_up_to_date_and_read_without_the_service(
    jobruns: Shell, service: LocalService, tmp_path: Path
) -> None:
    file = str(tmp_path / "runs.sqlite")
    assert jobruns("sync", NIGHTLY, "emr:analytics", "--attempts", file).out.endswith(" added, 0 changed, 0 lost\n")
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("select count(*) from runs").fetchone()
    service.forget_requests()
    stored = jobruns("ls", "--from", file, "--all", "-o", "name", env={"AWS_REGION": "eu-north-1"})
    assert len(stored.lines) == count
    assert service.calls() == 0
    assert len(jobruns("ls", "--from", file, "emr:analytics", "-n", "2").lines) == 2
    failed = jobruns("show", "--from", file, NIGHTLY, "--last-failed", "-o", "name").out.strip()
    assert len(jobruns("attempts", "--from", file, failed).lines) == 3
    assert jobruns("show", "--from", file, f"{NIGHTLY}/jr_zzzz").code == 5


def test_a_run_has_an_address(jobruns: Shell) -> None:
    ref = RunRef.parse(jobruns("ls", NIGHTLY, "-n", "1", "-o", "name").out.strip())
    page = "https://console.aws.amazon.com/gluestudio/home?region=us-east-1#/job/nightly-etl/run/"
    assert jobruns("url", str(ref)).out == f"{page}{ref.run_id}\n"
    assert jobruns("url", "emr:analytics").out.startswith("https://")


def test_a_timeline_is_drawn_as_text_and_as_a_picture(jobruns: Shell, tmp_path: Path) -> None:
    words = ("timeline", "glue:nightly-etl", "--since", "3d", "--utc")
    narrow = jobruns(*words, env={"COLUMNS": "60", "PYTHONIOENCODING": "ascii"})
    assert (narrow.code, narrow.err) == (0, "")
    assert narrow.out.isascii()
    assert max(map(len, narrow.lines)) <= 60
    (lane,) = [line for line in narrow.lines if line.startswith("nightly-etl")]
    assert "x" in lane  # one night has failed
    assert jobruns(*words, "--svg", str(tmp_path / "t.svg")).code == 0
    assert ET.parse(tmp_path / "t.svg").getroot().tag.endswith("svg")  # noqa: S314  # ours


def test_a_report_is_one_file_without_secrets(jobruns: Shell, service: LocalService) -> None:
    service.add_run(
        "glue:weekly-report", state="FAILED", message="<script>alert(1)</script>", arguments={"--pw": "hunter2"}
    )
    done = jobruns("report", "glue:weekly-report", "--html", "-", "--title", "Weekly & more")
    assert (done.code, done.err) == (0, "")
    assert "<title>Weekly &amp; more</title>" in done.out
    assert "<script>alert(1)" not in done.out
    assert "hunter2" not in done.out


def test_a_file_that_cannot_be_written_exits_with_3(jobruns: Shell, tmp_path: Path) -> None:
    for words in (("report", "--html"), ("export",)):
        done = jobruns(*words, str(tmp_path / "none" / "x.csv"), env={"JOBRUNS_JOBS": "glue:clickstream"})
        assert (done.code, done.out) == (3, "")
        assert "cannot be written: No such file" in done.err
