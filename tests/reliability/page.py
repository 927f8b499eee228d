"""docs/reliability.md: prose written by hand, with blocks that the suites make."""

import re
from importlib import import_module
from pathlib import Path
from typing import Final, Protocol, cast

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
_BLOCK: Final = re.compile(
    r"(?P<begin><!-- (?P<name>\w+): made by python -m tests\.reliability (?P=name) -->\n)"
    r"(?P<text>.*?)"
    r"(?P<end><!-- (?P=name): end -->\n)",
    re.DOTALL,
)


class Section(Protocol):
    """A module of this folder that makes the block of its name.

    EXACT tells whether the text follows from the code alone; otherwise it holds figures that were measured, with the
    date, the versions and the class of machine.
    """

    EXACT: bool

    def render(self) -> str:
        """Return the block in Markdown."""
        ...


def section(name: str) -> Section:
    return cast("Section", import_module(f"tests.reliability.{name}"))


def blocks(page: str) -> dict[str, str]:
    """Return what stands in each block, by its name, in the order of the page."""
    return {found["name"]: found["text"].strip() for found in _BLOCK.finditer(page)}


def with_block(page: str, name: str, text: str) -> str:
    """Return the page with another text in one of its blocks."""
    if name not in blocks(page):
        lines = f"<!-- {name}: made by python -m tests.reliability {name} -->\n<!-- {name}: end -->"
        raise ValueError(f"docs/reliability.md has no place for {name}: write these lines where it belongs\n{lines}")
    return _BLOCK.sub(
        lambda found: f"{found['begin']}\n{text.strip()}\n\n{found['end']}" if found["name"] == name else found[0], page
    )
