"""What users see in Airflow itself: DAGs from start to end, a triggerer, clearing and failing, lost workers.

Each test starts Airflow's own processes, against its own database and a local service that counts what it is asked.
`JOBRUNS_AIRFLOW_LONG=1` runs them all, which takes some minutes.
"""

import json
import os
import signal
from collections import Counter
from datetime import timedelta
from typing import Any, Final

import pytest

from jobruns_sdk.testing import LocalService
from tests.airflow import dags, load
from tests.airflow.world import Airflow, airflow_version

pytestmark = pytest.mark.skipif(airflow_version() is None, reason="needs Airflow beside this Python")

long = pytest.mark.skipif("JOBRUNS_AIRFLOW_LONG" not in os.environ, reason="takes minutes: JOBRUNS_AIRFLOW_LONG=1")
_AT_ONCE: Final = timedelta(0)
_SOON: Final = timedelta(seconds=3)
_FOR_A_WHILE: Final = timedelta(minutes=10)  # a run waits up to 15 for a slot
_LATE: Final = timedelta(hours=1)


def started(aws: LocalService) -> Counter[str]:
    """Return how many runs of each job or application were started."""
    starts = [each.params for each in aws.requests if each.operation == "StartJobRun" and each.status == 200]
    return Counter(str(params.get("JobName") or params.get("applicationId")) for params in starts)


def stopped(aws: LocalService) -> list[str]:
    """Return the run ids of all calls that stop runs, in their order."""
    ids: list[str] = []
    for each in aws.requests:
        if each.operation == "BatchStopJobRun":
            found: Any = each.params["JobRunIds"]
            ids += found
    return ids


def test_a_night_of_all_operators_succeeds_and_each_task_starts_one_run(airflow: Airflow, aws: LocalService) -> None:
    for job in ("load", "parts", "here"):
        aws.add_glue_job(job, startup=_AT_ONCE, duration=_SOON)
    aws.add_glue_job("again", max_retries=1, fail_attempts=1, retry_delay=_SOON, startup=_AT_ONCE, duration=_SOON)
    aws.add_glue_job("queued", queuing=True, max_concurrent_runs=1, startup=_AT_ONCE, duration=_SOON)
    aws.next_run("glue:queued", duration=_FOR_A_WHILE)
    aws.add_application("00f1reports00000", startup=_AT_ONCE, duration=_SOON)
    airflow.write_dag("night", dags.NIGHT)
    with aws.sync_client() as client:
        queued = client.glue("queued")
        before = queued.start(arguments={"--day": "20260103"})
        night = airflow.spawn("dags", "test", "night")
        airflow.until(lambda: started(aws)["queued"] == 2, "a run for which there is no slot")
        polls = aws.calls("GetJobRun") + aws.calls("GetJobRuns")
        airflow.until(lambda: aws.calls("GetJobRun") + aws.calls("GetJobRuns") > polls + 1, "polls of it")
        assert [run.native_state for run in queued.runs()] == ["WAITING", "RUNNING"]
        aws.advance(_FOR_A_WHILE)
    assert night.running.wait(120) == 0, night.text()[-5000:]

    states = {task for task, (state, _) in airflow.states("night").items() if state != "success"}
    assert states == set()
    assert started(aws) == {
        "load": 1,
        "parts": 3,
        "here": 1,
        "again": 1,
        "queued": 2,
        "00f1reports00000": 1,
    }
    assert stopped(aws) == []
    assert airflow.pushed("night", "states") == ["SUCCEEDED"] * 3
    refs = [airflow.pushed("night", "parts", index=index) for index in range(3)]
    assert len(set(refs)) == 3
    assert all(ref.startswith("glue:parts/") for ref in refs)
    assert airflow.pushed("night", "report").startswith("emr-serverless:00f1reports00000/")
    assert airflow.pushed("night", "lineage") == airflow.pushed("night", "load")
    assert airflow.pushed("night", "again", "job_run")["attempt"] == 2
    assert airflow.pushed("night", "load", "job_run")["state"] == "SUCCEEDED"
    assert before.run_id not in airflow.pushed("night", "queued")


