"""``jobruns report``: a report in one file of HTML."""

from jobruns_sdk.cli.drawn import drawn, write_file
from jobruns_sdk.cli.options import Report
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.pictures import report


async def run(options: Report, terminal: Terminal) -> int:
    """Write a report, and return the exit code."""
    found = await drawn(options.words, options.filters, options.store, options.places, terminal)
    text = report(
        found.runs,
        attempts=found.attempts,
        since=found.wanted.active_after,
        until=found.wanted.created_before,
        title=options.title,
    )
    write_file(options.html, text, terminal)
    return found.code
