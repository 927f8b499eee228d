"""The README's figures are those that were measured, and its picture is the one that its code draws."""

import re
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs import night
from jobruns_sdk import RunState
from tests.dangers.supply_chain.dependencies import DIRECT, PROJECT, closure

ROOT: Final = Path(__file__).parents[2]
TEXT: Final = (ROOT / "README.md").read_text("utf-8")
README: Final = " ".join(TEXT.split())
BENCHMARKS: Final = (ROOT / "docs" / "benchmarks.md").read_text("utf-8")
MB: Final = 1_000_000


def test_the_first_code_installs_and_every_block_shows_its_output() -> None:
    """What it prints is compared in test_code_blocks.py."""
    blocks = re.findall(r"^```(\w+)\n(.*?)^```\n\n(It prints:)?", TEXT, re.DOTALL | re.MULTILINE)
    assert blocks[0][:2] == ("sh", "pip install jobruns_sdk\n")
    python = [bool(prints) for language, _, prints in blocks if language == "python"]
    assert len(python) > 5
    assert all(python)


def row(beginning: str, *, after: str = "") -> str:
    """Return the first line of a table on the page of benchmarks that begins so, behind another one."""
    behind = BENCHMARKS.partition(f"\n| {after}")[2] if after else BENCHMARKS
    return next(line for line in behind.splitlines() if line.startswith(f"| {beginning}"))


def numbers(line: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"(?<![\w/.-])\d[\d,]*(?:\.\d+)?", line)]


@pytest.mark.parametrize("service", ["emr-serverless", "glue"])
def test_cpu_beside_boto3(service: str) -> None:
    ours, theirs = numbers(row("- against boto3", after=f"CPU a run, {service}"))[:2]
    (emr, glue) = re.findall(r"1/(\d+) of boto3's per run for EMR Serverless, 1/(\d+) for Glue", README)[0]
    assert {"emr-serverless": emr, "glue": glue}[service] == f"{theirs / ours:.0f}"


def test_how_long_a_page_blocks_the_event_loop() -> None:
    ours, theirs = numbers(row("event loop blocked by a page, glue, median"))[:2]
    assert f"blocks the event loop for {ours:.1f} ms, not {theirs:.1f} ms" in README


def test_calls_of_waits() -> None:
    ours, _, theirs = numbers(row("calls a polling round, 500 waits, glue"))[1:4]
    assert f"500 waits for runs of one Glue job take {ours:.0f} calls per round instead of {theirs:.0f}" in README


def test_reading_that_stops_early() -> None:
    (theirs, ours) = (numbers(row(name)) for name in ("(a) paginators", "`client.runs`, newest first"))
    assert f"runs of 300 Glue jobs: {ours[1]:.1f} s, with paginators {theirs[-3]:.0f} s" in README


def test_three_processes_share_a_quota() -> None:
    cells = [cell.strip() for cell in row("the published one, shared by three processes").strip("|").split("|")]
    assert cells[-1] == "two of three die"
    assert numbers(cells[2]) != []
    assert (
        "Three processes that share a quota all finish; with botocore's `adaptive` retries two of three fail" in README
    )


def size_of(*names: str) -> float:
    """Return what distributions take on a disk, in MB, without the bytecode that Python writes."""
    total = 0
    for name in names:
        for path in distribution(name).files or ():
            if path.suffix != ".pyc":
                total += Path(str(path.locate())).stat().st_size
    return total / MB


def test_what_comes_along_is_counted_and_weighed() -> None:
    """Wheels differ a little between machines: a tenth is allowed."""
    names = [dependency.name for dependency in closure()]
    assert sorted(canonicalize_name(one.name) for one in DIRECT) == ["aiobotocore", "attrs", "cattrs", "msgspec"]
    said = re.findall(r"transitive dependencies: (\d+) packages, (\d+) MB, of which botocore is (\d+) MB", README)
    packages, everything, botocore = map(int, said[0])
    assert len(names) == packages
    assert size_of(*names) == pytest.approx(everything, rel=0.1)
    assert size_of("botocore") == pytest.approx(botocore, rel=0.1)
    (new, own) = map(
        float, re.findall(r"adds msgspec and cattrs, ([\d.]+) MB; this package itself is ([\d.]+) MB", README)[0]
    )
    assert size_of("msgspec", "cattrs") == pytest.approx(new, rel=0.15)
    files = (path for path in (ROOT / "jobruns_sdk").rglob("*") if path.is_file() and path.suffix != ".pyc")
    assert sum(path.stat().st_size for path in files) / MB == pytest.approx(own, abs=0.1)


@pytest.mark.parametrize(("extra", "page"), [("arrow", "data-frames.md"), ("spark", "spark.md")])
def test_the_page_of_an_extra_says_what_it_brings(extra: str, page: str) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8").lower()
    for line in PROJECT["optional-dependencies"][extra]:
        assert re.search(rf"the extra `{extra}` brings .{{,120}}{Requirement(line).name}", " ".join(text.split())), line
    assert f"pip install 'jobruns_sdk[{extra}]'" in text


def test_every_extra_is_explained() -> None:
    told = README + (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert [extra for extra in PROJECT["optional-dependencies"] if f"`{extra}`" not in told] == []


async def test_the_night_is_drawn_as_it_was() -> None:
    found = await night.lived()
    assert sorted((run.attempt, run.state) for run in found.runs if run.attempt > 1) == [
        (2, RunState.FAILED),
        (2, RunState.SUCCEEDED),
        (2, RunState.SUCCEEDED),
        (3, RunState.SUCCEEDED),
    ]
    assert len([bar for bar in night.picture(found).rows() if bar.kind == "attempt"]) == len(found.attempts) - 1 == 16
    assert night.FILE.read_text("utf-8") == night.front_of(found), "python -m docs.night makes it again"
