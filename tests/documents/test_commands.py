"""The commands of the documents can be given as they stand: what they name is there, and what can run here runs."""

import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from textwrap import indent
from typing import Final, NamedTuple, get_args

import pytest
from botocore import xform_name
from botocore.session import get_session
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from docs.links import documents
from jobruns_sdk.testing import FaultKind, LocalService
from tests.dangers.supply_chain.dependencies import PROJECT

ROOT: Final = Path(__file__).parents[2]
SERVED: Final = "python -m jobruns_sdk.testing"

ELSEWHERE: Final = {
    "python -m venv .venv": "an environment takes half a minute to make: .ci/run makes one by README's line",
    ". .venv/bin/activate": "it changes the shell that it is given in, and nothing else",
    "pip install": "it fetches from the package index: .ci/run does by README's lines; names and extras are compared",
    "python examples/": "tests/examples runs them",
    "python first.py": "test_code_blocks.py runs the block that the page lets the reader save",
    "python -m pytest": "it would run this test: .ci/run does by README's line",
    "pytest": "test_blocks_of_tests.py runs it on the tests that the pages show",
    "python -m jobruns_sdk": "tests/cli runs it, and test_transcripts.py what pages show of it",
    "python -m asyncio": "it waits for somebody who types: test_code_blocks.py sees whether blocks can be",
    "python -m sphinx -W docs site": "test_site.py builds it",
    "python -m docs.night": "it writes to a file of the repository: test_readme.py compares what it would write",
    "python -m docs.links": "test_links.py asks the same",
    "codespell": ".ci/run does",
    "python -m tests.benchmarks": "it takes minutes: tests/benchmarks/test_smoke.py runs its short form",
    "python -m tests.reliability": "it takes an hour, and writes to the page: tests/reliability makes the blocks",
    "python -m tests.oracle.reading": "it takes minutes: .ci/nightly runs it, and tests/oracle its short form",
    "python -m tests.dangers.fuzz": "it takes minutes: .ci/nightly runs it",
    "python -m tests.mutation": "it takes an hour: .ci/nightly runs it",
    "python -m tests.simulation": "it takes minutes to hours: .ci/nightly runs it, and tests/simulation its short form",
    "python -m tests.surroundings": "it takes many minutes: .ci/nightly runs it, and tests/surroundings a sample of it",
    "python -X dev -W error": "a mode in which tests/dangers/cancellation runs programs",
    ".ci/run": "it runs this test",
    ".ci/nightly": "it takes hours",
    ".ci/lock": "it asks the package index, and writes to a file of the repository",
    ".ci/newest": "it makes an environment of its own: .ci/run and .ci/nightly run it",
    "aws": "the AWS CLI brings a botocore of its own: tests/testing/test_every_client.py runs it; names are compared",
}
"""Commands by their beginnings, and why they are not run here."""

_FENCE: Final = re.compile(r"^```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)
_PROGRAM: Final = re.compile(r"(\.venv/bin/)?(python3?|pip|pytest|aws|codespell) |\.ci/\w+$|codespell$")


class Command(NamedTuple):
    """A command, with programs named as in an active environment, and the page that says it."""

    page: Path
    text: str

    @property
    def words(self) -> list[str]:
        return shlex.split(self.text)

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}: {self.text}"


def commands() -> Iterator[Command]:
    for page in documents():
        text = page.read_text(encoding="utf-8")
        blocks = [block["text"] for block in _FENCE.finditer(text) if block["language"] == "sh"]
        lines = [line for block in blocks for line in block.splitlines() if line]
        spans: Sequence[str] = re.findall(r"`([^`\n]+)`", _FENCE.sub("", text))
        for line in (*lines, *filter(_PROGRAM.match, spans)):
            for part in line.split(" && "):
                plain = part.removeprefix(".venv/bin/")
                yield Command(page, re.sub(r"^python3 ", "python ", plain))


COMMANDS: Final = sorted(set(commands()))


def ways_to_serve() -> list[str]:
    return sorted({command.text for command in COMMANDS if command.text.startswith(SERVED)})


@cache
def help_of(module: str) -> str:
    asked = [sys.executable, "-m", module, "--help"]
    return subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout  # noqa: S603  # ours


def options_in(words: Sequence[str]) -> set[str]:
    return {word for word in words if re.fullmatch(r"-[a-z]|--[a-z-]+", word)}


def saved(page: Path) -> set[str]:
    """The files that a page lets its reader save."""
    return set(re.findall(r"[Ss]ave (?:this )?as\s+`([\w.]+)`", page.read_text(encoding="utf-8")))


def check_python(command: Command, words: Sequence[str]) -> None:
    if words[:1] == ["-m"]:
        assert find_spec(words[1]) is not None, f"there is no module {words[1]}"
        if words[1].startswith(("jobruns_sdk.", "tests.")) and options_in(words[2:]):
            assert options_in(words[2:]) <= options_in(re.split(r"[\s,\[\]]+", help_of(words[1])))
        paths = [word for word in words[2:] if word.startswith(("tests/", "examples/", "docs"))]
        assert all((ROOT / path).exists() for path in paths), paths
    elif not words[0].startswith("-"):
        assert (ROOT / words[0]).is_file() or words[0] in saved(command.page)


