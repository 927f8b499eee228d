"""The jobs of a queue, page by page."""

from datetime import timedelta
from typing import ClassVar

from jobruns_sdk import JobRef, JobRun
from jobruns_sdk.adapters import Batch, Call, Named, Reply, RunQuery
from tests.adapter.batch import native
from tests.adapter.batch.operations import LIST_JOBS
from tests.adapter.batch.translate import EPOCH, run_from_job


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
        return Batch(rows, answer.nextToken or None, reply.requests, reply.waited), None
