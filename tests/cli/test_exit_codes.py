"""Exit codes: each row of the table, by processes. What fails says so in one line, and prints no answer."""

import signal
import subprocess
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from socket import socket

import pytest

from jobruns_sdk.testing import LocalService
from tests.cli.kit import COMMAND, Shell

NIGHTLY = "glue:nightly-etl"


def one_line(text: str) -> str:
    assert text.startswith("jobruns")
    assert text.endswith("\n")
    assert text.count("\n") == 1, text
    return text


def run_of(service: LocalService, state: str) -> str:
    """Add a run that has ended, and return its reference."""
    service.add_glue_job("short")
    return f"glue:short/{service.add_run('glue:short', state=state)}?region=us-east-1"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("", "required: COMMAND"),
        ("lss", "'lss'"),
        ("ls --froom x", "--froom"),
        ("ls --prof x", "--prof"),  # nothing is abbreviated: a later option would change what it means
        ("ls -s broken", "unknown state 'broken'"),
        ("ls --since tomorrowish", "'tomorrowish' is not a time"),
        ("ls --since 99999999w", "years 1 to 9999"),
        ("ls -n 0", "'0'"),
        ("ls -o yaml", "'yaml'"),
        ("wait x --timeout 0s", "longer than 0"),
        ("completion tcsh", "'tcsh'"),
        ("jobs --tag team", "NAME=VALUE"),
    ],
)
def test_a_wrong_command_line_exits_with_2_before_anything_is_loaded(jobruns: Shell, words: str, told: str) -> None:
    done = jobruns(*words.split())
    assert (done.code, done.out) == (2, "")
    assert told in one_line(done.err)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ls nightly-etl", "glue:nightly-etl"),
        ("ls batch:x", "unknown service 'batch'"),
        ("ls glue:a?zone=b", "region=REGION or profile=PROFILE"),
        ("ls --fields state,colour", "unknown field 'colour'"),
        ("show glue:nightly-etl/jr_12", "7 characters"),
        ("ls --reach 2d", "--since"),
        ("stop glue:nightly-etl", "not the full reference"),
        ("start glue:nightly-etl --arg=day", "--arg=--NAME=VALUE"),
        ("sync runs.txt", "FILE.sqlite"),
        ("jobs datazone", "datazone:DOMAIN/JOB"),
    ],
)
def test_words_that_name_nothing_exit_with_2_and_send_nothing(jobruns: Shell, words: str, told: str) -> None:
    jobruns.service.forget_requests()
    done = jobruns(*words.split())
    assert (done.code, done.out) == (2, "")
    assert told in one_line(done.err)
    assert jobruns.service.calls() == 0


def test_a_beginning_that_two_runs_have_exits_with_2_and_names_them(jobruns: Shell, service: LocalService) -> None:
    service.add_glue_job("twins")
    for end in ("a", "b"):
        service.add_run("glue:twins", run_id=f"jr_{'1' * 63}{end}", state="SUCCEEDED")
    done = jobruns("show", "glue:twins/jr_1111")
    assert (done.code, done.out) == (2, "")
    assert f"jr_{'1' * 63}a" in one_line(done.err)
    assert f"jr_{'1' * 63}b" in done.err


def test_what_succeeds_exits_with_0(jobruns: Shell, service: LocalService) -> None:
    ref = run_of(service, "SUCCEEDED")
    done = jobruns("wait", ref)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("SUCCEEDED\t")


@pytest.mark.parametrize("words", [("wait",), ("watch", "--exit-status")])
def test_a_run_that_has_failed_exits_with_1(jobruns: Shell, service: LocalService, words: tuple[str, ...]) -> None:
    ref = run_of(service, "FAILED")
    done = jobruns(*words, ref)
    assert (done.code, done.err) == (1, "")
    assert "FAILED" in done.out


def test_a_stop_that_is_not_accepted_exits_with_1(jobruns: Shell, service: LocalService) -> None:
    done = jobruns("stop", run_of(service, "SUCCEEDED"))
    assert (done.code, done.out) == (1, "")
    assert "has ended" in one_line(done.err)


