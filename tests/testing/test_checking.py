"""Requests and answers against botocore's models: what botocore checks, and what it leaves to the service."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Final

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk.testing.wire.checking import compiled_pattern, model, problems_of_answer, problems_of_request
from jobruns_sdk.testing.wire.dispatch import OPERATIONS

APP: Final = {"applicationId": "00f1abc"}
START: Final = {**APP, "clientToken": "t", "executionRoleArn": "arn:aws:iam::111122223333:role/exec"}
SERVICES: Final = ("datazone", "emr-serverless", "glue")


def patterns_below(service: str, name: str, seen: set[str]) -> Iterator[str]:
    """The patterns of a shape and of all that it is made of."""
    shape = model(service)["shapes"][name]
    if name in seen:
        return
    seen.add(name)
    if "pattern" in shape:
        yield shape["pattern"]
    parts = [*shape.get("members", {}).values(), *(shape[part] for part in ("member", "key", "value") if part in shape)]
    for part in parts:
        yield from patterns_below(service, part["shape"], seen)


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_is_one_that_python_understands(service: str) -> None:
    seen: set[str] = set()
    operations = [model(service)["operations"][operation] for operation in OPERATIONS[service]]
    references = [*(each["input"] for each in operations), *(each["output"] for each in operations if "output" in each)]
    shapes = [reference["shape"] for reference in references]
    patterns = {pattern for shape in shapes for pattern in patterns_below(service, shape, seen)}
    assert patterns
    for pattern in patterns:
        compiled_pattern(pattern)


@pytest.mark.parametrize(
    ("service", "operation", "members", "problem"),
    [
        ("glue", "BatchStopJobRun", {"JobName": "j", "JobRunIds": ["r"] * 26}, "length less than or equal to 25"),
        ("glue", "BatchStopJobRun", {"JobName": "j", "JobRunIds": []}, "length greater than or equal to 1"),
        ("glue", "GetJobRuns", {"JobName": "j", "MaxResults": 201}, "value less than or equal to 200"),
        ("glue", "GetJobRuns", {"JobName": "j", "MaxResults": 0}, "value greater than or equal to 1"),
        ("glue", "GetJobRuns", {"JobName": "x" * 256}, "length less than or equal to 255"),
        ("glue", "GetJobRuns", {"JobName": "a\nb"}, "regular expression pattern"),
        ("glue", "GetJobRuns", {}, "Value at 'jobName' failed to satisfy constraint: Member must not be null"),
        ("glue", "GetJobRuns", {"JobName": 5}, "Member must be a string"),
        ("glue", "GetJobRuns", {"JobName": "j", "MaxResults": True}, "Member must be a integer"),
        ("glue", "ListJobs", {"MaxResults": 1001}, "value less than or equal to 1000"),
        ("glue", "StartJobRun", {"JobName": "j", "ExecutionClass": "SLOW"}, "enum value set: [FLEX, STANDARD]"),
        ("glue", "StartJobRun", {"JobName": "j", "Arguments": {"--a": 5}}, "'arguments.--a'"),
        ("emr-serverless", "ListJobRuns", {**APP, "states": ["RUNNING"] * 9}, "length less than or equal to 8"),
        ("emr-serverless", "ListJobRuns", {**APP, "states": ["NOPE"]}, "at 'states.1.member'"),
        ("emr-serverless", "GetJobRun", {**APP, "jobRunId": ".."}, "regular expression pattern: [0-9a-z]+"),
        ("emr-serverless", "StartJobRun", {**START, "clientToken": "a b"}, "pattern: [A-Za-z0-9._-]+"),
        ("emr-serverless", "StartJobRun", {**START, "executionRoleArn": "role" * 9}, "at 'executionRoleArn'"),
        ("emr-serverless", "StartJobRun", {**START, "jobDriver": {}}, "exactly one"),
        ("emr-serverless", "StartJobRun", {**START, "tags": {"aws:x" * 40: "v"}}, "at 'tags.key'"),
        ("datazone", "ListJobRuns", {"domainIdentifier": "d", "jobIdentifier": "j"}, "pattern: dzd[-_]"),
        (
            "datazone",
            "ListJobRuns",
            {"domainIdentifier": "dzd_x", "jobIdentifier": "j", "status": "NOPE"},
            "PARTIALLY_SUCCEEDED",
        ),
    ],
)
def test_a_request_that_breaks_its_model_is_told_so(
    service: str, operation: str, members: dict[str, object], problem: str
) -> None:
    problems = problems_of_request(service, operation, members)
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_sound_request_passes() -> None:
    for name in ("nightly etl", "a/b", "..", "ü🦆", "tab\there", "x" * 255):
        assert problems_of_request("glue", "GetJobRuns", {"JobName": name, "MaxResults": 200, "tomorrow": 1}) == []
    query = {"hive": {"query": "SELECT 1;\nSELECT 2;"}}
    configuration = {"classification": "a", "configurations": [{"classification": "b", "properties": {"k": "v"}}]}
    overrides = {"applicationConfiguration": [configuration]}
    members = {**START, "jobDriver": query, "configurationOverrides": overrides, "name": None}
    assert problems_of_request("emr-serverless", "StartJobRun", members) == []


def test_an_answer_with_a_member_of_no_model_is_told_so() -> None:
    assert problems_of_answer("glue", "StartJobRun", {"JobRunID": "jr_1"}) == ["Member 'JobRunID' is not in the model"]
    assert problems_of_answer("glue", "StartJobRun", {"JobRunId": "jr_1"}) == []


@cache
def service_model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(service)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2000), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_what_botocore_refuses_is_refused_here(data: st.DataObject) -> None:
    service = data.draw(st.sampled_from(SERVICES))
    operation = data.draw(st.sampled_from(sorted(OPERATIONS[service])))
    shape = service_model(service).operation_model(operation).input_shape
    names = sorted(
        model(service)["shapes"][model(service)["operations"][operation]["input"]["shape"]].get("members", {})
    )
    members = data.draw(st.dictionaries(st.sampled_from(names), VALUES))
    given_members = {name: value for name, value in members.items() if value is not None}
    assert shape is not None
    if ParamValidator().validate(given_members, shape).has_errors():
        assert problems_of_request(service, operation, json.loads(json.dumps(given_members)))
