"""Plugins of pytest x their modes: the fixtures of the package work in a test run of anybody's.

A cell is a run of pytest in a folder of its own, in this process.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.surroundings.matrix import ROOT, WORD, Cell, Facts, Part, run_cells

# How a test says that it is asynchronous, and in which modes of pytest-asyncio it may.
MARKS: Final[Mapping[str, tuple[str, set[str]]]] = {
    "none": ("", {"auto"}),
    "asyncio": ("@pytest.mark.asyncio", {"auto", "strict"}),
    "anyio": ("@pytest.mark.anyio", {"auto", "strict", "no pytest-asyncio"}),
}
# How plugins are found: by themselves, or by what they are called where PYTEST_DISABLE_PLUGIN_AUTOLOAD is set.
LOADED: Final[Mapping[str, list[str]]] = {
    "by themselves": [],
    "by entry points": ["asyncio", "jobruns", "anyio", "xdist"],
    "by modules": ["pytest_asyncio.plugin", "jobruns_sdk.testing.plugin", "anyio.pytest_plugin", "xdist.plugin"],
    "by modules, ours first": [
        "jobruns_sdk.testing.plugin",
        "pytest_asyncio.plugin",
        "anyio.pytest_plugin",
        "xdist.plugin",
    ],
}
WITH: Final[Mapping[str, tuple[str, str]]] = {
    "nothing": ("", ""),
    "time frozen in the test": ("", "with freezegun.freeze_time('2026-01-04', real_asyncio=True):"),
    "time frozen around the test": ("@freezegun.freeze_time('2026-01-04', real_asyncio=True)", ""),
    "xdist": ("", ""),
}
TESTS: Final = f"""
import freezegun
import pytest
from datetime import timedelta

@pytest.fixture
def anyio_backend():
    return "asyncio"

MARK
AROUND
async def test_a_client_is_open(jobruns_local, jobruns_client):
    WITHIN
        jobruns_local.add_glue_job("etl", duration=timedelta(hours=1))
        etl = jobruns_client.glue("etl")
        ref = await etl.start(arguments={{"--password": "{WORD}"}}, idempotency_key="key")
        assert ref == await etl.start(arguments={{"--password": "{WORD}"}}, idempotency_key="key")
        assert (await jobruns_client.wait(ref, timeout=timedelta(hours=2))).succeeded
        assert len(await etl.runs().collect()) == 1

AROUND
def test_without_an_event_loop(jobruns_local, jobruns_sync_client):
    WITHIN
        jobruns_local.add_glue_job("etl")
        assert jobruns_sync_client.glue("etl").runs().collect() == []

def test_each_has_its_own_service(jobruns_local):
    assert jobruns_local.calls() == 0
"""


def foreseen(cell: Cell) -> Facts | None:
    """Return what the contract says of a cell: each test passes, whatever runs it."""
    if cell["mode"] not in MARKS[cell["mark"]][1]:
        return None
    if cell["with"].startswith("time frozen") and cell["loaded"] != "by themselves":
        return None  # where plugins are found decides who runs a test, and not what time it sees
    return {"status": 0, "passed": 3}


PART: Final = Part(
    "plugins",
    {"mode": ("auto", "strict", "no pytest-asyncio"), "mark": [*MARKS], "loaded": [*LOADED], "with": [*WITH]},
    foreseen,
    apart=["mode", "mark", "loaded", "with"],
    every=53,
)


class _Counting:
    """Counts the tests that pass, and keeps what is printed of those that do not."""

    def __init__(self) -> None:
        self.passed = 0
        self.texts: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed
        self.texts += [] if report.passed else [report.longreprtext]


def brought_about(cell: Cell) -> tuple[Facts, list[str]]:
    """Write the tests, and run them."""
    around, within = WITH[cell["with"]]
    tests = TESTS.replace("MARK", MARKS[cell["mark"]][0]).replace("AROUND", around)
    folder = Path(os.environ["HOME"]) / "tests"
    folder.mkdir()
    (folder / "test_it.py").write_text(tests.replace("WITHIN", within or "if True:"), encoding="utf-8")
    has_asyncio = cell["mode"] != "no pytest-asyncio"
    named = [name for name in LOADED[cell["loaded"]] if has_asyncio or "asyncio" not in name]
    if named:
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    elif not has_asyncio:
        named = ["no:asyncio"]
    modes = ["-o", f"asyncio_mode={cell['mode']}", "-o", "asyncio_default_fixture_loop_scope=function"]
    options = [
        *("-q", "-W", "error", "--strict-markers", "-p", "no:cacheprovider", "--rootdir", str(folder)),
        *("-p", "no:hypothesispytest"),  # it imports all of Hypothesis when the tests are over: half of the time
        *(part for name in named for part in ("-p", name)),
        *(modes if has_asyncio else []),
        *(["-n", "1"] if cell["with"] == "xdist" else []),
    ]
    counting = _Counting()
    os.chdir(folder)
    sys.path.insert(0, str(ROOT))
    status = pytest.main([*options, str(folder)], plugins=[counting])
    return {"status": int(status), "passed": counting.passed}, counting.texts


if __name__ == "__main__":
    run_cells(brought_about)
