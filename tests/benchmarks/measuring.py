"""How things are measured side by side."""

import gc
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from tests.benchmarks.server import ROOT


async def medians(
    contest: Mapping[str, Callable[[], Awaitable[object]]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    """Let each of them go once a round, in turns; return the median time of each."""
    times: dict[str, list[float]] = {name: [] for name in contest}
    for number in range(rounds + 1):
        for name, run in contest.items():
            gc.collect()
            began = clock()
            await run()
            if number:  # the first round warms up
                times[name].append(clock() - began)
    return {name: statistics.median(found) for name, found in times.items()}


def child(module: str, *arguments: str) -> Any:  # noqa: ANN401  # JSON
    """Run a module of the benchmarks in a fresh process; return what it has printed as JSON."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603  # our own
    return json.loads(done.stdout)


def alternately(contest: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[Any]]:
    """Let each of them go once a round, in turns; return what each has returned."""
    found: dict[str, list[Any]] = {name: [] for name in contest}
    for _ in range(rounds):
        for name, run in contest.items():
            found[name].append(run())
    return found


@contextmanager
def compiled() -> Generator[None]:
    """Let child processes keep bytecode, as an installed package does, in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as environment:
        environment.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        environment.setenv("PYTHONPYCACHEPREFIX", folder)
        yield


def processor_seconds(command: Sequence[str]) -> float:
    """Run a command; return how much of a processor's time it took."""
    before = _seconds_of_children()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603  # our own
    return _seconds_of_children() - before


def _seconds_of_children() -> float:
    """Return the processor time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
