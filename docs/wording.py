"""Finds words and phrases that are out, by the list in docs/words: ``python -m docs.wording``.

Read are the Markdown documents, without their code, and the docstrings and messages of the package.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docs.links import ROOT, documents

_CODE: Final = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`]+`|\]\([^)]*\)", re.DOTALL | re.MULTILINE)


def words() -> list[tuple[re.Pattern[str], str]]:
    """Return what is out, and what is better."""
    lines = (ROOT / "docs" / "words").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(" -> ") for line in lines if line.strip() and not line.startswith("#")]
    return [(re.compile(rf"(?<!\w)(?:{out.strip()})(?!\w)", re.IGNORECASE), better) for out, better in pairs]


def prose(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the texts of a file that people read, each with its first line."""
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".md":
        kept = _CODE.sub(lambda found: "\n" * found[0].count("\n") or " ` ", source)
        for found in re.finditer(r"(?:[^\n]+\n?)+", kept):
            yield kept.count("\n", 0, found.start()) + 1, found[0]
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield (
                node.lineno,
                "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values),
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, re.sub("``.+?``", " ` ", node.value, flags=re.DOTALL)


def found(path: Path) -> list[str]:
    """Return the places of a file that hold what is out."""
    return sorted(
        {
            f"{path.relative_to(ROOT)}:{line}: {match[0].strip()!r}: {better}"
            for line, text in prose(path)
            for pattern, better in words()
            for match in pattern.finditer(" ".join(text.split()))
        }
    )


def sources() -> list[Path]:
    """Return the modules of the package, whose docstrings and messages people read."""
    return sorted((ROOT / "jobruns_sdk").rglob("*.py"))


def main() -> int:
    """Tell of each place; 1 if there are any."""
    wrong = [place for path in (*documents(), *sources()) for place in found(path)]
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
