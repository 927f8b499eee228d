"""The Python blocks of the documents pass mypy's strict mode, with the stubs that a page tells to install.

Blocks without this package, which show what others' code looks like, may be as untyped as that usually is.
"""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Final

from docs.links import ROOT, documents
from tests.documents.test_code_blocks import EXTRAS, SYBIL
from tests.documents.test_code_blocks import needed as needed_by

STRICT: Final = "[mypy]\nstrict = true\n" + "".join(
    f"[mypy-{name}.*]\nignore_missing_imports = true\n" for name in sorted(EXTRAS)
)
DECORATING: Final = {"dagster", "prefect"}
"""Those whose decorators mypy has to know: blocks with them are checked where they are installed."""
PAGE: Final = ROOT / "docs" / "how-to" / "keep-types-strict.md"
_TREE: Final = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
_CLOSED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def awaits(node: ast.AST) -> bool:
    """True if code awaits outside its functions."""
    if isinstance(node, (ast.Await, ast.AsyncFor, ast.AsyncWith)) or getattr(node, "is_async", False):
        return True
    return not isinstance(node, _CLOSED) and any(map(awaits, ast.iter_child_nodes(node)))


def modules() -> Iterator[tuple[str, str]]:
    """Yield a module for each block and its name, with the earlier blocks of its page whose functions it calls."""
    for document in documents():
        functions: dict[str, str] = {}
        for example in SYBIL.parse(document).examples():
            code = str(example.parsed)
            tree = compile(code, document, "exec", flags=_TREE, dont_inherit=True)
            called = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            own = {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}
            needed = [text for name, text in functions.items() if name in called - own]
            functions |= dict.fromkeys(own, code)
            lacking = [name for name in needed_by(example) & DECORATING if find_spec(name) is None]
            if "jobruns_sdk" in code and not lacking:
                whole = f"async def block() -> None:\n{indent(code, '    ')}" if awaits(tree) else code
                yield f"{document.stem.replace('-', '_')}_{example.line}", "\n\n".join((*needed, whole))


def test_they_pass_strict_checks(tmp_path: Path) -> None:
    # Airflow has types of its own, which are not installed here; the stubs of others lack what the pages use.
    (tmp_path / "stubs").mkdir()
    (tmp_path / "stubs" / "airflow").symlink_to(ROOT / "tests" / "typing" / "stubs" / "airflow")
    (tmp_path / "mypy.ini").write_text(STRICT, "utf-8")
    blocks = tmp_path / "blocks"
    blocks.mkdir()
    for name, code in modules():
        (blocks / f"{name}.py").write_text(code, "utf-8")

    assert len(list(blocks.iterdir())) > 40
    command = [sys.executable, "-m", "mypy", "--config-file", str(tmp_path / "mypy.ini"), str(blocks)]
    paths = {**os.environ, "MYPYPATH": str(tmp_path / "stubs")}
    done = subprocess.run(command, cwd=ROOT, env=paths, capture_output=True, text=True, check=False)  # noqa: S603  # our own
    assert done.returncode == 0, done.stdout.replace(str(blocks), "")


def test_the_page_names_the_stubs_that_the_blocks_need() -> None:
    imported = {
        module.partition(".")[0]
        for _, code in modules()
        for module in re.findall(r"^ *(?:from|import) ([\w.]+)", code, re.MULTILINE)
    }
    told = PAGE.read_text("utf-8")
    stubs = {"aiobotocore": "types-aiobotocore-lite", "boto3": "boto3-stubs"}

    assert "aiobotocore" in imported
    assert [stub for module, stub in stubs.items() if module in imported and f"`{stub}" not in told] == []