def check_install(words: Sequence[str]) -> None:
    """What is installed is this package, with extras that it has, or what the set-up for development knows.

    From a clone these are the versions that are written down.
    """
    if "-e" in words:
        assert words[:2] == ["-c", "constraints.txt"], "it would install what the index has that day"
        words = words[2:]
    extras: Mapping[str, Sequence[str]] = PROJECT["optional-dependencies"]
    known = {canonicalize_name(Requirement(line).name) for lines in extras.values() for line in lines}
    for word in words:
        if word in {"-e", "/path/to/clone"}:
            continue
        wanted = Requirement(re.sub(r"^\.", "jobruns_sdk", word))
        if wanted.name == PROJECT["name"]:
            assert wanted.extras <= extras.keys()
        else:
            assert canonicalize_name(wanted.name) in known


def check_aws(service: str, operation: str, *options: str) -> None:
    model = get_session().get_service_model(service)
    (name,) = (name for name in model.operation_names if xform_name(name, "-") == operation)
    shape = model.operation_model(name).input_shape
    members: Iterable[str] = () if shape is None else shape.members
    assert set(options[::2]) <= {"--region", *(f"--{xform_name(member, '-')}" for member in members)}


@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_what_a_command_names_is_there(command: Command) -> None:
    program, *words = command.words
    match program:
        case "python":
            check_python(command, words)
        case "pip":
            assert words[0] == "install"
            check_install(words[1:])
        case "pytest":
            assert set(words) <= saved(command.page)
        case "aws":
            check_aws(*words)
        case ".ci/run" | ".ci/nightly" | ".ci/lock" | ".ci/newest":
            assert os.access(ROOT / program, os.X_OK)
        case "codespell" | ".":
            assert words in ([], [".venv/bin/activate"])
        case _:
            pytest.fail("say here how it is checked")


def test_a_command_that_is_not_run_says_why() -> None:
    texts = {command.text for command in COMMANDS}
    assert {text for text in texts if not text.startswith((SERVED, *ELSEWHERE))} == set()
    assert {start for start in ELSEWHERE if not any(text.startswith(start) for text in texts)} == set()


def test_ci_takes_the_commands_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    ends = re.findall(r"\$\(readme_command \"?([^)\"]+)\"?\)", script)
    assert ends == ["examples/quickstart.py", "-m pytest -n 2"]
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert [sum(line.endswith(end) for line in lines) for end in ends] == [1, 1]


@pytest.mark.parametrize("command", ways_to_serve())
def test_every_client_finds_what_is_served(command: str, no_aws_environment: Path) -> None:
    """As docs/index.md says: the line that it prints is run in another terminal, and a block of the page there."""
    del no_aws_environment
    started = [sys.executable, *shlex.split(command)[1:]]
    with subprocess.Popen(started, cwd=ROOT, stdout=subprocess.PIPE, text=True) as service:  # noqa: S603  # ours
        try:
            assert service.stdout is not None
            _, line = service.stdout.readline(), service.stdout.readline()
            word, *variables = shlex.split(line)
            assert word == "export"
            environment = {**os.environ, **dict(pair.split("=", 1) for pair in variables)}
            shown = printed(block_of(ROOT / "docs" / "index.md"), environment)
        finally:
            service.send_signal(signal.SIGINT)
    assert service.returncode == 0
    assert re.search(r"^FAILED .+", shown, re.MULTILINE), shown


def block_of(page: Path) -> str:
    blocks = _FENCE.finditer(page.read_text(encoding="utf-8"))
    return next(block["text"] for block in blocks if block["language"] == "python")


def printed(block: str, environment: Mapping[str, str]) -> str:
    """Return what a block prints that was put into a program as the page says."""
    program = f"import asyncio\nasync def main():\n{indent(block, '    ')}\nasyncio.run(main())\n"
    done = subprocess.run(  # noqa: S603  # ours
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


def test_the_reference_shows_all_options_of_the_command() -> None:
    page = (ROOT / "docs" / "reference" / "testing.md").read_text(encoding="utf-8")
    (usage,) = (block["text"] for block in _FENCE.finditer(page) if SERVED in block["text"])
    assert " ".join(usage.split()) == " ".join(
        help_of("jobruns_sdk.testing").partition("\n\n")[0].removeprefix("usage: ").replace("[-h] ", "").split()
    )


def test_the_page_on_tests_shows_all_kinds_of_faults_and_all_that_an_application_takes() -> None:
    page = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[a-z0-9_`, ]+) \|", page, re.MULTILINE)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(get_args(FaultKind))
    taken = inspect.signature(LocalService.add_application).parameters.keys() - {"self", "application_id"}
    told = page.partition("add_application(")[2]
    assert [name for name in taken if not re.search(rf"\b{name}(=|`| )", told)] == []
