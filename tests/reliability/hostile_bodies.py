"""What answers of 50 MB cost."""

import asyncio
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from jobruns_sdk import ResponseFormatError
from tests.dangers.faults.large import BOUND, LARGE, cost

EXACT: Final = False


def render() -> str:
    lines = ["| 50 MB of | answered to | comes to | MB allocated at most |", "| --- | --- | --- | ---: |"]
    for shape, (name, _) in LARGE.items():
        outcome, megabytes = asyncio.run(cost(shape))
        told = f"refused at `{outcome.where}`" if isinstance(outcome, ResponseFormatError) else "its value"
        lines.append(f"| {shape} | {name} | {told} | {megabytes:.0f} |")
    packages = ", ".join(f"{package} {version(package)}" for package in ("msgspec", "attrs"))
    return f"""Measured with tracemalloc, beside the body itself; the suite holds each to {BOUND} MB. {
        datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, {packages}, {platform.system()} {
        platform.machine()
    }.

{chr(10).join(lines)}
"""
