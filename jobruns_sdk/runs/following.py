"""The part of the client that follows runs: it waits for them, watches them and stops them."""

from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final, Literal, Required, TypedDict, Unpack, overload

from jobruns_sdk.checks import check_flag, check_some_time, check_time, optional, whole_seconds
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import JobLike, RunLike, RunRef, Runs, each_of, ref_of
from jobruns_sdk.model.reports import OnSourceError, check_on_error
from jobruns_sdk.model.runs import JobRun, StopOutcome
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.pages import all_of
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.naming import ClientNaming
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.runs.wait import Target, WaitRules, Waits
from jobruns_sdk.runs.watch import Watch
from jobruns_sdk.services.handle import Follows, Handle

_INTERVALS: Final = PollIntervals()


class WaitOptions(TypedDict, total=False):
    """The keyword arguments of ``wait_all``.

    Attributes:
        timeout: How long to wait for all of them; None for as long as it takes.
        poll_interval: The time between the first polls; None for the usual one.
        max_poll_interval: The time up to which that grows while nothing changes.
        retry_grace: How long a failed Glue attempt may be followed by a retry.
        until: States to wait for besides the end.
        unseen_for: How long a run may go unseen.
        on_timeout: Whether runs that have not ended are stopped when the time is up.
        on_cancel: Whether they are stopped when the wait is cancelled.
        on_poll: Called with each run as a poll has seen it.
        on_failed_poll: Called with the error of each poll that failed.
    """

    timeout: Required[timedelta | None]
    poll_interval: timedelta | None
    max_poll_interval: timedelta | None
    retry_grace: timedelta
    until: Iterable[RunState | str] | None
    unseen_for: timedelta | None
    on_timeout: Literal["leave", "stop"]
    on_cancel: Literal["leave", "stop"]
    on_poll: Callable[[JobRun[Native]], object] | None
    on_failed_poll: Callable[[JobRunsError], object] | None


def _pace(
    poll_interval: timedelta | None, max_poll_interval: timedelta | None, retry_grace: timedelta
) -> PollIntervals:
    return PollIntervals(
        poll_interval=_INTERVALS.poll_interval if poll_interval is None else poll_interval,
        max_poll_interval=max_poll_interval,
        retry_grace=retry_grace,
        rests=poll_interval is None and max_poll_interval is None,
    )


async def _each_run(runs: Runs) -> list[RunLike]:
    """Return runs that are named one by one, in a collection, or as they come."""
    return await all_of(runs) if isinstance(runs, AsyncIterable) else each_of("runs", runs, "runs")


def _following(handle: Handle) -> Follows:
    if not isinstance(handle, Follows):
        raise UnsupportedOperationError("cannot be followed: its adapter does not poll", service=handle.ref.service)
    return handle


