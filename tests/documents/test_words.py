"""The words of docs/words are found, and no page, docstring or message holds one of them."""

from pathlib import Path

import pytest

from docs import wording
from docs.links import documents


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A start reads a\ntext.\n", ["a text"]),
        ("Its text form, `a text` in code.\n\n```text\na text\n```\n", []),
        ("There is no run. It is no longer there.", []),
        ("A retry is no run.", ["is no run"]),
        ("Applied here.", ["Applied here"]),
    ],
)
def test_words_that_are_out_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, found: list[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    monkeypatch.setattr(wording, "ROOT", tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "words").write_text(
        (Path(wording.__file__).parent / "words").read_text("utf-8"), encoding="utf-8"
    )

    assert [place.split("'")[1] for place in wording.found(page)] == found


def test_docstrings_and_messages_hold_none_of_them() -> None:
    sources = wording.sources()

    assert len(sources) > 100
    assert [place for source in sources for place in wording.found(source)] == []


@pytest.mark.parametrize("page", documents(), ids=lambda page: page.name)
def test_pages_hold_none_of_them(page: Path) -> None:
    assert wording.found(page) == []
