"""``jobruns sync``: bring a file of runs up to date."""

import os

from jobruns_sdk import NotFoundError, SourceError
from jobruns_sdk.cli.options import Sync
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.wanted import last_word, told, words_of
from jobruns_sdk.history import RunStore


async def run(options: Sync, terminal: Terminal) -> int:
    """Store what is new, tell how much that was, and return the exit code."""
    texts, path = last_word(options.words, "FILE.sqlite", (".sqlite", ".sqlite3", ".db"))
    words = words_of(texts, os.environ.get("JOBRUNS_JOBS"))
    since = None if options.since is None else options.since(terminal.now, terminal.zone)
    failures: list[SourceError] = []
    async with opened_client(options.places, words) as client, RunStore(path) as store:
        live = Live(client, options.places)
        report = await store.sync(
            client,
            await live.jobs(words),
            created_after=since,
            hydrate=options.full,
            attempts=options.attempts,
            on_error=failures.append,
        )
    terminal.write(f"{report.added} added, {report.changed} changed, {report.lost} lost\n")
    lost = {id(failure) for failure in failures if failure.run is not None and isinstance(failure.error, NotFoundError)}
    return told(
        [*live.failures, *(failure for failure in failures if id(failure) not in lost)],
        several=len(words) != 1 or options.places.are_several,
    )
