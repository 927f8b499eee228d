"""The events that runs of the local service send, and its queues."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from jobruns_sdk.events import event_from
from jobruns_sdk.testing import LocalService, VirtualClock
from tests.truth.samples import published_file

MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


def told(events: Iterable[dict[str, Any]], *names: str) -> list[tuple[object, ...]]:
    """The last word of each detail-type, and members of the detail."""
    return [(one["detail-type"].rpartition(" ")[0], *(one["detail"].get(name) for name in names)) for one in events]


@pytest.fixture
def moment() -> datetime:
    return datetime(2026, 1, 5, 8, tzinfo=UTC)


@pytest.fixture
def local(moment: datetime) -> Iterable[LocalService]:
    with LocalService(clock=VirtualClock(moment, auto_advance=False), check=True) as local:
        yield local
        assert local.problems == []


def boto3_of(local: LocalService, service: str = "sqs") -> Any:  # noqa: ANN401  # boto3's client has no types here
    place = {"endpoint_url": local.url, "region_name": local.region_name}
    return cast("Any", boto3).client(service, **place, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106  # not AWS's


def test_every_change_of_a_run_of_emr_serverless_is_told(local: LocalService) -> None:
    app = local.add_application("00f1", max_retries=1, startup=30 * timedelta(seconds=1), duration=40 * MINUTE)
    run = local.add_run(f"emr-serverless:{app}", fail_attempts=1, name="nightly")
    assert told(local.events, "state", "previousState") == [
        ("EMR Serverless Job Run State", "SUBMITTED", None),
    ]
    local.advance(3 * 60 * MINUTE)
    changes = [one for one in local.events if one["detail-type"].endswith("State Change")]
    assert told(changes, "state", "previousState") == [
        ("EMR Serverless Job Run State", after, before)
        for after, before in [
            ("SUBMITTED", None),
            ("PENDING", "SUBMITTED"),
            ("SCHEDULED", "PENDING"),
            ("RUNNING", "SCHEDULED"),
            ("PENDING", "RUNNING"),
            ("SCHEDULED", "PENDING"),
            ("RUNNING", "SCHEDULED"),
            ("SUCCESS", "RUNNING"),
        ]
    ]
    (retry,) = [one["detail"] for one in local.events if one["detail-type"].endswith("Retry")]
    assert (retry["previousAttempt"], retry["previousAttemptState"], retry["newAttempt"]) == (1, "FAILED", 2)
    usage = [one["detail"] for one in local.events if one["detail-type"].endswith("Utilization Update")]
    finals = [(one["attempt"], one["resourceUtilizationFinal"]) for one in usage]
    assert finals == [(1, False), (1, True), (2, False), (2, True)]
    assert sum(one["resourceUtilizationForInterval"]["vCPUHour"] for one in usage) == pytest.approx(
        2 * 4 * 40 / 60, rel=1e-3
    )
    assert {one["detail"]["jobRunId"] for one in local.events} == {run}
    assert [one["time"] for one in local.events] == sorted(one["time"] for one in local.events)
    assert len({one["id"] for one in local.events}) == len(local.events)


def test_glue_tells_of_ends_alone_and_of_each_attempt(local: LocalService) -> None:
    local.add_glue_job("etl", max_retries=1, retry_delay=NOTHING, duration=MINUTE)
    run = local.add_run("glue:etl", fail_attempts=1, message="disk full")
    local.add_glue_job("other", duration=MINUTE)
    for outcome in ("STOPPED", "TIMEOUT", "ERROR", "EXPIRED"):
        local.add_run("glue:other", outcome=outcome)
    assert local.events == []
    local.advance(30 * MINUTE)
    assert told(local.events, "state", "jobRunId", "message")[:1] == [
        ("Glue Job State", "FAILED", run, "disk full"),
    ]
    assert [one["detail"]["state"] for one in local.events] == ["FAILED", "STOPPED", "TIMEOUT", "SUCCEEDED"]
    assert local.events[-1]["detail"]["jobRunId"] == f"{run}_attempt_1"


def test_glue_tells_of_what_takes_longer_than_its_job_says(local: LocalService) -> None:
    native = {"NotificationProperty": {"NotifyDelayAfter": 5}}
    local.add_glue_job("etl", duration=20 * MINUTE, startup=NOTHING, native=native)
    local.add_run("glue:etl")
    local.add_run("glue:etl", duration=4 * MINUTE)
    local.advance(30 * MINUTE)
    statuses = [one for one in local.events if one["detail-type"] == "Glue Job Run Status"]
    assert [(one["time"], one["detail"]["state"]) for one in statuses] == [("2026-01-05T08:05:00Z", "RUNNING")]


def test_what_is_stopped_is_told(local: LocalService) -> None:
    local.add_application("00f1", duration=None, startup=NOTHING)
    run = local.add_run("emr-serverless:00f1")
    assert [one["detail"]["state"] for one in local.events] == ["RUNNING"]
    emr = boto3_of(local, "emr-serverless")
    emr.cancel_job_run(applicationId="00f1", jobRunId=run)
    local.advance(MINUTE)
    changes = [one for one in local.events if one["detail-type"].endswith("State Change")]
    assert [one["detail"]["state"] for one in changes] == ["RUNNING", "CANCELLING", "CANCELLED"]


def test_runs_of_the_past_and_of_datazone_tell_nothing(local: LocalService, moment: datetime) -> None:
    local.add_glue_job("etl")
    local.add_runs("glue:etl", 5)
    local.add_datazone_job("dzd_1", "job1")
    local.add_run("datazone:dzd_1/job1")
    local.add_application("00f1", startup=NOTHING, duration=10 * MINUTE)
    local.add_run("emr-serverless:00f1", created_at=moment - 5 * MINUTE)
    local.advance(30 * MINUTE)
    changes = [one for one in local.events if one["detail-type"].endswith("State Change")]
    assert told(changes, "state", "previousState") == [("EMR Serverless Job Run State", "SUCCESS", "RUNNING")]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("glue/27_TEST_event_glue_job_state_change.json", "FAILED"),
        ("emr_serverless/10_event_state_change_success_real.json", "SUCCESS"),
        ("emr_serverless/11_event_state_change_running_doc.json", "RUNNING"),
        ("emr_serverless/12_event_retry_attempt_doc.json", None),
        ("emr_serverless/13_event_resource_utilization_doc.json", None),
    ],
)
def test_events_are_as_published_ones_are(local: LocalService, name: str, state: str | None) -> None:
    published = json.loads(published_file(name))
    local.add_glue_job("etl", outcome="FAILED", duration=MINUTE)
    local.add_application("00f1", max_retries=1, duration=MINUTE)
    local.add_run("glue:etl")
    local.add_run("emr-serverless:00f1", fail_attempts=1, name="x" if "jobRunName" in published["detail"] else None)
    local.advance(30 * MINUTE)
    alike = [one for one in local.events if one["detail-type"] == published["detail-type"]]
    ours = next(one for one in alike if state in (None, one["detail"].get("state")))
    assert {member: type(value) for member, value in ours.items()} == {
        member: type(value) for member, value in published.items()
    }
    assert ours["detail"].keys() == published["detail"].keys()
    assert event_from(ours) is not None


def test_a_queue_for_any_client(local: LocalService) -> None:
    local.add_glue_job("etl", duration=MINUTE, startup=NOTHING)
    local.add_run("glue:etl")
    local.advance(2 * MINUTE)
    url = local.add_queue()
    sqs = boto3_of(local)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)  # what was sent before it was there
    run = local.add_run("glue:etl")
    local.advance(2 * MINUTE)
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"])["Messages"]
    assert json.loads(message["Body"]) == local.events[-1]
    assert json.loads(message["Body"])["detail"]["jobRunId"] == run
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    local.advance(31)
    (again,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert again["ReceiptHandle"] != message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert local.messages(url) == []
    sqs.send_message(QueueUrl=url, MessageBody="hello", DelaySeconds=5)
    assert local.messages("job-runs") == ["hello"]
    assert sqs.get_queue_url(QueueName="job-runs")["QueueUrl"].endswith("/111122223333/job-runs")
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
    local.advance(5)
    (late,) = sqs.receive_message(QueueUrl=url)["Messages"]
    entries = [{"Id": "a", "ReceiptHandle": late["ReceiptHandle"]}, {"Id": "b", "ReceiptHandle": "x"}]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 2
    assert local.messages(url) == []


def test_a_queue_that_is_not_there(local: LocalService) -> None:
    local.add_queue()
    for url in (f"{local.url}/111122223333/other", f"{local.url}/444455556666/job-runs"):
        with pytest.raises(ClientError) as caught:
            boto3_of(local).receive_message(QueueUrl=url)
        error = cast("dict[str, dict[str, str]]", caught.value.response)["Error"]
        assert error["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    with pytest.raises(KeyError, match="add it first"):
        local.messages("other")
    with pytest.raises(ValueError, match="already"):
        local.add_queue()


def test_what_was_received_too_often_goes_to_another_queue(local: LocalService) -> None:
    url, sqs = local.add_queue(max_receives=2), boto3_of(local)
    local.add_message(url, "not JSON")
    for _ in range(2):
        assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1
        local.advance(30)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert (local.messages(url), local.messages("job-runs-dead")) == ([], ["not JSON"])


def delivered(seed: int, **options: Any) -> list[str]:  # noqa: ANN401  # those of add_queue
    with LocalService(clock=VirtualClock(auto_advance=False)) as local:
        local.add_glue_job("etl", duration=MINUTE)
        local.add_glue_job("other", duration=MINUTE)
        url = local.add_queue(seed=seed, jobs=["glue:etl"], **options)
        local.advance(1)
        names = {local.add_run("glue:etl"): str(number) for number in range(200)}
        local.add_run("glue:other")
        local.advance(10 * MINUTE)
        found: list[str] = []
        sqs = boto3_of(local)
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            found += [names[json.loads(message["Body"])["detail"]["jobRunId"]] for message in messages]
        return found


def test_events_are_lost_doubled_and_late_as_told() -> None:
    usual = delivered(1)
    assert usual == [str(number) for number in range(200)]
    assert delivered(1, drop=1.0) == []
    assert Counter(delivered(1, duplicate=1.0)) == dict.fromkeys(usual, 2)
    few = delivered(1, drop=0.05, duplicate=0.1)
    assert few == delivered(1, drop=0.05, duplicate=0.1) != delivered(2, drop=0.05, duplicate=0.1)
    assert 180 <= len(set(few)) < 200 < len(few) + len(set(usual) - set(few)) < 240
    late = delivered(1, late=MINUTE)
    assert late != usual
    assert sorted(late) == sorted(usual)


def test_a_request_waits_for_messages_where_time_goes_on() -> None:
    with LocalService(speed=20) as local:
        local.add_glue_job("etl", duration=timedelta(seconds=10), startup=NOTHING)
        url = local.add_queue()
        run = local.add_run("glue:etl")
        sqs = boto3_of(local)
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
        assert json.loads(message["Body"])["detail"]["jobRunId"] == run
        begun = local.clock.monotonic()
        assert "Messages" not in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)
        assert local.clock.monotonic() - begun >= 5
        assert local.problems == []
