"""The operators: one run for all tries of a task, another one for each that failed, and what stops them."""

import signal
import threading
import time
from datetime import timedelta
from typing import Any, TypeAlias

import attrs
import pytest

from jobruns_sdk import HiveQuery, InvalidRequestError, RunRef, SparkSubmit
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.testing import LocalService
from tests.airflow.kit import BEGAN, Store, Tried, connect, deferred, event_of

pytest.importorskip("airflow")

from jobruns_sdk.airflow import EmrServerlessRunOperator, GlueRunOperator, compat

FAST: dict[str, Any] = {"poll_interval": timedelta(seconds=0.05), "max_poll_interval": timedelta(seconds=0.05)}
Operator: TypeAlias = GlueRunOperator | EmrServerlessRunOperator
ROLE = "arn:aws:iam::111122223333:role/exec"
APP = "00f1spark00demo9"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, local: LocalService) -> LocalService:
    connect(monkeypatch, local)
    return local


def glue(**options: object) -> GlueRunOperator:
    given: dict[str, Any] = {"task_id": "load", "job_name": "etl", "deferrable": True, **FAST, **options}
    return GlueRunOperator(**given)


def emr(**options: object) -> EmrServerlessRunOperator:
    given: dict[str, Any] = {
        "task_id": "load",
        "application_id": APP,
        "driver": SparkSubmit("s3://bucket/main.py"),
        "execution_role_arn": ROLE,
        "deferrable": True,
        **FAST,
        **options,
    }
    return EmrServerlessRunOperator(**given)


def begun(operator: Operator, tried: Tried) -> RunRef:
    """Return the run that a try has started or found; then its worker is gone."""
    return RunRef.parse(str(deferred(operator, tried.context).trigger.ref))


async def result(operator: Operator, tried: Tried) -> str:
    """Return what a task returns that is tried to its end."""
    context = tried.context
    paused = deferred(operator, context)
    event = await event_of(paused.trigger)
    answer: str = getattr(operator, paused.method_name)(context, event)
    return answer


@pytest.mark.local("glue:etl", speed=300.0)
async def test_a_task_returns_its_run_and_pushes_what_became_of_it(aws: LocalService) -> None:
    tried = Tried()
    returned = await result(glue(arguments={"--day": "4"}), tried)
    ref = RunRef.parse(returned)
    assert tried.pushed["job_run_ref"] == returned
    assert tried.pushed["job_run_url"].endswith(f"/job/etl/run/{ref.run_id}")
    run = tried.pushed["job_run"]
    assert (run["state"], run["attempt"], run["usage"]["basis"]) == ("SUCCEEDED", 1, "estimated")
    assert aws.calls("StartJobRun") == 1


@pytest.mark.local("glue:etl", speed=300.0)
@pytest.mark.usefixtures("aws")
async def test_without_xcoms_nothing_is_pushed() -> None:
    tried = Tried()
    assert await result(glue(do_xcom_push=False), tried)
    assert tried.pushed == {}


@pytest.mark.local("glue:etl")
@pytest.mark.parametrize("store", [None, Store()])
def test_a_lost_worker_finds_its_run_again(aws: LocalService, store: Store | None) -> None:
    tried = Tried(store=store)
    first = begun(glue(), tried)
    assert begun(glue(), tried.again()) == first
    assert begun(glue(), tried.again()) == first
    assert aws.calls("StartJobRun") == 1


@pytest.mark.local("glue:etl", speed=600.0)
async def test_a_run_that_succeeded_while_nobody_looked_is_found_again(aws: LocalService) -> None:
    tried = Tried()
    operator = glue()
    ref = begun(operator, tried)
    await event_of(deferred(operator, tried.context).trigger)  # it has ended; the worker that was to go on is gone
    assert await result(glue(), tried.again()) == str(ref)
    assert aws.calls("StartJobRun") == 1


