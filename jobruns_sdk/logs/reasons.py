"""The reason for which a run failed, in one line: of what the service says, or of what the run has printed last."""

import re
from collections.abc import Iterable
from typing import Final

MOST: Final = 300
"""The longest reason."""

# What services say of any script that ends badly, and what they put around it.
_SAYS_NOTHING: Final = re.compile(
    r"(command failed with exit code \d+|job( run)? (has )?failed|unknown error|failed|error|"
    r"(job|command|script) failed[^:]*(check|see|view)[^:]*logs?[^:]*)[\s.]*",
    re.IGNORECASE,
)
_EXCEPTION: Final = re.compile(
    r"(?:^|[\s:(])(?P<reason>(?:[A-Za-z_$][\w$]*\.)*[A-Z][\w$]*(?:Error|Exception|Interrupt|Exit|Failure)\b(?:: .*)?$)"
)


def says_enough(message: str | None) -> bool:
    """Return whether a service's message tells more than that the run failed."""
    return bool(message and message.strip()) and _SAYS_NOTHING.fullmatch((message or "").strip()) is None


def first_line(message: str) -> str:
    """Return the line of a message that tells most: the last exception in it, else its first line."""
    return last_exception(message.splitlines()) or _cut(message.strip().partition("\n")[0])


def last_exception(lines: Iterable[str]) -> str | None:
    """Return the last exception that lines tell of, as Python and Java print it; None if they tell of none."""
    found: str | None = None
    for line in lines:
        if "Error" in line or "Exception" in line or "Interrupt" in line or "Exit" in line or "Failure" in line:
            match = _EXCEPTION.search(line.rstrip())
            found = found if match is None else match["reason"]
    return None if found is None else _cut(found)


def _cut(text: str) -> str:
    return text if len(text) <= MOST else f"{text[: MOST - 3]}..."
