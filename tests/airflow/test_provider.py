"""What is there without Airflow: its entry point, and an error that says what to install."""

import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, version
from importlib.util import find_spec

import pytest

from jobruns_sdk.airflow.provider import get_provider_info

IMPORTS = "import sys, jobruns_sdk.airflow.provider; print(*(name.partition('.')[0] for name in sys.modules))"


def test_airflow_finds_the_provider_by_its_entry_point() -> None:
    (point,) = (one for one in entry_points(group="apache_airflow_provider") if one.value.startswith("jobruns_sdk"))
    assert point.load() is get_provider_info


def test_it_is_named_as_packaging_tools_name_the_package() -> None:
    # Under any other name Airflow itself does not start.
    assert get_provider_info()["package-name"] == "jobruns-sdk"
    assert get_provider_info()["versions"] == [version("jobruns_sdk")]


def test_to_be_listed_it_imports_neither_airflow_nor_aws() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert {"airflow", "aiobotocore", "attrs", "botocore"}.isdisjoint(done.stdout.split())


@pytest.mark.skipif(find_spec("airflow") is not None, reason="Airflow is installed")
def test_without_airflow_it_says_what_to_install() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'jobruns_sdk\[airflow\]'"):
        getattr(import_module("jobruns_sdk.airflow"), "GlueRunOperator")  # noqa: B009  # what is tried


def test_a_name_that_is_not_there_is_none_of_airflows() -> None:
    with pytest.raises(AttributeError, match="NoSuchOperator"):
        getattr(import_module("jobruns_sdk.airflow"), "NoSuchOperator")  # noqa: B009  # what is tried
