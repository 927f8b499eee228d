"""No span, metric or value that an observer is given shows a secret, and no record of the loggers, at DEBUG too."""

import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

from jobruns_sdk import InvalidRequestError, JobRunsClient, JobRunsError, TransportError
from jobruns_sdk.observing import CallRetried
from jobruns_sdk.observing.seam import Observing
from jobruns_sdk.services.glue.operations import GET_JOB_RUNS
from jobruns_sdk.transport.observed import observed
from tests.dangers.input.calls import Call
from tests.dangers.secrets.canaries import ARGUMENTS, CREDENTIALS, WORD, texts_of
from tests.dangers.secrets.results import results_of, sending
from tests.dangers.secrets.service import CanarySession, Repeating, answering
from tests.observing.kit import Told, Traced
from tests.transport.clients import client_at
from tests.transport.scripted import Script, Server, serving

SENDING: Final = list(sending())
NAMES: Final = [f"{call.name}-{number}" for number, (call, _) in enumerate(SENDING)]
SCRIPTS: Final[dict[str, Script]] = {
    "answers": answering,
    "refusals": Repeating(400, "ValidationException"),
    "signatures": Repeating(403, "InvalidSignatureException"),
    "failures": Repeating(500, "InternalFailure"),
}
_SESSION: Final = CanarySession()


class Records(logging.Handler):
    """Keeps each record: as it would be printed, and all that it holds."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [self.format(record), repr(vars(record))]


@pytest.fixture
def records() -> Iterator[Records]:
    handler, logger = Records(), logging.getLogger("jobruns_sdk")
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield handler
    finally:
        logger.setLevel(logging.NOTSET)
        logger.removeHandler(handler)


def betrayed(texts: list[str]) -> list[str]:
    return [text for text in texts if WORD in text.lower() or any(secret in text for secret in CREDENTIALS)]


async def made(script: Script, call: Call, given: dict[str, Any]) -> tuple[Told, Traced, Server]:
    """Make a call, all of which is observed."""
    told, traced = Told(), Traced(waits=True, jobs=True)
    options: dict[str, Any] = {"session": _SESSION, "max_attempts": 2}
    async with serving(script) as server:
        client: JobRunsClient = client_at(server.url, observer=told.observer, telemetry=traced.telemetry, **options)
        async with client:
            try:
                await results_of(client, call, given)
            except JobRunsError:
                assert script is not answering
    return told, traced, server


@pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)
@pytest.mark.parametrize(("call", "given"), SENDING, ids=NAMES)
async def test_nothing_that_is_observed_is_a_secret(
    call: Call, given: dict[str, Any], script: Script, records: Records
) -> None:
    told, traced, server = await made(script, call, given)

    if not server.requests:  # a call that only makes something of its arguments
        assert told.values == []
        return
    assert {"CallStarted", "CallEnded"} <= set(told.kinds)
    assert betrayed([texts_of(value) for value in told.values]) == []
    assert len(traced.spans) >= told.kinds.count("CallEnded")
    assert betrayed([span.to_json() for span in traced.spans]) == []
    assert betrayed([repr(traced.points(name)) for name in ("rpc.client.call.duration", "jobruns.client.waits")]) == []
    assert len(records.texts) > 1
    assert betrayed(records.texts) == []


async def test_the_canaries_were_there_to_be_seen(records: Records) -> None:
    """Otherwise the cases above would prove nothing: the service has repeated them, and the message says so."""
    call, _ = next(case for case in SENDING if case[0].name == "glue.start")
    told, traced, _ = await made(SCRIPTS["refusals"], call, {"arguments": ARGUMENTS})

    (failure,) = {value.failure for value in told.values if getattr(value, "failure", None)}
    assert failure.kind == InvalidRequestError.__name__
    for text in (failure.message, *(span.to_json() for span in traced.spans), records.texts[0]):
        assert "1 validation error detected" in text
    assert "<hidden>" in failure.message
    assert max(len(span.status.description or "") for span in traced.spans) == 200


def test_the_error_of_a_try_is_made_fit_to_show() -> None:
    """One that a call raises is so when the call ends; one that is tried again after is told before that."""
    told = Told()
    call = observed(Observing([told.observer]), GET_JOB_RUNS, None, None, job=None, seconds=lambda: 0.0)
    assert call is not None
    call.retries(TransportError(f"cannot connect to http://user:{WORD}@proxy:3128"))

    (retry,) = told.of(CallRetried)
    assert retry.failure.message == "cannot connect to http://<hidden>@proxy:3128"
