"""A Glue job and its runs."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import attrs

from jobruns_sdk.lanes import Source
from jobruns_sdk.listings import attempt_pages, run_pages
from jobruns_sdk.model import Attempt, Job, JobRun, RunState
from jobruns_sdk.paging import Pages
from jobruns_sdk.ports import Call
from jobruns_sdk.query import Order, RunQuery, Wanted, page_size_of
from jobruns_sdk.refs import JobRef, RunRef, check_name
from jobruns_sdk.services.glue import native
from jobruns_sdk.services.glue.listing import AttemptListing, RunListing
from jobruns_sdk.services.glue.operations import GET_JOB
from jobruns_sdk.services.glue.translate import STATES, job_from_native, root_and_number, run_from_attempts

LARGEST_PAGE: Final = 200


# https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRun.html
_NAME: Final = re.compile("[\t\\u0020-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]{1,255}")


def _check_job(_: object, __: object, ref: JobRef) -> None:
    check_name("a job name", ref.path[0], _NAME)


@attrs.frozen
class GlueJob:
    """A Glue job, made by ``JobRunsClient.glue``.

    Attributes:
        ref: The job's reference, complete with its region.
    """

    ref: JobRef = attrs.field(validator=_check_job)
    _call: Call = attrs.field(repr=False)

    def runs(
        self,
        *,
        states: Iterable[RunState] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        order: Order | None = None,
        collapse_retries: bool | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobRun]]:
        """Return the job's runs, newest first (GetJobRuns); nothing is requested until they are iterated.

        Glue filters nothing: the filters are applied here, and reading ends soon after ``created_after`` is passed.

        Args:
            states: The states that are wanted, None for all.
            native_states: The states that are wanted in Glue's own words, such as ``{"EXPIRED"}``.
            created_after: Runs whose first attempt started then or later (aware).
            created_before: Runs whose first attempt started before that (aware).
            order: ``"newest"``, the only order that Glue has.
            collapse_retries: Whether a run and its retries are one run, as they are unless this is False.
            limit: How many runs are yielded at most.
            page_size: How many rows to ask for at once, 200 at most and unless told otherwise.
            cursor: Where an earlier walk has left off; its filters apply again and may be left out.

        Raises:
            InvalidRequestError: An argument cannot be right.
            CursorError: The cursor is damaged, of another listing or of other filters.
            UnsupportedOperationError: The oldest runs were asked for first.
        """
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            order=order,
            collapse_retries=collapse_retries,
        )
        rows = page_size_of(page_size, LARGEST_PAGE)

        def sources(query: RunQuery, _: Wanted) -> Iterable[Source[JobRun[native.JobRun]]]:
            query.only_newest_first(self.ref.service)
            yield Source("", lambda cut: RunListing(self.ref, self._call, query, page_size=rows, cut=cut))

        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor)

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[native.JobRun]]:
        """Return the attempts of a run, first one first (GetJobRun for each; Glue has no operation that lists them).

        Args:
            run_id: The run's id; that of any attempt means the same run.
            limit: How many attempts are yielded at most.
            page_size: Taken for the sake of the other services; attempts are got one by one.
            cursor: Where an earlier walk has left off.

        Raises:
            InvalidRequestError: An argument cannot be right.
            NotFoundError: While iterating: the history holds no attempt of the run.
        """
        page_size_of(page_size, 1)
        root = self._root(run_id)
        return attempt_pages(root, lambda: self._attempts(run_id), limit=limit, cursor=cursor)

    async def run(self, run_id: str, *, predecessors: bool = False) -> JobRun[native.JobRun]:
        """Return a run in the state of its latest attempt (GetJobRun, once more for each attempt that failed).

        Args:
            run_id: The run's id; that of any attempt means the same run.
            predecessors: Whether ``native.PredecessorRuns`` is wanted.

        Raises:
            NotFoundError: Glue knows no such run, or its history no longer holds it.
        """
        root = self._root(run_id)
        listing = self._attempts(run_id, predecessors=predecessors)
        attempts = await attempt_pages(root, lambda: listing, limit=None, cursor=None).collect()
        return run_from_attempts(root, [attempt.native for attempt in attempts])

    async def job(self) -> Job[native.Job]:
        """Return the job's definition (GetJob).

        Raises:
            NotFoundError: Glue knows no such job.
        """
        reply = await self._call(GET_JOB, {"JobName": self.ref.path[0]})
        job = GET_JOB.read(reply).Job
        if job is None:
            raise GET_JOB.lacks("$.Job", reply)
        return job_from_native(self.ref, job)

    def _root(self, run_id: str) -> RunRef:
        check_name("a run id", run_id, _NAME)
        return self.ref.run(root_and_number(run_id)[0])

    def _attempts(self, run_id: str, *, predecessors: bool = False) -> AttemptListing:
        return AttemptListing(self.ref, self._call, run_id, predecessors=predecessors)
