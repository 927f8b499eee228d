"""``jobruns ls``: the runs of jobs, newest first."""

import os
from typing import Any

import attrs

from jobruns_sdk import JobRun
from jobruns_sdk.cli.fields import RUNS
from jobruns_sdk.cli.options import Ls
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.shown import full_moment
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import Reader, told, wanted_of, words_of


async def run(options: Ls, terminal: Terminal) -> int:
    """List runs, and return the exit code."""
    words = words_of(options.words, os.environ.get("JOBRUNS_JOBS"))
    output = Output(RUNS, options.form, terminal)
    most = None if options.all else options.limit
    limit = None if most is None else most + 1  # one more tells whether there are more
    wanted = wanted_of(options.filters, terminal, limit=limit, hydrate=options.full)
    count = 0
    async with opened_reader(options.store, options.places, words) as reader:
        async for run in reader.runs(words, wanted):
            count += 1
            if most is None or count <= most:
                output.put(await _reasoned(reader, run) if options.why else run)
    output.end()
    if most is not None and count > most:
        terminal.notice(f"the newest {most} of more runs; see -n and --all")
    if wanted.active_after is not None and output.is_table:
        terminal.notice(f"since {full_moment(wanted.active_after, terminal)}")
    return told(reader.failures, several=len(words) != 1 or options.places.are_several)


async def _reasoned(reader: Reader, run: JobRun[Any]) -> JobRun[Any]:
    """Return a run with the best reason that there is in place of its message."""
    return attrs.evolve(run, message=await reader.reason(run) or run.message)
