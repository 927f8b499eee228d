"""The runs of a picture, with the attempts of those that were retried, and the file that it goes to."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from jobruns_sdk import Attempt, JobRun, JobRunsError
from jobruns_sdk.cli.options import Filters, Places
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import Wanted, told, wanted_of, words_of


@attrs.frozen
class Drawn:
    """The rows of a picture.

    Attributes:
        runs: The runs.
        attempts: The attempts of those that have several.
        wanted: The filters that they were read with.
        code: The exit code: that of what could not be read.
    """

    runs: Sequence[JobRun[Any]]
    attempts: Sequence[Attempt[Any]]
    wanted: Wanted
    code: int


async def drawn(
    words: Sequence[str],
    filters: Filters,
    store: str | None,
    places: Places,
    terminal: Terminal,
    *,
    hydrate: bool = False,
) -> Drawn:
    """Read what is to be drawn; ``hydrate`` fetches each run where the list has no usage."""
    jobs = words_of(words, os.environ.get("JOBRUNS_JOBS"))
    wanted = wanted_of(filters, terminal, hydrate=hydrate)
    async with opened_reader(store, places, jobs) as reader:
        runs = [run async for run in reader.runs(jobs, wanted)]
        attempts = await reader.attempts([run.ref for run in runs if run.attempt > 1], hydrate=False)
        return Drawn(runs, attempts, wanted, told(reader.failures, several=len(jobs) != 1 or places.are_several))


def write_file(path: str, text: str, terminal: Terminal) -> None:
    """Write a file, or to standard output where its name is ``-``.

    Raises:
        JobRunsError: It cannot be written.
    """
    if path == "-":
        terminal.write(text if text.endswith("\n") else f"{text}\n")
        return
    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as error:
        raise JobRunsError(f"{path} cannot be written: {error.strerror or error}") from error
