"""A parser for many commands: errors of one line, words among options, arguments that are added once needed."""

import argparse
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, NoReturn, TypeVar

from jobruns_sdk.cli.moments import span

T = TypeVar("T")

STATES: Final[dict[str, tuple[str, ...]]] = {
    "queued": ("QUEUED",),
    "starting": ("STARTING",),
    "running": ("RUNNING",),
    "stopping": ("STOPPING",),
    "succeeded": ("SUCCEEDED",),
    "partially_succeeded": ("PARTIALLY_SUCCEEDED",),
    "failed": ("FAILED",),
    "stopped": ("STOPPED",),
    "timed_out": ("TIMED_OUT",),
    "unknown": ("UNKNOWN",),
    "active": ("QUEUED", "STARTING", "RUNNING", "STOPPING"),
    "ended": ("SUCCEEDED", "PARTIALLY_SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"),
    "unsuccessful": ("PARTIALLY_SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT"),
}
"""The words for states, in any case, and the states that each stands for."""

SOURCES: Final = ("driver", "error", "executor", "progress")
"""The names of who writes lines."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, whose words may stand among its options, and which is filled when used.

    Attributes:
        commands: The parsers of its commands, by their names.
    """

    def __init__(
        self,
        *,
        prog: str,
        description: str,
        epilog: str,
        fill: "Callable[[Parser], object] | None" = None,
    ) -> None:
        """Make a parser; ``fill`` adds the arguments once they are needed."""
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(prog, None, description, epilog, formatter_class=layout, allow_abbrev=False)
        self.commands: dict[str, Parser] = {}
        self._fill = fill
        self._is_intermixed = False

    def filled(self) -> "Parser":
        """Return this parser with its arguments."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)
        return self

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]  # typeshed has overloads
        self,
        args: Any = None,  # noqa: ANN401  # argparse's own
        namespace: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Parse; argparse itself takes words that follow an option for surplus ones once it has had some."""
        if self.filled().commands or self._is_intermixed:
            return super().parse_known_args(args, namespace)
        self._is_intermixed = True
        try:
            found, surplus = super().parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixed = False
        if surplus:  # told here, where the command is known whose help says what there is
            self.error(f"unrecognized arguments: {' '.join(surplus)}")
        return found, surplus

    def error(self, message: str) -> NoReturn:
        """Tell what is wrong in one line, and exit with 2."""
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def _one_line(text: str) -> str:
    return " ".join(text.split()).encode("ascii", "backslashreplace").decode()


def states_of(text: str) -> tuple[str, ...]:
    """Return the states that words stand for, which commas part.

    Raises:
        ArgumentTypeError: A word stands for none.
    """
    states: dict[str, None] = {}
    for word in filter(None, map(str.strip, text.split(","))):
        named = STATES.get(word.lower().replace("-", "_"))
        if named is None:
            raise argparse.ArgumentTypeError(f"unknown state {word!r:.80}, known are {', '.join(STATES)}")
        states.update(dict.fromkeys(named))
    if not states:
        raise argparse.ArgumentTypeError(f"no state is named; known are {', '.join(STATES)}")
    return tuple(states)


def sources_of(text: str) -> tuple[str, ...]:
    """Return the sources of lines that words name, which commas part.

    Raises:
        ArgumentTypeError: A word names none.
    """
    found = names(text)
    for name in found:
        if name not in SOURCES:
            raise argparse.ArgumentTypeError(f"unknown source {name!r:.80}, known are {', '.join(SOURCES)}")
    return found or ("driver",)


def told(read: Callable[[str], T]) -> Callable[[str], T]:
    """Return a function for ``type=`` whose ValueErrors argparse shows as they are."""

    def of(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return of


def count(text: str) -> int:
    """Read a number of 1 or more.

    Raises:
        ValueError: It is none.
    """
    if not (text.isdecimal() and int(text) >= 1):
        raise ValueError(f"{text!r:.80} is not a number of 1 or more")
    return int(text)


def attempt(text: str) -> int | str:
    """Read the number of an attempt, or ``all``.

    Raises:
        ValueError: It is neither.
    """
    return text if text == "all" else count(text)


def some_time(text: str) -> timedelta:
    """Read a span of time longer than 0.

    Raises:
        ValueError: It is none.
    """
    found = span(text)
    if not found:
        raise ValueError("it must be longer than 0")
    return found


def pair(text: str) -> tuple[str, str]:
    """Read ``NAME=VALUE``.

    Raises:
        ValueError: It is none.
    """
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ValueError(f"{text!r:.80} is not of the form NAME=VALUE")
    return name, value


def names(text: str) -> tuple[str, ...]:
    """Read names, which commas part."""
    return tuple(filter(None, map(str.strip, text.split(","))))
