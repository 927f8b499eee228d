"""The file that pins the types of the public calls leaves out none."""

import ast
import inspect
from pathlib import Path
from typing import Final

import pytest

from jobruns_sdk import Attempt, JobRun, JobRunsClient, Pages, Walk
from jobruns_sdk.services.datazone import DataZoneJob
from jobruns_sdk.services.emr_serverless import EmrServerlessApplication
from jobruns_sdk.services.glue import GlueJob

PINNED: Final = Path(__file__).parents[1] / "typing" / "api.py"
# What the client asks of a handle and of walks; see jobruns_sdk/services/handle.py.
OF_PORTS: Final = {
    "active",
    "ask_to_stop",
    "attempt_logs",
    "attempt_of",
    "attempt_rows",
    "attempt_rows_since",
    "spot_before",
    "facts",
    "full_attempts",
    "is_streaming",
    "polling",
    "retry_limit",
    "run_of_attempts",
    "run_ref",
    "sources",
    "survey",
}


def names_used(tree: ast.AST) -> set[str]:
    return {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize(
    "owner", [JobRunsClient, GlueJob, EmrServerlessApplication, DataZoneJob, Pages, JobRun, Attempt, Walk]
)
def test_every_public_call_has_its_types_pinned(owner: type) -> None:
    calls = {name for name, _ in inspect.getmembers(owner, inspect.isfunction) if not name.startswith("_")}
    assert calls - OF_PORTS - {"aclose", "handle"} <= names_used(ast.parse(PINNED.read_text()))
