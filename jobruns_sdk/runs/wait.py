"""Waiting for one run or for many: one deadline for all of them, and one request to stop what is given up."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final, Literal

import attrs

from jobruns_sdk.checks import check_callable, check_some_time, check_time, items_of, one_of, optional, validated
from jobruns_sdk.errors import ClientClosedError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun, StopOutcome, WaitTimeoutError, state_of
from jobruns_sdk.model.states import RunState, states_of
from jobruns_sdk.runs.follow import Done, Follower, GiveUp, patience
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.stop import Stopper
from jobruns_sdk.services.handle import Follows, Stops

_NAMED: Final = 3  # runs in a message: all of them stand in the outcomes

Target = tuple[Follows, RunRef]
"""A run to wait for, and the handle of its job."""


def _states(values: Iterable[RunState | str] | None) -> frozenset[RunState]:
    if values is None:
        return frozenset()
    given = {values} if isinstance(values, RunState) else values
    states = states_of("until", items_of("until", given, "states, such as {RunState.RUNNING}"))
    if not states:
        raise InvalidRequestError("until holds at least one state, or is None for the end alone")
    return states


@attrs.frozen(kw_only=True)
class WaitRules:
    """The rules of a wait; see ``JobRunsClient.wait``."""

    pace: PollIntervals
    timeout: timedelta | None = attrs.field(validator=validated(optional(check_time)))
    until: frozenset[RunState] = attrs.field(default=None, converter=_states)
    unseen_for: timedelta | None = attrs.field(default=None, validator=validated(optional(check_some_time)))
    on_timeout: Literal["leave", "stop"] = attrs.field(default="leave", validator=validated(one_of("leave", "stop")))
    on_cancel: Literal["leave", "stop"] = attrs.field(default="leave", validator=validated(one_of("leave", "stop")))
    on_poll: Callable[[JobRun[Native]], object] | None = attrs.field(
        default=None, validator=validated(optional(check_callable))
    )
    on_failed_poll: Callable[[JobRunsError], object] | None = attrs.field(
        default=None, validator=validated(optional(check_callable))
    )

    @property
    def wants_changes(self) -> bool:
        """True if what happens before the end is of use, too."""
        return bool(self.until) or self.on_poll is not None

    def check_stops(self, handle: Follows) -> None:
        """Refuse to promise a stop where there is none.

        Raises:
            UnsupportedOperationError: A run is to be stopped on a service that cannot.
        """
        for name, value in (("on_timeout", self.on_timeout), ("on_cancel", self.on_cancel)):
            if value == "stop" and not isinstance(handle, Stops):
                raise UnsupportedOperationError(f"cannot stop runs: use {name}='leave'", service=handle.ref.service)


class Waits:
    """The waits of one call: each run is followed on its own, and all of them end by the same deadline."""

    def __init__(self, poller: Poller, stopper: Stopper, rules: WaitRules) -> None:
        self._poller = poller
        self._stopper = stopper
        self._rules = rules
        self._followers: list[tuple[Follows, Follower]] = []
        self._done: dict[int, JobRun[Native] | JobRunsError] = {}

    async def one(self, handle: Follows, run: RunRef) -> JobRun[Native]:
        """Return a run as it ended.

        Raises:
            JobRunsError: As for all.
        """
        (done,) = await self.all([(handle, run)], errors=False)
        if isinstance(done, JobRunsError):  # for type checkers: it was raised
            raise done
        return done

    async def all(
        self, targets: Sequence[Target | JobRunsError], *, errors: bool
    ) -> Sequence[JobRun[Native] | JobRunsError]:
        """Return each run as it ended, in order.

        Args:
            targets: The runs; an error stands for a reference that names none.
            errors: True if an error takes the place of its run; else the first error ends all waits.

        Raises:
            WaitTimeoutError: The time is up, and ``errors`` is False.
            JobRunsError: A run cannot be followed, and ``errors`` is False.
            ClientClosedError: The client was closed.
        """
        places = [at for at, target in enumerate(targets) if self._accept(at, target, errors=errors)]
        try:
            async with deadline(self._poller.clock, self._seconds):
                await concurrently(
                    self._one(at, follower, errors=errors) for at, follower in zip(places, self._followers, strict=True)
                )
        except DeadlineError:
            pass
        except asyncio.CancelledError:
            if self._rules.on_cancel == "stop":
                with suppress(JobRunsError):
                    await self._stopper.stop_through(self._not_done(places), delays=True, is_cancelled=True)
            raise
        # What ended in the last moment has ended: only the others are given up, and every one of them is stopped.
        late = [at for at in places if at not in self._done]
        if late:
            stopped = self._not_done(places) if self._rules.on_timeout == "stop" else []
            delays = self._rules.on_cancel == "stop"
            outcomes = await self._stopper.stop_through(stopped, delays=delays) if stopped else []
            timeouts = self._give_up(late, places, outcomes)
            if not errors:
                raise next((error for error in timeouts if error.run is not None), timeouts[0])
            self._done.update(zip(late, timeouts, strict=True))
        return [self._done[at] for at in range(len(targets))]

    @property
    def _seconds(self) -> float | None:
        return None if self._rules.timeout is None else self._rules.timeout.total_seconds()

    def _accept(self, at: int, target: Target | JobRunsError, *, errors: bool) -> bool:
        try:
            if isinstance(target, JobRunsError):
                raise target
            handle, run = target
            self._rules.check_stops(handle)
        except JobRunsError as error:
            if not errors:
                raise
            self._done[at] = error
            return False
        most = patience(self._rules.unseen_for, self._rules.timeout)
        follower = Follower(self._poller, handle, run, self._rules.pace, most_unseen=most, until=self._rules.until)
        self._followers.append((handle, follower))
        return True

    def _not_done(self, places: Sequence[int]) -> list[tuple[Follows, str]]:
        pairs = zip(places, self._followers, strict=True)
        return [(handle, one.run.run_id) for at, (handle, one) in pairs if at not in self._done]

    async def _one(self, at: int, followed: tuple[Follows, Follower], *, errors: bool) -> None:
        handle, follower = followed
        try:
            with self._poller.watching(handle, (follower.run.run_id,), curious=self._rules.wants_changes):
                self._done[at] = await self._follow(handle, follower)
        except JobRunsError as error:
            if not errors or isinstance(error, ClientClosedError):
                raise
            self._done[at] = error

    async def _follow(self, handle: Follows, follower: Follower) -> JobRun[Native]:
        may_be_endless = self._rules.timeout is not None or bool(self._rules.until)
        woken = False
        while True:
            verdict = await follower.poll(woken=woken)
            self._tell(follower)
            match verdict:
                case Done(run):
                    return run
                case GiveUp(error):
                    raise error
                case _:
                    if not may_be_endless and follower.last is not None:
                        may_be_endless = await self._check_end(handle, follower.last)
                    woken = await self._poller.pause(handle, follower.run.run_id, verdict.seconds)

    def _tell(self, follower: Follower) -> None:
        if follower.error is None:
            if self._rules.on_poll is not None and follower.last is not None:
                self._rules.on_poll(follower.last)
        elif self._rules.on_failed_poll is not None:
            self._rules.on_failed_poll(follower.error)

    async def _check_end(self, handle: Follows, run: JobRun[Any]) -> bool:
        """Refuse a run that goes on for ever; return False if nobody can tell yet."""
        try:
            endless = await self._poller.facts.is_streaming(handle, run)
        except ClientClosedError:
            raise
        except JobRunsError as error:
            return not error.retryable
        if endless:
            raise InvalidRequestError(
                f"{run.ref} is a streaming run, which does not end by itself: give a timeout, or states in until="
            )
        return True

    def _give_up(
        self, late: Sequence[int], places: Sequence[int], outcomes: Sequence[StopOutcome]
    ) -> list[WaitTimeoutError]:
        followers = dict(zip(places, self._followers, strict=True))
        lasts = [followers[at][1].last for at in late]
        # EMR Serverless and others take a stop without a look at the run.
        outcomes = [
            outcome if outcome.run is not None else attrs.evolve(outcome, run=last)
            for outcome, last in zip(outcomes, lasts, strict=False)
        ]
        errors: list[WaitTimeoutError] = []
        for index, at in enumerate(late):
            _, follower = followers[at]
            last, outcome = lasts[index], outcomes[index] if outcomes else None
            told = "it was never seen" if last is None else f"it was {state_of(last)}"
            if outcome is not None:
                told += "; it was asked to stop" if outcome.accepted else f"; it could not be stopped: {outcome.error}"
            if len(late) > 1:
                told += f"; {_of_others(len(late) - 1, [*outcomes[:index], *outcomes[index + 1 :]])}"
            error = WaitTimeoutError(
                f"{follower.run} had not ended within {self._rules.timeout}: {told}",
                run=last,
                outcome=outcome,
                outcomes=outcomes,
                service=follower.run.job.service,
            )
            error.__cause__ = follower.error
            errors.append(error)
        return errors


def _of_others(count: int, outcomes: Sequence[StopOutcome]) -> str:
    """Return what is said in the error of one run about the others that had not ended."""
    others = f"{count} more had not ended"
    if not outcomes:
        return others
    refused = [str(outcome.ref) for outcome in outcomes if not outcome.accepted]
    if not refused:
        return f"{others} and {'was' if count == 1 else 'were'} asked to stop, too (see error.outcomes)"
    named = ", ".join(refused[:_NAMED]) + (f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else "")
    asked = f", {count - len(refused)} asked to stop" if count > len(refused) else ""
    return f"{others}{asked}, {len(refused)} not stopped: {named} (see error.outcomes)"
