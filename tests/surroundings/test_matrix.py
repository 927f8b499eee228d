"""A sample of the matrix of surroundings, always the same; ``python -m tests.surroundings`` tries all of it."""

import re
from typing import Final

import pytest

from tests.surroundings.matrix import BASIC, EVIL, ROOT, Cell, Part, faults_of_texts, judged
from tests.surroundings.parts import PARTS

PROCESSES: Final = [(part, cells) for part in PARTS.values() for cells in part.processes(part.sample)]


@pytest.mark.parametrize(
    ("part", "cells"), PROCESSES, ids=[f"{part.name}-{number}" for number, (part, _) in enumerate(PROCESSES)]
)
def test_what_the_contract_says_holds_in_these_surroundings(part: Part, cells: list[Cell]) -> None:
    assert [str(verdict) for verdict in judged(part, cells) if verdict.faults] == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("all\nis\twell", None),
        ("x-amz-security-token: Nightingale/token", "a secret shows"),
        (f"Proxy-Authorization: Basic {BASIC}", "a secret shows"),
        (f"disk full{EVIL}", "a control character shows"),
        ("Task exception was never retrieved", "something is left behind"),
        ("sys:1: ResourceWarning: unclosed file", "something is left behind"),
    ],
)
def test_the_judge_sees_what_is_wrong(text: str, fault: str | None) -> None:
    assert [one.partition(":")[0] for one in faults_of_texts([text])] == [fault] * (fault is not None)


def test_the_page_tells_how_many_cells_there_are() -> None:
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    counts = {name: len(part.cells) for name, part in PARTS.items()}

    assert {name: int(*re.findall(rf"^\| `{name}` \|.*\| (\d+) \|$", page, re.MULTILINE)) for name in counts} == counts
    assert f"each of the {sum(counts.values())} cells of a matrix" in page
    assert sum(len(part.sample) for part in PARTS.values()) >= sum(counts.values()) / 10  # a tenth is tried here
