"""Events that others have published, and what is no event of a run."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobruns_sdk import ResponseFormatError, RunRef
from jobruns_sdk.events import EventKind, RunEvent, event_from
from tests.truth.samples import published_file

ENDED: dict[str, Any] = {
    "version": "0",
    "id": "b1",
    "detail-type": "Glue Job State Change",
    "source": "aws.glue",
    "account": "111122223333",
    "time": "2026-11-30T02:41:07Z",
    "region": "eu-west-1",
    "resources": [],
    "detail": {"jobName": "nightly etl", "state": "FAILED", "jobRunId": "jr_1_attempt_2", "message": "It broke."},
}


def published_event(name: str) -> tuple[dict[str, Any], RunEvent]:
    text = published_file(name)
    event = event_from(text)
    assert event is not None
    assert event == event_from(text.decode()) == event_from(json.loads(text))
    return json.loads(text), event


PUBLISHED = {
    "glue/27_TEST_event_glue_job_state_change.json": (EventKind.STATE, "FAILED"),
    "emr_serverless/10_event_state_change_success_real.json": (EventKind.STATE, "SUCCESS"),
    "emr_serverless/11_event_state_change_running_doc.json": (EventKind.STATE, "RUNNING"),
    "emr_serverless/12_event_retry_attempt_doc.json": (EventKind.RETRY, "FAILED"),
    "emr_serverless/13_event_resource_utilization_doc.json": (EventKind.USAGE, None),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_events(name: str) -> None:
    told, event = published_event(name)
    detail = told["detail"]
    job = detail.get("jobName") or detail["applicationId"]

    assert (event.kind, event.native_state) == PUBLISHED[name]
    assert (event.id, event.at.isoformat()) == (told["id"], told["time"].replace("Z", "+00:00"))
    assert (event.ref.job.path, event.ref.run_id, event.ref.job.region) == ((job,), detail["jobRunId"], told["region"])
    for member, value in detail.items():
        read = getattr(event.native, member)
        assert read is not None
        if isinstance(value, str | int) and not isinstance(read, datetime):
            assert read == value


def test_the_attempt_of_a_glue_run_names_its_run() -> None:
    event = event_from(ENDED)
    assert event is not None
    assert str(event.ref) == "glue:nightly%20etl/jr_1?region=eu-west-1"
    assert isinstance(event.ref, RunRef)
    assert event.at == datetime(2026, 11, 30, 2, 41, 7, tzinfo=UTC)


def test_an_event_that_sns_has_passed_on() -> None:
    passed_on = {"Type": "Notification", "TopicArn": "arn:aws:sns:eu-west-1:1:t", "Message": json.dumps(ENDED)}
    assert event_from(json.dumps(passed_on)) == event_from(ENDED)


@pytest.mark.parametrize(
    "change",
    [{"source": "aws.s3"}, {"detail-type": "Glue Crawler State Change"}, {"source": "my.app", "detail": {"any": 1}}],
)
def test_events_of_others_are_none(change: dict[str, Any]) -> None:
    assert event_from({**ENDED, **change}) is None
    assert event_from(json.dumps({**ENDED, **change})) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "text that is not JSON"),
        ("no", "text that is not JSON"),
        (b"\xff\xfe", "text that is not JSON"),
        ("[]", "JSON of another kind"),
        ("{}", "JSON of another kind"),
        ({}, "JSON of another kind"),
        ({**ENDED, "time": "yesterday"}, "JSON of another kind"),
        (json.dumps({"TopicArn": "t", "Message": "hello"}), "text that is not JSON"),
        (None, "a NoneType instead of a string, bytes or a mapping"),
        ({**ENDED, "detail": {**ENDED["detail"], "jobName": 5}}, r"the detail of an event 'Glue Job State Change'"),
        (
            {**ENDED, "detail": {"state": "FAILED", "jobRunId": "jr_1"}},
            "an event 'Glue Job State Change' without jobName",
        ),
        ({**ENDED, "detail": {"jobName": "etl", "state": "FAILED"}}, "without jobRunId"),
        ({**ENDED, "detail": {"jobName": "etl", "jobRunId": "jr_1"}}, "without state"),
        ({**ENDED, "detail": {"jobName": "etl", "jobRunId": "", "state": "FAILED"}}, "without jobRunId"),
    ],
)
def test_what_is_no_event_is_refused(body: Any, words: str) -> None:  # noqa: ANN401  # mistakes of all kinds
    with pytest.raises(ResponseFormatError, match=f"^expected an event of EventBridge, got .*{words}"):
        event_from(body)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*ENDED, "Message", "TopicArn"]), json_values), st.booleans())
def test_any_json_is_an_event_or_none_or_refused(changes: dict[str, Any], as_text: bool) -> None:  # noqa: FBT001
    body = {**ENDED, **changes}
    try:
        event = event_from(json.dumps(body) if as_text else body)
    except ResponseFormatError:
        return
    assert event is None or event.ref.run_id
