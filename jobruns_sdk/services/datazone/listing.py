"""DataZone's lists, page by page."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import ClassVar, Final

from jobruns_sdk.model.native import utc
from jobruns_sdk.model.refs import JobRef, RunRef
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.paging.query import RunQuery, Wanted
from jobruns_sdk.paging.source import Batch, Named
from jobruns_sdk.services.datazone import native
from jobruns_sdk.services.datazone.operations import GET_JOB_RUN, LIST_JOB_RUNS
from jobruns_sdk.services.datazone.translate import attempt_from_run, run_from_native, run_from_summary
from jobruns_sdk.transport.operation import Call, Reply

_LATE: Final = timedelta(minutes=30)  # how far a row may stand from where its time would put it


async def get_run(call: Call, run: RunRef) -> tuple[JobRun[native.GetJobRunOutput], Reply]:
    """Return a run as GetJobRun has it, and the answer that it came in."""
    reply = await call(GET_JOB_RUN, {"domainIdentifier": run.job.path[0], "identifier": run.run_id})
    found = GET_JOB_RUN.read(reply)
    if not found.id:
        raise GET_JOB_RUN.lacks("$.id", reply)
    return run_from_native(run.job, run.run_id, found), reply


class RunListing:
    """The runs of a job by ListJobRuns, in the order of creation that is asked for.

    The service takes one state to filter by, and no times: reading ends soon after the far end of the window.
    """

    operation: ClassVar[Named] = LIST_JOB_RUNS

    def __init__(self, job: JobRef, call: Call, query: RunQuery, wanted: Wanted, *, page_size: int) -> None:
        self._job = job
        self._call = call
        self._newest_first = query.newest_first
        self._end = query.created_after_less(_LATE) if query.newest_first else query.created_before_plus(_LATE)
        asked = {
            "domainIdentifier": job.path[0],
            "jobIdentifier": job.path[1],
            "maxResults": page_size,
            "sortOrder": "DESCENDING" if query.newest_first else "ASCENDING",
            "status": wanted[0] if wanted is not None and len(wanted) == 1 else None,
        }
        self._asked: Mapping[str, object] = {name: value for name, value in asked.items() if value is not None}

    async def fetch(self, token: str | None, _: None) -> Reply:
        """Fetch a page."""
        after = {} if token is None else {"nextToken": token}
        return await self._call(LIST_JOB_RUNS, {**self._asked, **after})

    def read(self, reply: Reply, _: None) -> tuple[Batch[JobRun[native.JobRunSummary]], None]:
        """Read a page; the list ends with the page that reaches beyond the window."""
        answer = LIST_JOB_RUNS.read(reply)
        items = answer.items or ()
        for index, row in enumerate(items):
            if not row.runId:
                raise LIST_JOB_RUNS.lacks(f"$.items[{index}].runId", reply)
        rows = [run_from_summary(self._job, row.runId or "", row) for row in items]
        token = None if self._is_past(items) else answer.nextToken or None
        return Batch(rows, token, reply.requests), None

    def _is_past(self, rows: Sequence[native.JobRunSummary]) -> bool:
        times = [created for row in rows if (created := utc(row.createdAt)) is not None]
        return any(self._is_beyond_end(created) for created in times)

    def _is_beyond_end(self, created: datetime) -> bool:
        if self._end is None:
            return False
        return created < self._end if self._newest_first else created > self._end


class AttemptListing:
    """A run as its only attempt, by GetJobRun."""

    operation: ClassVar[Named] = GET_JOB_RUN

    def __init__(self, run: RunRef, call: Call) -> None:
        self._run = run
        self._call = call

    async def fetch(self, _: str | None, __: None) -> tuple[JobRun[native.GetJobRunOutput], Reply]:
        """Get the run, whatever the token."""
        return await get_run(self._call, self._run)

    def read(
        self, answer: tuple[JobRun[native.GetJobRunOutput], Reply], _: None
    ) -> tuple[Batch[Attempt[native.GetJobRunOutput]], None]:
        """Return the run as its attempt."""
        run, reply = answer
        return Batch((attempt_from_run(run),), None, reply.requests), None