def test_airflow_lists_the_provider(airflow: Airflow) -> None:
    listed = json.loads(airflow.run("providers", "list", "--output", "json").stdout)
    assert "jobruns-sdk" in {provider["package_name"] for provider in listed}


@long
def test_what_fails_fails_at_once(airflow: Airflow, aws: LocalService) -> None:
    aws.add_glue_job("fails", outcome="FAILED", message="no such table", startup=_AT_ONCE, duration=_SOON)
    aws.add_glue_job("expires", outcome="EXPIRED", startup=_AT_ONCE, duration=_SOON)
    airflow.write_dag("bad", dags.BAD)
    airflow.run("dags", "test", "bad", check=False)

    assert {task: state for (task, _), (state, _) in airflow.states("bad").items()} == {
        "fails": "failed",
        "expires": "failed",
        "missing": "failed",
    }
    assert started(aws) == {"fails": 1, "expires": 1}
    assert airflow.states("bad")["missing", -1][1] == 1  # its retries would have been of no use


@long
def test_forty_tasks_share_their_polls(airflow: Airflow, aws: LocalService) -> None:
    figures = load.measured(load.our_trigger, load.Load(airflow, aws, 40), seconds=20.0)

    each_of_theirs = 60 / load.INTERVAL * 40
    assert figures.calls < each_of_theirs / 8
    assert aws.calls("GetJobRun") <= 40  # none of them is polled for alone


@long
class TestADeferredTask:
    """A triggerer waits for runs, and users or machines interfere."""

    def begin(self, airflow: Airflow, aws: LocalService, count: int) -> load.Load:
        """Defer some tasks to a triggerer; return them once it polls."""
        made = load.Load(airflow, aws, count)
        airflow.triggerer()
        made.defer([load.our_trigger(run_id, stop_on_kill=True) for run_id in made.run_ids])
        made.wait_until_polled()
        return made

    @pytest.mark.parametrize("state", ["failed", "success", "scheduled"])
    def test_that_a_user_ends_stops_its_run_once(self, airflow: Airflow, aws: LocalService, state: str) -> None:
        made = self.begin(airflow, aws, 3)
        if state == "scheduled":  # by the scheduler, once a user has cleared it
            airflow.act("clear", "many", "now", "wait", "--index", "1")
        airflow.act("set", "many", "now", "wait", state, "--index", "1")
        airflow.until(lambda: stopped(aws), "a stop")
        made.end()
        made.stored()
        assert stopped(aws) == [made.run_ids[1]]

    def test_goes_on_in_another_triggerer(self, airflow: Airflow, aws: LocalService) -> None:
        made = self.begin(airflow, aws, 3)
        airflow.processes[0].terminate()
        assert made.waiting() == 3
        asked = aws.calls("GetJobRuns")
        airflow.triggerer()
        airflow.until(lambda: aws.calls("GetJobRuns") > asked, "the other triggerer's polls")
        made.end()
        made.stored()
        assert {state for state, _ in airflow.states("many").values()} == {"scheduled"}
        assert stopped(aws) == []


