"""The jobs of a queue, and the queues, page by page."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import ClassVar

from jobruns_sdk import Job, JobRef, JobRun, Pages, UnsupportedOperationError
from jobruns_sdk.adapters import Batch, Call, Named, Reply, RunQuery, job_pages, page_size_of
from tests.adapter.batch import native
from tests.adapter.batch.operations import DESCRIBE_JOB_QUEUES, LIST_JOBS
from tests.adapter.batch.translate import EPOCH, job_from_queue, run_from_job


class RunListing:
    """ListJobs with the filter that lists all states, newest first; without one only running jobs are listed."""

    operation: ClassVar[Named] = LIST_JOBS

    def __init__(self, queue: JobRef, call: Call, query: RunQuery, *, page_size: int) -> None:
        since = query.created_after_less(timedelta(seconds=1)) or EPOCH
        after = {"name": "AFTER_CREATED_AT", "values": [str(max(0, (since - EPOCH) // timedelta(milliseconds=1)))]}
        self._queue = queue
        self._call = call
        self._asked: dict[str, object] = {"jobQueue": queue.path[0], "maxResults": page_size, "filters": [after]}

    async def fetch(self, token: str | None, _: None) -> Reply:
        after = {} if token is None else {"nextToken": token}
        return await self._call(LIST_JOBS, {**self._asked, **after})

    def read(self, reply: Reply, _: None) -> tuple[Batch[JobRun[native.JobSummary]], None]:
        answer = LIST_JOBS.read(reply)
        jobs = answer.jobSummaryList
        if jobs is None or not all(job.jobId for job in jobs):
            raise LIST_JOBS.lacks("$.jobSummaryList" if jobs is None else "$.jobSummaryList[*].jobId", reply)
        rows = [run_from_job(self._queue.run(job.jobId or ""), job) for job in jobs]
        return Batch(rows, answer.nextToken or None, reply.requests), None


class QueueListing:
    operation: ClassVar[Named] = DESCRIBE_JOB_QUEUES

    def __init__(self, call: Call, place: JobRef, *, page_size: int) -> None:
        self._call = call
        self._place = place
        self._asked = {"maxResults": page_size}

    async def fetch(self, token: str | None, _: None) -> Reply:
        return await self._call(DESCRIBE_JOB_QUEUES, {**self._asked, **({"nextToken": token} if token else {})})

    def read(self, reply: Reply, _: None) -> tuple[Batch[Job[native.JobQueue]], None]:
        answer = DESCRIBE_JOB_QUEUES.read(reply)
        rows = [job_from_queue(self._place, queue) for queue in answer.jobQueues or () if queue.jobQueueName]
        return Batch(rows, answer.nextToken or None, reply.requests), None


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
