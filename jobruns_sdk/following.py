"""What a client does with runs that go on: stop, wait for and watch them, whatever their service."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Literal, Required, TypedDict, Unpack, overload

from jobruns_sdk.checks import (
    check_callable,
    check_flag,
    check_time,
    one_of,
    optional,
    whole_seconds,
)
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.changes import StopOutcome
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, JobRef, RunLike, RunRef, Runs, _each_run, each_of, run_ref
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.polling import Poller
from jobruns_sdk.services.handle import Follows, Handle, Stops
from jobruns_sdk.waiting import Pace, wait
from jobruns_sdk.watching import Watch

_PACE: Final = Pace()


class WaitOptions(TypedDict, total=False):
    """What ``wait_all`` takes, for signatures that say it more than once."""

    timeout: Required[timedelta | None]
    poll_interval: timedelta
    max_poll_interval: timedelta | None
    retry_grace: timedelta
    on_timeout: Literal["leave", "stop"]
    on_poll: Callable[[JobRun[Native]], object] | None


def each_handle(
    jobs: JobLike | Iterable[JobLike] | AsyncIterable[JobLike], handle: Callable[[JobLike], Handle]
) -> Sequence[Handle] | AsyncIterable[Handle]:
    """Return the handles of jobs, as they come if they come one by one.

    Raises:
        InvalidRequestError: A job is malformed.
    """
    if isinstance(jobs, AsyncIterator):
        return HandleIterator(jobs, handle)
    if isinstance(jobs, AsyncIterable):
        return HandleIterable(jobs, handle)
    if isinstance(jobs, (str, JobRef)) or not isinstance(jobs, Iterable):
        return [handle(jobs)]
    return [handle(job) for job in jobs]


class HandleIterable(AsyncIterable[Handle]):
    """The handles of jobs that can be iterated over and over."""

    def __init__(self, jobs: AsyncIterable[JobLike], handle: Callable[[JobLike], Handle]) -> None:
        """Iterate over those jobs."""
        self._jobs = jobs
        self._handle = handle

    def __aiter__(self) -> "HandleIterator":
        return HandleIterator(aiter(self._jobs), self._handle)


class HandleIterator(AsyncIterator[Handle]):
    """The handles of jobs that are iterated over once."""

    def __init__(self, jobs: AsyncIterator[JobLike], handle: Callable[[JobLike], Handle]) -> None:
        """Iterate over those jobs."""
        self._jobs = jobs
        self._handle = handle

    async def __anext__(self) -> Handle:
        return self._handle(await anext(self._jobs))

    async def aclose(self) -> None:
        """Close what is iterated over, if it can be closed."""
        close = getattr(self._jobs, "aclose", None)
        if close is not None:
            await close()


class Following(ABC):
    """The part of a client that follows runs."""

    def __init__(self, poller: Poller, adapters: Collection[str]) -> None:
        """Share polls among all waits; the adapters' services are known in text forms."""
        self._poller = poller
        self._services = adapters

    @abstractmethod
    def handle(self, job: JobLike) -> Handle:
        """Return the handle of a job of whatever service; no request is made."""

    async def stop(self, runs: Runs, *, grace_period: timedelta | None = None) -> list[StopOutcome]:
        """Ask for runs of whatever jobs to be stopped (CancelJobRun on EMR Serverless, BatchStopJobRun on Glue).

        A service accepts now and stops some time later: ``wait`` tells when.

        Args:
            runs: One run, or several.
            grace_period: How long a streaming run on EMR Serverless may take to shut down, in whole seconds.

        Returns:
            An outcome for each run, in order; one that fails says so and does not keep the others from being stopped.

        Raises:
            InvalidRequestError: A reference or the grace period is malformed; nothing was sent.
        """
        if grace_period is not None:
            whole_seconds("grace_period", grace_period)
        given = [run_ref(run, self._services) for run in await _each_run(runs)]
        handles: dict[JobRef, Handle] = {}
        ids: dict[JobRef, list[str]] = {}
        outcomes: list[StopOutcome | JobRef] = []
        for ref in given:
            try:
                handle = self.handle(ref.job)
            except InvalidRequestError as error:
                outcomes.append(StopOutcome(ref, accepted=False, error=error))
            else:
                handles.setdefault(handle.ref, handle)
                ids.setdefault(handle.ref, []).append(ref.run_id)
                outcomes.append(handle.ref)
        stops = await concurrently(_stop(handles[job], run_ids, grace_period) for job, run_ids in ids.items())
        came = dict(zip(ids, map(iter, stops), strict=True))
        return [next(came[outcome]) if isinstance(outcome, JobRef) else outcome for outcome in outcomes]

    async def wait(
        self,
        run: RunLike,
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _PACE.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _PACE.retry_grace,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
    ) -> JobRun[Native]:
        """Wait until a run has ended for good, and return it.

        All waits of a client share their polls, which keep to the quotas. Throttling, failures of the service and
        lost connections do not end a wait, unless nothing else comes. Cancelling the wait does not stop the run.

        Args:
            run: The run.
            timeout: How long to wait at most; with 0 it is over before the first look, for which there is ``run``.
                None for as long as it takes, which a streaming run is refused.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: How long a Glue attempt that failed may be the last one before it is taken for the last one,
                where the job may have more retries.
            on_timeout: Whether the run is left alone when the time is up, or stopped.
            on_poll: Called after each poll with the run as it was seen.

        Raises:
            WaitTimeoutError: The time is up; it carries the run as it was last seen.
            NotFoundError: There is no such run.
            InvalidRequestError: An argument cannot be right, or a streaming run is to be waited for without end.
            UnsupportedOperationError: The run is to be stopped on a service that cannot.
        """
        _check_wait(timeout, on_timeout, on_poll)
        pace = Pace(poll_interval=poll_interval, max_poll_interval=max_poll_interval, retry_grace=retry_grace)
        handle, ref = self._followed(run)
        return await wait(self._poller, handle, ref, pace=pace, timeout=timeout, on_timeout=on_timeout, on_poll=on_poll)

    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[False] = False, **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native]]: ...
    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: Literal[True], **options: Unpack[WaitOptions]
    ) -> list[JobRun[Native] | JobRunsError]: ...
    @overload
    async def wait_all(
        self, runs: Runs, *, return_exceptions: bool, **options: Unpack[WaitOptions]
    ) -> Sequence[JobRun[Native] | JobRunsError]: ...
    async def wait_all(
        self,
        runs: Runs,
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _PACE.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _PACE.retry_grace,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
        return_exceptions: bool = False,
    ) -> Sequence[JobRun[Native] | JobRunsError]:
        """Wait until all runs have ended for good, and return them in order; see ``wait``.

        Args:
            runs: One run, or several.
            timeout: As for ``wait``.
            poll_interval: As for ``wait``.
            max_poll_interval: As for ``wait``.
            retry_grace: As for ``wait``.
            on_timeout: As for ``wait``.
            on_poll: As for ``wait``.
            return_exceptions: Whether an error takes the place of a run that cannot be followed; otherwise the first
                error ends the call.

        Raises:
            JobRunsError: As for ``wait``.
            ClientClosedError: The client is closed, or was closed meanwhile; that is no run's error.
        """
        check_flag("return_exceptions", return_exceptions)
        _check_wait(timeout, on_timeout, on_poll)
        Pace(poll_interval=poll_interval, max_poll_interval=max_poll_interval, retry_grace=retry_grace)
        given = await _each_run(runs)
        if not return_exceptions:
            for run in given:
                self._followed(run)

        async def one(run: RunLike) -> JobRun[Native] | JobRunsError:
            try:
                return await self.wait(
                    run,
                    timeout=timeout,
                    poll_interval=poll_interval,
                    max_poll_interval=max_poll_interval,
                    retry_grace=retry_grace,
                    on_timeout=on_timeout,
                    on_poll=on_poll,
                )
            except JobRunsError as error:
                if not return_exceptions or isinstance(error, ClientClosedError):
                    raise
                return error

        return await concurrently(map(one, given))

    def watch(
        self,
        targets: RunLike | JobLike | Iterable[RunLike | JobLike],
        *,
        timeout: timedelta | None,
        poll_interval: timedelta = _PACE.poll_interval,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _PACE.retry_grace,
    ) -> Watch:
        """Return a stream of state changes of runs, and of the runs of jobs; nothing is requested until it is iterated.

        It begins with one change for each run, whose ``before`` is None. States between two polls may be missed. It
        ends when all runs have ended for good, or goes on while a job is watched: its runs that have not, and new ones,
        join.

        Args:
            targets: A run or a job, or several of either; the pages of a list call have to be collected first.
            timeout: How long to watch at most; None for as long as it takes.
            poll_interval: The time between the first polls.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: As for ``wait``.

        Raises:
            InvalidRequestError: An argument cannot be right.
            WaitTimeoutError: While iterating: the time is up.
            JobRunsError: While iterating: a run cannot be followed.
        """
        optional(check_time)("timeout", timeout)
        pace = Pace(poll_interval=poll_interval, max_poll_interval=max_poll_interval, retry_grace=retry_grace)
        runs: list[tuple[Follows, RunRef]] = []
        jobs: list[Follows] = []
        for target in each_of("targets", targets, "runs and jobs"):
            if isinstance(getattr(target, "ref", target), RunRef) or self._names_run(target):
                runs.append(self._followed(target))
            else:
                jobs.append(_following(self.handle(target)))
        return Watch(self._poller, runs, jobs, pace, timeout)

    def _followed(self, run: RunLike) -> tuple[Follows, RunRef]:
        ref = run_ref(run, self._services)
        handle = _following(self.handle(ref.job))
        return handle, handle.run_ref(ref.run_id)

    def _names_run(self, target: object) -> bool:
        with suppress(InvalidRequestError):
            return isinstance(target, str) and bool(RunRef.parse(target, services=self._services))
        return False


def _check_wait(timeout: object, on_timeout: object, on_poll: object) -> None:
    optional(check_time)("timeout", timeout)
    optional(check_callable)("on_poll", on_poll)
    one_of("leave", "stop")("on_timeout", on_timeout)


def _following(handle: Handle) -> Follows:
    if not isinstance(handle, Follows):
        raise UnsupportedOperationError("cannot be followed: its adapter does not poll", service=handle.ref.service)
    return handle


async def _stop(handle: Handle, run_ids: Sequence[str], grace_period: timedelta | None) -> list[StopOutcome]:
    if isinstance(handle, Stops):
        return await handle.stop(run_ids, grace_period=grace_period)
    error = UnsupportedOperationError("cannot stop runs", service=handle.ref.service)
    return [StopOutcome(handle.ref.run(run_id), accepted=False, error=error) for run_id in run_ids]
