"""Events of job runs from a queue of Amazon SQS."""

import re
from collections import OrderedDict
from collections.abc import Collection, Iterable, Sequence
from typing import Final
from urllib.parse import urlsplit

from jobruns_sdk.checks import check_flag, check_text, items_of, optional
from jobruns_sdk.errors import InvalidRequestError, JobRunsError, ResponseFormatError, TransportError
from jobruns_sdk.events.decoding import RunEvent, event_from
from jobruns_sdk.events.native_queue import Message
from jobruns_sdk.events.operations import DELETE_MESSAGE_BATCH, RECEIVE_MESSAGE
from jobruns_sdk.events.pattern import TELLS
from jobruns_sdk.model.refs import JobLike, JobRef, check_region, ref_of
from jobruns_sdk.observing.logs import EVENTS, warn
from jobruns_sdk.services.events import Connect, Connected, EventSource, Tells

_LONGEST_WAIT: Final = 20  # seconds, and the most messages below: what the service takes at most
_MOST: Final = 10
_MARGIN: Final = 5.0  # seconds between the end of a wait for messages and that of the patience for an answer
_REMEMBERED: Final = 1000
# https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
_REGIONS: Final = (
    re.compile(r"(?:^|\.)sqs(?:-fips)?\.(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)\."),
    re.compile(r"^(?P<region>[a-z]{2,}(?:-[a-z]+)+-\d+)\.queue\.amazonaws\."),
)


class SqsEvents:
    """Events of job runs that a rule of EventBridge sends to a queue of SQS: ``client.listening(SqsEvents(url))``.

    The queue is read with the sessions, the endpoint (``endpoint_urls={"sqs": ...}``) and the settings of the client
    that listens, ten messages at a time, each request waiting for them for 20 seconds (ReceiveMessage). Messages with
    events of runs are deleted once the runs are about to be polled (DeleteMessageBatch). Other messages are left in the
    queue, as is text that is not JSON, which its redrive policy can set aside.

    One queue has one consumer: a message that one process has received is hidden from others. What is lost so is found
    by the polls that go on every ten minutes.
    """

    def __init__(
        self,
        queue_url: str,
        *,
        region_name: str | None = None,
        profile: str | None = None,
        jobs: Iterable[JobLike] | None = None,
        delete_foreign: bool = False,
    ) -> None:
        """Name a queue; nothing is requested before a client listens.

        Args:
            queue_url: The queue's address, as SQS gives it.
            region_name: The queue's region; by default the one that the address names, else the client's.
            profile: The name of one of the client's ``sessions``; by default its own session.
            jobs: The jobs that the rule is for, as for ``event_pattern``: only they are polled less often meanwhile. By
                default all Glue jobs and EMR Serverless applications of the queue's region that are read with the same
                profile.
            delete_foreign: Whether events of other sources are deleted, too; text that is not an event never is.

        Raises:
            InvalidRequestError: An argument is invalid.
        """
        check_text("queue_url", queue_url)
        parts = urlsplit(queue_url)
        named = len([part for part in parts.path.split("/") if part]) > 1  # an account and a name
        if parts.scheme not in ("https", "http") or not parts.hostname or not named:
            right = "'https://sqs.eu-west-1.amazonaws.com/111122223333/job-runs'"
            raise InvalidRequestError(
                f"queue_url must be the address of a queue, such as {right}, got {queue_url!r:.200}"
            )
        if parts.username is not None or parts.password is not None:
            raise InvalidRequestError("queue_url must be the address of a queue, without a user and a password")
        check_region(region_name)
        optional(check_text)("a profile", profile)
        check_flag("delete_foreign", delete_foreign)
        self._queue_url = queue_url
        self._region_name = region_name or _region_in(parts.hostname)
        self._profile = profile
        self._delete_foreign = delete_foreign
        self._jobs = None if jobs is None else [ref_of(JobRef, job) for job in items_of("jobs", jobs, "jobs")]
        for job in self._jobs or ():
            if job.service not in TELLS:
                raise InvalidRequestError(f"jobs: {str(job)!r:.200}: only Glue and EMR Serverless send events of runs")

    def __repr__(self) -> str:
        return f"SqsEvents({self._queue_url!r})"

    async def opened(self, connect: Connect) -> EventSource:
        """Return the queue, open; a client that listens calls this.

        Raises:
            JobRunsError: It cannot be read, and will not be by itself: there is no such queue, or no permission.
        """
        connected = await connect("sqs", region=self._region_name, profile=self._profile)
        jobs = self._jobs
        if jobs is not None:
            own = connected.region, self._profile
            jobs = [JobRef(job.service, job.path, job.region or own[0], job.profile or own[1]) for job in jobs]
        queue = _Queue(self._queue_url, connected, self._profile, jobs, delete_foreign=self._delete_foreign)
        await queue.begin()
        return queue


