"""``jobruns url``: the address of a run's page."""

from jobruns_sdk import EmrServerlessApplication, GlueJob, UnsupportedOperationError
from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.options import Url
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import run_word
from jobruns_sdk.services.glue.console import console_url


async def run(options: Url, terminal: Terminal) -> int:
    """Print the address of the service's dashboard of a run, or of its page in the console."""
    word = run_word(options.words[0])
    async with opened_client(options.places, [word.job]) as client:
        ref = await Live(client, options.places).ref(word, last_failed=options.last_failed)
        handle = client.handle(ref.job)
        if isinstance(handle, EmrServerlessApplication):
            terminal.write(f"{await handle.dashboard_url(ref.run_id)}\n")
        elif isinstance(handle, GlueJob):
            terminal.write(f"{console_url(handle.ref.run(ref.run_id))}\n")
        else:
            raise UnsupportedOperationError("has no page for a run", service=handle.ref.service)
    return DONE
