"""``jobruns logs``, and the lines that start and watch print."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jobruns_sdk.testing import LocalService
from tests.cli.kit import Shell

SECOND = timedelta(seconds=1)
COLORED = "\tindented \x1b[31mred\x07"


@pytest.fixture(scope="module")
def service() -> Iterator[LocalService]:
    with LocalService(start=datetime.now(UTC), speed=600, check=True) as service:
        service.add_glue_job("etl", duration=timedelta(minutes=3), fail_attempts=1, max_retries=1)
        service.add_datazone_job("dzd_x", "job42")
        yield service
        assert service.problems == []


def tried_twice(service: LocalService) -> str:
    """Return a run that writes in each of its two attempts."""
    run, now = f"glue:etl/{service.add_run('glue:etl')}", service.clock.now()
    service.add_log_lines(run, "driver", ["read 1 204 331 rows", COLORED], at=now + 30 * SECOND, attempt=1)
    service.add_log_lines(run, "error", ["WARN slow"], at=now + 31 * SECOND, attempt=1)
    service.add_log_lines(run, "driver", ["again", "done"], at=now + 300 * SECOND, attempt=2)
    return run


def test_lines_are_followed_to_the_end_of_runs(jobruns: Shell, service: LocalService) -> None:
    """By ``logs``, ``start`` and ``watch`` side by side: each goes on for some seconds after a run has ended."""
    run, watched = tried_twice(service), tried_twice(service)
    with ThreadPoolExecutor() as pool:
        following = pool.submit(jobruns, "logs", "-f", run, "--attempt", "all")
        starting = pool.submit(jobruns, "start", "glue:etl", "--logs", "--interval", "1s")
        watching = pool.submit(jobruns, "watch", "--logs", watched, "--interval", "1s")

    done = following.result()
    assert (done.code, done.out) == (0, "read 1 204 331 rows\n\tindented \\x1b[31mred\\x07\nagain\ndone\n")
    notices = [line.partition(": ")[2] for line in done.err.splitlines()]
    assert [notice.partition(":")[0] for notice in notices] == ["attempt 1, driver", "attempt 2, driver"]

    done = starting.result()
    assert (done.code, len(done.lines)) == (0, 2)
    assert done.lines[1].startswith("SUCCEEDED\t")
    assert "has no log of driver in the log group /aws-glue/jobs/output" in done.err
    assert service.calls("StartJobRun") == 1

    done = watching.result()
    assert (done.code, done.lines[-2:]) == (0, ["again", "done"])
    assert "succeeded" in done.err
    assert "done" not in done.err


def test_lines_are_chosen(jobruns: Shell, service: LocalService) -> None:
    run = tried_twice(service)
    service.clock.advance(timedelta(minutes=20))
    assert jobruns("logs", run, "-q") == (0, "again\ndone\n", "")
    assert jobruns("logs", run, "--tail", "1", "-q").out == "done\n"
    assert jobruns("logs", run, "--attempt", "1", "--source", "error", "-q").out == "WARN slow\n"


def test_lines_are_rows_for_programs(jobruns: Shell, service: LocalService) -> None:
    run = tried_twice(service)
    service.clock.advance(timedelta(minutes=20))
    done = jobruns("logs", run, "--attempt", "all", "-o", "jsonl")
    rows = [json.loads(line) for line in done.lines]
    assert [(row["attempt"], row["source"], row["text"]) for row in rows] == [
        (1, "driver", "read 1 204 331 rows"),
        (1, "driver", COLORED),
        (2, "driver", "again"),
        (2, "driver", "done"),
    ]
    assert "\x1b" not in done.out
    assert jobruns("logs", run, "--fields", "text").lines == ["again", "done"]


def test_where_lines_lie(jobruns: Shell, service: LocalService) -> None:
    run = tried_twice(service)
    service.clock.advance(timedelta(minutes=20))
    places = [line.split("\t") for line in jobruns("logs", run, "--where", "--attempt", "1").lines]
    assert {(attempt, source, place.split()[0]) for attempt, source, _, place, _ in places} == {
        ("1", "driver", "/aws-glue/jobs/output"),
        ("1", "error", "/aws-glue/jobs/error"),
    }


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("logs", "datazone:dzd_x/job42/run1"), 3, "jobruns: datazone keeps no logs that can be read"),
        (("logs", "glue:etl/jr_0000"), 5, "jobruns: "),
        (("logs", "glue:etl", "--attempt", "0"), 2, "jobruns logs: argument --attempt: '0' is not a number"),
        (("logs", "glue:etl", "--source", "spark"), 2, "jobruns logs: argument --source: unknown source 'spark'"),
        (("watch", "glue:etl", "--logs"), 2, "jobruns: --logs prints what runs write: name runs, not jobs"),
    ],
)
def test_what_cannot_be_had_is_one_line(jobruns: Shell, words: tuple[str, ...], code: int, text: str) -> None:
    done = jobruns(*words)
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith(text)
    assert done.err.count("\n") == 1


def test_a_list_has_the_reason_of_a_failure_that_the_logs_tell(jobruns: Shell, service: LocalService) -> None:
    service.add_glue_job("bad", duration=timedelta(minutes=1), fail_attempts=1, message="Job failed")
    run, now = f"glue:bad/{service.add_run('glue:bad')}", service.clock.now()
    service.add_log_lines(run, "error", ["Traceback:", "KeyError: 'day'"], at=now + 20 * SECOND)
    service.clock.advance(timedelta(minutes=20))

    assert jobruns("ls", "glue:bad", "--fields", "message").lines == ["Job failed"]
    assert jobruns("ls", "glue:bad", "--fields", "message", "--why").lines == ["KeyError: 'day'"]


def test_a_stored_run_has_no_other_reason(jobruns: Shell, service: LocalService, tmp_path: Path) -> None:
    file = str(tmp_path / "runs.sqlite")
    service.add_glue_job("stored", fail_attempts=1, message="Job failed")
    service.add_run("glue:stored")
    service.clock.advance(timedelta(minutes=20))
    jobruns("sync", "glue:stored", file)
    assert jobruns("ls", "--from", file, "--fields", "message", "--why").lines == ["Job failed"]