@pytest.mark.local(speed=300.0)
async def test_each_try_after_a_failure_starts_another_run(aws: LocalService) -> None:
    aws.add_glue_job("etl", duration=timedelta(seconds=30), fail_attempts=1)
    tried = Tried()
    seen: list[str] = []
    for _ in range(3):
        with pytest.raises(compat.AirflowException, match="ended as FAILED, attempt 1: ") as failed:
            seen.append(await result(glue(), tried))
        assert not isinstance(failed.value, compat.AirflowFailException)
        seen.append(tried.pushed["job_run_ref"])
        tried.again()
    assert (len(set(seen)), aws.calls("StartJobRun")) == (3, 3)


@pytest.mark.local("glue:etl", speed=300.0)
async def test_a_cleared_task_starts_another_run_whose_worker_may_be_lost_too(aws: LocalService) -> None:
    tried = Tried()
    first = await result(glue(), tried)
    second = begun(glue(), tried.clear())
    assert str(second) != first
    assert begun(glue(), tried.again()) == second
    assert aws.calls("StartJobRun") == 2


@pytest.mark.local("glue:etl")
def test_a_task_that_is_cleared_while_its_run_goes_on_waits_for_that(aws: LocalService) -> None:
    """As after the loss of a worker without retries: two runs at once would be one too many."""
    tried = Tried()
    first = begun(glue(), tried)
    tried.began += timedelta(days=1)  # clearing begins a DAG run again that had ended
    assert begun(glue(), tried.clear()) == first
    assert begun(glue(), tried.again()) == first
    assert aws.calls("StartJobRun") == 1
    aws.advance(timedelta(hours=2))
    assert begun(glue(), tried.clear()) != first


@pytest.mark.local("glue:etl")
def test_a_cleared_task_with_another_request_conflicts_with_a_run_that_goes_on(aws: LocalService) -> None:
    tried = Tried()
    begun(glue(arguments={"--day": "4"}), tried)
    with pytest.raises(compat.AirflowFailException, match="goes on: stop it, or wait"):
        begun(glue(arguments={"--day": "5"}), tried.clear())
    assert aws.calls("StartJobRun") == 1


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
def test_no_two_task_instances_share_a_run() -> None:
    others = [
        Tried(),
        Tried(task_id="other"),
        Tried(map_index=0),
        Tried(map_index=1),
        Tried(began=BEGAN + timedelta(microseconds=1)),  # another Airflow with the same DAG
    ]
    assert len({begun(glue(), tried) for tried in others}) == len(others)


@pytest.mark.local("glue:etl")
def test_runs_that_show_no_arguments_are_no_reason_not_to_start(aws: LocalService) -> None:
    with aws.sync_client() as client:
        old = client.glue("etl").start()
        aws.advance(timedelta(hours=2))
        assert client.run(old).succeeded
    assert begun(glue(), Tried()) != old


@pytest.mark.local("glue:etl")
async def test_a_run_that_stops_is_waited_for_and_then_another_one_starts(aws: LocalService) -> None:
    tried, operator = Tried(), glue()
    first = begun(operator, tried)
    operator.on_kill()
    paused = deferred(glue(), tried.again().context)
    assert (RunRef.parse(str(paused.trigger.ref)), paused.method_name) == (first, "execute_after_stop")
    aws.advance(timedelta(hours=1))
    event = await event_of(paused.trigger)
    assert event["state"] == "STOPPED"
    assert deferred(glue(), tried.context, "execute_after_stop", event).trigger.ref != first
    assert aws.calls("StartJobRun") == 2


@pytest.mark.local
def test_a_change_of_the_dag_after_a_failure_is_no_conflict(aws: LocalService) -> None:
    aws.add_glue_job("etl", duration=timedelta(hours=1), fail_attempts=1)
    tried = Tried()
    first = begun(glue(arguments={"--day": "4"}), tried)
    aws.advance(timedelta(hours=2))
    second = begun(glue(arguments={"--day": "5"}), tried.again())
    assert second != first
    assert begun(glue(arguments={"--day": "5"}), tried.again()) == second
    assert aws.calls("StartJobRun") == 2


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
def test_a_change_of_the_dag_while_the_run_goes_on_is_a_conflict() -> None:
    tried = Tried()
    begun(glue(arguments={"--day": "4"}), tried)
    with pytest.raises(compat.AirflowFailException, match="another request, goes on: stop it"):
        begun(glue(arguments={"--day": "5"}), tried.again())


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
def test_a_key_of_ones_own_is_shared() -> None:
    one = begun(glue(idempotency_key="day-4"), Tried())
    assert begun(glue(idempotency_key="day-4", task_id="other"), Tried(task_id="other")) == one


