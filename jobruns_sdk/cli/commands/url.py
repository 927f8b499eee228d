"""``jobruns url``: the address of a run's page."""

from typing import Final
from urllib.parse import quote

from jobruns_sdk import EmrServerlessApplication, GlueJob, RunRef, UnsupportedOperationError
from jobruns_sdk.cli.exits import DONE
from jobruns_sdk.cli.options import Url
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.terminal import Terminal
from jobruns_sdk.cli.words import run_word

_CONSOLES: Final = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


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


def console_url(run: RunRef) -> str:
    """Return the address of a Glue run in the console."""
    region = run.job.region or ""
    host = next((host for start, host in _CONSOLES.items() if region.startswith(start)), "console.aws.amazon.com")
    job, run_id = quote(run.job.path[0], safe=""), quote(run.run_id, safe="")
    return f"https://{host}/gluestudio/home?region={region}#/job/{job}/run/{run_id}"
