"""``jobruns attempts``: the attempts of a run."""

from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.fields import ATTEMPTS
from jobruns_sdk.cli.options import Attempts
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.reading import opened_reader
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import run_word


async def run(options: Attempts, terminal: Terminal) -> int:
    """List the attempts of a run, and return the exit code."""
    word = run_word(options.words[0])
    output = Output(ATTEMPTS, options.form, terminal)
    async with opened_reader(options.store, options.places, [word.job]) as reader:
        found = await reader.run(word, last_failed=options.last_failed)
        for attempt in await reader.attempts([found.ref], hydrate=options.full):
            output.put(attempt)
    output.end()
    return DONE
