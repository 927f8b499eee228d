"""The trigger: what it hands over, what it says of a run, and when it stops one."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from jobruns_sdk import CredentialsError, InvalidRequestError, RunRef
from jobruns_sdk.testing import LocalService
from tests.airflow.kit import connect, event_of, made_again

pytest.importorskip("airflow")

from jobruns_sdk.airflow import AwsSession, RunTrigger, session_of, sharing, triggers

FAST: dict[str, Any] = {"poll_interval": 0.05, "max_poll_interval": 0.05}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, local: LocalService) -> LocalService:
    connect(monkeypatch, local)
    return local


def _is_deferred(_task: object, _trigger_id: object) -> bool:
    return True


def _is_not_deferred(_task: object, _trigger_id: object) -> bool:
    return False


async def started(local: LocalService, job: str = "etl") -> RunRef:
    async with local.client() as client:
        return await client.glue(job).start()


def test_it_is_made_again_from_what_is_stored() -> None:
    trigger = RunTrigger(
        "glue:etl/jr_1?region=eu-west-1",
        aws_conn_id="prod",
        region_name="eu-west-1",
        verify=False,
        timeout=timedelta(hours=3),
        poll_interval=5,
        max_poll_interval=50,
        retry_grace=60,
        unseen_for=120,
        on_timeout="stop",
        stop_on_kill=True,
    )
    path, arguments = trigger.serialize()
    assert path == "jobruns_sdk.airflow.triggers.RunTrigger"
    assert json.loads(json.dumps(arguments)) == arguments
    assert made_again(trigger).serialize() == (path, arguments)
    assert 3 * 3600 - 60 < arguments["deadline"] - datetime.now(UTC).timestamp() <= 3 * 3600


@pytest.mark.parametrize(
    "wrong",
    [
        {"ref": "glue:etl"},
        {"ref": "no reference"},
        {"ref": None},
        {"aws_conn_id": ""},
        {"timeout": -1},
        {"timeout": 5, "deadline": 5.0},
        {"deadline": "tomorrow"},
        {"poll_interval": 0},
        {"poll_interval": 10, "max_poll_interval": 5},
        {"on_timeout": "kill"},
        {"stop_on_kill": "yes"},
        {"unseen_for": 0},
    ],
)
def test_what_cannot_work_is_refused_at_once(wrong: dict[str, Any]) -> None:
    given: dict[str, Any] = {"ref": "glue:etl/jr_1", **wrong}
    with pytest.raises(InvalidRequestError):
        RunTrigger(**given)


@pytest.mark.local(speed=300.0)
async def test_the_event_tells_of_all_attempts_of_glue(aws: LocalService) -> None:
    aws.add_glue_job("etl", duration=timedelta(seconds=30), fail_attempts=1, max_retries=1)
    event = await event_of(RunTrigger(await started(aws), **FAST))
    assert (event["state"], event["attempt"], event["error"]) == ("SUCCEEDED", 2, None)
    assert event["usage"]["dpu_hours"] > 0
    assert event["duration"] > 30
    assert RunRef.parse(event["ref"]).job.region == "us-east-1"


@pytest.mark.local(speed=300.0)
async def test_the_event_of_a_failure_has_the_services_words(aws: LocalService) -> None:
    aws.add_glue_job("etl", duration=timedelta(seconds=30), fail_attempts=1)
    event = await event_of(RunTrigger(await started(aws), **FAST))
    assert (event["state"], event["native_state"], event["error"]) == ("FAILED", "FAILED", None)
    assert event["message"]


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
async def test_a_run_that_is_not_there_is_an_event_that_no_retry_helps() -> None:
    event = await event_of(RunTrigger("glue:etl/jr_0"))
    assert (event["error"], event["hopeless"], event["state"]) == ("NotFoundError", True, None)


@pytest.mark.local("glue:etl")
async def test_when_the_time_is_up_the_run_is_left_or_stopped_as_told(aws: LocalService) -> None:
    ref = await started(aws)
    event = await event_of(RunTrigger(ref, timeout=0.2, **FAST))
    assert (event["error"], aws.calls("BatchStopJobRun")) == ("WaitTimeoutError", 0)
    event = await event_of(RunTrigger(ref, timeout=0.2, on_timeout="stop", **FAST))
    assert (event["error"], aws.calls("BatchStopJobRun")) == ("WaitTimeoutError", 1)
    assert "asked to stop" in event["reason"]


@pytest.mark.local("glue:etl", speed=3000.0)
async def test_a_deadline_that_has_passed_meanwhile_still_leaves_a_look(aws: LocalService) -> None:
    event = await event_of(RunTrigger(await started(aws), deadline=1.0, **FAST))
    assert event["state"] == "SUCCEEDED"


async def polling(trigger: RunTrigger, local: LocalService) -> "asyncio.Task[None]":
    """Return the task of a trigger that has polled."""

    async def run() -> None:
        async for _ in trigger.run():
            pass

    before = local.calls("GetJobRun") + local.calls("GetJobRuns")
    task = asyncio.ensure_future(run())
    while local.calls("GetJobRun") + local.calls("GetJobRuns") == before:  # noqa: ASYNC110  # the service is in another thread
        await asyncio.sleep(0.001)
    return task


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.local("glue:etl")
async def test_a_triggerer_that_goes_down_stops_no_run(aws: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    for kills in (True, False):
        monkeypatch.setattr(triggers, "KILLS", kills)
        monkeypatch.setattr(triggers, "is_deferred_to", _is_deferred)
        await cancelled(await polling(RunTrigger(await started(aws), stop_on_kill=True, **FAST), aws))
    assert aws.calls("BatchStopJobRun") == 0


@pytest.mark.local("glue:etl")
async def test_a_kill_stops_the_run_once(aws: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger = RunTrigger(await started(aws), stop_on_kill=True, **FAST)
    monkeypatch.setattr(triggers, "KILLS", True)
    await cancelled(await polling(trigger, aws))
    await trigger.on_kill()
    assert aws.calls("BatchStopJobRun") == 1


@pytest.mark.local("glue:etl")
async def test_a_kill_stops_the_run_once_before_airflow_3_3_too(
    aws: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(triggers, "KILLS", False)
    monkeypatch.setattr(triggers, "is_deferred_to", _is_not_deferred)
    await cancelled(await polling(RunTrigger(await started(aws), stop_on_kill=True, **FAST), aws))
    assert aws.calls("BatchStopJobRun") == 1


@pytest.mark.local("glue:etl")
async def test_where_airflow_does_not_tell_no_run_is_stopped(
    aws: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_task: object, _trigger_id: object) -> bool:
        raise ConnectionError("the database is gone")

    monkeypatch.setattr(triggers, "KILLS", False)
    monkeypatch.setattr(triggers, "is_deferred_to", fails)
    await cancelled(await polling(RunTrigger(await started(aws), stop_on_kill=True, **FAST), aws))
    assert aws.calls("BatchStopJobRun") == 0


@pytest.mark.local("glue:etl")
async def test_who_only_watches_stops_nothing(aws: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "KILLS", False)
    monkeypatch.setattr(triggers, "is_deferred_to", _is_not_deferred)
    trigger = RunTrigger(await started(aws), **FAST)
    await cancelled(await polling(trigger, aws))
    await trigger.on_kill()
    assert aws.calls("BatchStopJobRun") == 0


@pytest.mark.local("glue:etl")
@pytest.mark.parametrize(("on_timeout", "stops"), [("leave", 0), ("stop", 1)])
async def test_a_task_whose_execution_timeout_has_passed_stops_the_run_if_told_so(
    aws: LocalService, monkeypatch: pytest.MonkeyPatch, on_timeout: Literal["leave", "stop"], stops: int
) -> None:
    monkeypatch.setattr(triggers, "KILLS", False)
    monkeypatch.setattr(triggers, "is_deferred_to", _is_not_deferred)
    trigger = RunTrigger(await started(aws), stop_on_kill=True, on_timeout=on_timeout, **FAST)
    past = datetime.now(UTC).replace(tzinfo=None) - timedelta(days=1)
    vars(trigger)["timeout_after"] = past
    await cancelled(await polling(trigger, aws))
    assert aws.calls("BatchStopJobRun") == stops


@pytest.mark.local("glue:etl", speed=300.0)
async def test_credentials_that_are_refused_are_looked_up_again(
    aws: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await started(aws)
    monkeypatch.setattr(sharing.Lease, "age", 301.0)
    found: list[object] = []
    read = session_of

    async def reading(name: str | None, region: str | None, *, verify: bool | str | None) -> AwsSession:
        found.append(name)
        return await read(name, region, verify=verify)

    monkeypatch.setattr(sharing, "session_of", reading)
    aws.fault("GetJobRun", "error", code="ExpiredTokenException", status=400)
    event = await event_of(RunTrigger(ref, timeout=60, **FAST))
    assert (event["state"], len(found)) == ("SUCCEEDED", 2)


@pytest.mark.local("glue:etl")
@pytest.mark.usefixtures("aws")
async def test_the_credentials_of_a_new_client_are_not_looked_up_for_ever() -> None:
    lease = SimpleNamespace(age=1.0, retire=lambda: pytest.fail("too early"))
    triggers.heed(lease, CredentialsError("expired"))  # type: ignore[arg-type]  # all that is asked of it


async def test_a_connection_that_is_missing_is_an_event() -> None:
    event = await event_of(RunTrigger("glue:etl/jr_1", aws_conn_id="nowhere"))
    assert (event["error"], event["hopeless"]) == ("CredentialsError", False)
    assert "no connection 'nowhere'" in event["reason"]
