"""Stopping runs of any jobs, and following them until they have stopped."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import attrs

from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.loop.tasks import begun, cancelled, each_to_its_end, finished_soon
from jobruns_sdk.model.runs import JobRun, StopOutcome
from jobruns_sdk.model.states import RunState
from jobruns_sdk.observing.logs import POLLS, warn
from jobruns_sdk.runs.follow import UNSEEN, Done, Follower, GiveUp
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.handle import AsksToStop, Follows, Handle, Retries, Stops

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef, RunRef

_AFTER_TIMEOUT: Final = timedelta(minutes=5)  # for a retry that is to be stopped, once the time of a wait is over
_PACE: Final = PollIntervals(poll_interval=timedelta(seconds=5), max_poll_interval=timedelta(seconds=15))


class Stopping:
    """One run from the request to stop it until it has stopped.

    A Glue run whose attempt has failed is not over while a retry may follow, and there is nothing to stop meanwhile:

        08:00  attempt 1 fails, one retry is left
        08:01  stop: Glue would say that the run has ended
        08:02  attempt 2 begins: it is stopped
    """

    def __init__(self, poller: Poller, handle: Follows, outcome: StopOutcome) -> None:
        self.outcome: StopOutcome = outcome
        self.is_pausing: bool = False
        self._poller = poller
        self._handle = handle
        self._follower = Follower(poller, handle, outcome.ref, _PACE, most_unseen=UNSEEN.total_seconds())
        if outcome.accepted or outcome.run is not None:
            poller.known.remember(outcome.ref)  # the service has told of it: one poll that fails is not the end
        self._paused = 0  # the attempt whose retry is watched for
        # A service whose retries are runs of their own is asked to stop one attempt.
        self._asked = outcome.run.attempt if outcome.accepted and outcome.run is not None else 0

    async def begin(self) -> bool:
        """Return True if the run is in the pause between an attempt that failed and its retry.

        Raises:
            ClientClosedError: The client was closed.
        """
        run = self.outcome.run
        if self.outcome.accepted or run is None or not run.state.is_failure or not isinstance(self._handle, Retries):
            return False
        with self._poller.watching(self._handle, ()):
            self.is_pausing = not isinstance(await self._follower.decide(run), Done)
            self._paused = run.attempt
        return self.is_pausing

    def so_far(self, *, is_over: bool) -> StopOutcome:
        """Return the outcome as it is so far; the run may still be followed."""
        if not self.is_pausing:
            return self.outcome
        if not is_over:
            return attrs.evolve(self.outcome, accepted=True, error=None)
        run = self.outcome.ref
        why = f"an attempt of {run} has failed: a retry that follows is stopped as long as the client is open"
        error = JobRunsError(why, service=run.job.service, retryable=True)
        return attrs.evolve(self.outcome, accepted=False, error=error)

    async def follow(self, *, to_end: bool) -> None:
        """Poll until the request to stop the retry was taken, or until the run has ended for good.

        Raises:
            ClientClosedError: The client was closed.
        """
        with self._poller.watching(self._handle, (self._follower.run.run_id,)):
            woken = False
            while True:
                verdict = await self._follower.poll(woken=woken)
                self.outcome = attrs.evolve(self.outcome, run=self._follower.last or self.outcome.run)
                if isinstance(verdict, Done):
                    self._take_end(verdict.run)
                    break
                if isinstance(verdict, GiveUp):
                    if isinstance(verdict.error, ClientClosedError):
                        raise verdict.error
                    if self.is_pausing:
                        self.outcome = attrs.evolve(self.outcome, accepted=False, error=verdict.error)
                    break
                if self._runs_unasked() and not await self._ask_again():
                    break
                if self.outcome.accepted and not to_end:
                    break
                woken = await self._poller.pause(self._handle, self._follower.run.run_id, verdict.seconds)
        self.is_pausing = False

    def _take_end(self, run: JobRun[Any]) -> None:
        """Take the end of a run that was watched for its retry.

        A retry may begin and end between two polls, also because another request has stopped it:

            08:00  two stops wait for the retry
            08:01  it begins; the first one to poll stops it
            08:02  the other one polls, and sees that the run is STOPPED
        """
        if self.is_pausing and run.state is RunState.STOPPED:
            self.outcome = attrs.evolve(self.outcome, accepted=True, error=None)
        elif self.is_pausing and run.attempt != self._paused:
            error = InvalidRequestError(f"{run.ref} has ended: it is {run.native_state}", service=run.job.service)
            self.outcome = attrs.evolve(self.outcome, error=error)

    def _runs_unasked(self) -> bool:
        run = self._follower.last
        if run is None or self._follower.error is not None or run.is_terminal:
            return False
        return isinstance(self._handle, Retries) and (self.is_pausing or 0 < self._asked < run.attempt)

    async def _ask_again(self) -> bool:
        """Ask for the retry to be stopped; return False if that is refused for good."""
        (asked,) = await _asked(self._handle, [self._follower.run.run_id], None)
        run = asked.run or self._follower.last
        self.outcome = attrs.evolve(asked, run=run)
        if asked.accepted:
            self.is_pausing, self._asked = False, run.attempt if run else 0
            return True
        # It may have failed in the meantime, and be tried once more; and what may pass is asked for again.
        self.is_pausing, self._paused = True, run.attempt if run else 0
        return asked.error is not None and (asked.error.retryable or isinstance(asked.error, InvalidRequestError))


class Stopper:
    """Stops runs of any jobs for a client."""

    def __init__(self, poller: Poller, patience: float) -> None:
        """Begin with nothing to stop.

        Args:
            poller: Polls for all waits of the client.
            patience: Seconds of real time for which a cancellation, or a clock that stands still, keeps a caller.
        """
        self._poller = poller
        self._patience = patience
        self._tasks: set[asyncio.Task[Any]] = set()

    async def stop(
        self,
        targets: Sequence[tuple[Handle, str]],
        *,
        grace_period: timedelta | None = None,
        wait: timedelta | None = None,
    ) -> list[StopOutcome]:
        """Ask for runs to be stopped; see ``JobRunsClient.stop``.

        Args:
            targets: The handle and the id of each run.
            grace_period: How long a streaming run may take to shut down.
            wait: How long they are followed until they have stopped; None for not at all.

        Raises:
            ClientClosedError: The client was closed.
        """
        return await self._stop(targets, grace_period, wait, most=wait)

    async def _stop(
        self,
        targets: Sequence[tuple[Handle, str]],
        grace_period: timedelta | None,
        wait: timedelta | None,
        *,
        most: timedelta | None,
    ) -> list[StopOutcome]:
        """Stop runs, and return after ``most`` at the latest; a retry that has not come by then is watched for."""
        outcomes = await self._ask(targets, grace_period)
        stoppings = {
            outcome.ref: Stopping(self._poller, handle, outcome)
            for (handle, _), outcome in zip(targets, outcomes, strict=True)
            if isinstance(handle, Follows) and not isinstance(outcome.error, UnsupportedOperationError)
        }
        for stopping in stoppings.values():
            await stopping.begin()
        work = {
            begun(stopping.follow(to_end=wait is not None)): stopping
            for stopping in stoppings.values()
            if stopping.is_pausing or (wait is not None and stopping.outcome.accepted)
        }
        try:
            await self._bounded(work, most, to_end=wait is not None)
        except BaseException:
            await cancelled(work)
            raise
        for task, stopping in work.items():
            if task.done():
                task.result()
            elif stopping.is_pausing:
                self._keep(task, stopping.outcome.ref)
        await cancelled([task for task in work if task not in self._tasks])
        told = {run: stopping.so_far(is_over=most is not None) for run, stopping in stoppings.items()}
        return [told.get(outcome.ref, outcome) for outcome in outcomes]

    async def _bounded(self, work: dict[asyncio.Task[None], Stopping], most: timedelta | None, *, to_end: bool) -> None:
        if not work:
            return
        try:
            async with deadline(self._poller.clock, None if most is None else most.total_seconds()):
                if to_end:
                    await asyncio.wait(work)
                    return
                # Only when the retry has been stopped, or can come no more, is it known what the outcome is; with a
                # clock that stands still nobody can wait for that.
                pending, moved = set(work), True
                while pending and moved:
                    before = self._poller.clock.monotonic()
                    _, pending = await asyncio.wait(pending, timeout=self._patience)
                    moved = self._poller.clock.monotonic() > before
        except DeadlineError:
            pass

    async def stop_through(
        self, targets: Sequence[tuple[Handle, str]], *, delays: bool, is_cancelled: bool = False
    ) -> list[StopOutcome]:
        """Ask for runs to be stopped as was promised, also if the caller is cancelled: the work goes on then.

        Args:
            targets: The handle and the id of each run.
            delays: True if a cancellation is delayed, so that the request is made before it is heeded.
            is_cancelled: True if the caller is being cancelled already, and raises that itself.
        """
        # The caller's own time is over, so that it does not wait for a retry as long as ``stop`` would. Yet one that
        # follows soon is stopped before the caller hears of it, since who gives up a run may end the program, too:
        #   08:00  attempt 1 fails, one retry is left
        #   08:05  the timeout of a wait: there is nothing to stop yet
        #   08:06  attempt 2 begins, and is stopped: WaitTimeoutError; had none begun, it would come at 08:10, and say
        #          that nothing is stopped so far; the client watches for the retry, and stops it
        task = begun(self._stop(targets, None, None, most=_AFTER_TIMEOUT))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await finished_soon(task, self._patience if delays else 0.0, is_cancelled=is_cancelled)
        return task.result() if task.done() and not task.cancelled() else []

    async def aclose(self) -> None:
        """End what still goes on."""
        await cancelled(tuple(self._tasks))

    def _keep(self, task: asyncio.Task[None], run: "RunRef") -> None:
        def tell(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if task.cancelled() or task.exception() is not None:
                text = f"a retry of {run}, which was to be stopped, is watched for no longer"
                warn(POLLS, text, run=str(run))

        self._tasks.add(task)
        task.add_done_callback(tell)

    async def _ask(self, targets: Sequence[tuple[Handle, str]], grace_period: timedelta | None) -> list[StopOutcome]:
        handles: dict[JobRef, Handle] = {}
        places: dict[JobRef, list[int]] = {}
        for at, (handle, _) in enumerate(targets):
            handles.setdefault(handle.ref, handle)
            places.setdefault(handle.ref, []).append(at)
        asked = await each_to_its_end(
            _asked(handles[job], [targets[at][1] for at in own], grace_period) for job, own in places.items()
        )
        each = (zip(own, came, strict=True) for own, came in zip(places.values(), asked, strict=True))
        found = {at: outcome for pairs in each for at, outcome in pairs}
        return [found[at] for at in range(len(targets))]


async def _asked(handle: Handle, run_ids: Sequence[str], grace_period: timedelta | None) -> list[StopOutcome]:
    error: JobRunsError = UnsupportedOperationError("cannot stop runs", service=handle.ref.service)
    if isinstance(handle, (AsksToStop, Stops)):
        ask = handle.ask_to_stop if isinstance(handle, AsksToStop) else handle.stop
        try:
            return await ask(run_ids, grace_period=grace_period)
        except ClientClosedError:
            raise
        except JobRunsError as refused:
            error = refused
    return [StopOutcome(handle.ref.run(run_id), accepted=False, error=error) for run_id in run_ids]
