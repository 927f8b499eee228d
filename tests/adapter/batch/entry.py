"""What a client knows of AWS Batch."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from jobruns_sdk import Job, JobRef, Pages, UnsupportedOperationError
from jobruns_sdk.adapters import Batch, Call, Entry, Named, Reply, Undecoded, job_pages, page_size_of
from tests.adapter.batch import native, operations
from tests.adapter.batch.operations import DESCRIBE_JOB_QUEUES
from tests.adapter.batch.service import BatchQueue
from tests.adapter.batch.translate import STATES, job_from_queue, run_from_boto3


class QueueListing:
    operation: ClassVar[Named] = DESCRIBE_JOB_QUEUES

    def __init__(self, call: Call, place: JobRef, *, page_size: int) -> None:
        self._call = call
        self._place = place
        self._asked = {"maxResults": page_size}

    async def fetch(self, token: str | None) -> Undecoded[Job[native.JobQueue]]:
        reply = await self._call(DESCRIBE_JOB_QUEUES, {**self._asked, **({"nextToken": token} if token else {})})
        return lambda: self._read(reply)

    def _read(self, reply: Reply) -> Batch[Job[native.JobQueue]]:
        answer = DESCRIBE_JOB_QUEUES.read(reply)
        rows = [job_from_queue(self._place, queue) for queue in answer.jobQueues or () if queue.jobQueueName]
        return Batch(rows, answer.nextToken or None, reply.requests, reply.waited)


def jobs(
    call: Call,
    place: JobRef,
    *,
    name: str | None,
    states: Iterable[str] | None,
    tags: Mapping[str, str] | None,
    limit: int | None,
    page_size: int | None,
    cursor: str | None,
) -> Pages[Job[native.JobQueue]]:
    if states is not None or tags is not None:
        raise UnsupportedOperationError(f"{place.service} can filter its queues by their names only")
    rows = page_size_of(page_size, 100)

    def listing() -> QueueListing:
        return QueueListing(call, place, page_size=rows)

    return job_pages(place, listing, name=name, said=None, limit=limit, cursor=cursor)


ENTRY = Entry(
    handle=BatchQueue,
    names=("a queue's name",),
    states=STATES,
    operations=operations,
    natives=(native,),
    jobs=jobs,
    from_boto3=run_from_boto3,
)
