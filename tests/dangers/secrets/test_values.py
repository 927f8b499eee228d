"""No value shows a secret, and none loses it when it is copied."""

import base64
import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest

from jobruns_sdk import JobRunsError, StopOutcome, from_dict, to_dict
from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.reports import SourceError
from jobruns_sdk.paging.page import Page
from jobruns_sdk.serialization.kinds import ERRORS
from tests.dangers.input.calls import Call
from tests.dangers.secrets.canaries import HIVE, OPERATIONS, OVERRIDES, SPARK, WORD, model_of, sensitive, texts_of
from tests.dangers.secrets.results import results_of, sending
from tests.dangers.secrets.service import answering, body_of, canary_client
from tests.truth.drift.surface import SURFACES
from tests.unit.serialization.test_dicts import VALUES
from tests.unit.values import JOB, REF, RUN

CALLS: Final = list(sending())
SILENT: Final = (
    "run_ref",
    "emr_serverless",
    "emr_serverless.is_streaming",
    "glue",
    "datazone",
    "handle",
    "nudge",
    "listening",
)
"""How the names of calls end that send nothing."""
NAMES: Final = [f"{call.name}-{number}" for number, (call, _) in enumerate(CALLS)]
SINGING: Final = {
    "emr-serverless.GetJobRun": 7,
    "emr-serverless.GetApplication": 1,
    "emr-serverless.GetDashboardForJobRun": 0,
    "glue.GetJob": 0,
}
"""How many places of an answer the models mark; Glue's model marks only the graph of a visual job, which is dropped."""


@pytest.mark.parametrize(("call", "given"), CALLS, ids=NAMES)
async def test_nothing_that_a_call_returns_shows_a_secret(call: Call, given: dict[str, Any]) -> None:
    async with canary_client(answering) as (client, server):
        results = await results_of(client, call, given)

        for value in results:
            if call.name != "emr_serverless.dashboard_url" or not isinstance(value, str):
                assert WORD not in texts_of(value)
            if isinstance(value, Page) and value.cursor:
                payload = value.cursor.partition(".")[2]
                assert WORD not in base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode("latin-1")
        assert server.requests or call.name.endswith(SILENT)


@pytest.mark.parametrize("place", [f"{service}.{name}" for service, names in OPERATIONS.items() for name in names])
def test_every_place_that_the_models_mark_is_hidden(place: str) -> None:
    """Whatever is decoded of an answer full of canaries, none of them sings."""
    service, _, operation = place.partition(".")
    shape = model_of(service).operation_model(operation).output_shape
    marked = [] if shape is None else [path for path in sensitive(shape) if "CodeGenConfigurationNodes" not in path]
    decoded = (
        next(one for one in SURFACES if one.service == service).decoders[operation].decode(body_of(service, operation))
    )

    assert len(marked) == SINGING.get(place, 0)
    assert body_of(service, operation).decode().count(WORD) >= len(marked)
    assert WORD not in texts_of(decoded)
    held = json.dumps(to_dict(decoded)) if operation.startswith("Get") else ""
    assert held.count(WORD) == body_of(service, operation).decode().count(WORD) or not held
    assert WORD not in (json.dumps(to_dict(decoded, secrets=False)) if held else "")


@pytest.mark.parametrize("value", [SPARK, HIVE, OVERRIDES, OVERRIDES.applicationConfiguration])
def test_what_a_run_is_started_with_shows_nothing(value: object) -> None:
    assert WORD not in texts_of(value)


def errors_of_each_kind() -> Iterator[JobRunsError]:
    for kind in ERRORS.values():
        error = kind("it broke", service="glue", operation="GetJobRun", code="X", request_id="r-1", http_status=500)
        error.in_doubt = True
        error.add_note("by night")
        if hasattr(error, "run"):
            vars(error)["run"] = RUN
        yield error


REFUSED: Final = InvalidRequestError("it has ended", service="glue")
COPIED: Final = [
    *VALUES,
    SPARK,
    HIVE,
    OVERRIDES,
    StopOutcome(REF, accepted=False, error=REFUSED),
    SourceError(JOB, REFUSED),
    *errors_of_each_kind(),
]


def same(value: Any, other: Any) -> bool:  # noqa: ANN401  # any value
    """Whether two values are equal in everything, what takes no part in equality included."""
    if type(value) is not type(other):
        return False
    if isinstance(value, JobRunsError):
        facts = [(error.args, str(error), sorted(vars(error))) for error in (value, other)]
        return facts[0] == facts[1] and all(same(fact, vars(other)[name]) for name, fact in vars(value).items())
    names: list[str] = [field.name for field in getattr(value, "__attrs_attrs__", ())]
    if names:
        return bool(value == other) and all(same(getattr(value, name), getattr(other, name)) for name in names)
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        return len(items) == len(other) and all(map(same, items, other))
    return bool(value == other)


def pickled(value: object, protocol: int | None = None) -> object:
    return pickle.loads(pickle.dumps(value, protocol))  # noqa: S301  # our own


@pytest.mark.parametrize("value", COPIED, ids=lambda value: type(value).__name__)
def test_a_value_comes_back_whole_from_a_pickle_and_a_copy(value: object) -> None:
    copies = [copy.copy(value), copy.deepcopy(value)]
    copies += [pickled(value, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]

    for other in copies:
        assert same(value, other)
        assert texts_of(other) == texts_of(value)
        assert WORD not in texts_of(other)
        if not isinstance(value, JobRunsError):
            assert other == value
            assert isinstance(value, Native) or hash(other) == hash(value)


async def test_what_was_read_comes_back_whole_with_its_secrets() -> None:
    async with canary_client(answering) as (client, _):
        run = await client.glue("x").run("x")
        full = await client.emr_serverless("x").run("x")
        job = await client.glue("x").job()

    for value in (run, full, job):
        other = pickled(value)
        assert same(value, other)
        assert WORD in json.dumps(to_dict(other))
        assert WORD not in texts_of(other)
        assert from_dict(to_dict(value)) == value


def test_values_that_hold_errors_are_equal_where_these_say_the_same() -> None:
    said, again, other = (InvalidRequestError(text, service="glue") for text in ("gone", "gone", "late"))

    assert SourceError(JOB, said) == SourceError(JOB, again) != SourceError(JOB, other)
    assert hash(StopOutcome(REF, accepted=False, error=said)) == hash(StopOutcome(REF, accepted=False, error=again))
    assert said != again
