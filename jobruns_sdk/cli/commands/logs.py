"""``jobruns logs``: the lines that a run wrote, and where they lie."""

from typing import Final

import attrs

from jobruns_sdk import LogPlace
from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.fields import Kind
from jobruns_sdk.cli.log_lines import Lines
from jobruns_sdk.cli.options import Logs
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import run_word


def _address(place: LogPlace) -> str:
    return place.url or place.uri or " ".join(filter(None, (place.group, place.stream)))


_PLACES: Final = Kind(
    {
        "attempt": lambda place: place.attempt,
        "source": lambda place: place.source,
        "storage": lambda place: place.storage,
        "place": _address,
        "why": lambda place: place.why,
    },
    ("attempt", "source", "storage", "place", "why"),
    ("attempt", "source", "storage", "place", "why"),
    _address,
)


async def run(options: Logs, terminal: Terminal) -> int:
    """Write the lines of a run, or where they lie, and return the exit code."""
    word = run_word(options.words[0])
    async with opened_client(options.places, [word.job]) as client:
        ref = await Live(client, options.places).ref(word, last_failed=options.last_failed)
        if options.where:
            places = await client.log_places(ref, attempt=options.attempt)
            output = Output(
                _PLACES, attrs.evolve(options.form, fields=options.form.fields or _PLACES.columns), terminal
            )
            for place in places:
                output.put(place)
            output.end()
            return DONE
        lines = Lines(options.form, terminal)
        async for line in client.logs(
            ref,
            follow=options.follow,
            attempt=options.attempt,
            sources=options.sources,
            tail=options.tail,
            since=None if options.since is None else options.since(terminal.now, terminal.zone),
        ):
            lines.put(line)
    lines.end()
    return DONE
