"""A queue of moto's server, which is not ours: receiving, deleting, visibility, redrive, and what is no event."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from operator import attrgetter
from typing import Any, Final, cast

import boto3
import pytest
import pytest_asyncio
from moto.server import ThreadedMotoServer

from jobruns_sdk import AccessDeniedError, InvalidRequestError, JobRunsClient, JobRunsError, NotFoundError, RunRef
from jobruns_sdk.events import EventSource, RunEvent, SqsEvents, event_pattern
from jobruns_sdk.events.queue import _region_in  # pyright: ignore[reportPrivateUsage]
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.events import Connect, Connected
from jobruns_sdk.testing import LocalService
from jobruns_sdk.transport.operation import Operation, Reply
from tests.waiting.kit import client_of

REGION: Final = "eu-west-1"


def ended(run_id: str = "jr_1", *, job: str = "etl", number: int = 1, **more: object) -> str:
    """The text of an event as EventBridge delivers it."""
    detail = {"jobName": job, "severity": "INFO", "state": "SUCCEEDED", "jobRunId": run_id, "message": "Job run ended"}
    return json.dumps(
        {
            "version": "0",
            "id": f"event-{run_id}-{number}",
            "detail-type": "Glue Job State Change",
            "source": "aws.glue",
            "account": "111122223333",
            "time": "2026-11-30T02:41:07Z",
            "region": REGION,
            "resources": [],
            "detail": detail,
            **more,
        }
    )


class MotoQueue:
    """A queue of moto's with another one for what cannot be read."""

    def __init__(self, address: str, name: str, *, visibility: int = 30) -> None:
        sqs: Any = cast("Any", boto3).client(
            "sqs",
            endpoint_url=address,
            region_name=REGION,
            aws_access_key_id="x",
            aws_secret_access_key="x",  # noqa: S106  # moto's
        )
        self.sqs = sqs
        self.dead: str = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=self.dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        attributes = {"VisibilityTimeout": str(visibility), "RedrivePolicy": redrive}
        self.url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]

    def send(self, *texts: str) -> None:
        for text in texts:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=text)

    def counts(self, url: str | None = None) -> tuple[int, int]:
        """How many messages can be received, and how many were and are hidden."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        told = self.sqs.get_queue_attributes(QueueUrl=url or self.url, AttributeNames=names)["Attributes"]
        return int(told[names[0]]), int(told[names[1]])


@pytest.fixture(scope="module")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()


@pytest.fixture
def queue(moto_url: str, request: pytest.FixtureRequest) -> MotoQueue:
    name = f"q{abs(hash(request.node.nodeid))}"
    return MotoQueue(moto_url, name, visibility=getattr(request, "param", 30))


@pytest.fixture
def local() -> Iterator[LocalService]:
    with LocalService(region_name=REGION, speed=1) as local:
        local.add_glue_job("etl", duration=timedelta(hours=1), startup=timedelta(0))
        yield local


@pytest_asyncio.fixture
async def client(local: LocalService, moto_url: str) -> AsyncIterator[JobRunsClient]:
    async with client_of(local, endpoint_urls={"sqs": moto_url}) as client:
        yield client


async def opened(client: JobRunsClient, url: str, **options: Any) -> EventSource:  # noqa: ANN401  # SqsEvents' own
    connect: Connect = attrgetter("_connect")(client)
    return await SqsEvents(url, **options).opened(connect)


async def events_of(source: EventSource) -> list[RunEvent]:
    return [cast("RunEvent", hint) for hint in await source.receive()]


async def test_events_are_received_in_batches_and_deleted(client: JobRunsClient, queue: MotoQueue) -> None:
    queue.send(*(ended(f"jr_{number}") for number in range(23)))
    source = await opened(client, queue.url)
    found: set[str] = set()
    while len(found) < 23:
        events = await events_of(source)
        assert 0 < len(events) <= 10
        found |= {event.ref.run_id for event in events}
        await source.delivered()
    assert found == {f"jr_{number}" for number in range(23)}
    assert queue.counts() == (0, 0)


async def test_a_run_is_polled_when_the_queue_tells_of_it(
    client: JobRunsClient, local: LocalService, queue: MotoQueue
) -> None:
    ref = RunRef.parse(f"glue:etl/{local.add_run('glue:etl', duration=timedelta(seconds=2))}?region={REGION}")
    async with client.listening(SqsEvents(queue.url, region_name=REGION)) as listening:
        waiting = asyncio.ensure_future(client.wait(ref, timeout=timedelta(minutes=5)))
        await local.clock.sleep(2.05)
        assert listening.is_hearing
        queue.send(ended(ref.run_id))
        assert (await waiting).succeeded
    assert local.clock.monotonic() < 30
    assert local.calls("GetJobRun") + local.calls("GetJobRuns") == 2
    assert queue.counts() == (0, 0)


async def test_other_messages_are_left_alone(client: JobRunsClient, queue: MotoQueue) -> None:
    queue.send(ended(), ended(source="my.app"))
    source = await opened(client, queue.url)
    events: list[RunEvent] = []
    while not events:
        events = await events_of(source)
    await source.delivered()
    assert [event.ref.run_id for event in events] == ["jr_1"]
    assert queue.counts() == (0, 1)


async def test_other_messages_are_deleted_where_that_is_asked_for(client: JobRunsClient, queue: MotoQueue) -> None:
    queue.send(ended(source="my.app"), "not JSON")
    source = await opened(client, queue.url, delete_foreign=True)
    assert await source.receive() == []
    assert queue.counts() == (0, 1)  # the text that is not JSON


@pytest.mark.parametrize("queue", [1], indirect=True)
async def test_what_is_not_deleted_comes_again(client: JobRunsClient, queue: MotoQueue) -> None:
    queue.send(ended())
    source = await opened(client, queue.url)
    (first,) = await events_of(source)
    (again,) = await events_of(source)  # a second later
    await source.delivered()
    assert first == again
    assert queue.counts() == (0, 0)


@pytest.mark.parametrize("queue", [1], indirect=True)
async def test_text_that_is_not_json_goes_to_the_dead_letter_queue(
    client: JobRunsClient, queue: MotoQueue, caplog: pytest.LogCaptureFixture
) -> None:
    queue.send("not JSON")
    source = await opened(client, queue.url)
    with caplog.at_level(logging.WARNING, "jobruns_sdk.events"):
        assert await source.receive() == []
        assert await source.receive() == []
        queue.send(ended())
        while not await source.receive():
            pass
        await source.delivered()
        while queue.counts(queue.dead) != (1, 0):
            queue.send(ended())
            await source.receive()
            await source.delivered()
    (record,) = [one for one in caplog.records if one.name == "jobruns_sdk.events"]  # it was received twice
    assert "is left in the queue: expected an event of EventBridge, got text that is not JSON" in record.message


async def test_a_queue_that_does_not_exist_is_told_of_where_the_block_begins(
    client: JobRunsClient, moto_url: str
) -> None:
    listening = client.listening(SqsEvents(f"{moto_url}/123456789012/nothing"))
    with pytest.raises(NotFoundError, match="does not exist"):
        await listening.__aenter__()


async def test_a_queue_that_cannot_be_reached_is_told_of_and_tried_again(
    local: LocalService, caplog: pytest.LogCaptureFixture
) -> None:
    ref = RunRef.parse(f"glue:etl/{local.add_run('glue:etl', duration=timedelta(seconds=1))}?region={REGION}")
    url = "http://127.0.0.1:9"
    with caplog.at_level(logging.WARNING, "jobruns_sdk.events"):
        async with (
            client_of(local, endpoint_urls={"sqs": url}, max_attempts=1) as client,
            client.listening(SqsEvents(f"{url}/1/q")) as listening,
        ):
            assert not listening.is_hearing
            done = await client.wait(ref, timeout=timedelta(minutes=1), poll_interval=timedelta(seconds=1))
    assert done.succeeded
    assert ["events cannot be received" in record.message for record in caplog.records] == [True]


class Answers:
    """The way to a queue whose answers are given."""

    def __init__(self, *bodies: bytes | Exception, longest: float = 60.0) -> None:
        self.asked: list[dict[str, Any]] = []
        self._bodies = list(bodies)
        self._longest = longest

    async def __call__(self, service: str, *, region: str | None, profile: str | None) -> Connected:
        assert service == "sqs"
        self.place = region, profile
        return Connected(self._call, region or "us-east-1", self._longest)

    async def _call(self, operation: Operation[Any], params: Any) -> Reply:  # noqa: ANN401  # as the transport's
        self.asked.append({"operation": operation.name, **params})
        body = self._bodies.pop(0)
        if isinstance(body, Exception):
            raise body
        return Reply(body)


URL: Final = "https://sqs.eu-west-1.amazonaws.com/111122223333/job-runs"


@pytest.mark.parametrize(("longest", "wait"), [(60.0, 20), (30.0, 20), (12.5, 7), (3.0, 0)])
async def test_a_wait_for_messages_ends_before_the_answer_is_given_up(longest: float, wait: int) -> None:
    answers = Answers(b"{}", b"{}", longest=longest)
    source = await SqsEvents(URL).opened(answers)
    assert await source.receive() == []  # what the check had received
    assert await source.receive() == []
    asked = {"operation": "ReceiveMessage", "QueueUrl": URL, "MaxNumberOfMessages": 10}
    assert answers.asked == [{**asked, "WaitTimeSeconds": 0}, {**asked, "WaitTimeSeconds": wait}]
    assert answers.place == (REGION, None)


async def test_no_permission_is_told_of_at_once() -> None:
    with pytest.raises(AccessDeniedError):
        await SqsEvents(URL).opened(Answers(AccessDeniedError("no")))


async def test_a_message_that_was_not_deleted_is_an_error() -> None:
    message = {"MessageId": "m", "ReceiptHandle": "secret-handle", "Body": ended()}
    failed = {"Failed": [{"Id": "0", "Code": "AccessDenied", "Message": "no permission", "SenderFault": True}]}
    answers = Answers(json.dumps({"Messages": [message]}).encode(), json.dumps(failed).encode())
    source = await SqsEvents(URL).opened(answers)
    assert len(await source.receive()) == 1
    with pytest.raises(JobRunsError, match="1 of 1 messages were not deleted: no permission") as caught:
        await source.delivered()
    assert "secret-handle" not in repr(caught.value)
    await source.delivered()  # nothing is left to be deleted
    entries = [{"Id": "0", "ReceiptHandle": "secret-handle"}]
    assert answers.asked[1] == {"operation": "DeleteMessageBatch", "QueueUrl": URL, "Entries": entries}


JOBS = [
    ("glue:etl?region=eu-west-1", "ends"),
    ("emr-serverless:00f1?region=eu-west-1", "changes"),
    ("datazone:dzd_1/job42?region=eu-west-1", None),
    ("glue:etl?region=us-east-1", None),
    ("glue:etl?region=eu-west-1&profile=prod", None),
]


@pytest.mark.parametrize(("job", "told"), JOBS)
async def test_which_jobs_a_queue_tells_of(job: str, told: str | None) -> None:
    source = await SqsEvents(URL).opened(Answers(b"{}"))
    assert source.tells_of(JobRef.parse(job)) == told


async def test_the_jobs_of_a_rule_are_those_that_are_told_of() -> None:
    jobs = ["glue:etl", "emr-serverless:00f1?region=us-east-1", "glue:x?profile=prod"]
    source = await SqsEvents(URL, jobs=jobs).opened(Answers(b"{}"))
    assert source.tells_of(JobRef("glue", ("etl",), REGION)) == "ends"
    assert source.tells_of(JobRef("glue", ("other",), REGION)) is None
    assert source.tells_of(JobRef("emr-serverless", ("00f1",), "us-east-1")) == "changes"
    assert source.tells_of(JobRef("glue", ("x",), REGION, "prod")) == "ends"
    assert event_pattern(jobs)


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("sqs.eu-west-1.amazonaws.com", "eu-west-1"),
        ("sqs.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("sqs-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("sqs.ap-southeast-2.api.aws", "ap-southeast-2"),
        ("vpce-1-2.sqs.eu-central-1.vpce.amazonaws.com", "eu-central-1"),
        ("us-west-2.queue.amazonaws.com", "us-west-2"),
        ("localhost", None),
        ("sqs.example.com", None),
        ("mysqs.eu-west-1.example.com", None),
    ],
)
def test_the_region_in_an_address(host: str, region: str | None) -> None:
    assert _region_in(host) == region


def test_what_a_queue_shows_of_itself() -> None:
    assert repr(SqsEvents(URL)) == f"SqsEvents('{URL}')"
    with pytest.raises(InvalidRequestError, match="without a user and a password") as caught:
        SqsEvents("https://user:secret@host/1/q")
    assert "secret" not in str(caught.value)
