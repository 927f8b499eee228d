"""An EMR Serverless application and its runs."""

import re
from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final, Literal

import attrs

from jobruns_sdk.errors import InvalidRequestError
from jobruns_sdk.lanes import Source
from jobruns_sdk.listings import attempt_pages, run_pages
from jobruns_sdk.model import Attempt, Job, JobRun, RunState
from jobruns_sdk.paging import Pages
from jobruns_sdk.ports import Call
from jobruns_sdk.query import Order, RunQuery, Wanted, check_count, page_size_of
from jobruns_sdk.refs import JobRef, RunRef, check_name
from jobruns_sdk.services.emr_serverless import native
from jobruns_sdk.services.emr_serverless.listing import AttemptListing, RunListing, get_run
from jobruns_sdk.services.emr_serverless.native_application import Application
from jobruns_sdk.services.emr_serverless.operations import GET_APPLICATION, GET_DASHBOARD_FOR_JOB_RUN
from jobruns_sdk.services.emr_serverless.translate import STATES, AttemptNative, job_from_native, run_from_native

LARGEST_PAGE: Final = 50

Mode = Literal["BATCH", "STREAMING"]
"""Whether a run ends by itself, or goes on until it is stopped."""

_MODES: Final = ("BATCH", "STREAMING")
# Ids travel in paths: https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_GetJobRun.html
_ID: Final = re.compile(r"[0-9a-z]{1,64}")


def _check_application(_: object, __: object, ref: JobRef) -> None:
    check_name("an application id", ref.path[0], _ID)


@attrs.frozen
class EmrServerlessApplication:
    """An EMR Serverless application, made by ``JobRunsClient.emr_serverless``.

    Attributes:
        ref: The application's reference, complete with its region.
    """

    ref: JobRef = attrs.field(validator=_check_application)
    _call: Call = attrs.field(repr=False)

    def runs(
        self,
        *,
        states: Iterable[RunState] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        mode: Mode | None = None,
        order: Order | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[native.JobRunSummary]]:
        """Return the application's runs, newest first (ListJobRuns); nothing is requested until they are iterated.

        Filters are sent to the service, and made exact here. Several states are listed one by one and merged.

        Args:
            states: The states that are wanted, None for all.
            native_states: The states that are wanted in the service's own words, such as ``{"QUEUED"}``.
            created_after: Runs created then or later (aware).
            created_before: Runs created before that (aware).
            mode: ``"BATCH"`` or ``"STREAMING"``, None for both.
            order: ``"newest"``, the only order there is.
            limit: How many runs are yielded at most.
            page_size: How many rows to ask for at once, 50 at most and unless told otherwise.
            cursor: Where an earlier walk has left off; its filters apply again and may be left out.

        Raises:
            InvalidRequestError: An argument cannot be right.
            CursorError: The cursor is damaged, of another listing or of other filters.
            UnsupportedOperationError: The oldest runs were asked for first.
        """
        if mode not in (None, *_MODES):
            raise InvalidRequestError(f"mode is 'BATCH', 'STREAMING' or None for both, got {mode!r}")
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            mode=mode,
            order=order,
        )
        rows = page_size_of(page_size, LARGEST_PAGE)

        def sources(query: RunQuery, wanted: Wanted) -> Iterable[Source[JobRun[native.JobRunSummary]]]:
            query.only_newest_first(self.ref.service)
            for state in (None,) if wanted is None else wanted:
                yield Source(state or "", partial(self._listing, query, state, rows))

        return run_pages(self.ref, query, STATES, sources, limit=limit, cursor=cursor)

    def attempts(
        self, run_id: str, *, limit: int | None = None, page_size: int | None = None, cursor: str | None = None
    ) -> Pages[Attempt[AttemptNative]]:
        """Return the attempts of a run, first one first (ListJobRunAttempts, and GetJobRun for what that lacks yet).

        Args:
            run_id: The run's id.
            limit: How many attempts are yielded at most.
            page_size: How many rows to ask for at once, 50 at most and unless told otherwise.
            cursor: Where an earlier walk has left off.

        Raises:
            InvalidRequestError: An argument cannot be right.
            NotFoundError: While iterating: there is no such run.
        """
        run = self._run_ref(run_id)
        rows = page_size_of(page_size, LARGEST_PAGE)
        return attempt_pages(run, lambda: AttemptListing(run, self._call, page_size=rows), limit=limit, cursor=cursor)

    async def run(self, run_id: str, *, attempt: int | None = None) -> JobRun[native.JobRun]:
        """Return a run in the state of its latest attempt, or of the one that is asked for (GetJobRun).

        Args:
            run_id: The run's id.
            attempt: The number of an attempt, from 1; None for the latest.

        Raises:
            InvalidRequestError: An argument cannot be right.
            NotFoundError: There is no such run.
        """
        check_count("attempt", attempt)
        ref = self._run_ref(run_id)
        run, _ = await get_run(self._call, ref, attempt)
        return run_from_native(ref, run)

    async def job(self) -> Job[Application]:
        """Return the application (GetApplication).

        Raises:
            NotFoundError: There is no such application.
        """
        reply = await self._call(GET_APPLICATION, {"applicationId": self.ref.path[0]})
        application = GET_APPLICATION.read(reply).application
        if application is None:
            raise GET_APPLICATION.lacks("$.application", reply)
        return job_from_native(self.ref, application)

    async def dashboard_url(self, run_id: str, *, attempt: int | None = None) -> str:
        """Return a link to the run's Spark or Tez user interface, good for an hour (GetDashboardForJobRun).

        The link lets anyone in who has it: it does not belong in a log.

        Args:
            run_id: The run's id.
            attempt: The number of an attempt, from 1; None for the latest.

        Raises:
            InvalidRequestError: An argument cannot be right, or the run has no dashboard: it has not started.
            NotFoundError: There is no such run.
        """
        check_count("attempt", attempt)
        run = self._run_ref(run_id)
        asked = {} if attempt is None else {"attempt": attempt}
        reply = await self._call(
            GET_DASHBOARD_FOR_JOB_RUN, {"applicationId": run.job.path[0], "jobRunId": run.run_id, **asked}
        )
        url = GET_DASHBOARD_FOR_JOB_RUN.read(reply).url
        if not url:
            raise GET_DASHBOARD_FOR_JOB_RUN.lacks("$.url", reply)
        return url

    def _run_ref(self, run_id: str) -> RunRef:
        check_name("a run id", run_id, _ID)
        return self.ref.run(run_id)

    def _listing(self, query: RunQuery, state: str | None, page_size: int, _: tuple[str, ...]) -> RunListing:
        return RunListing(self.ref, self._call, query, state=state, page_size=page_size)
