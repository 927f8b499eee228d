"""What is measured in fresh processes: imports, first pages, pytest's start, peak memory."""

import statistics
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.benchmarks.measuring import alternately, child, processor_seconds
from tests.benchmarks.report import Row, ratio

_PLUGIN = "jobruns_sdk.testing.plugin"


def importing(*, rounds: int) -> list[Row]:
    """Import time over aiobotocore's own; the child sees to it that nothing of ``testing`` is imported."""
    targets = {"ours": ("jobruns_sdk", "JobRunsClient"), "theirs": ("aiobotocore.session", "get_session")}

    def more(name: str, collector: str, goal: float | None) -> Row:
        contest = {who: partial(child, "importing", *target, collector) for who, target in targets.items()}
        found = alternately(contest, rounds)
        return _more(name, found["ours"], found["theirs"], "aiobotocore", goal)

    return [
        more("import, over aiobotocore's own", "collector", 60.0),
        more("- with the garbage collector off", "no-collector", None),
    ]


def first_page(url: str, *, rounds: int) -> list[Row]:
    """The first page of a process, client included."""
    names = ("jobruns_sdk", "aiobotocore", "warmed")
    found = alternately({name: partial(child, "first_page", name, url) for name in names}, rounds)

    def medians(figure: str, peer: str) -> tuple[float, float]:
        mine, other = (statistics.median(one[figure] for one in found[name]) for name in ("jobruns_sdk", peer))
        return mine, other

    blocked = medians("blocked", "aiobotocore")
    warmed = "aiobotocore, warm_up_loader_caches"
    return [
        ratio("event loop blocked by the first client, glue", blocked, "aiobotocore", 0.5),
        Row("- in milliseconds", f"{blocked[0] * 1e3:.0f} ms", "", blocked[0] * 1e3, 80.0, "ms"),
        ratio("- against a warmed-up peer", medians("blocked", "warmed"), warmed, None),
        ratio("cold `async with` and first page, glue", medians("seconds", "aiobotocore"), "aiobotocore", 1.1),
        ratio("- against a warmed-up peer", medians("seconds", "warmed"), warmed, None),
    ]


def cold_start(url: str, *, rounds: int) -> list[Row]:
    """Processor time from a process's start to the first row."""
    names = ("jobruns_sdk", "aiobotocore", "boto3")
    found = alternately({name: partial(child, "cold_start", name, url) for name in names}, rounds)
    ours, aiobotocore, boto3 = (statistics.median(found[name][1:]) for name in names)  # the first one compiles
    return [
        ratio("cold start, CPU from a process's start to the first row, glue", (ours, boto3), "boto3", 1.4),
        ratio("- against aiobotocore", (ours, aiobotocore), "aiobotocore", None),
    ]


def pytest_start(*, rounds: int) -> Row:
    """A test run that does not use the plugin, with it and without."""
    with tempfile.TemporaryDirectory() as folder:
        test = Path(folder) / "test_nothing.py"
        test.write_text("def test_nothing():\n    pass\n")
        usual = [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", "-p", "no:cacheprovider", str(test)]
        # A plugin that is installed loads by itself unless it is ruled out.
        without, plugged = [*usual, "-p", "no:jobruns"], [*usual, "-p", "no:jobruns", "-p", _PLUGIN]
        contest = {"with": partial(processor_seconds, plugged), "without": partial(processor_seconds, without)}
        found = alternately(contest, rounds)
    return _more("pytest's start, plugin unused", found["with"], found["without"], "without", 20.0)


def memory(url: str, *, pages: int) -> Row:
    """Peak memory while a history is streamed."""
    found = child("peak_memory", url, str(pages))
    name = f"peak memory, {found['runs']:,} runs streamed"
    whole, first = found["all"], found["first"]
    return Row(name, f"{whole / 1e3:.1f} MB", f"first 10,000 {first / 1e3:.1f} MB", whole / first, 1.1)


def _more(name: str, ours: Sequence[float], theirs: Sequence[float], peer: str, goal: float | None) -> Row:
    """Return a row about what the one takes more than the other, in the median of the rounds but the first.

    In the first one what has changed is compiled.
    """
    more = statistics.median(a - b for a, b in zip(ours[1:], theirs[1:], strict=True)) * 1e3
    return Row(name, f"+{more:.0f} ms", f"{peer} {statistics.median(theirs[1:]) * 1e3:.0f} ms", more, goal, "ms")