@pytest.mark.local("glue:other")
@pytest.mark.parametrize("fault", [None, "AccessDeniedException"])
def test_what_no_retry_helps_fails_for_good(aws: LocalService, fault: str | None) -> None:
    if fault is not None:
        aws.add_glue_job("etl")
        aws.fault("StartJobRun", "error", code=fault, status=400)
    with pytest.raises(compat.AirflowFailException):
        begun(glue(), Tried())


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
async def test_a_wait_that_no_retry_helps_fails_for_good() -> None:
    event = {"ref": "glue:etl/jr_1", "error": "AccessDeniedError", "hopeless": True, "reason": "not allowed"}
    with pytest.raises(compat.AirflowFailException, match="not allowed"):
        glue().execute_complete(Tried().context, event)
    with pytest.raises(compat.AirflowException, match="throttled") as raised:
        glue().execute_complete(Tried().context, {**event, "hopeless": False, "reason": "throttled"})
    assert not isinstance(raised.value, compat.AirflowFailException)


@pytest.mark.local("glue:etl", speed=300.0)
@pytest.mark.usefixtures("aws")
def test_a_task_may_wait_in_its_worker() -> None:
    tried = Tried()
    returned = glue(deferrable=False).execute(tried.context)
    assert tried.pushed["job_run"]["ref"] == returned
    assert tried.pushed["job_run"]["state"] == "SUCCEEDED"


@pytest.mark.local("glue:etl")
def test_a_task_that_is_killed_in_its_worker_stops_its_run_once(aws: LocalService) -> None:
    operator = glue()
    begun(operator, Tried())
    operator.on_kill()
    operator.on_kill()
    assert aws.calls("BatchStopJobRun") == 1
    operator = glue(stop_on_kill=False)
    begun(operator, Tried(task_id="other"))
    operator.on_kill()
    assert aws.calls("BatchStopJobRun") == 1


class _TerminatedError(Exception):
    """The end of a task whose worker has had a signal."""


