"""Docstrings name a thing first: a sentence that begins with a question word has its noun last, or nowhere."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PACKAGE: Final = Path(__file__).parents[2] / "jobruns_sdk"
QUESTIONS: Final = ("What ", "Which ", "Where ", "How ", "From ", "Whether ", "When ")


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the docstrings of modules, classes, functions and members, and their places."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", str(node.value.value)


def test_they_begin_with_what_they_describe() -> None:
    found = list(docstrings())

    assert len(found) > 1_000
    assert [place for place, text in found if text.startswith(QUESTIONS)] == []