class _Queue:
    """A queue that is being read."""

    def __init__(
        self,
        url: str,
        connected: Connected,
        profile: str | None,
        jobs: Collection[JobRef] | None,
        *,
        delete_foreign: bool,
    ) -> None:
        self._url = url
        self._call = connected.call
        self._place = (connected.region, profile)
        self._jobs = None if jobs is None else frozenset(jobs)
        self._delete_foreign = delete_foreign
        self._wait = int(max(0.0, min(_LONGEST_WAIT, connected.longest - _MARGIN)))
        self._early: Sequence[Message] | None = None
        self._done: list[str] = []
        self._broken: OrderedDict[str, None] = OrderedDict()

    def __repr__(self) -> str:
        return f"SqsEvents({self._url!r})"

    async def begin(self) -> None:
        """Receive what is there, without a wait: it shows whether the queue can be read at all.

        Raises:
            JobRunsError: It cannot, and will not by itself.
        """
        try:
            self._early = await self._messages(0)
        except JobRunsError as error:
            if not (error.retryable or isinstance(error, TransportError)):
                raise

    def tells_of(self, job: JobRef) -> Tells | None:
        """Return what events of a job's runs are expected."""
        is_told = (job.region, job.profile) == self._place if self._jobs is None else job in self._jobs
        return TELLS.get(job.service) if is_told else None

    async def receive(self) -> Sequence[RunEvent]:
        """Return the events of the next messages, after 20 seconds at the latest.

        Raises:
            JobRunsError: The queue cannot be read.
        """
        messages, self._early = self._early, None
        events: list[RunEvent] = []
        self._done = []
        for message in await self._messages(self._wait) if messages is None else messages:
            if message.ReceiptHandle is None:
                continue
            try:
                event = event_from(message.Body or "")
            except ResponseFormatError as error:
                self._tell_of_broken(message, error)
                continue
            if event is not None:
                events.append(event)
            if event is not None or self._delete_foreign:
                self._done.append(message.ReceiptHandle)
        if not events:
            await self.delivered()  # of other messages alone
        return events

    async def delivered(self) -> None:
        """Delete the messages whose events were returned last.

        Raises:
            JobRunsError: They were not deleted: they come again when their visibility timeout is over.
        """
        receipts, self._done = self._done, []
        if not receipts:
            return
        entries = [{"Id": str(at), "ReceiptHandle": receipt} for at, receipt in enumerate(receipts)]
        reply = await self._call(DELETE_MESSAGE_BATCH, {"QueueUrl": self._url, "Entries": entries})
        failed = DELETE_MESSAGE_BATCH.read(reply).Failed or ()
        for one in failed:
            raise JobRunsError(
                f"{len(failed)} of {len(receipts)} messages were not deleted: {one.Message or one.Code}",
                service="sqs",
                operation=DELETE_MESSAGE_BATCH.name,
                code=one.Code,
                request_id=reply.request_id,
            )

    async def _messages(self, wait: int) -> Sequence[Message]:
        asked = {"QueueUrl": self._url, "MaxNumberOfMessages": _MOST, "WaitTimeSeconds": wait}
        return RECEIVE_MESSAGE.read(await self._call(RECEIVE_MESSAGE, asked)).Messages or ()

    def _tell_of_broken(self, message: Message, error: ResponseFormatError) -> None:
        name = message.MessageId or ""
        if name not in self._broken:  # it comes again and again
            warn(EVENTS, f"message {name} of {self._url} is left in the queue: {error}", message=name)
        self._broken[name] = None
        if len(self._broken) > _REMEMBERED:
            self._broken.popitem(last=False)


def _region_in(host: str) -> str | None:
    found = next((match for pattern in _REGIONS if (match := pattern.search(host))), None)
    return found and found["region"]
