"""A queue of AWS Batch and its jobs."""

import re
from collections.abc import Iterable
from datetime import datetime

import attrs

from jobruns_sdk import JobRef, JobRun, NotFoundError, Pages, RunState
from jobruns_sdk.adapters import Call, Order, RunQuery, Source, Wanted, check_name, page_size_of, run_pages
from tests.adapter.batch import native
from tests.adapter.batch.listing import RunListing
from tests.adapter.batch.operations import DESCRIBE_JOBS
from tests.adapter.batch.translate import STATES, run_from_job

_ID = re.compile(r"[0-9a-f-]{1,64}(:\d+)?")


@attrs.frozen
class BatchQueue:
    ref: JobRef
    _call: Call = attrs.field(repr=False)

    def runs(
        self,
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        order: Order | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobSummary]]:
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            order=order,
        )
        rows = page_size_of(page_size, 100)

        def sources(query: RunQuery, _: Wanted) -> Iterable[Source[JobRun[native.JobSummary]]]:
            query.only_newest_first(self.ref.service)
            yield Source("", lambda _: RunListing(self.ref, self._call, query, page_size=rows))

        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor)

    async def run(self, run_id: str) -> JobRun[native.JobDetail]:
        check_name("a job id", run_id, _ID)
        reply = await self._call(DESCRIBE_JOBS, {"jobs": [run_id]})
        found = DESCRIBE_JOBS.read(reply).jobs
        if found is None:
            raise DESCRIBE_JOBS.lacks("$.jobs", reply)
        if not found:
            raise NotFoundError(f"there is no job {run_id}", service="batch", operation="DescribeJobs")
        return run_from_job(self.ref.run(run_id), found[0])
