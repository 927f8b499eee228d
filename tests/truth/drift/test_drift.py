import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from botocore.model import ServiceModel
from msgspec.json import Decoder

from jobruns_sdk.model.native import Native
from jobruns_sdk.services.datazone.native import JobRunSummary
from tests.truth.drift.gaps import gaps, state_gaps
from tests.truth.drift.surface import DATAZONE, EMR_SERVERLESS, GLUE, SURFACES, Surface

each_service = pytest.mark.parametrize("surface", SURFACES, ids=lambda surface: surface.service)


@each_service
def test_the_installed_model_is_covered(surface: Surface) -> None:
    assert gaps(surface, surface.model) == []


@each_service
def test_every_state_of_the_installed_model_is_translated(surface: Surface) -> None:
    assert state_gaps(surface, surface.model) == []


def changed(surface: Surface, changes: Mapping[str, object]) -> ServiceModel:
    """Return the installed model with a value set, or appended to a list, at each path."""
    description = json.loads(json.dumps(surface.description))
    for path, value in changes.items():
        *way, last = path.split("/")
        node = description
        for step in way:
            node = node.setdefault(step, {})
        if isinstance(node.get(last), list):
            node[last].append(value)
        else:
            node[last] = value
    return ServiceModel(description, surface.service)


@pytest.mark.parametrize(
    ("surface", "path", "value", "gap"),
    [
        (GLUE, "JobRun/members/Mood/shape", "GenericString", "JobRun.Mood is not covered"),
        (GLUE, "ListJobsResponse/members/Total/shape", "IntegerValue", "ListJobsResponse.Total is not covered"),
        (GLUE, "Predecessor/members/Mood/shape", "GenericString", "Predecessor.Mood is not covered"),
        (DATAZONE, "JobRunDetails/members/other/shape", "String", "JobRunDetails.other is not covered"),
        (DATAZONE, "JobRunError/members/message/locationName", "text", "JobRunError.message is not covered"),
        (EMR_SERVERLESS, "JobDriver/members/flink/shape", "Hive", "JobDriver.flink is not covered"),
        (EMR_SERVERLESS, "Configuration/members/mood/shape", "Boolean", "Configuration.mood is not covered"),
        (EMR_SERVERLESS, "TagValue/sensitive", True, "JobRun.tags is sensitive and not Secret"),
        (EMR_SERVERLESS, "SubnetString/sensitive", True, "NetworkConfiguration.subnetIds is sensitive and not Secret"),
        (
            EMR_SERVERLESS,
            "TagMap/value/shape",
            "Double",
            "JobRun.tags must be held as dict[str, float], not dict[str, str]",
        ),
        (GLUE, "JobRun/members/Attempt/shape", "GenericString", "JobRun.Attempt must be held as str, not int"),
        (
            GLUE,
            "GetJobRunsResponse/members/JobRuns/shape",
            "PredecessorList",
            "GetJobRunsResponse.JobRuns must be held as tuple[Predecessor, ...], not tuple[JobRun, ...]",
        ),
    ],
)
def test_a_changed_shape_is_named(surface: Surface, path: str, value: object, gap: str) -> None:
    assert gap in gaps(surface, changed(surface, {f"shapes/{path}": value}))


def test_a_native_type_that_demands_a_member_is_named() -> None:
    class ListJobRunsOutput(Native, frozen=True, kw_only=True):
        items: tuple[JobRunSummary, ...]

    surface = replace(DATAZONE, decoders={"ListJobRuns": Decoder(ListJobRunsOutput)})

    assert "ListJobRunsOutput.items must be optional" in gaps(surface, surface.model)


@each_service
def test_a_new_error_is_named(surface: Surface) -> None:
    operation = list(surface.decoders)[-1]
    changes: dict[str, object] = {
        "shapes/MoodException": {"type": "structure", "members": {}, "exception": True},
        f"operations/{operation}/errors": {"shape": "MoodException"},
    }

    found = gaps(surface, changed(surface, changes))

    assert found == [f"{operation}: error MoodException is not covered"]


@each_service
def test_a_new_state_is_named(surface: Surface) -> None:
    model = changed(surface, {f"shapes/{surface.state_shape}/enum": "DREAMING"})

    assert state_gaps(surface, model) == [f"{surface.state_shape}: value DREAMING is not covered"]
