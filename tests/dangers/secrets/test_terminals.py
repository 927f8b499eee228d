"""No value and no error moves a terminal: control characters of names and messages are shown, and kept as they are."""

import io
import json
import logging
from datetime import UTC, datetime
from typing import Final

import attrs
import pytest
from rich.console import Console

from jobruns_sdk import JobRunsError, run_from_response, to_dict
from jobruns_sdk.model.changes import StateChange
from jobruns_sdk.model.runs import Attempt, Job, JobRun, StopOutcome
from jobruns_sdk.paging.collected import Collected
from jobruns_sdk.testing import LocalService
from tests.dangers.secrets.canaries import chain_of
from tests.unit.values import ATTEMPT, JOB, RUN

CONTROLS: Final = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0), 0x061C, *range(0x2028, 0x202F), 0x2066)]
HARMFUL: Final = "".join(sign for sign in CONTROLS if sign not in "\n\t")
EVIL: Final = f"disk full\x1b]0;owned\x07\x1b[2J\x1b]52;c;cm0gLXJm\x07 \x9b2J{HARMFUL}\ud800"
EVIL_RUN: Final = attrs.evolve(RUN, message=EVIL, native_state=EVIL, name=EVIL)
EVIL_ATTEMPT: Final = attrs.evolve(ATTEMPT, message=EVIL, native_state=EVIL)
ERROR: Final = JobRunsError(EVIL, service="glue", operation="GetJobRun", code=EVIL, request_id=EVIL, http_status=400)

VALUES: Final[list[object]] = [
    EVIL_RUN,
    EVIL_ATTEMPT,
    Job(JOB.sibling(EVIL.replace("\ud800", "")), EVIL, EVIL, None),
    Collected([EVIL_RUN, EVIL_RUN]),
    Collected([EVIL_ATTEMPT]),
    StateChange(EVIL_RUN, None, EVIL_RUN.state, 1, datetime(2026, 11, 21, tzinfo=UTC)),
    StopOutcome(RUN.ref, accepted=False, error=ERROR, run=EVIL_RUN),
    ERROR,
    run_from_response("glue", {"Id": "jr_1", "JobName": "j", "JobRunState": EVIL[:-1], "ErrorMessage": EVIL[:-1]}),
]


def is_harmless(text: str) -> bool:
    text.encode()
    return not any(sign in text for sign in HARMFUL)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_what_shows_of_a_value_moves_no_terminal(value: object) -> None:
    shown = io.StringIO()
    Console(file=shown, color_system=None, force_terminal=False, width=100).print(value)
    html = getattr(value, "_repr_html_", str)()

    for text in (str(value), repr(value), f"{value}", shown.getvalue(), html):
        assert is_harmless(text)


def test_the_errors_of_a_run_show_its_message_and_keep_it() -> None:
    failed = attrs.evolve(EVIL_RUN, state=type(RUN.state).FAILED)
    with pytest.raises(JobRunsError) as caught:
        failed.raise_for_state()

    assert is_harmless(chain_of(caught.value).replace("\ud800", ""))
    assert "\\x1b]52" in str(caught.value)
    assert caught.value.run == failed
    assert failed.message == EVIL


def test_a_log_shows_an_error_without_moving_a_terminal() -> None:
    record = logging.LogRecord("jobruns_sdk", logging.WARNING, __file__, 1, "it failed: %s", (ERROR,), None)
    record.exc_info = (type(ERROR), ERROR, None)

    assert is_harmless(logging.Formatter().format(record))


async def test_what_a_service_says_is_kept_as_it_is(local: LocalService) -> None:
    local.add_glue_job("etl")
    local.fault("GetJobRun", "error", code="EntityNotFoundException", status=400, message=EVIL[:-1])
    async with local.client() as client:
        with pytest.raises(JobRunsError) as caught:
            await client.glue("etl").run("jr_1")

    assert is_harmless(str(caught.value))
    assert caught.value.message == EVIL[:-1]
    assert json.loads(json.dumps(to_dict(caught.value)))["message"] == EVIL[:-1]


def test_texts_of_many_lines_and_other_scripts_stay_readable() -> None:
    text = "1 validation error:\n\tÜbergröße, 日本語, 🙂"

    assert str(JobRunsError(text)) == text


@pytest.mark.parametrize("kind", [JobRun, Attempt])
def test_lists_of_values_are_harmless_as_well(kind: type) -> None:
    values = [value for value in (EVIL_RUN, EVIL_ATTEMPT) if isinstance(value, kind)]

    assert values
    assert is_harmless(repr(values))
