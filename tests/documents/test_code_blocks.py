"""Every Python block of the documents runs as it stands, against the local service.

A block may await at its top level, as in `python -m asyncio`; a client that it opens finds the local service through
the environment, as any AWS client would.
"""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Final

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from jobruns_sdk.testing import LocalService

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]
EXTRAS: Final = {"dask", "duckdb", "pandas", "polars", "pyarrow", "pyspark", "ray"}
_AS_TREE: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST


@pytest.fixture(autouse=True)
def _local_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with LocalService() as local:
        local.add_glue_job("nightly-etl", max_retries=2)
        local.add_run("glue:nightly-etl", state="FAILED", attempts=3, message="Command failed with exit code 1")
        local.add_application("00f1abcdefgh0909")
        local.add_runs("emr-serverless:00f1abcdefgh0909", 60, state="SUCCESS")
        monkeypatch.setenv("AWS_ENDPOINT_URL", local.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
        yield


def evaluate(example: Example) -> None:
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    outcome = FunctionType(code, example.namespace)()
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


def needed(example: Example) -> set[str]:
    """Return what a block imports of that which the set-up for development lacks."""
    nodes = ast.walk(compile(example.parsed, example.path, "exec", flags=_AS_TREE, dont_inherit=True))
    names = {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    return {name.partition(".")[0] for name in names} & EXTRAS


SYBIL: Final = Sybil([CodeBlockParser("python", evaluate)])
EXAMPLES: Final = [
    pytest.param(example, id=f"{document.relative_to(ROOT)}:{example.line}")
    for document in DOCUMENTS
    for example in SYBIL.parse(document).examples()
]


def test_documents_hold_examples() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES)
def test_block_runs(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    for name in sorted(needed(example)):
        pytest.importorskip(name, reason="the extra engines is not installed, or what .ci/nightly adds to it")
    example.evaluate()
    assert capsys.readouterr().out or "print(" not in example.parsed, "the block prints, but did not get that far"