class ClientFollowing(ClientNaming):
    """Waits for runs, watches and stops them; ``JobRunsClient`` sets the attributes."""

    _poller: Poller
    _stopper: Stopper

    async def stop(
        self, runs: Runs, *, grace_period: timedelta | None = None, wait: timedelta | None = None
    ) -> list[StopOutcome]:
        """Ask for runs of any jobs to be stopped (CancelJobRun on EMR Serverless, BatchStopJobRun on Glue).

        A service accepts now and stops some time later: ``wait=`` follows the runs until they have stopped. A Glue run
        whose attempt has just failed is watched for its retry, which is stopped: this call waits for that, at most as
        long as a ``wait`` would (see its ``retry_grace``). What ``wait=`` cuts short goes on while the client is open.

        Args:
            runs: One run, or several.
            grace_period: How long a streaming run on EMR Serverless may take to shut down, in whole seconds.
            wait: How long to wait until they have stopped; when it is over, the outcomes tell how far they are. None
                returns as soon as the services have accepted.

        Returns:
            An outcome for each run, in order; one that fails says so and does not keep the others from being stopped.

        Raises:
            InvalidRequestError: A reference or a time is malformed; nothing was sent.
        """
        if grace_period is not None:
            whole_seconds("grace_period", grace_period)
        optional(check_time)("wait", wait)
        given = [ref_of(RunRef, run, self._services) for run in await _each_run(runs)]
        targets: list[tuple[Handle, str]] = []
        refused: dict[int, StopOutcome] = {}
        for at, ref in enumerate(given):
            try:
                targets.append((self.handle(ref.job), ref.run_id))
            except InvalidRequestError as error:
                refused[at] = StopOutcome(ref, accepted=False, error=error)
        stopped = iter(await self._stopper.stop(targets, grace_period=grace_period, wait=wait))
        return [refused[at] if at in refused else next(stopped) for at in range(len(given))]

    async def wait(
        self,
        run: RunLike,
        *,
        timeout: timedelta | None,
        poll_interval: timedelta | None = None,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        until: Iterable[RunState | str] | None = None,
        unseen_for: timedelta | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_cancel: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
        on_failed_poll: Callable[[JobRunsError], object] | None = None,
    ) -> JobRun[Native]:
        """Wait until a run has ended for good, and return it.

        All waits of a client share their polls, which keep to the quotas. Once the run was seen, or was started by this
        client, no answer ends a wait at once: see ``unseen_for``. Before that, throttling, failures of the service and
        lost connections do not.

        Args:
            run: The run.
            timeout: How long to wait at most; with 0 it is over before the first poll, for which there is ``run``.
                None for as long as it takes, which a streaming run is refused unless ``until`` is given.
            poll_interval: The time between the first polls; by default 10 seconds. Where neither this nor
                ``max_poll_interval`` is given, polls come every 10 minutes while ``listening`` hears of the run.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: How long a Glue attempt that failed may be the last one before it is taken for the last one,
                where the job is known to have more retries; 5 minutes at most where its definition cannot be read.
            until: States to wait for besides the end; states between two polls may be missed.
            unseen_for: How long the run may go unseen, because polls fail. None: as long as ``timeout`` allows, an hour
                where that is None.
            on_timeout: ``"stop"`` stops the run when the time is up; the error carries the outcome. A retry of a failed
                attempt is waited for no longer than 5 minutes, and stopped later while the client is open.
            on_cancel: ``"stop"`` stops the run when the wait is cancelled, which delays the cancellation by at most
                ``call_timeout``.
            on_poll: Called after each poll with the run as it was seen.
            on_failed_poll: Called after each poll that failed, with its error.

        Raises:
            WaitTimeoutError: The time is up; it carries the run as it was last seen.
            NotFoundError: There is no such run; or it was seen, and then not for ``unseen_for``.
            JobRunsError: The run was not seen for ``unseen_for``; the error carries it as it was last seen.
            InvalidRequestError: An argument is invalid, or a streaming run is to be waited for without end.
            UnsupportedOperationError: The run is to be stopped on a service that cannot.
        """
        rules = WaitRules(
            pace=_pace(poll_interval, max_poll_interval, retry_grace),
            timeout=timeout,
            until=until,
            unseen_for=unseen_for,
            on_timeout=on_timeout,
            on_cancel=on_cancel,
            on_poll=on_poll,
            on_failed_poll=on_failed_poll,
        )
        return await Waits(self._poller, self._stopper, rules).one(*self._followed(run))

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
        poll_interval: timedelta | None = None,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        until: Iterable[RunState | str] | None = None,
        unseen_for: timedelta | None = None,
        on_timeout: Literal["leave", "stop"] = "leave",
        on_cancel: Literal["leave", "stop"] = "leave",
        on_poll: Callable[[JobRun[Native]], object] | None = None,
        on_failed_poll: Callable[[JobRunsError], object] | None = None,
        return_exceptions: bool = False,
    ) -> Sequence[JobRun[Native] | JobRunsError]:
        """Wait until all runs have ended for good, and return them in order; see ``wait``.

        Args:
            runs: One run, or several.
            timeout: As for ``wait``; it is one for all.
            poll_interval: As for ``wait``.
            max_poll_interval: As for ``wait``.
            retry_grace: As for ``wait``.
            until: As for ``wait``.
            unseen_for: As for ``wait``.
            on_timeout: As for ``wait``: each run that has not ended is stopped, and the error carries all outcomes.
            on_cancel: As for ``wait``: each run that has not ended is stopped.
            on_poll: As for ``wait``.
            on_failed_poll: As for ``wait``; the error's ``run`` tells which run it hid, once that was seen.
            return_exceptions: Whether an error takes the place of a run that cannot be followed; otherwise the first
                error ends the call.

        Raises:
            JobRunsError: As for ``wait``.
            ClientClosedError: The client is closed, or was closed meanwhile; that is not an error of a run.
        """
        check_flag("return_exceptions", return_exceptions)
        rules = WaitRules(
            pace=_pace(poll_interval, max_poll_interval, retry_grace),
            timeout=timeout,
            until=until,
            unseen_for=unseen_for,
            on_timeout=on_timeout,
            on_cancel=on_cancel,
            on_poll=on_poll,
            on_failed_poll=on_failed_poll,
        )
        targets: list[Target | JobRunsError] = []
        for run in await _each_run(runs):
            try:
                targets.append(self._followed(run))
            except JobRunsError as error:
                if not return_exceptions or isinstance(error, ClientClosedError):
                    raise
                targets.append(error)
        return await Waits(self._poller, self._stopper, rules).all(targets, errors=return_exceptions)

    def watch(
        self,
        targets: RunLike | JobLike | Iterable[RunLike | JobLike],
        *,
        timeout: timedelta | None,
        poll_interval: timedelta | None = None,
        max_poll_interval: timedelta | None = None,
        retry_grace: timedelta = _INTERVALS.retry_grace,
        unseen_for: timedelta | None = None,
        on_error: OnSourceError = "raise",
    ) -> Watch:
        """Return a stream of state changes of runs, and of the runs of jobs; nothing is requested until it is iterated.

        It begins with one change for each run, whose ``before`` is None. States between two polls may be missed, and
        none is told after a later one, however old an answer is. It ends when all runs have ended for good, or goes on
        while a job is watched: its runs that have not when the watch begins, and all that are created from then on,
        join. Jobs are polled side by side, and changes are told as they are seen.

        Args:
            targets: A run or a job, or several of either; the pages of a list call have to be collected first.
            timeout: How long to watch at most; None for as long as it takes.
            poll_interval: The time between the first polls; by default 10 seconds. Where neither this nor
                ``max_poll_interval`` is given, polls come every 10 minutes while ``listening`` hears of the run.
            max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
                ``poll_interval`` where that is longer.
            retry_grace: As for ``wait``.
            unseen_for: As for ``wait``, of a run as of a job.
            on_error: The fate of the watch when a run or a job cannot be followed: ``"raise"`` ends it once what was
                seen is told, ``"skip"`` goes on without, and so does a callable, which is given the ``SourceError``;
                its ``run`` is None where it is about the job.

        Raises:
            InvalidRequestError: An argument is invalid.
            WaitTimeoutError: While iterating: the time is up.
            JobRunsError: While iterating: a run or a job cannot be followed.
        """
        optional(check_time)("timeout", timeout)
        optional(check_some_time)("unseen_for", unseen_for)
        check_on_error("on_error", on_error)
        pace = _pace(poll_interval, max_poll_interval, retry_grace)
        named, jobs = self._runs_and_jobs(targets)
        runs = [self._followed(handle.ref.run(run_id)) for handle, run_id in named]
        followed = [_following(job) for job in jobs]
        return Watch(self._poller, runs, followed, pace=pace, timeout=timeout, unseen_for=unseen_for, on_error=on_error)

    def nudge(self, run: RunLike) -> None:
        """Let waits and watches poll a run now, as after an event that tells of it; nothing is awaited.

        What was seen of it is forgotten, whoever sleeps until its next poll is woken, and a watch of its job looks for
        it if it is new. Nothing happens where nobody waits for it.

        Raises:
            InvalidRequestError: The reference is malformed.
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        _, ref = self._followed(run)
        self._poller.nudge(ref)

    def _followed(self, run: RunLike) -> tuple[Follows, RunRef]:
        ref = ref_of(RunRef, run, self._services)
        handle = _following(self.handle(ref.job))
        return handle, handle.run_ref(ref.run_id)
