"""A wrong type or value is refused by our own error, which names the argument, before anything is sent."""

import asyncio
import inspect
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from jobruns_sdk import InvalidRequestError, JobRunsClient, JobRunsError, ResponseFormatError
from jobruns_sdk.loop.clock import RealClock
from jobruns_sdk.model.refs import RunRef
from tests.dangers.input.calls import CALLS, EMR, GLUE, HANDLES, NOON, WRONG, SentError, cases, silent_client

INSIDE: Final = {"attempt_logs", "attempt_of", "attempt_rows_since", "run_of_attempts", "sources"}
"""Methods of handles that take what the package itself has made."""

SAID: Final[Mapping[str, str]] = {
    "adapters": "adapters",
    "application_id": "(an application id|a non-empty string)",
    "data": "(expected a dict|unknown kind|the answer cannot be read)",
    "domain_id": "(a domain id|a non-empty string)",
    "job": "(a job|a run's job|text form of a job)",
    "job_id": "(a job id|a non-empty string)",
    "job_name": "(a job name|job_name|a non-empty string)",
    "jobs": "(jobs|a job|text form of a job)",
    "path": "(path|name)",
    "profile": "(a profile|profile 'staging')",
    "profiles": "(profiles|a profile|profile 'staging')",
    "region": "a region",
    "region_name": "a region",
    "regions": "(regions|a region)",
    "run": "(a run|text form of a run)",
    "run_id": "a run id",
    "run_ids": "(run_ids|a run id)",
    "runs": "(runs|a run|text form of a run)",
    "since": "(created_after|since)",
    "targets": "(targets|a job|text form of a job)",
    "text": "text",
    "value": "only values of this package",
}
"""What the error says where it does not give the argument's name as it is."""


@pytest.mark.parametrize(("call", "name", "values"), cases())
async def test_what_cannot_be_right_is_refused_before_anything_is_sent(
    call: str, name: str, values: Sequence[object]
) -> None:
    async with silent_client() as (client, session):
        for value in values:
            with pytest.raises((InvalidRequestError, ResponseFormatError)) as caught:
                await CALLS[call](client, **{name: value})

            assert not isinstance(caught.value, ResponseFormatError) or call == "run_from_response", value
            caught.match(SAID.get(name, rf"\b{name}\b"))
            assert len(str(caught.value)) < 1000
        assert session.sent == 0
        assert {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} == set()


@pytest.mark.parametrize("call", [name for name in CALLS if name[0].islower()])
async def test_what_is_right_gets_as_far_as_the_network(call: str) -> None:
    """Otherwise the cases above would be refused for another reason."""
    async with silent_client(max_attempts=1, clock=RealClock()) as (client, session):
        is_local = "." not in call or call.removeprefix("client.") in (*HANDLES, "handle")
        is_local = (
            is_local
            or call.endswith("run_ref")
            or call in {"client.nudge", "client.listening", "emr_serverless.is_streaming"}
        )
        if is_local:
            await CALLS[call](client)
        else:
            with pytest.raises(SentError):
                await CALLS[call](client)

        assert session.sent == (0 if is_local else 1)


def test_every_public_method_is_among_the_calls() -> None:
    missing = {
        f"{handle}.{name}"
        for handle, kind in HANDLES.items()
        for name, member in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_") and name not in INSIDE and len(inspect.signature(member).parameters) > 1
    } - CALLS.keys()
    assert missing == set()


def test_every_argument_has_values_that_are_wrong() -> None:
    client = JobRunsClient(region_name="eu-west-1")
    parameters = {name for call in CALLS.values() for name in call.parameters(client)}

    assert parameters == WRONG.keys()


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("client.wait", {"on_timeout": "later"}),
        ("client.wait_all", {"runs": [GLUE.run("jr_0"), 5]}),
        ("client.wait_all", {"runs": [], "timeout": 5}),
        ("client.wait_all", {"timeout": 5, "return_exceptions": True}),
        ("client.stop", {"runs": [GLUE.run("jr_0"), 5]}),
        ("client.watch", {"targets": [GLUE.run("jr_0"), 5]}),
        ("emr_serverless.stop", {"run_ids": ["00frun", 5]}),
        ("glue.stop", {"run_ids": ["jr_0", 5]}),
        ("glue.start", {"idempotency_key": "k", "max_capacity": "5"}),
        ("glue.start", {"idempotency_key": "k", "arguments": {"--day": 5}}),
        *(
            (f"{of}.runs", {"created_after": NOON, "created_before": NOON - timedelta(hours=1)})
            for of in ("client", "emr_serverless", "datazone", "glue")
        ),
    ],
)
async def test_nothing_is_sent_for_what_is_right_beside_it(call: str, arguments: dict[str, Any]) -> None:
    async with silent_client() as (client, session):
        with pytest.raises(InvalidRequestError):
            await CALLS[call](client, **arguments)

        assert session.sent == 0


@pytest.mark.parametrize("of", ["client", "emr_serverless", "datazone", "glue"])
async def test_an_empty_window_is_empty_and_nothing_is_sent(of: str) -> None:
    async with silent_client() as (client, session):
        await CALLS[f"{of}.runs"](client, created_after=NOON, created_before=NOON)

        assert session.sent == 0


@pytest.mark.parametrize("moment", [datetime.min.replace(tzinfo=UTC), datetime(999, 1, 1, tzinfo=UTC)])
@pytest.mark.parametrize("name", ["created_after", "created_before"])
async def test_a_time_before_all_runs_is_sent_as_one_that_the_service_can_read(moment: datetime, name: str) -> None:
    async with silent_client(max_attempts=1) as (client, session):
        with pytest.raises(SentError):
            await CALLS["emr_serverless.runs"](client, **{name: moment})

    sent = {"created_after": "", "created_before": "&createdAtBefore=1970-01-01T00%3A00%3A01Z"}[name]
    assert session.urls[0].partition("/jobruns?maxResults=50")[2] == sent


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"JobName": "etl", "Arguments": {"--password": "correct horse"}}, "a value of type dict"),
        ("glue:" + "a" * 1_000_000 + "/", "'glue:aaa"),
    ],
)
async def test_a_refused_value_is_shown_as_far_as_that_is_good(value: object, shown: str) -> None:
    async with silent_client() as (client, _):
        with pytest.raises(InvalidRequestError) as caught:
            await CALLS["client.run"](client, run=value)

    assert shown in str(caught.value)
    assert "correct horse" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_run_is_of_a_reference() -> None:
    wrong: Any = "glue:b"
    with pytest.raises(
        InvalidRequestError, match=r"a run's job must be a JobRef, as JobRef.parse\(\) makes of a string"
    ):
        RunRef(wrong, "x")


def test_all_refusals_are_value_errors() -> None:
    assert issubclass(InvalidRequestError, ValueError)
    assert issubclass(InvalidRequestError, JobRunsError)
    assert EMR.run("00f").run_id == "00f"
