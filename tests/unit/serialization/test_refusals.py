import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from jobruns_sdk import from_dict, to_dict
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.page import Page
from tests.unit.values import REF, RUN


@pytest.mark.parametrize(
    "value", [None, 5, "text", b"", [], {}, {"kind": "JobRun"}, JobRun, object(), datetime.now(UTC)]
)
def test_what_is_no_value_of_ours_becomes_no_dict(value: object) -> None:
    with pytest.raises(InvalidRequestError, match="only values of this package can become a dict, got"):
        to_dict(value)


def test_a_native_structure_of_an_unknown_adapter_becomes_no_dict() -> None:
    class Theirs(Native, frozen=True, kw_only=True):
        password: str | None = None

    run: JobRun[Any] = RUN
    for value in (Theirs(), attrs.evolve(run, native=Theirs()), Page((Theirs(),), None)):
        with pytest.raises(InvalidRequestError, match="Theirs"):
            to_dict(value)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"ref": 5}, "$.ref: expected str, got int"),
        ({"ref": "glue:a"}, "$.ref: 'glue:a' is not the text form of a run"),
        ({"ref": None}, "$.ref: expected str, got NoneType"),
        ({"name": 5}, "$.name: expected str, got int"),
        ({"name": True}, "$.name: expected str, got bool"),
        ({"state": "DREAMING"}, "$.state: 'DREAMING' "),
        ({"state": None}, "$.state: expected str, got NoneType"),
        ({"native_state": None}, "$.native_state: expected str, got NoneType"),
        ({"attempt": "1"}, "$.attempt: expected int, got str"),
        ({"attempt": 5.9}, "$.attempt: expected int, got float"),
        ({"attempt": 5.0}, "$.attempt: expected int, got float"),
        ({"attempt": True}, "$.attempt: expected int, got bool"),
        ({"created_at": 1795143605.5}, "$.created_at: expected a time with its offset"),
        ({"created_at": "2026-11-20"}, "$.created_at: expected a time with its offset"),
        ({"created_at": "2026-11-20T02:00:00"}, "$.created_at: expected a time with its offset"),
        ({"created_at": datetime(2026, 11, 20)}, "$.created_at: expected a time with its offset"),  # noqa: DTZ001
        ({"created_at": "yesterday"}, "$.created_at: "),
        ({"usage": []}, "$.usage: expected a dict, got list"),
        ({"usage": {"dpu_hours": "1.5"}}, "$.usage.dpu_hours: expected float, got str"),
        ({"usage": {"basis": "guessed"}}, "$.usage.basis: "),
        ({"usage": {"cpu": 1.5}}, "$.usage: unknown cpu"),
        ({"native": "text"}, "$.native: expected a dict, got str"),
        ({"native": {}}, "$.native: unknown kind None"),
        ({"native": {"kind": "glue.Mood"}}, "$.native: unknown kind 'glue.Mood'"),
        ({"native": {"kind": "glue.JobRun", "Id": 5}}, "$.native.Id: "),
        (
            {"native": {"kind": "glue.JobRun", "PredecessorRuns": [{}, {"RunId": 5}]}},
            "$.native.PredecessorRuns[1].RunId: ",
        ),
        ({"mood": "good", "weather": 5}, "$: unknown mood, weather"),
        ({"job": "glue:a"}, "$: unknown job"),
        ({"version": 2}, "$: only version 1 can be read, got 2"),
        ({"version": None}, "$: only version 1 can be read, got None"),
        ({"kind": "Mood"}, "$: unknown kind 'Mood'"),
        ({"kind": ["JobRun"]}, "$: unknown kind ['JobRun']"),
    ],
)
def test_a_wrong_member_is_named_with_its_place(changes: Mapping[str, object], fault: str) -> None:
    """And with a fault, whose words are ours where they are compared, and else those of Python, cattrs or msgspec."""
    with pytest.raises(InvalidRequestError) as raised:
        from_dict({**to_dict(RUN), **changes})

    assert raised.value.message.startswith(fault)
    assert not raised.value.message.endswith(": ")
    assert "; " not in raised.value.message
    assert raised.value.__cause__ is not None


@pytest.mark.parametrize("name", sorted(to_dict(RUN).keys() - {"kind", "version", "ref"}))
def test_a_missing_member_is_named(name: str) -> None:
    data = to_dict(RUN)
    del data[name]

    with pytest.raises(InvalidRequestError) as raised:
        from_dict(data)
    assert raised.value.message == f"$.{name}: is missing"


def test_every_wrong_place_is_named() -> None:
    run = {**to_dict(RUN), "attempt": "1", "message": 5}
    del run["version"]
    page = {"kind": "Page", "items": [{"kind": "RunRef", "text": str(REF)}, run], "cursor": 5}

    with pytest.raises(InvalidRequestError) as raised:
        from_dict(page)
    assert raised.value.message.split("; ") == [
        "$.items[1].message: expected str, got int",
        "$.items[1].attempt: expected int, got str",
        "$.cursor: expected str, got int",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (None, "$: expected a dict, got NoneType"),
        ([], "$: expected a dict, got list"),
        ("JobRun", "$: expected a dict, got str"),
        ({}, "$: unknown kind None"),
        ({"kind": "JobRef"}, "$: expected str, got NoneType"),
        ({"kind": "JobRef", "text": "glue"}, "$: 'glue' is not the text form of a job"),
        ({"kind": "RunState", "text": "failed"}, "$: 'failed' "),
        ({"kind": "Page", "items": "text", "cursor": None}, "$.items: expected a list, got str"),
        ({"kind": "Page", "items": {}, "cursor": None}, "$.items: expected a list, got dict"),
        ({"kind": "SparkSubmit", "entry_point": "a", "arguments": "b"}, "$.arguments: expected a list, got str"),
        ({"kind": "SparkSubmit", "entry_point": "a", "arguments": ["b", 5]}, "$.arguments[1]: expected str, got int"),
        ({"kind": "Quota", "rate": -1.0, "burst": 1}, "$: rate must be a number greater than 0, got -1.0"),
        ({"kind": "StopOutcome", "ref": str(REF), "accepted": 1}, "$.accepted: expected bool, got int"),
        ({"kind": "NotFoundError"}, "$: "),
        ({"kind": "NotFoundError", "message": 5}, "$: expected str, got int"),
        ({"kind": "NotFoundError", "message": "m", "mood": "good"}, "$: unknown mood"),
        ({"kind": "NotFoundError", "message": "m", "sent": True}, "$: "),
        ({"kind": "_RunError", "message": "m"}, "$: unknown kind '_RunError'"),
        ({"kind": "Native"}, "$: unknown kind 'Native'"),
    ],
)
def test_what_is_no_dict_of_ours(data: Any, fault: str) -> None:  # noqa: ANN401  # what untyped callers may pass
    with pytest.raises(InvalidRequestError) as raised:
        from_dict(data)

    assert raised.value.message.startswith(fault)


def test_a_dict_that_never_ends_is_refused() -> None:
    data: dict[str, object] = {"kind": "Page", "items": [], "cursor": None}
    data["items"] = [data]

    with pytest.raises(InvalidRequestError, match=r"^\$\.items\[0\]\.items\[0\]\."):
        from_dict(data)


def test_what_is_read_stays_as_it_was() -> None:
    data = to_dict(Page((RUN,), None))
    copy = json.loads(json.dumps(data))
    from_dict(data)

    assert data == copy
