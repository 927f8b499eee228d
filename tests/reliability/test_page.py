"""What docs/reliability.md says is what the suites say."""

from pathlib import Path
from typing import Final

import pytest

from tests.reliability.page import PAGE, blocks, section, with_block

BLOCKS: Final = blocks(PAGE.read_text("utf-8"))
AROUND: Final = {"__main__", "page"}


def test_every_section_has_its_place_on_the_page() -> None:
    modules = {path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("test_")}

    assert modules - AROUND == BLOCKS.keys()


@pytest.mark.parametrize("name", BLOCKS)
def test_a_block_holds_what_is_made_for_it(name: str) -> None:
    assert BLOCKS[name]
    if section(name).EXACT:
        assert BLOCKS[name] == section(name).render().strip(), f"run python -m tests.reliability {name}"


def test_a_block_is_written_between_its_lines_only() -> None:
    begin, end = "<!-- a: made by python -m tests.reliability a -->\n", "<!-- a: end -->\n"

    page = with_block(f"Before.\n\n{begin}{end}\nAfter.\n", "a", "One.")

    assert page == f"Before.\n\n{begin}\nOne.\n\n{end}\nAfter.\n"
    assert blocks(with_block(page, "a", "Two.")) == {"a": "Two."}
    with pytest.raises(ValueError, match="has no place for b"):
        with_block(page, "b", "Three.")
