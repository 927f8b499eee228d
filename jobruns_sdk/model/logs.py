"""Lines of a run's logs and the places where they lie: values, and what is iterated to read them."""

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, TypedDict, get_args

import attrs

from jobruns_sdk.checks import Rule, items_of
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.hints import AsyncOnly
from jobruns_sdk.model.refs import RunRef

LogSource: TypeAlias = Literal["driver", "error", "executor", "progress"]
"""The writer of a line: ``"driver"``, what the script itself prints; ``"error"``, the log of the engine's driver, and
what the script writes to standard error; ``"executor"``, the other workers; ``"progress"``, Glue's progress bar."""

SOURCES: Final[tuple[LogSource, ...]] = get_args(LogSource)

check_attempt: Final = Rule(
    "the number of an attempt, from 1, 'all', or None for the latest",
    lambda value: value is None or value == "all" or (type(value) is int and value > 0),
)


def sources_of(given: Iterable[str]) -> frozenset[LogSource]:
    """Return the sources that are wanted.

    Raises:
        InvalidRequestError: One is not known, or there is none.
    """
    named = items_of("sources", given, "sources, such as {'driver', 'error'}")
    found: frozenset[LogSource] = frozenset(source for source in SOURCES if source in named)
    if not found or any(name not in SOURCES for name in named):
        raise InvalidRequestError(f"sources holds one or more of {', '.join(SOURCES)}")
    return found


@attrs.frozen
class LogLine:
    """One line that a run has written.

    Attributes:
        run: The run's reference.
        attempt: The number of the attempt, from 1.
        source: Who has written it.
        stream: The name of the stream in CloudWatch Logs, or of the object in S3 below the run's prefix.
        at: When it was written (aware UTC); None in S3, whose objects do not tell.
        text: The line, without its end. One of more than a mebibyte comes in several.
    """

    run: RunRef
    attempt: int
    source: LogSource
    stream: str
    at: datetime | None
    text: str


@attrs.frozen
class LogPlace:
    """A place where a run's logs lie, or where they would lie.

    Attributes:
        storage: ``"cloudwatch"`` for CloudWatch Logs, ``"s3"`` for S3, ``"managed"`` for storage that EMR Serverless
            manages, which only ``url`` shows.
        attempt: The number of the attempt, from 1.
        source: Who writes there; None for managed storage, and where nothing was found.
        group: The log group; None elsewhere.
        stream: The log stream; None elsewhere, and where none was found.
        uri: The address of an object in S3, or of the prefix below which none was found.
        url: A link for a browser, good for an hour: whoever has it sees the logs. Managed storage only.
        why: What makes it a place of the run's, or why nothing is there.
    """

    storage: Literal["cloudwatch", "s3", "managed"]
    attempt: int
    source: LogSource | None = None
    group: str | None = None
    stream: str | None = None
    uri: str | None = None
    url: str | None = attrs.field(default=None, repr=False)
    why: str = ""


class LogOptions(TypedDict, total=False):
    """The keyword arguments of ``logs``.

    Attributes:
        follow: Whether to go on until the run has ended.
        attempt: The number of an attempt, from 1, or ``"all"``; None for the latest, and with ``follow`` later ones.
        sources: Whose lines are wanted.
        tail: The last lines alone, so many at most.
        since: Only lines of this time (aware) or later.
        max_bytes: The most bytes of lines that are read.
        settle: How long after the run's end more lines are waited for.
    """

    follow: bool
    attempt: int | Literal["all"] | None
    sources: Iterable[LogSource]
    tail: int | None
    since: datetime | None
    max_bytes: int | None
    settle: timedelta


class LogLines(AsyncOnly):
    """The result of ``logs``: nothing is requested until it is iterated, and every loop starts afresh."""

    _use_instead = "`async for line in lines`, or `await lines.collect()` for a list"

    def __init__(self, run: RunRef, begin: Callable[[], AsyncGenerator[LogLine]]) -> None:
        """Prepare to read; made by ``logs``.

        Args:
            run: The run.
            begin: Begins to read.
        """
        self._run = run
        self._begin = begin

    def __repr__(self) -> str:
        return f"<LogLines: {self._run}>"

    def __aiter__(self) -> AsyncGenerator[LogLine]:
        """Start afresh."""
        return self._begin()

    async def collect(self) -> list[LogLine]:
        """Return all lines in a list, which takes as much memory as they do."""
        async with aclosing(self._begin()) as lines:
            return [line async for line in lines]
