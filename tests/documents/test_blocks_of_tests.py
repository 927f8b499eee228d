"""The tests that the documents show pass, with the configuration that they show, in a folder of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^```(?P<language>python|ini)\n(?P<text>.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", ["testing.md", "tutorial.md"])
def test_they_pass(page: str, tmp_path: Path) -> None:
    found = [
        (block["language"], block["text"])
        for block in BLOCK.finditer((ROOT / "docs" / page).read_text(encoding="utf-8"))
        if "asyncio.run(" not in block["text"] and "\nasync with " not in block["text"]
    ]
    code = "\n\n".join(text for language, text in found if language == "python")
    (tmp_path / "pytest.ini").write_text("".join(text for language, text in found if language == "ini"), "utf-8")
    (tmp_path / "test_page.py").write_text(code, "utf-8")

    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**environment, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )

    tests = len(re.findall(r"^(?:async )?def test_", code, re.MULTILINE))
    assert tests > 0
    assert re.search(rf"^{tests} passed in", ran.stdout, re.MULTILINE), ran.stdout + ran.stderr
