"""The handles of jobs, as ``JobRunsClient`` makes them."""

from typing import Final, Literal, TypeAlias, Unpack, overload

from jobruns_sdk.bridge import Bridge
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.model.reports import OnSourceError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.query import RunOptions
from jobruns_sdk.services import datazone, emr_serverless, glue
from jobruns_sdk.services import handle as ports
from jobruns_sdk.services.datazone import native as datazone_native
from jobruns_sdk.services.datazone.handle import READ_ONLY
from jobruns_sdk.services.emr_serverless import native as emr_native
from jobruns_sdk.services.emr_serverless.handle import ApplicationRunOptions
from jobruns_sdk.sync.carry import Carrier, blocking, plain, wrapped
from jobruns_sdk.sync.logs import LogLines
from jobruns_sdk.sync.paging import Pages, paged


class GlueJob(Carrier[glue.GlueJob]):
    """A Glue job, made by ``JobRunsClient.glue``."""

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        return self.carried.ref

    runs: Final = paged(glue.GlueJob.runs)
    attempts: Final = paged(glue.GlueJob.attempts)
    run: Final = blocking(glue.GlueJob.run)
    job: Final = blocking(glue.GlueJob.job)
    logs: Final = wrapped(glue.GlueJob.logs, LogLines)
    start: Final = blocking(glue.GlueJob.start)
    find: Final = blocking(glue.GlueJob.find)
    stop: Final = blocking(glue.GlueJob.stop)
    bookmark: Final = blocking(glue.GlueJob.bookmark)
    reset_bookmark: Final = blocking(glue.GlueJob.reset_bookmark)
    retry_limit: Final = blocking(glue.GlueJob.retry_limit)
    is_streaming: Final = blocking(glue.GlueJob.is_streaming)
    run_ref: Final = plain(glue.GlueJob.run_ref)


class EmrServerlessApplication(Carrier[emr_serverless.EmrServerlessApplication]):
    """An EMR Serverless application, made by ``JobRunsClient.emr_serverless``."""

    @property
    def ref(self) -> JobRef:
        """The application's reference, complete with its region."""
        return self.carried.ref

    # A type checker takes only the first overload of what is handed to ``paged``.
    @overload
    def runs(
        self,
        *,
        hydrate: Literal[False] = False,
        on_error: OnSourceError = "raise",
        **options: Unpack[ApplicationRunOptions],
    ) -> Pages[JobRun[emr_native.JobRunSummary]]: ...
    @overload
    def runs(
        self, *, hydrate: Literal[True], on_error: Literal["raise"] = "raise", **options: Unpack[ApplicationRunOptions]
    ) -> Pages[JobRun[emr_native.JobRun]]: ...
    @overload
    def runs(
        self, *, hydrate: bool, on_error: OnSourceError = "raise", **options: Unpack[ApplicationRunOptions]
    ) -> Pages[JobRun[emr_native.JobRunSummary | emr_native.JobRun]]: ...
    def runs(
        self, *, hydrate: bool = False, on_error: OnSourceError = "raise", **options: Unpack[ApplicationRunOptions]
    ) -> Pages[JobRun[emr_native.JobRunSummary | emr_native.JobRun]]:
        """Return the application's runs; see ``runs`` of the async client's handle."""
        return Pages(self.bridge, self.carried.runs(hydrate=hydrate, on_error=on_error, **options))

    attempts: Final = paged(emr_serverless.EmrServerlessApplication.attempts)
    run: Final = blocking(emr_serverless.EmrServerlessApplication.run)
    job: Final = blocking(emr_serverless.EmrServerlessApplication.job)
    dashboard_url: Final = blocking(emr_serverless.EmrServerlessApplication.dashboard_url)
    logs: Final = wrapped(emr_serverless.EmrServerlessApplication.logs, LogLines)
    start: Final = blocking(emr_serverless.EmrServerlessApplication.start)
    stop: Final = blocking(emr_serverless.EmrServerlessApplication.stop)
    is_streaming: Final = blocking(emr_serverless.EmrServerlessApplication.is_streaming)
    run_ref: Final = plain(emr_serverless.EmrServerlessApplication.run_ref)


class DataZoneJob(Carrier[datazone.DataZoneJob]):
    """A DataZone job, made by ``JobRunsClient.datazone``."""

    _hints = READ_ONLY

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        return self.carried.ref

    @overload
    def runs(
        self, *, hydrate: Literal[False] = False, on_error: OnSourceError = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[datazone_native.JobRunSummary]]: ...
    @overload
    def runs(
        self, *, hydrate: Literal[True], on_error: Literal["raise"] = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[datazone_native.GetJobRunOutput]]: ...
    @overload
    def runs(
        self, *, hydrate: bool, on_error: OnSourceError = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[datazone_native.JobRunSummary | datazone_native.GetJobRunOutput]]: ...
    def runs(
        self, *, hydrate: bool = False, on_error: OnSourceError = "raise", **options: Unpack[RunOptions]
    ) -> Pages[JobRun[datazone_native.JobRunSummary | datazone_native.GetJobRunOutput]]:
        """Return the job's runs; see ``runs`` of the async client's handle."""
        return Pages(self.bridge, self.carried.runs(hydrate=hydrate, on_error=on_error, **options))

    attempts: Final = paged(datazone.DataZoneJob.attempts)
    run: Final = blocking(datazone.DataZoneJob.run)
    run_ref: Final = plain(datazone.DataZoneJob.run_ref)


class Handle(Carrier[ports.Handle]):
    """A job of a service that this package does not know: of an adapter.

    Calls for which the adapter's own handle has no method raise ``AttributeError``, as they do on that handle.
    """

    @property
    def ref(self) -> JobRef:
        """The job's reference, complete with its region."""
        return self.carried.ref

    runs: Final = paged(ports.Handle.runs)
    run: Final = blocking(ports.Handle.run)
    attempts: Final = paged(ports.ListsAttempts.attempts)
    job: Final = blocking(ports.DescribesJob.job)
    stop: Final = blocking(ports.Stops.stop)
    run_ref: Final = plain(ports.Follows.run_ref)


AnyHandle: TypeAlias = GlueJob | EmrServerlessApplication | DataZoneJob | Handle
"""The handle of a job of whatever service."""


def handle_from(bridge: Bridge, handle: ports.Handle) -> AnyHandle:
    """Return the handle whose calls go over a bridge."""
    match handle:
        case glue.GlueJob():
            return GlueJob(bridge, handle)
        case emr_serverless.EmrServerlessApplication():
            return EmrServerlessApplication(bridge, handle)
        case datazone.DataZoneJob():
            return DataZoneJob(bridge, handle)
        case _:
            return Handle(bridge, handle)
