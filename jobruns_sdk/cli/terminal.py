"""The terminal, or whatever else reads: what it can show, and the two streams that go to it."""

import shutil
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Final, Self, TextIO

import attrs

from jobruns_sdk.cli.options import Look
from jobruns_sdk.errors import harmless

_UNICODE: Final = frozenset({"utf-8", "utf8", "utf_8", "utf-16", "utf-32"})
_LEAST: Final = 20


@attrs.frozen
class Terminal:
    """The place that output goes to.

    Attributes:
        is_terminal: True if standard output is a terminal.
        width: Its columns.
        has_colors: True if it is to be written to in colors.
        has_unicode: True if its encoding has every character.
        encoding: Its encoding.
        zone: UTC where times are to be shown in it, None for local time.
        look: The options that every command has.
        now: The time at which the command was given (aware UTC).
    """

    is_terminal: bool
    width: int
    has_colors: bool
    has_unicode: bool
    encoding: str
    zone: tzinfo | None
    look: Look
    now: datetime

    @classmethod
    def of(cls, look: Look, environment: Mapping[str, str], out: TextIO) -> Self:
        """Return what standard output goes to."""
        is_terminal = out.isatty()
        asked = bool(environment.get("FORCE_COLOR")) or (is_terminal and environment.get("TERM") != "dumb")
        encoding = out.encoding or "ascii"
        return cls(
            is_terminal=is_terminal,
            width=max(_LEAST, shutil.get_terminal_size().columns),
            has_colors=asked and not (look.no_color or environment.get("NO_COLOR")),
            has_unicode=encoding.lower() in _UNICODE,
            encoding=encoding,
            zone=UTC if look.utc else None,
            look=look,
            now=datetime.now(UTC),
        )

    def write(self, text: str) -> None:
        """Write a part of the answer to standard output."""
        sys.stdout.write(text)

    def flush(self) -> None:
        """Hand on what was written, where rows come one by one."""
        sys.stdout.flush()

    def notice(self, text: str) -> None:
        """Write a line to standard error, unless notices are not wanted."""
        if not self.look.quiet:
            complain(text)

    def shown(self, text: str) -> str:
        """Return a string in one line that the terminal can show, without control characters."""
        return self._encoded(harmless(" ".join(text.split())))

    def line(self, text: str) -> str:
        """Return a line of a log, which keeps its spaces and tabs, without control characters."""
        return self._encoded("\t".join(map(harmless, text.split("\t"))))

    def _encoded(self, line: str) -> str:
        return line if self.has_unicode else line.encode(self.encoding, "backslashreplace").decode(self.encoding)


def complain(text: str) -> None:
    """Write one line to standard error, without control characters."""
    sys.stderr.write(f"jobruns: {harmless(' '.join(text.split()))}\n")