@long
class TestAnInstallation:
    """A scheduler, workers and a triggerer; each task of the DAG is a story of its own, and all go on at once."""

    def test_starts_what_must_be_started_and_nothing_twice(self, airflow: Airflow, aws: LocalService) -> None:
        for job in STORIES:
            aws.add_glue_job(job, startup=_AT_ONCE, duration=_LATE)
        aws.next_run("glue:flaky", outcome="FAILED", message="out of memory")
        aws.fault("StartJobRun", "delay", effect=True, seconds=600.0, match={"JobName": "lost"})
        airflow.write_dag("stories", dags.STORIES)
        airflow.start()
        airflow.act("begin", "stories", "once")

        airflow.until(lambda: is_lost(aws, "lost"), "the start that is not answered")
        kill_worker(airflow, "lost")
        for task in STORIES:
            deferred(airflow, task, 1)
        assert started(aws) == dict.fromkeys(STORIES, 1)  # the retry of the lost task has found its run
        assert airflow.states("stories")["lost", -1][1] == 2

        airflow.act("set", "stories", "once", "failed", "failed")
        airflow.act("clear", "stories", "once", "cleared")
        deferred(airflow, "cleared", 2)
        airflow.until(lambda: len(stopped(aws)) == 2, "the stops of what was failed and cleared")
        aws.advance(_LATE + _SOON)
        for task in ("lost", "repeated", "cleared"):
            airflow.wait_for("stories", task, "success")

        airflow.act("clear", "stories", "once", "repeated")
        for task in ("flaky", "repeated"):
            deferred(airflow, task, 2)
        aws.advance(_LATE + _SOON)
        for task in ("flaky", "repeated"):
            airflow.wait_for("stories", task, "success")
        assert started(aws) == {"lost": 1, "flaky": 2, "repeated": 2, "cleared": 2, "failed": 1}
        assert len(stopped(aws)) == 2

    def test_stops_what_a_worker_waits_for_when_a_user_ends_it(self, airflow: Airflow, aws: LocalService) -> None:
        aws.add_glue_job("here", startup=_AT_ONCE, duration=_LATE)
        airflow.write_dag("here", dags.HERE)
        airflow.start()
        airflow.act("begin", "here", "once")

        airflow.until(lambda: aws.calls("GetJobRun") > 3, "a worker that waits")
        airflow.act("clear", "here", "once", "wait")
        airflow.until(lambda: started(aws)["here"] == 2, "another run of the cleared task")
        assert len(stopped(aws)) == 1

        polls = aws.calls("GetJobRun")
        airflow.until(lambda: aws.calls("GetJobRun") > polls + 3, "a worker that waits for it")
        airflow.act("set", "here", "once", "wait", "failed")
        airflow.until(lambda: len(stopped(aws)) == 2, "the stop of the failed task's run")
        assert len(set(stopped(aws))) == 2
        assert started(aws) == {"here": 2}

    def test_starts_no_second_run_beside_one_whose_worker_was_lost(self, airflow: Airflow, aws: LocalService) -> None:
        aws.add_glue_job("here", startup=_AT_ONCE, duration=_LATE)
        airflow.write_dag("here", dags.HERE.replace("retries=2", "retries=0"))
        airflow.start()
        airflow.act("begin", "here", "once")

        airflow.until(lambda: aws.calls("GetJobRun") > 3, "a worker that waits")
        kill_worker(airflow, "wait")
        airflow.wait_for("here", "wait", "failed")
        assert stopped(aws) == []

        polls = aws.calls("GetJobRun")
        airflow.act("clear", "here", "once", "wait")
        airflow.until(lambda: aws.calls("GetJobRun") > polls + 5, "a worker that waits again")
        assert started(aws) == {"here": 1}
        aws.advance(_LATE)
        airflow.wait_for("here", "wait", "success")
        assert started(aws) == {"here": 1}
        assert stopped(aws) == []


STORIES: Final = ("lost", "flaky", "repeated", "cleared", "failed")


def is_lost(aws: LocalService, job: str) -> bool:
    """True once a start of that job has come that is not answered."""
    return any(each.fault is not None and each.params.get("JobName") == job for each in aws.requests)


def kill_worker(airflow: Airflow, task: str) -> None:
    """End the process that runs a task, without asking it."""
    ((pid,),) = airflow.rows("select pid from task_instance where task_id = ?", task)
    os.kill(pid, signal.SIGKILL)


def deferred(airflow: Airflow, task: str, times: int) -> None:
    """Wait until a task has been deferred so many times, and Airflow has seen its worker's end.

    It fails a task that is woken before that.
    """
    airflow.wait_for("stories", task, "deferred")
    scheduler = airflow.processes[-1]

    def seen() -> int:
        ends = [line for line in scheduler.text().splitlines() if "TaskInstance Finished" in line]
        return sum(f"task_id={task}," in line and "state=deferred" in line for line in ends)

    airflow.until(lambda: seen() >= times, f"the end of the worker of {task}")
