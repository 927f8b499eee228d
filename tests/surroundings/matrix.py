"""The matrix of surroundings: its cells, the processes that they run in, and the judge of what comes out of them.

A part of the matrix is a module with ``PART``, which foresees the facts of each cell from the contract, and with a
program that brings them about: ``run_cells`` in a process of its own. Whatever part it is, the judge holds every
text of the process against the same rules: no canary, no control character, nothing left behind.
"""

import base64
import gc
import itertools
import json
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

ROOT: Final = Path(__file__).parents[2]
WORD: Final = "nightingale"
"""Every canary holds this word, and nothing else does (``tests/dangers/secrets/canaries``)."""

PASSWORD: Final = f"{WORD}@proxy"
BASIC: Final = base64.b64encode(f"user:{PASSWORD}".encode()).decode()
"""A proxy's password as it travels."""

EVIL: Final = "\x1b]52;c;cm0gLXJm\x07\x1b[2J"
"""It would write a terminal's clipboard and clear its screen."""

Cell: TypeAlias = Mapping[str, str]
"""One value of each axis."""

Facts: TypeAlias = Mapping[str, object]
"""What a caller and the server of a cell have seen."""

_HARMFUL: Final = frozenset(map(chr, {*range(0x20), *range(0x7F, 0xA0)} - set(b"\t\n")))
_LOUD: Final = ("botocore", "aiobotocore", "httpcore", "httpx")  # whose debug output tells all, as SECURITY.md says
_MARK: Final = "=> "


@dataclass(frozen=True)
class Part:
    """A part of the matrix.

    Attributes:
        name: The module in this folder that holds it.
        axes: The values of each axis.
        foreseen: What a cell comes to by the contract, None where there is no such cell.
        apart: The axes whose values never share a process.
        every: Of how many cells one is in the sample: a prime, so that each value of an axis comes with many others.
        options: Options of the interpreter.
        serving: Serves what the cells' processes ask, and yields what their environment has of it.
    """

    name: str
    axes: Mapping[str, Sequence[str]]
    foreseen: Callable[[Cell], Facts | None]
    apart: Sequence[str] = ()
    every: int = 13
    options: Sequence[str] = ()
    serving: Callable[[], AbstractContextManager[Mapping[str, str]]] = lambda: nullcontext({})

    @property
    def cells(self) -> list[Cell]:
        """All cells that there are."""
        values = itertools.product(*self.axes.values())
        cells = [dict(zip(self.axes, one, strict=True)) for one in values]
        return [cell for cell in cells if self.foreseen(cell) is not None]

    @property
    def sample(self) -> list[Cell]:
        """The cells that are tried with all tests: always the same, spread over all axes."""
        return self.cells[:: self.every]

    def processes(self, cells: Sequence[Cell]) -> list[list[Cell]]:
        """Return the cells by the process that they share."""
        groups: dict[tuple[str, ...], list[Cell]] = {}
        for cell in cells:
            groups.setdefault(tuple(cell[axis] for axis in self.apart), []).append(cell)
        return [*groups.values()]


@dataclass(frozen=True)
class Verdict:
    """A cell and what is wrong in it."""

    part: str
    cell: Cell
    faults: list[str] = field(default_factory=list[str])

    def __str__(self) -> str:
        return f"{self.part}: {', '.join(self.cell.values())}: {'; '.join(self.faults) or 'held'}"


def judged(part: Part, cells: Sequence[Cell]) -> Iterator[Verdict]:
    """Run cells in one process, and judge them; what the process as a whole leaves behind is the last cell's fault."""
    command = [sys.executable, "-X", "dev", *part.options, "-m", f"tests.surroundings.{part.name}"]
    with tempfile.TemporaryDirectory() as home, part.serving() as served:
        done = subprocess.run(  # noqa: S603  # ours
            command,
            cwd=ROOT,
            env={**_environment(home), **served},
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            check=False,
            timeout=60 + 20 * len(cells),
        )
    said = [line.removeprefix(_MARK) for line in done.stdout.splitlines() if line.startswith(_MARK)]
    left = [line for line in done.stdout.splitlines() if not line.startswith(_MARK)]
    for cell, line in itertools.zip_longest(cells, said[: len(cells)]):
        faults = ["the process ended before it"] if line is None else _faults(part, cell, **json.loads(line))
        if cell is cells[-1]:
            late: list[str] = json.loads(said[-1])["texts"] if len(said) > len(cells) else []
            faults += faults_of_texts([done.stderr, *left, *late])
            faults += [f"exit status {done.returncode}"] if done.returncode else []
            faults += [f"stderr: {done.stderr[-2000:]}"] if done.stderr else []
        yield Verdict(part.name, cell, faults)


def run_cells(perform: Callable[[Cell], tuple[Facts, Sequence[str]]]) -> None:
    """Bring about the cells that stand on standard input, and print what comes of each, and of all in the end."""
    records = _Records()
    logging.basicConfig(level=logging.DEBUG, handlers=[records])
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.INFO)
    for cell in json.load(sys.stdin):
        facts, texts = perform(cell)
        _tell(facts, [*texts, *records.taken()])
    gc.collect()
    _tell({}, records.taken())
    logging.getLogger().handlers = [logging.StreamHandler()]
    logging.getLogger().setLevel(logging.WARNING)


class _Records(logging.Handler):
    """Keeps every record as it would be printed."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self._texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self._texts.append(self.format(record))

    def taken(self) -> list[str]:
        texts, self._texts = self._texts, []
        return texts


def _tell(facts: Facts, texts: Sequence[str]) -> None:
    print(f"{_MARK}{json.dumps({'facts': facts, 'texts': [*texts]})}", flush=True)  # noqa: T201  # to the judge


def _environment(home: str) -> dict[str, str]:
    hidden = ("AWS_", "PYTEST_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(hidden) and not name.upper().endswith("_PROXY")
    }
    files = {"AWS_CONFIG_FILE": f"{home}/config", "AWS_SHARED_CREDENTIALS_FILE": f"{home}/credentials"}
    return {**kept, **files, "HOME": home, "AWS_EC2_METADATA_DISABLED": "true", "COLUMNS": "200"}


def _faults(part: Part, cell: Cell, facts: Facts, texts: Sequence[str]) -> list[str]:
    foreseen = part.foreseen(cell) or {}
    wrong = [
        f"{name} is {facts.get(name)!r}, not {value!r}" for name, value in foreseen.items() if facts.get(name) != value
    ]
    return wrong + faults_of_texts(texts)


def faults_of_texts(texts: Sequence[str]) -> list[str]:
    """Return what is wrong with texts that a log, a terminal or a person may see."""
    faults = {f"{fault}: {line.strip()[:300]!r}" for text in texts for line in text.split("\n") for fault in _of(line)}
    return sorted(faults)


def _of(line: str) -> Iterator[str]:
    if WORD in line.lower() or BASIC in line:
        yield "a secret shows"
    if not _HARMFUL.isdisjoint(line):
        yield "a control character shows"
    if "never retrieved" in line or "ResourceWarning" in line or "was destroyed but it is pending" in line:
        yield "something is left behind"
