"""What asks for nothing must not load what reads runs: start-up is felt at each TAB and each mistake."""

import subprocess
import sys

import pytest

HEAVY = {"aiobotocore", "aiohttp", "asyncio", "attrs", "botocore", "msgspec", "pyarrow", "rich"}
PROGRAM = """
import sys
from jobruns_sdk.cli.main import main
code = main(sys.argv[1:])
sys.stderr.write("\\n" + " ".join(sys.modules))
sys.exit(code)
"""


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["ls", "--help"], 0),
        (["ls", "--sinze", "1h"], 2),
        (["completion", "bash"], 0),
    ],
)
def test_it_loads_only_the_parser(words: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.returncode == code
    assert not HEAVY & set(done.stderr.rpartition("\n")[2].split())


def test_words_that_stand_for_nothing_are_refused_before_the_client_is_loaded() -> None:
    command = [sys.executable, "-c", PROGRAM, "ls", "nightly-etl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # ours
    assert done.returncode == 2
    assert not {"aiobotocore", "botocore", "aiohttp", "rich"} & set(done.stderr.rpartition("\n")[2].split())
