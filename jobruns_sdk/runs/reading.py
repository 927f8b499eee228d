"""The part of the client that reads: runs of many jobs, their attempts, and which jobs there are."""

from collections.abc import AsyncIterable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import Literal

from jobruns_sdk.checks import check_count, check_flag, check_text, check_texts, items_of, page_size_of
from jobruns_sdk.errors import InvalidRequestError, UnsupportedOperationError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef, RunLike, RunRef, Service, ref_of
from jobruns_sdk.model.reports import OnSourceError, Progress, check_on_error
from jobruns_sdk.model.runs import Attempt, Job, JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.paging.query import RunQuery
from jobruns_sdk.runs.attempts import ManyAttempts
from jobruns_sdk.runs.changes import ManyChanges
from jobruns_sdk.runs.chosen import Chosen
from jobruns_sdk.runs.jobs import found_jobs
from jobruns_sdk.runs.many import ManyJobs
from jobruns_sdk.runs.naming import ClientNaming
from jobruns_sdk.services.handle import DescribesJob, Handle, ListsAttempts, ListsFullAttempts
from jobruns_sdk.services.registry import Entry


class ClientReading(ClientNaming):
    """Reads runs, attempts and jobs."""

    def runs(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        *,
        states: Iterable[RunState | str] | None = None,
        native_states: Iterable[str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        ended_before: datetime | None = None,
        active_after: datetime | None = None,
        reach: timedelta | None = None,
        order: Literal["newest", "any"] = "newest",
        hydrate: bool = False,
        concurrency: int = 32,
        on_error: OnSourceError = "raise",
        progress: Callable[[Progress], object] | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[JobRun[Native]]:
        """Return the runs of many jobs as one stream, whatever their services, regions and accounts.

        Nothing is requested until it is iterated. When a cursor resumes, the jobs may be given in another order, or be
        listed again: each run is yielded once. Memory grows with the number of open jobs, never with that of runs.

        Args:
            jobs: The jobs, or an (asynchronous) iterable of them, such as ``client.jobs(Service.GLUE)``.
            states: The states to include, None for all.
            native_states: The services' own states to include.
            created_after: Only runs created at this time (aware) or later.
            created_before: Only runs created before this time (aware).
            ended_after: Only runs that ended at this time (aware) or later. The order stays that of creation.
            ended_before: Only runs that ended before this time (aware).
            active_after: Only runs that ended at this time (aware) or later, or are still active; on EMR Serverless and
                DataZone the latter are found however old they are.
            reach: How far back by creation runs are read for ``ended_after`` and ``active_after``, because no service
                filters by end; 7 days by default. The report's ``read_from`` is that creation time.
            order: ``"newest"`` first over all jobs, up to 2 000 of them, each of which holds a page in memory; or
                ``"any"``, as pages arrive, for any number of jobs.
            hydrate: Whether to fetch the full run where the list has less (GetJobRun on EMR Serverless and DataZone):
                as it is by then, which may be a later state than the one that was asked for. Not kept in a cursor.
            concurrency: How many pages are under way at once, and with ``"any"`` how many jobs are open at once.
            on_error: How to handle a job that cannot be read: ``"raise"``, ``"skip"``, or a callable that is given the
                ``SourceError``. The report of a walk names those jobs, and a cursor begins with them again. A run that
                cannot be fetched in full is yielded as it was listed, reported in the same way, and not fetched again.
            progress: Called after each page with the ``Progress`` made.
            limit: The maximum number of runs.
            page_size: Rows to request at once; by default the services' largest pages.
            cursor: The cursor to resume from; its filters apply again and may be left out. None starts from the
                beginning, although it is also the cursor of a walk that has ended.

        Raises:
            InvalidRequestError: An argument is invalid, or there are too many jobs for that order.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        query = RunQuery(
            states=states,
            native_states=native_states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            ended_before=ended_before,
            active_after=active_after,
            reach=reach,
        )
        many = ManyJobs(
            jobs,
            self.handle,
            {service: entry.states for service, entry in self._entries.items()},
            concurrency=concurrency,
            on_error=on_error,
            progress=progress,
            page_size=page_size,
        )
        return many.pages(query, order=order, hydrate=hydrate, limit=limit, cursor=cursor)

    def changes(
        self,
        jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike],
        *,
        cursor: str | None = None,
        created_after: datetime | None = None,
        lag: timedelta = timedelta(seconds=30),
        retry_grace: timedelta = timedelta(minutes=30),
        limit_open: int = 1000,
        on_error: OnSourceError = "raise",
        concurrency: int = 32,
    ) -> Pages[JobRun[Native]]:
        """Return each run that is new or has changed since a cursor, in no order; it ends when it has caught up.

        Store each page's items, then its cursor, and go on there tomorrow: ``client.changes(jobs, cursor=saved)``.
        Where a call has no pages, the cursor that it was given is still good. Each change is handed out at least once,
        as it is when it is read: states between two calls are not seen, and of several rows of a run that with the
        latest ``(updated_at, attempt)`` is the latest. A change is another state, attempt or message, on Glue another
        end or usage, too; a run is repeated where a walk ended amid the job, or where a list and a get word the same
        differently.

        A cursor holds, for each job, up to where its list was read, and the runs that have not ended or may be retried:
        references, states and times, about 116 bytes for such a run. A later call costs one list call a job; where runs
        are followed that the list's newest part does not show, it reads on, reads the lists of active runs, or gets
        them. Times are the services' own. A run that was followed and is not found any more is in the report of a walk
        (``walk.report.failed``), as are a job that was deleted since, and with ``on_error="skip"`` what was refused.

        Args:
            jobs: The jobs, or an (asynchronous) iterable of them, such as ``client.discover()``. A cursor keeps what it
                knows of jobs that a discovery lacks; of jobs that a collection lacks it is dropped.
            cursor: Where an earlier call has left off; None where there was none.
            created_after: Where jobs begin that the cursor does not know (aware); None for all that the services
                remember. No filter: it is not kept in the cursor and may differ each time.
            lag: How long after its time a run may come to its list, on top of the half hour that is always allowed for.
            retry_grace: How long after its end a failed Glue run is looked up for a retry. A retry that comes later is
                found by its own row in the list.
            limit_open: The most runs of a job that a cursor follows.
            on_error: How to handle a job that cannot be read, which keeps its place in the cursor: ``"raise"`` once all
                other jobs are read, ``"skip"``, or a callable that is given the ``SourceError``, also of single runs.
            concurrency: How many jobs are read at once.

        Raises:
            InvalidRequestError: An argument is invalid.
            CursorError: The cursor is damaged, of another version or of another call.
            LimitExceededError: While iterating: more runs of a job go on than ``limit_open``.
        """
        many = ManyChanges(
            jobs,
            self.handle,
            created_after=created_after,
            lag=lag,
            retry_grace=retry_grace,
            limit_open=limit_open,
            on_error=on_error,
            concurrency=concurrency,
        )
        return many.pages(cursor)

    async def run(self, run: RunLike) -> JobRun[Native]:
        """Return a run in the state of its latest attempt (GetJobRun).

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such run.
        """
        ref = ref_of(RunRef, run, self._services)
        return await self.handle(ref.job).run(ref.run_id)

    def attempts(
        self,
        targets: RunLike | JobLike | Iterable[RunLike | JobLike] | AsyncIterable[JobLike],
        *,
        states: Iterable[RunState | str] | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        ended_after: datetime | None = None,
        reach: timedelta | None = None,
        hydrate: bool = False,
        concurrency: int = 32,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Attempt[Native]]:
        """Return the attempts of a run in order, or of many runs and of the runs of jobs.

        Runs come newest first, the attempts of each first to last. A run with one attempt costs no call: its row has
        what there is to know. The attempts of others are read like those of one run.

        Args:
            targets: A run or a job, or several of either. A job stands for those of its runs that match the filters.
            states: The states of runs to include, None for all.
            created_after: Only attempts of runs created at this time (aware) or later.
            created_before: Only attempts of runs created before this time (aware).
            ended_after: Only attempts of runs that ended at this time (aware) or later.
            reach: How far back by creation runs are read for ``ended_after``; see ``runs``.
            hydrate: Whether attempts on EMR Serverless have their start, end and usage, which no list returns:
                GetJobRun for each of them.
            concurrency: How many pages are read, and of how many runs attempts, at once.
            on_error: What to do about a job or a run that cannot be read; see ``runs``. A run that cannot be read
                yields no attempts.
            limit: The largest number of attempts to yield.
            page_size: How many rows to request at a time; the services' largest pages by default.
            cursor: Where an earlier walk stopped.

        Raises:
            InvalidRequestError: An argument is invalid, or runs are to be filtered that were named one by one.
            UnsupportedOperationError: The service has no attempts.
            CursorError: The cursor is damaged, of another listing or of other filters.
        """
        check_flag("hydrate", hydrate)
        query = RunQuery(
            states=states,
            created_after=created_after,
            created_before=created_before,
            ended_after=ended_after,
            reach=reach,
        )
        runs, jobs = self._runs_and_jobs(targets)
        if not isinstance(jobs, AsyncIterable) and not jobs and query != RunQuery():
            raise InvalidRequestError("filters choose among the runs of jobs: runs that are named come all")
        check_count("concurrency", concurrency)
        check_on_error("on_error", on_error)
        if _is_one(targets) and runs and on_error == "raise":
            return self._attempts_of(*runs[0], hydrate=hydrate, limit=limit, page_size=page_size, cursor=cursor)
        many = ManyJobs(
            jobs,
            self.handle,
            {service: entry.states for service, entry in self._entries.items()},
            concurrency=concurrency,
            on_error=on_error,
            progress=None,
            page_size=page_size,
            chosen=Chosen.of(runs),
        )
        listed = partial(many.pages, query, order="newest", hydrate=False, limit=None)
        attempts = ManyAttempts(
            self.handle,
            lambda at, unread: listed(cursor=at, unread=unread),
            hydrate=hydrate,
            on_error=on_error,
            concurrency=concurrency,
        )
        return attempts.pages(limit=limit, cursor=cursor)

    @staticmethod
    def _attempts_of(
        handle: Handle,
        run_id: str,
        *,
        hydrate: bool,
        limit: int | None,
        page_size: int | None,
        cursor: str | None,
    ) -> Pages[Attempt[Native]]:
        if not isinstance(handle, ListsAttempts):
            raise _unsupported(handle.ref.service, "has no attempts")
        if hydrate and isinstance(handle, ListsFullAttempts):
            page_size_of(page_size, 1)
            return handle.full_attempts(run_id, limit=limit, cursor=cursor)
        return handle.attempts(run_id, limit=limit, page_size=page_size, cursor=cursor)

    async def job(self, job: JobLike) -> Job[Native]:
        """Return a job (GetApplication on EMR Serverless, GetJob on Glue).

        Raises:
            InvalidRequestError: The reference is malformed.
            NotFoundError: There is no such job.
            UnsupportedOperationError: The service cannot describe jobs: DataZone.
        """
        handle = self.handle(job)
        if not isinstance(handle, DescribesJob):
            raise _unsupported(handle.ref.service, "cannot describe its jobs; its runs tell what there is to know")
        return await handle.job()

    def jobs(
        self,
        service: Service | str,
        *,
        name: str | None = None,
        states: Iterable[str] | None = None,
        tags: Mapping[str, str] | None = None,
        region_name: str | None = None,
        profile: str | None = None,
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Job[Native]]:
        """Return the jobs of a service: applications (ListApplications) or Glue jobs (ListJobs).

        Args:
            service: ``Service.EMR_SERVERLESS`` or ``Service.GLUE``.
            name: A pattern of names, such as ``"nightly-*"``, matched client-side.
            states: The states of applications that are wanted, such as ``{"STARTED"}``; EMR Serverless only.
            tags: Tags that a job must have; Glue only.
            region_name: Where to look; by default the client's region.
            profile: The name of one of the client's ``sessions``; by default its default session.
            limit: The maximum number of jobs.
            page_size: Jobs to request at once; by default the service's largest page.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid, or the service is unknown.
            UnsupportedOperationError: The service has no way to list its jobs: DataZone.
        """
        check_text("service", service)
        entry = self._entries.get(service)
        if entry is None:
            raise self._unknown(service)
        if entry.jobs is None:
            raise _unsupported(service, f"cannot list its jobs: name them, as in {_naming(service, entry)}")
        check_texts(name=name)
        place = self._place(service, region_name, profile)
        call = self._call_for(place)
        return entry.jobs(
            call, place, name=name, states=states, tags=tags, limit=limit, page_size=page_size, cursor=cursor
        )

    def discover(
        self,
        *,
        services: Iterable[Service | str] | None = None,
        regions: Iterable[str] | None = None,
        profiles: Iterable[str | None] | None = None,
        name: str | None = None,
        on_error: OnSourceError = "raise",
        limit: int | None = None,
        page_size: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Job[Native]]:
        """Return the jobs of several services, regions and accounts (ListApplications, ListJobs), in no order.

        Each service is listed in each region with each profile, several at once. The result can be passed on as is:
        ``client.runs(client.discover(regions=["eu-west-1", "us-east-1"]))``.

        Args:
            services: The services; by default all that can list their jobs: EMR Serverless, Glue, and adapters.
            regions: The regions; by default the client's.
            profiles: Names of the client's ``sessions``, None among them for its default session, as by default.
            name: A pattern of names, such as ``"nightly-*"``, matched client-side.
            on_error: How to handle a region or account whose jobs cannot be listed: ``"raise"``, ``"skip"``, or a
                callable that is given the ``SourceError``, whose ``job`` names service, region and profile, with ``-``
                for the job.
            limit: The maximum number of jobs.
            page_size: Jobs to request at once; by default the services' largest pages.
            cursor: The cursor to resume from.

        Raises:
            InvalidRequestError: An argument is invalid, or a service is unknown.
            UnsupportedOperationError: A service has no way to list its jobs: DataZone.
            CursorError: The cursor is damaged, or of another pattern.
        """
        able = [service for service, entry in self._entries.items() if entry.jobs is not None]
        chosen = able if services is None else items_of("services", services, "services, such as {'glue'}")
        # Each of them is read once: it may be an iterator.
        wanted_regions = [None] if regions is None else items_of("regions", regions, "regions")
        wanted_profiles = [None] if profiles is None else items_of("profiles", profiles, "profiles")
        lists: dict[JobRef, Pages[Job[Native]]] = {}
        for service, region, profile in product(chosen, wanted_regions, wanted_profiles):
            pages = self.jobs(service, name=name, region_name=region, profile=profile, page_size=page_size)
            lists[self._place(service, region, profile)] = pages
        return found_jobs([*lists.items()], name, on_error=on_error, limit=limit, cursor=cursor)


def _is_one(targets: object) -> bool:
    return isinstance(getattr(targets, "ref", targets), (str, JobRef, RunRef))


def _naming(service: str, entry: Entry) -> str:
    """Return the call that names a job: of a service from outside, or the client's own method."""
    if service not in tuple(Service) or entry.names is None:
        return f"JobRef({service!r}, path)"
    names = (name.partition(" ")[2].replace(" ", "_") for name in entry.names)
    return f"client.{service.replace('-', '_')}({', '.join(names)})"


def _unsupported(service: str, why: str) -> UnsupportedOperationError:
    return UnsupportedOperationError(f"{service} {why}", service=service)
