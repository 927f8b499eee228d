"""Every Python block of the documents runs as it stands, against the local service.

A block may await at its top level, as in `python -m asyncio`; a client that it opens finds the local service through
the environment, as any AWS client would.
"""

import ast
import asyncio
import inspect
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from jobruns_sdk.testing import LocalService

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted(ROOT.glob("docs/**/*.md"))]


async def run_against_local_service(code: CodeType, namespace: dict[str, object]) -> None:
    async with LocalService() as local:
        local.add_glue_job("nightly-etl", max_retries=2)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("AWS_ENDPOINT_URL", local.url)
            environment.setenv("AWS_ACCESS_KEY_ID", "local")
            environment.setenv("AWS_SECRET_ACCESS_KEY", "local")
            outcome = FunctionType(code, namespace)()
            if inspect.iscoroutine(outcome):
                await outcome


def evaluate(example: Example) -> None:
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    asyncio.run(run_against_local_service(code, example.namespace))


SYBIL: Final = Sybil([CodeBlockParser("python", evaluate)])


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, id=f"{document.relative_to(ROOT)}:{example.line}")
        for document in DOCUMENTS
        for example in SYBIL.parse(document).examples()
    ],
)
def test_block_runs(example: Example) -> None:
    example.evaluate()
