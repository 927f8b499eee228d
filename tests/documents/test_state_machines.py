"""The state machines of the page on Step Functions run in moto's interpreter, with the page's handlers as functions."""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import count
from operator import methodcaller
from types import SimpleNamespace
from typing import Any, Final

import boto3
import pytest
from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer

from docs.links import ROOT
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.testing import LocalService

PAGE: Final = (ROOT / "docs" / "how-to" / "step-functions-and-lambda.md").read_text("utf-8")
PROGRAM: Final = "\n\n".join(re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
POLLING, CALLED_BACK = map(json.loads, re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
JOB: Final = "nightly-etl"
LAMBDA: Final = "moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils.boto_client_for"
FUNCTIONS: Final = {"job-run-start": "start", "job-run-check": "check", "job-run-await": "await_end"}
NO_ERROR: Final[Mapping[str, str]] = {}
UNHANDLED: Final[Mapping[str, str]] = {"FunctionError": "Unhandled"}
NUMBERS: Final = count()
SECONDS: Final = 60.0
"""The time in which a state machine ends, many times over."""


def boto3_client(service: str) -> Any:  # noqa: ANN401  # of services whose types are not installed
    """Return a client of boto3 that finds its endpoint in the environment."""
    return methodcaller("client", service)(boto3)


class Account:
    """Step Functions and DynamoDB of moto, Glue of the local service, and the page's functions between them."""

    def __init__(self, local: LocalService) -> None:
        self.local = local
        self.functions: dict[str, Any] = {}
        exec(compile(PROGRAM, "app.py", "exec"), self.functions)  # noqa: S102  # the page's own blocks
        self.steps = boto3_client("stepfunctions")
        self.called: list[str] = []
        self.sent: dict[str, set[str]] = {}
        self.fails: dict[str, int] = {}
        self._changed = threading.Condition()

    def call(self, function: str, event: Mapping[str, Any]) -> Any:  # noqa: ANN401  # what the handler returns
        """Call a handler with what JSON makes of an event, as Lambda does."""
        known = len(self.local.requests)
        answer = self.functions[function](json.loads(json.dumps(event)), None)
        operations = {request.operation for request in self.local.requests[known:]}
        self.sent.setdefault(function, set()).update(operations)
        with self._changed:
            self.called.append(function)
            self._changed.notify_all()
        return json.loads(json.dumps(answer))

    def client(self, **_: object) -> SimpleNamespace:
        """Return a client of Lambda for the interpreter."""
        return SimpleNamespace(invoke=self._invoke)

    def _invoke(self, *, FunctionName: str, Payload: bytes) -> Mapping[str, Any]:  # noqa: N803  # AWS's names
        function = FUNCTIONS[FunctionName]
        try:
            payload, failed = self.call(function, json.loads(Payload)), NO_ERROR
        except Exception as error:  # noqa: BLE001  # as Lambda does
            payload, failed = {"errorType": type(error).__name__, "errorMessage": str(error)}, UNHANDLED
        if self.called.count(function) <= self.fails.get(function, 0):  # its answer is lost
            payload, failed = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}, UNHANDLED
        return {"StatusCode": 200, "Payload": BytesIO(json.dumps(payload).encode()), **failed}

    def until_called(self, function: str, times: int) -> None:
        """Wait until a function was called so often."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.called.count(function) >= times, SECONDS), self.called

    def begin(self, machine: Mapping[str, Any]) -> str:
        """Start an execution and return its ARN."""
        arn = self.steps.create_state_machine(
            name=f"nightly-{next(NUMBERS)}",
            definition=json.dumps(machine),
            roleArn="arn:aws:iam::123456789012:role/steps",
        )["stateMachineArn"]
        given = json.dumps({"job": JOB, "arguments": {"--day": "2026-01-04"}})
        started: str = self.steps.start_execution(stateMachineArn=arn, name="2026-01-04", input=given)["executionArn"]
        return started

    def end(self, execution: str) -> Mapping[str, Any]:
        """Return an execution once it has ended."""
        over = threading.Event()
        for _ in range(int(SECONDS / 0.05)):
            described: Mapping[str, Any] = self.steps.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                return described
            over.wait(0.05)
        raise AssertionError(self.called)

    def event(self, run: str, state: str) -> Mapping[str, Any]:
        """Return the event that Glue sends of a run."""
        ref = RunRef.parse(run)
        detail = {"jobName": JOB, "jobRunId": ref.run_id, "state": state, "severity": "INFO", "message": ""}
        envelope = {"id": "1", "source": "aws.glue", "detail-type": "Glue Job State Change", "detail": detail}
        return {**envelope, "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", "region": ref.job.region}


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(check=True) as local:
        local.add_glue_job(JOB, duration=timedelta(minutes=1))
        yield local
        assert local.problems == []


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(local: LocalService, url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name, value in local.environment.items():
        monkeypatch.setenv(name, value)
    for service in ("DYNAMODB", "SFN"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", url)
    monkeypatch.setattr("jobruns_sdk.client.RealClock", lambda: local.clock)
    monkeypatch.setitem(default_user_config, "stepfunctions", {"execute_state_machine": True})
    account = Account(local)
    monkeypatch.setattr(LAMBDA, account.client)
    tables = boto3_client("dynamodb")
    tables.create_table(
        TableName="job-run-tokens",
        KeySchema=[{"AttributeName": "run", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "run", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield account
    tables.delete_table(TableName="job-run-tokens")


def polling(seconds: int = 0) -> dict[str, Any]:
    """Return the machine that polls, with another pause."""
    machine: dict[str, Any] = json.loads(json.dumps(POLLING))
    machine["States"]["Pause"]["Seconds"] = seconds
    for state in machine["States"].values():
        for retry in state.get("Retry", ()):
            retry["IntervalSeconds"] = 1
    return machine


def called_back(seconds: int) -> dict[str, Any]:
    """Return the machine that is called back, with another time after which it looks by itself."""
    machine = polling()
    del machine["States"]["Pause"], machine["States"]["Check"]
    machine["States"]["Start"]["Next"] = "Await"
    machine["States"] |= json.loads(json.dumps(CALLED_BACK))
    machine["States"]["Await"]["TimeoutSeconds"] = seconds
    return machine


def test_one_that_polls_ends_with_its_run(account: Account) -> None:
    ended = account.end(account.begin(polling()))

    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output == {"run": output["run"], "state": "SUCCEEDED", "message": ""}
    assert account.called.count("start") == account.local.calls("StartJobRun") == 1
    assert account.called.count("check") > 2
    assert account.local.states(f"glue:{JOB}") == {RunRef.parse(output["run"]).run_id: "SUCCEEDED"}


def test_one_whose_first_state_is_retried_has_one_run(account: Account) -> None:
    account.fails = {"start": 1, "check": 1}

    ended = account.end(account.begin(polling()))

    assert ended["status"] == "SUCCEEDED", ended
    assert (account.called.count("start"), account.local.calls("StartJobRun")) == (2, 1)


@pytest.mark.parametrize(("retries", "status"), [(0, "FAILED"), (1, "SUCCEEDED")])
def test_one_fails_with_its_run_and_waits_for_retries_of_glue(account: Account, retries: int, status: str) -> None:
    account.local.add_glue_job(JOB, duration=timedelta(minutes=1), max_retries=retries)
    account.local.next_run(f"glue:{JOB}", message="disk full", fail_attempts=1)

    ended = account.end(account.begin(polling()))

    assert ended["status"] == status, ended
    if status == "FAILED":
        assert (ended["error"], ended["cause"]) == ("FAILED", "disk full")


def test_one_that_is_called_back_goes_on_with_the_event(account: Account) -> None:
    execution = account.begin(called_back(600))
    account.until_called("await_end", 1)
    run = next(iter(account.functions["token_table"]().scan()["Items"]))["run"]

    assert account.call("on_event_resume", account.event(run, "FAILED")) is False  # by the event alone it had ended
    assert account.steps.describe_execution(executionArn=execution)["status"] == "RUNNING"
    account.local.advance(timedelta(hours=1))
    told = account.event(run, "SUCCEEDED")
    assert account.call("on_event_resume", told) is True
    assert account.call("on_event", told) == f"SUCCEEDED: {run}"

    ended = account.end(execution)
    assert ended["status"] == "SUCCEEDED", ended
    assert json.loads(ended["output"]) == {"run": run, "state": "SUCCEEDED", "message": ""}
    assert account.called.count("await_end") == 1
    assert account.call("on_event_resume", told) is False  # once more: the token was used


def test_one_that_is_called_back_survives_a_lost_event(account: Account) -> None:
    execution = account.begin(called_back(1))
    account.until_called("await_end", 1)
    account.local.advance(timedelta(hours=1))

    ended = account.end(execution)

    assert ended["status"] == "SUCCEEDED", ended
    assert "on_event_resume" not in account.called


def test_events_of_others_are_left_alone(account: Account) -> None:
    run = f"glue:{JOB}/{account.local.add_run(f'glue:{JOB}', state='STOPPED')}?region=us-east-1"
    stopped = account.event(run, "STOPPED")

    assert account.call("on_event_resume", stopped) is False  # no state machine waits for it
    assert account.call("on_event", stopped) == f"STOPPED: {run}"
    assert account.call("on_event", {**stopped, "source": "aws.s3"}) == "not about a job run"


def test_the_page_names_the_actions_that_each_function_needs(account: Account) -> None:
    account.local.add_glue_job(JOB, duration=timedelta(seconds=5), startup=timedelta(0), max_retries=1)
    account.local.next_run(f"glue:{JOB}", fail_attempts=2)  # a failure asks for the job's retries
    account.end(account.begin(polling()))
    account.end(account.begin(called_back(1)))
    run = next(iter(account.functions["token_table"]().scan()["Items"]))["run"]
    for handler in ("on_event", "on_event_resume"):
        account.call(handler, account.event(run, "SUCCEEDED"))

    rows = re.findall(r"^\| (`[^|]*`) \| ([^|]*) \|", PAGE, re.MULTILINE)
    named = {
        name: set(re.findall(r"`(\w+)`", actions)) for names, actions in rows for name in re.findall(r"`(\w+)`", names)
    }
    assert account.sent.keys() == named.keys()
    for function, operations in account.sent.items():
        assert operations <= named[function], function
