"""What finds links that lead nowhere finds them."""

from pathlib import Path

import pytest

from docs.links import broken, documents


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](other.md)", []),
        ("[a](other.md#two-words-here)", []),
        ("[a](#own)\n\n## Own\n", []),
        ("[a](https://example.org/nothing)", []),
        ("`[a](nothing.md)`", []),
        ("```\n[a](nothing.md)\n```\n", []),
        ("[a](nothing.md)", ["nothing.md"]),
        ("[a](other.md#three-words)", ["other.md#three-words"]),
        ("[a](other.md#code)", ["other.md#code"]),
        ("[a](#own)", ["#own"]),
        ("[a](other.md) and [b](x.md), [c](y.md)", ["x.md", "y.md"]),
    ],
)
def test_what_leads_nowhere_is_found(tmp_path: Path, text: str, found: list[str]) -> None:
    (tmp_path / "other.md").write_text("# Other\n\n## Two words, here!\n\n```sh\n# code\n```\n", encoding="utf-8")
    document = tmp_path / "page.md"
    document.write_text(text, encoding="utf-8")
    assert list(broken(document)) == found


def test_the_documents_lead_somewhere() -> None:
    assert len(documents()) > 20
    assert {str(document): list(broken(document)) for document in documents() if list(broken(document))} == {}
