"""Patterns of rules, matched against events as EventBridge documents it: each field must have one of the values."""

from typing import Any

import pytest

from jobruns_sdk import InvalidRequestError, JobRef
from jobruns_sdk.events import event_pattern
from tests.events.test_decoding import ENDED

CHANGED: dict[str, Any] = {
    **ENDED,
    "source": "aws.emr-serverless",
    "detail-type": "EMR Serverless Job Run State Change",
    "detail": {"applicationId": "00f1", "jobRunId": "00fx", "state": "RUNNING"},
}


def matches(pattern: dict[str, Any], event: dict[str, Any]) -> bool:
    """Tell whether a pattern matches; https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html."""
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(one, event) for one in wanted):
                return False
        elif name == "detail":
            if not matches(wanted, event[name]):
                return False
        elif event.get(name) not in wanted:
            return False
    return True


def test_all_events_of_runs_match_and_no_others() -> None:
    pattern = event_pattern()
    assert matches(pattern, ENDED)
    assert matches(pattern, CHANGED)
    assert not matches(pattern, {**ENDED, "detail-type": "Glue Crawler State Change"})
    assert not matches(pattern, {**ENDED, "source": "aws.emr-serverless"})
    assert not matches(pattern, {**ENDED, "source": "aws.s3"})


def test_the_events_of_jobs_match_and_not_those_of_others() -> None:
    pattern = event_pattern(["glue:nightly%20etl", JobRef("emr-serverless", ("00f1",)), "emr-serverless:00f1"])
    assert matches(pattern, ENDED)
    assert matches(pattern, CHANGED)
    assert not matches(pattern, {**ENDED, "detail": {"jobName": "other"}})
    assert not matches(pattern, {**CHANGED, "detail": {"applicationId": "00f2"}})


def test_a_pattern_of_one_service_is_plain() -> None:
    assert event_pattern(["glue:b", "glue:a"]) == {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change", "Glue Job Run Status"],
        "detail": {"jobName": ["a", "b"]},
    }


@pytest.mark.parametrize(
    ("jobs", "words"),
    [
        ([], "needs one job or more, or None for all"),
        (["datazone:dzd_x/job42"], "only Glue and EMR Serverless send events of job runs"),
        ("glue:etl", "jobs must be a list or another collection"),
        (["etl"], "etl"),
    ],
)
def test_what_is_no_job_is_refused(jobs: Any, words: str) -> None:  # noqa: ANN401  # mistakes of all kinds
    with pytest.raises(InvalidRequestError, match=words):
        event_pattern(jobs)
