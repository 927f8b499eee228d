"""What needs pyarrow or PySpark says so where it is missing, and nothing else needs it."""

import subprocess
import sys
from importlib import import_module
from typing import Final

import pytest

_EVERYTHING_ELSE: Final = """
import sys
sys.modules["pyarrow"] = None
import jobruns_sdk
for name in jobruns_sdk.__all__:
    getattr(jobruns_sdk, name)
import jobruns_sdk.bridge
"""


def test_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("jobruns_sdk.arrow")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jobruns_sdk\[arrow\]'"):
        import_module("jobruns_sdk.arrow")


@pytest.mark.parametrize("missing", ["pyarrow", "pyspark.sql.datasource"])
def test_the_error_of_the_data_source_names_the_extra(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    for name in [name for name in sys.modules if name.startswith("jobruns_sdk.spark.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jobruns_sdk\[spark\]'"):
        _ = import_module("jobruns_sdk.spark").JobRunsDataSource


def test_nothing_else_needs_it() -> None:
    subprocess.run([sys.executable, "-c", _EVERYTHING_ELSE], check=True, capture_output=True)  # noqa: S603  # our own
