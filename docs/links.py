"""Finds links between the repository's Markdown files that lead nowhere: ``python -m docs.links``.

Sphinx checks those of the site; here are those of README and its like too, and the anchors in them. Addresses in the
network are for ``sphinx -b linkcheck``.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
_CODE: Final = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]+`", re.DOTALL | re.MULTILINE)
_LINK: Final = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING: Final = re.compile(r"^#{1,6} +(?P<text>.+?) *$", re.MULTILINE)
_NETWORK: Final = ("http://", "https://", "mailto:")


def documents() -> list[Path]:
    """Return the Markdown files that people read."""
    made = ROOT / "docs" / "_made"
    return [*sorted(ROOT.glob("*.md")), *sorted(path for path in ROOT.glob("docs/**/*.md") if made not in path.parents)]


def broken(document: Path) -> Iterator[str]:
    """Yield the links of a document that lead nowhere."""
    for found in _LINK.finditer(_CODE.sub("", document.read_text(encoding="utf-8"))):
        target = found["target"]
        if target.startswith(_NETWORK):
            continue
        name, _, anchor = target.partition("#")
        place = (document.parent / name).resolve() if name else document
        is_made = place.parent == ROOT / "docs" / "_made"
        if not (is_made or place.exists()) or (anchor and anchor not in _anchors(place)):
            yield target


def _anchors(document: Path) -> set[str]:
    """Return the names of a document's headings, as GitHub and MyST make them."""
    without_code = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return {_slug(found["text"]) for found in _HEADING.finditer(without_code)}


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def main() -> int:
    """Tell of each link that leads nowhere; 1 if there are any."""
    wrong = [f"{document.relative_to(ROOT)}: {target}" for document in documents() for target in broken(document)]
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
