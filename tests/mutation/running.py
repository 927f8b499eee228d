"""Running mutmut on a copy of the package, and reading what it found."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final

import attrs

from tests.mutation.suites import Suite

ROOT: Final = Path(__file__).parents[2]
WORK: Final = ROOT / "build" / "mutation"

_CONFIG: Final = """
[tool.mutmut]
source_paths = ["jobruns_sdk"]
only_mutate = {modules}
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "tests.mutation.plugin", "-p", "no:cacheprovider", "-p", "no:sybil", "-p", "no:xdist"]
type_check_command = {type_check}
timeout_constant = 10.0
timeout_multiplier = 3.0
track_dependencies = false
"""
# The package's own options make noise of what mutmut generates around the mutants.
_MYPY: Final = """[mypy]
strict = true
warn_unused_ignores = false
mypy_path = tests/typing/stubs
"""
# A converter of attrs that is wrapped, as mutmut does with every function, is beyond mypy's plugin.
_TYPE_CHECK: Final = 'mypy "$@" | grep -v Unsupported.converter'
_TYPE_CHECK_OPTIONS: Final = ("--output=json", "--config-file=../mypy.ini", "--cache-dir=../../mypy")
_COPIED: Final = ("jobruns_sdk", "tests")
_NOTICED: Final = ("killed", "timeout", "segfault")  # the last one is also what the operating system ends
_LEFT: Final = ("survived", "no tests")
_RESULT: Final = re.compile(r"^ +(?P<mutant>(?P<function>\S+)__mutmut_\d+): (?P<status>.+)$", re.MULTILINE)


@attrs.frozen
class Survivor:
    """A mutant that no test has noticed.

    Attributes:
        function: Where it is, such as ``readers.SourceReader.place``.
        was: The line as it is.
        became: The line as it was changed.
    """

    function: str
    was: str
    became: str


@attrs.frozen
class Score:
    """What became of the mutants of a module.

    Attributes:
        module: The module, relative to the package.
        mutants: How many were made.
        refused: Those that do not pass mypy, and are not tested.
        killed: Those that failed a test, or did not come to its end.
        survivors: The others.
    """

    module: str
    mutants: int
    refused: int
    killed: int
    survivors: tuple[Survivor, ...]


def scores(suite: Suite, *, processes: int) -> Iterator[Score]:
    """Run a suite in so many processes at once; yield the score of each of its modules.

    What was killed in the folder before stays killed: mutants of functions that have changed are run, and those that
    were left if anything else has.
    """
    folder, changed = _folder(suite)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": ""}

    def mutmut(*arguments: str) -> str:
        command = ["mutmut", *arguments]
        done = subprocess.run(command, cwd=folder, env=env, check=False, capture_output=True, text=True)  # noqa: S603  # ours
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)} failed in {folder}:\n{done.stdout[-2000:]}{done.stderr}")
        return done.stdout

    def results() -> list[re.Match[str]]:
        return list(_RESULT.finditer(mutmut("results", "--all", "true")))

    mutmut("run", f"--max-children={processes}")
    left = [at["mutant"] for at in results() if at["status"] in _LEFT]
    if changed and left:
        mutmut("run", f"--max-children={processes}", *left)
    (folder / "digest").write_text(_digest(folder), "utf-8")
    found = results()
    for module in suite.modules:
        own = [at for at in found if at["function"].startswith(f"jobruns_sdk.{module.replace('/', '.')}.x")]
        count = Counter(at["status"] for at in own)
        killed, refused = sum(count[status] for status in _NOTICED), count["caught by type check"]
        left = [at["mutant"] for at in own if at["status"] in _LEFT]
        if killed + refused + len(left) != len(own):
            raise RuntimeError(f"mutmut was not clear about {module}: {dict(count)}")
        survivors = tuple(_survivor(module, name, mutmut("show", name)) for name in left)
        yield Score(module, len(own), refused, killed, survivors)


def _folder(suite: Suite) -> tuple[Path, bool]:
    """Return a folder with a copy of everything, and whether it has seen another one before."""
    folder = WORK / suite.name
    modules = [f"jobruns_sdk/{module}.py" for module in suite.modules]
    type_check = ["bash", "-c", _TYPE_CHECK, "mypy", *_TYPE_CHECK_OPTIONS, *modules]
    config = _CONFIG.format(modules=modules, tests=list(suite.tests), type_check=type_check)
    _write(folder / "pyproject.toml", (ROOT / "pyproject.toml").read_bytes() + config.encode())
    _write(folder / "mypy.ini", _MYPY.encode())
    for path in (path for name in _COPIED for path in (ROOT / name).rglob("*") if path.is_file()):
        if "__pycache__" not in path.parts:
            _write(folder / path.relative_to(ROOT), path.read_bytes())
    digest = folder / "digest"
    return folder, digest.is_file() and digest.read_text("utf-8") != _digest(folder)


def _write(path: Path, content: bytes) -> None:
    # A file that is the same stays as old as it is, and so do its mutants.
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _digest(folder: Path) -> str:
    files = sorted(path for name in _COPIED for path in (folder / name).rglob("*.py") if path.parent.name != "mutation")
    return sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _survivor(module: str, name: str, diff: str) -> Survivor:
    changed = [line for line in diff.splitlines() if line[:1] in {"-", "+"} and line[:3] not in {"---", "+++"}]
    was, became = (" ".join(line[1:].strip() for line in changed if line[0] == sign) for sign in "-+")
    mangled, _, _ = name.rpartition(".")[2].partition("__mutmut_")  # such as x_decide and xǁLaneǁplace
    return Survivor(f"{module}.{mangled[2:].replace('ǁ', '.')}", was, became)
