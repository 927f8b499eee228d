"""The runs that are wanted, wherever they are read, and what is told of those that could not be."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import attrs

from jobruns_sdk import (
    Attempt,
    InvalidRequestError,
    JobRun,
    NotFoundError,
    RunRef,
    RunState,
    SourceError,
)
from jobruns_sdk.cli.exits import DONE, code_of
from jobruns_sdk.cli.options import Filters
from jobruns_sdk.cli.terminal import Terminal, complain
from jobruns_sdk.cli.words import JobWord, RunWord, job_word

UNSUCCESSFUL_STATES: Final = tuple(state for state in RunState if state.is_terminal and state != RunState.SUCCEEDED)


@attrs.frozen
class Wanted:
    """The runs that are wanted of jobs."""

    states: tuple[RunState, ...] | None = None
    active_after: datetime | None = None
    created_before: datetime | None = None
    reach: timedelta | None = None
    limit: int | None = None
    hydrate: bool = False


class Reader(Protocol):
    """A place that has runs."""

    failures: list[SourceError]

    def runs(self, words: Sequence[JobWord], wanted: Wanted) -> AsyncIterator[JobRun[Any]]:
        """Yield the runs of jobs, newest first; jobs that cannot be read are kept in ``failures``."""
        ...

    async def run(self, word: RunWord, *, last_failed: bool = False) -> JobRun[Any]:
        """Return the run that a word stands for."""
        ...

    async def attempts(self, refs: Sequence[RunRef], *, hydrate: bool) -> list[Attempt[Any]]:
        """Return the attempts of runs."""
        ...

    async def reason(self, run: JobRun[Any]) -> str | None:
        """Return the best reason that there is for a failure; None where there is none but the message."""
        ...


def only_one(word: RunWord, runs: Sequence[JobRun[Any]], where: str) -> JobRun[Any]:
    """Return the one run that a word stands for.

    Raises:
        NotFoundError: There is none.
        InvalidRequestError: There are several.
    """
    if not runs:
        what = f"there is no such run {where}" if word.run_id else f"there is no such run of the job {where}"
        raise NotFoundError(f"{word.text}: {what}".rstrip())
    if len(runs) > 1:
        which = ", ".join(str(run.ref) for run in runs[:5])
        more = f", and {len(runs) - 5} more" if len(runs) > 5 else ""  # noqa: PLR2004  # as many as a line has room for
        raise InvalidRequestError(f"{word.text!r:.200} may be several runs: {which}{more}")
    return runs[0]


def words_of(texts: Sequence[str], environment: str | None = None) -> list[JobWord]:
    """Return the jobs that are named, or those of the environment where none are.

    Raises:
        InvalidRequestError: A word stands for none.
    """
    return [job_word(text) for text in texts or (environment or "").replace(",", " ").split()]


def last_word(words: Sequence[str], form: str, endings: Sequence[str]) -> tuple[Sequence[str], str]:
    """Return the words before the last one, and that, which is the name of a file.

    Raises:
        InvalidRequestError: It ends otherwise, or is missing.
    """
    if not words or not words[-1].lower().endswith(tuple(endings)):
        last = f", not {words[-1]!r:.200}" if words else ""
        raise InvalidRequestError(f"the last word names the file, {form}{last}")
    return words[:-1], words[-1]


def wanted_of(filters: Filters, terminal: Terminal, *, limit: int | None = None, hydrate: bool = False) -> Wanted:
    """Return the runs that filters want, with times as of now.

    Raises:
        InvalidRequestError: A reach is given, and nothing that it would be for.
    """
    if filters.reach is not None and filters.since is None:
        raise InvalidRequestError("--reach says how far back --since reads: give that, too")
    since = None if filters.since is None else filters.since(terminal.now, terminal.zone)
    until = None if filters.until is None else filters.until(terminal.now, terminal.zone)
    states = None if filters.states is None else tuple(map(RunState, filters.states))
    return Wanted(states, since, until, filters.reach, limit, hydrate)


def told(failures: Sequence[SourceError], *, several: bool = False) -> int:
    """Tell of what could not be read, a line for each cause, and return the exit code of the first; 0 where all was.

    Args:
        failures: The jobs and runs that could not be read.
        several: Whether others were to be read as well, so that their names say which it was.
    """
    causes: dict[tuple[type, str], list[SourceError]] = {}
    for failure in failures:
        causes.setdefault((type(failure.error), failure.error.message), []).append(failure)
    for alike in causes.values():
        place = f"{alike[0].run or alike[0].job}: " if several or len(causes) > 1 else ""
        others = f" (and {len(alike) - 1} more alike)" if len(alike) > 1 else ""
        complain(f"{place}{alike[0].error}{others}")
    return code_of(failures[0].error) if failures else DONE
