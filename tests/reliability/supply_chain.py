"""What comes along with the package, with versions and licences."""

import platform
from datetime import UTC, datetime
from typing import Final

from tests.dangers.supply_chain.audit import report, verdict
from tests.dangers.supply_chain.dependencies import DIRECT, PERMISSIVE, closure

EXACT: Final = False  # the versions are those that are installed


def render() -> str:
    """Return the table of licences."""
    bounds = {requirement.name: str(requirement.specifier) for requirement in DIRECT}
    rows = [
        f"| {one.name} | {bounds.get(one.name, '')} | {one.version} | {one.licence} | {', '.join(one.needed_by)} |"
        for one in closure()
    ]
    _, audited = verdict(report())
    return "\n".join(
        (
            "| package | bound | version | licence | needed by |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{len(rows)} packages, licences among {', '.join(sorted(PERMISSIVE))}. pip-audit: {audited}.",
            f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}.",
        )
    )
