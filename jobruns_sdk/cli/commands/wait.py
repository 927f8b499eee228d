"""``jobruns wait``: wait for runs to end."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobruns_sdk import JobRun, JobRunsError, RunRef
from jobruns_sdk.cli.exits import DONE, TIMED_OUT, UNSUCCESSFUL, code_of
from jobruns_sdk.cli.fields import RUNS
from jobruns_sdk.cli.options import Wait
from jobruns_sdk.cli.output import Output
from jobruns_sdk.cli.services import Live, opened_client
from jobruns_sdk.cli.terminal import Terminal, complain
from jobruns_sdk.cli.words import run_word, words_in

if TYPE_CHECKING:
    from jobruns_sdk import JobRunsClient


async def run(options: Wait, terminal: Terminal) -> int:
    """Wait for runs, show how they ended, and return the exit code."""
    words = [run_word(text) for text in words_in(options.words, sys.stdin)]
    output = Output(RUNS, options.form, terminal)
    async with opened_client(options.places, [word.job for word in words]) as client:
        live = Live(client, options.places)
        refs = [await live.ref(word) for word in words]
        code = await ended(client, refs, options, output)
    output.end()
    return code


async def ended(client: "JobRunsClient", refs: Sequence[RunRef], options: Wait, output: Output) -> int:
    """Wait for runs, hand them over as they were seen last, and return the exit code."""
    outcomes = await client.wait_all(
        refs,
        timeout=options.timeout,
        poll_interval=options.interval,
        on_timeout="stop" if options.stop_on_timeout else "leave",
        return_exceptions=True,
    )
    codes: list[int] = []
    for outcome in outcomes:
        run: JobRun[Any] | None = outcome if isinstance(outcome, JobRun) else outcome.run
        if run is not None:
            output.put(run)
        if isinstance(outcome, JobRunsError):
            code = code_of(outcome)
            if code != TIMED_OUT or TIMED_OUT not in codes:  # the first of these tells how many more there are
                complain(str(outcome))
            codes.append(code)
        elif not _is_good(outcome, options):
            codes.append(UNSUCCESSFUL)
    return _worst(codes)


def _is_good(run: JobRun[Any], options: Wait) -> bool:
    return run.succeeded or (options.allow_partial and run.state == "PARTIALLY_SUCCEEDED")


def _worst(codes: Sequence[int]) -> int:
    """Return the code that tells most: an error, else that time was up, else that a run did not succeed."""
    errors = [code for code in codes if code not in (UNSUCCESSFUL, TIMED_OUT)]
    return errors[0] if errors else max(codes, default=DONE)