def test_a_run_whose_retry_succeeds_exits_with_0(jobruns: Shell, service: LocalService) -> None:
    soon = timedelta(seconds=20)
    service.add_glue_job("retried", max_retries=1, duration=soon, startup=soon, retry_delay=soon)
    run = service.add_run("glue:retried", fail_attempts=1)
    done = jobruns("wait", f"glue:retried/{run}", "--interval", "1s", "--fields", "state,attempt")
    assert (done.code, done.out) == (0, "SUCCEEDED\t2\n")


def test_a_service_that_is_not_there_exits_with_3(jobruns: Shell) -> None:
    with closing(socket()) as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        done = jobruns("ls", NIGHTLY, "--endpoint-url", f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (done.code, done.out) == (3, "")
    assert "glue.GetJobRuns" in one_line(done.err)


def test_a_file_that_is_no_store_exits_with_3(jobruns: Shell, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    other.write_text("nothing of the kind" * 100)
    for path in (other, tmp_path / "missing.sqlite"):
        done = jobruns("ls", "--from", str(path))
        assert (done.code, done.out) == (3, "")
        assert str(path) in one_line(done.err)
    assert not (tmp_path / "missing.sqlite").exists()


def test_no_credentials_exit_with_4(jobruns: Shell) -> None:
    done = jobruns("ls", env={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
    assert (done.code, done.out) == (4, "")
    assert "credentials" in one_line(done.err)


def test_no_permission_exits_with_4(jobruns: Shell, service: LocalService) -> None:
    service.fault("GetJobRuns", "error", code="AccessDeniedException", message="no", status=400)
    done = jobruns("ls", NIGHTLY)
    assert (done.code, done.out) == (4, "")
    assert "AccessDeniedException" in one_line(done.err)


@pytest.mark.parametrize(
    "words",
    [
        ("ls", "glue:nope"),
        ("ls", "emr:nope"),
        ("show", f"{NIGHTLY}/jr_{'0' * 64}"),
        ("show", NIGHTLY, "--attempt", "9"),
    ],
)
def test_what_there_is_not_exits_with_5(jobruns: Shell, words: tuple[str, ...]) -> None:
    done = jobruns(*words)
    assert (done.code, done.out) == (5, "")
    one_line(done.err)


def test_time_that_is_up_exits_with_124(jobruns: Shell, service: LocalService) -> None:
    service.add_glue_job("endless", duration=None)
    runs = [f"glue:endless/{service.add_run('glue:endless')}" for _ in range(2)]
    done = jobruns("wait", *runs, "--timeout", "1s", "--interval", "1s")
    assert done.code == 124
    assert "had not ended within" in one_line(done.err)
    assert [line.partition("\t")[0] for line in done.lines] == ["RUNNING", "RUNNING"]


def test_an_interrupt_exits_with_130_and_prints_nothing(jobruns: Shell) -> None:
    with subprocess.Popen(  # noqa: S603  # ours
        [*COMMAND, "watch", "glue:clickstream", "--interval", "1s"],
        env={**jobruns.environment, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert "RUNNING" in process.stdout.readline()  # it watches by now
        process.send_signal(signal.SIGINT)
        assert (process.wait(60), process.stdout.read(), process.stderr.read()) == (130, "", "")


def test_a_reader_that_leaves_makes_it_exit_with_141(jobruns: Shell) -> None:
    with subprocess.Popen(  # noqa: S603  # ours
        [*COMMAND, "ls", "--all", "glue:hourly-ingest", "-o", "jsonl", "--native"],
        env=jobruns.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (141, b"")


def test_output_that_cannot_be_written_exits_with_3(jobruns: Shell) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(  # noqa: S603  # ours
            [*COMMAND, "ls", NIGHTLY],
            env=jobruns.environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (3, "jobruns: standard output: No space left on device\n")


def test_a_job_that_cannot_be_read_keeps_no_other_from_being_listed_and_is_told(
    jobruns: Shell, service: LocalService
) -> None:
    service.fault("GetJobRuns", "error", code="AccessDeniedException", status=400, match={"JobName": "nightly-etl"})
    done = jobruns("ls", NIGHTLY, "glue:weekly-report")
    assert done.code == 4
    assert len(done.lines) == 3
    assert NIGHTLY in done.err
