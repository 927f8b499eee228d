import math
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, cast

import pytest

from jobruns_sdk.wire import Native, decode
from tests.differential.generate import bodies
from tests.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, SURFACES, Surface

OPERATIONS: Final = [(surface, operation) for surface in SURFACES for operation in surface.decoders]
BODIES: Final = math.ceil(10_000 / len(OPERATIONS))

each_operation = pytest.mark.parametrize(
    ("surface", "operation"), OPERATIONS, ids=[f"{surface.service}-{operation}" for surface, operation in OPERATIONS]
)


@each_operation
def test_values_are_those_of_botocore(surface: Surface, operation: str) -> None:
    random = Random(f"{surface.service}.{operation}")  # noqa: S311  # the same bodies on every run
    for body in bodies(surface.answer(operation), random, BODIES):
        assert by_native(surface, operation, body) == by_botocore(surface, operation, body), body


@pytest.mark.parametrize(
    ("surface", "operation", "body"),
    [
        (EMR_SERVERLESS, "GetJobRun", b'{"jobRun": {"jobDriver": {"flink": {"entryPoint": "s3://b/j.jar"}}}}'),
        (DATAZONE, "GetJobRun", b'{"details": {"qualityRunDetails": {}}}'),
    ],
)
def test_an_unknown_kind_of_a_union_leaves_its_members_out(surface: Surface, operation: str, body: bytes) -> None:
    assert "SDK_UNKNOWN_MEMBER" in str(by_botocore(surface, operation, body))
    assert by_native(surface, operation, body) in ({"jobRun": {"jobDriver": {}}}, {"details": {}})


def test_nulls_in_lists_and_maps_are_dropped_where_botocore_keeps_them() -> None:
    body = b'{"JobRun": {"Arguments": {"--a": null, "--b": ""}, "PredecessorRuns": [null, {"RunId": "jr_1"}]}}'

    assert by_botocore(GLUE, "GetJobRun", body) == {
        "JobRun": {"Arguments": {"--a": None, "--b": ""}, "PredecessorRuns": [None, {"RunId": "jr_1"}]}
    }
    assert by_native(GLUE, "GetJobRun", body) == {
        "JobRun": {"Arguments": {"--b": ""}, "PredecessorRuns": [{"RunId": "jr_1"}]}
    }


def by_native(surface: Surface, operation: str, body: bytes) -> object:
    return plain(decode(surface.decoders[operation], body, service=surface.service, operation=operation))


def by_botocore(surface: Surface, operation: str, body: bytes) -> object:
    return plain(surface.parsed_by_botocore(operation, body))


def plain(value: object) -> object:
    """Return a value of either side as dicts and lists, without absent members and with times in UTC."""
    if isinstance(value, Native):
        members = {name: getattr(value, name) for name in value.__struct_fields__}
        return {name: plain(member) for name, member in members.items() if member is not None}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    return value
