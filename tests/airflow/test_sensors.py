"""The sensor: it waits for a run of any service, in the triggerer, in a worker, or from time to time."""

from datetime import timedelta
from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError, RunRef
from jobruns_sdk.testing import LocalService
from tests.airflow.kit import Tried, connect, deferred, event_of

pytest.importorskip("airflow")

from jobruns_sdk.airflow import RunSensor, RunTrigger, compat


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, local: LocalService) -> LocalService:
    connect(monkeypatch, local)
    return local


def sensor(run: object, **options: object) -> RunSensor:
    given: dict[str, Any] = {"run": run, "task_id": "sense", "poke_interval": 0.05, "deferrable": False, **options}
    return RunSensor(**given)


def started(aws: LocalService, job: str = "etl") -> RunRef:
    with aws.sync_client() as client:
        return client.glue(job).start()


@pytest.mark.local("glue:etl", speed=300.0)
async def test_it_waits_in_the_triggerer(aws: LocalService) -> None:
    tried, ref = Tried(), started(aws)
    paused = deferred(sensor(ref, deferrable=True), tried.context)
    assert not paused.trigger.stop_on_kill
    event = await event_of(paused.trigger)
    assert sensor(ref).execute_complete(tried.context, event) == str(ref)
    assert tried.pushed["job_run"]["state"] == "SUCCEEDED"
    assert tried.pushed["job_run_url"]


@pytest.mark.local("glue:etl", speed=300.0)
def test_it_waits_in_the_worker(aws: LocalService) -> None:
    tried, ref = Tried(), started(aws)
    assert sensor(str(ref)).execute(tried.context) == str(ref)
    assert tried.pushed["job_run"]["state"] == "SUCCEEDED"


@pytest.mark.local("glue:etl")
def test_it_looks_from_time_to_time(aws: LocalService) -> None:
    ref = started(aws)
    operator = sensor(ref, mode="reschedule")
    before = aws.calls()
    assert operator.poke(Tried().context) is False
    assert aws.calls() == before + 1
    aws.advance(timedelta(hours=2))
    done = operator.poke(Tried().context)
    assert isinstance(done, compat.PokeReturnValue)
    assert done.xcom_value == str(ref)


@pytest.mark.local
@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_a_run_that_failed_fails_the_task(aws: LocalService, mode: str) -> None:
    aws.add_glue_job("etl", duration=timedelta(minutes=1), fail_attempts=1)
    ref = started(aws)
    aws.advance(timedelta(hours=2))
    with pytest.raises(compat.AirflowException, match="ended as FAILED, attempt 1: "):
        sensor(ref, mode=mode).poke(Tried().context)


@pytest.mark.local("glue:etl")
async def test_a_time_that_is_up_is_the_sensors_timeout(aws: LocalService) -> None:
    ref = started(aws)
    with pytest.raises(compat.AirflowSensorTimeout):
        sensor(ref, timeout=0.2).execute(Tried().context)
    event = await event_of(RunTrigger(ref, timeout=0.2))
    with pytest.raises(compat.AirflowSensorTimeout, match="had not ended"):
        sensor(ref).execute_complete(Tried().context, event)
    assert aws.calls("BatchStopJobRun") == 0


@pytest.mark.local("datazone:dzd_4p9n6sw4qt9xgn/job42")
def test_a_run_of_datazone_is_waited_for_and_a_part_may_do(aws: LocalService) -> None:
    run = aws.add_run("datazone:dzd_4p9n6sw4qt9xgn/job42", state="PARTIALLY_SUCCEEDED", message="3 queries failed")
    ref = f"datazone:dzd_4p9n6sw4qt9xgn/job42/{run}"
    with pytest.raises(compat.AirflowException, match="PARTIALLY_SUCCEEDED"):
        sensor(ref).execute(Tried().context)
    assert RunRef.parse(str(sensor(ref, allow_partial=True).execute(Tried().context))).run_id == run


@pytest.mark.parametrize(
    "wrong",
    [
        {"run": "glue:etl"},
        {"run": None},
        {"run": "datazone:only/"},
        {"allow_partial": "yes"},
        {"deferrable": 1},
        {"aws_conn_id": ""},
    ],
)
def test_what_cannot_work_is_refused_at_definition(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        sensor(**{"run": "glue:etl/jr_1", **wrong})


def test_templates_are_not_taken_for_references() -> None:
    assert sensor("datazone:dzd_x/job42/{{ ds }}").run == "datazone:dzd_x/job42/{{ ds }}"
