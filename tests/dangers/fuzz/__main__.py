"""Coverage-guided fuzzing with atheris, which `.ci/nightly` installs.

    python -m tests.dangers.fuzz TARGET [SECONDS]

Ends with the input that breaks a promise, if there is one, in the file that libFuzzer names. TARGET is emr_serverless,
datazone, glue, references, cursors or from_dict.
"""

import json
import random
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

atheris: Final[Any] = import_module("atheris")  # not typed, and not installed for each change

with atheris.instrument_imports(include=["jobruns_sdk"]):
    targets: Final[Any] = import_module("tests.dangers.fuzz.targets")
bodies: Final[Any] = import_module("tests.dangers.faults.bodies")


def _values() -> list[Any]:
    values: list[Any] = []
    for text in bodies.MEMBERS:
        with suppress(ValueError, RecursionError):
            values.append(json.loads(text))
    return values


VALUES: Final = _values()


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Return an input changed as JSON, or as bytes where it is none."""
    chance = random.Random(seed)
    head, body = (b"", data) if data[:1] == b"{" else (data[:1], data[1:])
    with suppress(ValueError, RecursionError):
        answer = json.loads(body)
        if chance.random() < 0.6:
            found = list(bodies.places(answer))
            new = chance.choice(VALUES) if chance.random() < 0.6 else _at(answer, chance.choice(found))
            return (head + json.dumps(bodies.replaced(answer, chance.choice(found), new)).encode())[:max_size]
    changed: bytes = atheris.Mutate(data, max_size)
    return changed


def _at(node: Any, place: tuple[Any, ...]) -> Any:  # noqa: ANN401  # any JSON
    for step in place:
        node = node[step]
    return node


def main(name: str, seconds: str = "60") -> None:
    target = targets.TARGETS[name]()
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={seconds}",
            "-max_len=20000",
            "-timeout=10",
            "-rss_limit_mb=2048",
            "-print_final_stats=1",
        ]
        arguments = [sys.argv[0], corpus, *options, f"-artifact_prefix={tempfile.gettempdir()}/"]
        atheris.Setup(arguments, target.run, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