@pytest.mark.local("glue:etl")
def test_a_signal_to_a_worker_that_waits_stops_its_run_and_ends_the_task(aws: LocalService) -> None:
    operator, main = glue(deferrable=False), threading.get_ident()

    def end(_number: int, _frame: object) -> None:  # as Airflow's workers do
        operator.on_kill()
        raise _TerminatedError

    def interrupt() -> None:
        while not aws.calls("GetJobRun"):
            time.sleep(0.001)
        signal.pthread_kill(main, signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    try:
        threading.Thread(target=interrupt).start()
        with pytest.raises(_TerminatedError):
            operator.execute(Tried().context)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert aws.calls("BatchStopJobRun") == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"job_name": ""},
        {"job_name": "glue:etl"},
        {"job_name": None},
        {"arguments": {"--a": 1}},
        {"arguments": ["--a"]},
        {"number_of_workers": "10"},
        {"worker_type": "G.1X", "max_capacity": 2.0},
        {"run_timeout": timedelta(seconds=1)},
        {"timeout": 5},
        {"timeout": timedelta(-1)},
        {"on_timeout": "kill"},
        {"poll_interval": timedelta(0)},
        {"max_poll_interval": timedelta(seconds=0.01)},
        {"aws_conn_id": ""},
        {"region_name": "no region"},
        {"idempotency_key": ""},
        {"deferrable": "yes"},
        {"stop_on_kill": 1},
        {"slot_timeout": 5},
    ],
)
def test_what_cannot_work_is_refused_at_definition(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        glue(**wrong)


def test_templates_are_not_taken_for_values() -> None:
    operator = glue(
        job_name="{{ params.job }}",
        arguments={"--day": "{{ ds }}"},
        worker_type="{{ params.size }}",
        aws_conn_id="{{ params.account }}",
        region_name="{{ params.region }}",
        idempotency_key="{{ ds }}",
    )
    assert {"job_name", "arguments", "worker_type", "aws_conn_id", "region_name"} <= set(operator.template_fields)


@pytest.mark.local(f"emr-serverless:{APP}", speed=300.0)
async def test_emr_serverless_runs_are_started_once_too(aws: LocalService) -> None:
    tried = Tried()
    first = begun(emr(), tried)
    assert begun(emr(), tried.again()) == first
    returned = await result(emr(), tried.again())
    assert (returned, aws.calls("StartJobRun")) == (str(first), 3)  # the service answers a known token with its run
    assert tried.pushed["job_run"]["usage"]["vcpu_hours"] > 0
    assert begun(emr(), tried.clear()) != first


@pytest.mark.local(f"emr-serverless:{APP}")
def test_where_airflow_keeps_the_run_nothing_is_started_to_find_it(aws: LocalService) -> None:
    tried = Tried(store=Store())
    first = begun(emr(), tried)
    assert begun(emr(), tried.again()) == first
    assert aws.calls("StartJobRun") == 1
    assert begun(emr(), tried.clear()) == first  # it goes on
    assert aws.calls("StartJobRun") == 1
    aws.advance(timedelta(hours=2))
    assert begun(emr(), tried.clear()) != first


@pytest.mark.local(f"emr-serverless:{APP}")
@pytest.mark.usefixtures("aws")
def test_another_request_of_emr_serverless_says_how_to_go_on() -> None:
    tried = Tried()
    begun(emr(), tried)
    with pytest.raises(compat.AirflowFailException, match="clear the task"):
        begun(emr(driver=HiveQuery("select 1")), tried.again())


@pytest.mark.local(f"emr-serverless:{APP}")
def test_drivers_and_settings_may_be_mappings_whose_texts_are_rendered(aws: LocalService) -> None:
    settings = {"monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://logs/4"}}}
    operator = emr(
        driver={"entry_point": "s3://bucket/{{ ds }}.py", "arguments": ["--day", "{{ ds }}"]},
        configuration_overrides=settings,
        retry_policy={"maxAttempts": 2},
    )
    operator.driver = {"entry_point": "s3://bucket/4.py", "arguments": ["--day", "4"]}  # as Airflow renders it
    ref = begun(operator, Tried())
    with aws.sync_client() as client:
        run = client.run(ref).native
    assert isinstance(run, native.JobRun)
    assert run.jobDriver is not None
    assert run.jobDriver.sparkSubmit == native.SparkSubmit(
        entryPoint="s3://bucket/4.py", entryPointArguments=("--day", "4")
    )
    assert run.retryPolicy == native.RetryPolicy(maxAttempts=2)
    driver = SparkSubmit("s3://bucket/main.py", arguments=["a"])
    assert emr(driver=driver).driver == {
        field.name: getattr(driver, field.name) if field.name != "arguments" else ["a"]
        for field in attrs.fields(SparkSubmit)
    }


@pytest.mark.parametrize(
    "wrong",
    [
        {"driver": "s3://bucket/main.py"},
        {"driver": {"entryPoint": "s3://bucket/main.py"}},
        {"driver": {"entry_point": "s3://bucket/main.py", "args": []}},
        {"driver": {"query": ""}},
        {"execution_role_arn": None},
        {"mode": "STREAMING"},
        {"mode": "OTHER"},
        {"tags": {"a": 1}},
        {"run_timeout": timedelta(seconds=1)},
        {"configuration_overrides": {"monitoring": {}}},
        {"configuration_overrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": {"uri": "s3://x"}}}},
        {"configuration_overrides": {"monitoringConfiguration": 3}},
        {"retry_policy": {"maxAttempts": "two"}},
    ],
)
def test_what_cannot_work_on_emr_serverless_is_refused_at_definition(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError):
        emr(**wrong)
