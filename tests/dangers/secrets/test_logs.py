"""No log record, warning or debug output of ours shows a secret; of botocore's it is known which do."""

import asyncio
import logging
import warnings
from collections.abc import Iterator
from typing import Any, Final

import pytest

from jobruns_sdk import JobRunsError
from tests.dangers.input.calls import Call
from tests.dangers.secrets.canaries import CREDENTIALS, WORD
from tests.dangers.secrets.results import results_of, sending
from tests.dangers.secrets.service import Repeating, answering, canary_client
from tests.transport.scripted import Script

# A dashboard's link is a plain text, which asyncio shows as the result of a task like any other.
SENDING: Final = [case for case in sending() if case[0].name != "emr_serverless.dashboard_url"]
NAMES: Final = [f"{call.name}-{number}" for number, (call, _) in enumerate(SENDING)]
NOT_OURS: Final = ("botocore", "aiobotocore")


class Records(logging.Handler):
    """Keeps every record as it would be printed."""

    def __init__(self) -> None:
        super().__init__(level=0)
        self.found: list[tuple[str, str]] = []
        self.loud: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.found.append((record.name, text))
        if record.levelno >= logging.INFO:
            self.loud.append(text)


@pytest.fixture
def records() -> Iterator[Records]:
    """Everything that is logged at whatever level."""
    handler, root = Records(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("", "asyncio", "jobruns_sdk", *NOT_OURS)}
    root.addHandler(handler)
    for name in levels:
        logging.getLogger(name).setLevel(1)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("script", [answering, Repeating(400, "ValidationException")], ids=["answers", "errors"])
@pytest.mark.parametrize(("call", "given"), SENDING, ids=NAMES)
async def test_nothing_that_is_logged_is_a_secret(
    call: Call, given: dict[str, Any], script: Script, records: Records
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(enabled=True)
    loop.slow_callback_duration = 0  # every step is slow, and logged with what it runs
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with canary_client(script) as (client, server):
            tasks = [asyncio.create_task(results_of(client, call, given)) for _ in range(2)]
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        loop.set_debug(enabled=False)
    assert all(isinstance(end, (list, JobRunsError)) for end in ends)

    ours = [text for name, text in records.found if name.partition(".")[0] not in NOT_OURS]
    assert any(name == "asyncio" for name, _ in records.found)
    assert any(name == "jobruns_sdk.calls" for name, _ in records.found) == bool(server.requests)
    for text in (*ours, *records.loud, *(str(one.message) for one in warned)):
        assert WORD not in text.lower()
        assert not any(secret in text for secret in CREDENTIALS)
