"""``jobruns report``: a report in one file of HTML."""

from jobruns_sdk.cli.drawn import drawn, write_file
from jobruns_sdk.cli.options import Report
from jobruns_sdk.cli.prices import read_prices
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.pictures import report


async def run(options: Report, terminal: Terminal) -> int:
    """Write a report, and return the exit code."""
    prices = read_prices(options.prices) if options.prices else None
    found = await drawn(
        options.words, options.filters, options.store, options.places, terminal, hydrate=prices is not None
    )
    text = report(
        found.runs,
        attempts=found.attempts,
        since=found.wanted.active_after,
        until=found.wanted.created_before,
        title=options.title,
        costs=prices,
    )
    write_file(options.html, text, terminal)
    return found.code
