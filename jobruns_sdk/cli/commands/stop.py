"""``jobruns stop``: stop runs."""

import sys

from jobruns_sdk import AccessDeniedError, CredentialsError, InvalidRequestError, RunRef
from jobruns_sdk.cli.exits import DENIED, DONE, UNSUCCESSFUL
from jobruns_sdk.cli.options import Stop
from jobruns_sdk.cli.services import opened_client
from jobruns_sdk.cli.terminal import Terminal, complain
from jobruns_sdk.cli.words import JobWord, words_in


async def run(options: Stop, terminal: Terminal) -> int:
    """Ask for runs to be stopped, print those that will, and return the exit code."""
    refs = [_whole(text) for text in words_in(options.words, sys.stdin)]
    if not refs:
        terminal.notice("no run to stop")
        return DONE
    words = [JobWord(str(ref), ref.job.service, ref.job, profile=ref.job.profile) for ref in refs]
    places = options.places
    if len(places.regions) > 1 or len(places.profiles) > 1:
        raise InvalidRequestError("a run is in one place: give one --region and one --profile, or say it in references")
    async with opened_client(places, words) as client:
        outcomes = await client.stop(
            [word.refs(places)[0].run(ref.run_id) for word, ref in zip(words, refs, strict=True)]
        )
    code = DONE
    for outcome in outcomes:
        if outcome.accepted:
            terminal.write(f"{outcome.ref}\n")
            continue
        text = str(outcome.error)
        complain(text if str(outcome.ref) in text else f"{outcome.ref}: {text}")
        is_denied = isinstance(outcome.error, (AccessDeniedError, CredentialsError))
        code = DENIED if is_denied else code or UNSUCCESSFUL
    return code


def _whole(text: str) -> RunRef:
    """Read the reference of a run: what is stopped by mistake cannot be taken back, so nothing is guessed."""
    try:
        return RunRef.parse(text)
    except InvalidRequestError as error:
        raise InvalidRequestError(
            f"{text!r:.200} is not the full reference of a run, as jobruns ls -o name prints it"
        ) from error
