"""Asks whether what the package needs to run has known vulnerabilities, in the versions of constraints.txt.

    python -m tests.dangers.supply_chain.audit

Ends with 1 if there are any. Where the service that knows them cannot be reached, it says so and ends with 0.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from tests.dangers.supply_chain.dependencies import closure, locked

SECONDS: Final = 120


def verdict(report: dict[str, Any] | None) -> tuple[int, str]:
    """Return the exit status for what pip-audit has reported, and what to say; None if it has reported nothing."""
    if report is None:
        return 0, "skipped: service not reachable"
    known = [one for one in report["dependencies"] if "vulns" in one]
    found = [
        f"{one['name']} {one['version']}: {vulnerability['id']}" for one in known for vulnerability in one["vulns"]
    ]
    if found:
        return 1, "\n".join(found)
    if not known:
        return 0, "skipped: service not reachable, it knows none of the packages"
    return 0, f"no known vulnerabilities in {len(known)} of {len(report['dependencies'])} packages"


def report() -> dict[str, Any] | None:
    """Return what pip-audit reports of the packages that are needed to run, in the versions that are written down."""
    versions = locked()
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "requirements.txt")
        listed.write_text("".join(f"{one.name}=={versions[one.name]}\n" for one in closure()), encoding="utf-8")
        command = [sys.executable, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(listed), "-f", "json"]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603  # ours
            told: dict[str, Any] = json.loads(ended.stdout)
        except (subprocess.TimeoutExpired, ValueError):
            return None
    return told


def main() -> int:
    status, text = verdict(report())
    print(text)  # noqa: T201  # it is what the command is for
    return status


if __name__ == "__main__":
    sys.exit(main())
