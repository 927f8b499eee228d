import math
from random import Random
from typing import Final

import pytest

from tests.truth.differential.generate import bodies
from tests.truth.differential.values import by_botocore, by_native
from tests.truth.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, SURFACES, Surface

OPERATIONS: Final = [(surface, operation) for surface in SURFACES for operation in surface.decoders]
BODIES: Final = math.ceil(10_000 / len(OPERATIONS))

each_operation = pytest.mark.parametrize(
    ("surface", "operation"), OPERATIONS, ids=[f"{surface.service}-{operation}" for surface, operation in OPERATIONS]
)


@each_operation
def test_values_are_those_of_botocore(surface: Surface, operation: str) -> None:
    random = Random(f"{surface.service}.{operation}")  # the same bodies on every run
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
