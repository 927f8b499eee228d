"""Every Python block of the documents runs as it stands, against the local service.

A block may await at its top level, as in `python -m asyncio`; a client that it opens, boto3's too, finds the local
service through the environment, as any AWS client would. It holds the demo that `python -m jobruns_sdk.testing` serves,
and time is its own: who sleeps moves it. Where a page says what a block prints, that is compared.
"""

import ast
import asyncio
import builtins
import codeop
import inspect
import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import Any, Final

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser

from jobruns_sdk.testing import LocalAccount, LocalService, demo
from tests.spark.kit import LOOPBACK

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = [
    ROOT / "README.md",
    *sorted(path for path in ROOT.glob("docs/**/*.md") if "_made" not in path.parts),
]
PRINTS: Final = re.compile(r"\n```\n\nIt prints:\n\n```text\n(?P<text>.*?)```", re.DOTALL)
COLUMNS: Final = 88
"""What fits a page of the site on a screen of 1024 pixels."""

EXTRAS: Final = {
    *("dask", "deltalake", "duckdb", "pandas", "polars", "pyarrow", "pyiceberg", "pyspark", "ray"),
    *("airflow", "altair", "matplotlib", "plotly"),
    *("dagster", "dagster_aws", "prefect"),
}
SLEEPING: Final = {"dagster_aws"}
"""Those of them that sleep between their polls."""
CONTINUED: Final = {"step-functions-and-lambda.md"}
"""Pages whose blocks are one program: each goes on from those above it."""
_AS_TREE: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST


@pytest.fixture
def local(no_aws_environment: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LocalService]:
    del no_aws_environment
    now = datetime.now(UTC)

    def seed(account: LocalAccount) -> None:
        demo.seed(account, now)
        account.add_application("00f1abcdefgh0909")
        account.add_runs("emr-serverless:00f1abcdefgh0909", 60, state="SUCCESS")
        account.add_queue("job-runs")

    with LocalService(start=now) as local:
        local.everywhere(seed)
        for name, value in (local.environment | LOOPBACK).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("jobruns_sdk.client.RealClock", lambda: local.clock)
        monkeypatch.chdir(tmp_path)
        loggers = [logging.getLogger(f"jobruns_sdk{name}") for name in ("", ".calls", ".events", ".polls", ".starts")]
        was = [(logger, logger.level, logger.handlers.copy()) for logger in loggers]
        yield local
        for logger, level, handlers in was:  # as a page has set them up
            logger.setLevel(level)
            logger.handlers[:] = handlers
        assert local.problems == []


@pytest.fixture(scope="module")
def prefect_api() -> Iterator[None]:
    """Prefect's own service, with a database for these tests; it takes most of a minute to start."""
    testing: Any = import_module("prefect.testing.utilities")
    with testing.prefect_test_harness(server_startup_timeout=120):
        yield


def evaluate(example: Example) -> None:
    source = "\n" * (example.line + example.parsed.line_offset) + example.parsed
    code = compile(source, example.path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    example.namespace.setdefault("__builtins__", builtins)  # which libraries written in C look for where they import
    outcome = FunctionType(code, example.namespace)()
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


def needed(example: Example) -> set[str]:
    """Return what a block imports of that which the set-up for development lacks."""
    nodes = ast.walk(compile(example.parsed, example.path, "exec", flags=_AS_TREE, dont_inherit=True))
    names = {name for node in nodes for name in imported(node)}
    return {name.partition(".")[0] for name in names} & EXTRAS


def imported(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [name.name for name in node.names] if isinstance(node, ast.Import) else []


SYBIL: Final = Sybil([CodeBlockParser("python", evaluate)])
PAGES: Final = {document: [*SYBIL.parse(document).examples()] for document in DOCUMENTS}
EXAMPLES: Final = [
    pytest.param(example, id=f"{document.relative_to(ROOT)}:{example.line}")
    for document, examples in PAGES.items()
    for example in examples
]


def above(example: Example) -> list[Example]:
    """Return the blocks from which one goes on."""
    page = Path(example.path)
    return [one for one in PAGES[page] if page.name in CONTINUED and one.line < example.line]


def test_documents_hold_examples() -> None:
    assert EXAMPLES


def test_blocks_fit_a_page() -> None:
    """`ruff format --isolated --line-length 88 README.md docs/how-to/*.md` puts them right, but for long comments."""
    command = [
        sys.executable,
        "-m",
        "ruff",
        "format",
        "--isolated",
        "--check",
        "--line-length",
        str(COLUMNS),
        *map(str, DOCUMENTS),
    ]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert (checked.returncode, checked.stderr) == (0, ""), checked.stdout
    lines = [line for example in EXAMPLES for line in str(example.values[0].parsed).splitlines()]  # type: ignore[union-attr]
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_block_can_be_pasted(example: Example) -> None:
    """Into `python -m asyncio`, that is, unless it is a file of its own: a program or a test."""
    if re.search(r"asyncio\.run\(|def test_", example.parsed):
        return
    shell = codeop.CommandCompiler()
    shell.compiler.flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    typed: list[str] = []
    for line in [*example.parsed.splitlines(), ""]:
        typed.append(line)
        if shell("\n".join(typed)) is not None:  # it raises SyntaxError where a blank line ends too much or too little
            typed.clear()
    assert typed == []


@pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning")
@pytest.mark.parametrize("example", EXAMPLES)
def test_block_runs(
    example: Example,
    local: LocalService,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    if "time.sleep(" in example.parsed or needed(example) & SLEEPING:
        monkeypatch.setattr(time, "sleep", local.advance)
    for name in sorted(needed(example)):
        pytest.importorskip(name, reason="neither the extra engines nor what .ci/nightly adds is installed")
    if "prefect" in needed(example):
        request.getfixturevalue("prefect_api")
        capsys.readouterr()  # what it has printed meanwhile
    for earlier in above(example):  # they may have been run in another process
        earlier.evaluate()
        capsys.readouterr()
    example.evaluate()
    printed = capsys.readouterr().out
    assert printed or "print(" not in example.parsed, "the block prints, but did not get that far"
    promised = PRINTS.match(example.document.text, example.region.end - len("\n```"))
    if promised is not None:
        assert printed == promised["text"]
