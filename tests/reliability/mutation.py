"""How many changes of the code the tests notice."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from tests.mutation.report import listed, missed, table
from tests.mutation.running import scores
from tests.mutation.suites import SUITES

EXACT: Final = False


def render() -> str:
    found = [score for suite in SUITES for score in scores(suite, processes=os.cpu_count() or 1)]
    tools = ", ".join(f"{name} {version(name)}" for name in ("mutmut", "mypy", "pytest"))
    return f"""Measured on {datetime.now(UTC):%Y-%m-%d} with {tools} and Python {platform.python_version()}:

{table(found)}

Survivors that are equivalent:

{listed(found)}

Other survivors:

{missed(found)}
"""
