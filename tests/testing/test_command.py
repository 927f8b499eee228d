"""`python -m jobruns_sdk.testing`, as a process of its own, and the demo that it serves."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from jobruns_sdk.testing import LocalService, demo
from jobruns_sdk.testing.__main__ import main
from tests.testing.conftest import emr_at, glue_at


@contextmanager
def served(*options: str) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """The running command and the two lines that it prints."""
    command = [sys.executable, "-m", "jobruns_sdk.testing", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:  # noqa: S603  # ours
        assert process.stdout is not None
        try:
            yield process, [process.stdout.readline(), process.stdout.readline()]
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_the_demo_until_interrupted(number: signal.Signals) -> None:
    with served("--speed", "600") as (process, (first, second)):
        url = first.split()[-1]
        word, *variables = shlex.split(second)
        assert word == "export"
        assert dict(pair.split("=", 1) for pair in variables)["AWS_ENDPOINT_URL"] == url
        with glue_at(url) as glue, emr_at(url) as emr:
            assert "nightly-etl" in glue.list_jobs()["JobNames"]
            assert len(glue.get_job_runs(JobName="hourly-ingest")["JobRuns"]) > 150
            assert len(emr.list_applications()["applications"]) == 2
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_it_may_begin_with_nothing() -> None:
    with served("--seed", "none", "--region", "eu-west-1") as (_, (first, second)), glue_at(first.split()[-1]) as glue:
        assert "AWS_REGION=eu-west-1" in second
        assert glue.list_jobs()["JobNames"] == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "not a loopback address"),  # noqa: S104  # it is refused
        (["--speed", "0"], "speed must be a finite number greater than 0"),
        (["--seed", "typo"], "invalid choice"),
        (["--port", "1000000"], "port"),
    ],
)
def test_what_it_cannot_do_it_says(capsys: pytest.CaptureFixture[str], options: list[str], message: str) -> None:
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main(options)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_the_demo_looks_like_a_week(local: LocalService) -> None:
    demo.seed(local, local.clock.now())
    with glue_at(local.url) as glue, emr_at(local.url) as emr:
        rows = glue.get_job_runs(JobName="nightly-etl")["JobRuns"]
        assert {row.get("JobRunState") for row in rows} == {"SUCCEEDED", "FAILED", "RUNNING"}
        assert {row.get("Attempt") for row in rows} == {0, 1, 2}
        week_ago = local.clock.now() - timedelta(days=7)
        assert abs(rows[-1].get("StartedOn", local.clock.now()) - week_ago) < timedelta(days=1)
        runs = emr.list_job_runs(applicationId=demo.APPLICATION)["jobRuns"]
        assert {"SUCCESS", "FAILED", "CANCELLED", "RUNNING"} <= {run["state"] for run in runs}
        failed = next(run for run in runs if run["state"] == "FAILED")
        assert "ExitCode" in failed["stateDetails"]
        local.advance(timedelta(hours=2))
        assert local.states("glue:hourly-ingest")
    assert set(local.states("datazone:" + demo.DOMAIN + "/" + demo.LINEAGE_JOB).values()) == {
        "SUCCESS",
        "FAILED",
        "PARTIALLY_SUCCEEDED",
        "TIMED_OUT",
    }


def test_only_loopback_is_served_unless_told_otherwise() -> None:
    for host in ("0.0.0.0", "::", "example.org", "10.0.0.1"):  # noqa: S104  # they are refused
        with pytest.raises(ValueError, match="allow_remote"):
            LocalService(host=host)
    LocalService(host="0.0.0.0", allow_remote=True)  # noqa: S104  # it is not started
    with LocalService(host="localhost") as local, glue_at(local.url) as glue:
        assert glue.list_jobs()["JobNames"] == []
