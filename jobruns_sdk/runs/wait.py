"""Waiting for a run: what to do after a poll, as pure functions, and the small driver around them."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from random import Random
from typing import Final, Literal

import attrs
import msgspec

from jobruns_sdk.checks import check_some_time, check_time, optional, validated
from jobruns_sdk.errors import CallTimeoutError, InvalidRequestError, JobRunsError, UnsupportedOperationError
from jobruns_sdk.loop.deadline import DeadlineError, deadline
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun, WaitTimeoutError
from jobruns_sdk.runs.poll import Observation, Poller
from jobruns_sdk.services.handle import Follows, Retries, Stops, Streams
from jobruns_sdk.transport import quotas as pacing

FAILED_POLLS: Final = 20
"""How many polls of a run may fail one after the other before a wait gives up; each is tried several times itself."""

_GROWTH: Final = 3.0
_MOST: Final = timedelta(minutes=1)


class Done(msgspec.Struct, frozen=True):
    """The run has ended for good."""

    run: JobRun[Native]


class Sleep(msgspec.Struct, frozen=True):
    """Look again after at most that many seconds."""

    seconds: float


class GiveUp(msgspec.Struct, frozen=True):
    """The run cannot be followed."""

    error: JobRunsError


class Retrying(msgspec.Struct, frozen=True):
    """What is known of retries that the service makes by runs of their own, as Glue does.

    Attributes:
        limit: How many retries the job has, None if nobody can tell.
        waited: Seconds since the attempt ended.
        grace: Seconds in which a retry must have followed.
    """

    limit: int | None
    waited: float
    grace: float


def decide(
    seen: Observation, interval: float, *, failures: int = 0, retrying: Retrying | None = None
) -> Done | Sleep | GiveUp:
    """Tell what to do after a poll.

    Args:
        seen: What the poll brought.
        interval: Seconds to the next poll, if there is one.
        failures: How many polls before this one failed, one after the other.
        retrying: What is known of retries, None where a run that has failed is not tried again.
    """
    if isinstance(seen, JobRunsError):
        # A call that has used up its own time is not repeated; the poll that it belongs to is.
        may_pass = seen.retryable or isinstance(seen, CallTimeoutError)
        return Sleep(interval) if may_pass and failures < FAILED_POLLS else GiveUp(seen)
    if not seen.is_terminal:
        return Sleep(interval)
    if retrying is None or not seen.state.is_failure:
        return Done(seen)
    left = retrying.grace - retrying.waited
    if left <= 0 or (retrying.limit is not None and seen.attempt > retrying.limit):
        return Done(seen)
    return Sleep(min(interval, left))


def poll_intervals(least: float, most: float, random: Random) -> Iterator[float]:
    """Yield seconds between polls: growing from the least to the most, with decorrelated jitter.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    interval = least
    while True:
        yield interval
        interval = min(most, random.uniform(least, interval * _GROWTH))


def _check_longest(pace: "PollIntervals", _: object, most: timedelta | None) -> None:
    if pace.longest < pace.poll_interval:
        raise InvalidRequestError(f"max_poll_interval is poll_interval ({pace.poll_interval}) or more, got {most}")


@attrs.frozen(kw_only=True)
class PollIntervals:
    """How often to look.

    Attributes:
        poll_interval: The time between the first polls.
        max_poll_interval: The time up to which that grows while nothing changes; by default a minute, or
            ``poll_interval`` where that is longer.
        retry_grace: How long a Glue attempt that failed may be the last one before it is taken for the last one.
    """

    poll_interval: timedelta = attrs.field(default=timedelta(seconds=10), validator=validated(check_some_time))
    max_poll_interval: timedelta | None = attrs.field(
        default=None, validator=[validated(optional(check_some_time)), _check_longest]
    )
    retry_grace: timedelta = attrs.field(default=timedelta(minutes=5), validator=validated(check_time))

    @property
    def longest(self) -> timedelta:
        """The time up to which the time between polls grows."""
        return max(self.poll_interval, _MOST) if self.max_poll_interval is None else self.max_poll_interval

    def intervals(self, random: Random) -> Iterator[float]:
        """Yield seconds between polls."""
        return poll_intervals(self.poll_interval.total_seconds(), self.longest.total_seconds(), random)


class Follower:
    """Follows one run from poll to poll until it has ended for good.

    Attributes:
        run: The run.
        last: The run as it was last seen, None before that.
        polled: The run as the last poll has seen it, None if that poll failed.
    """

    def __init__(self, poller: Poller, handle: Follows, run: RunRef, pace: PollIntervals) -> None:
        """Begin; nothing has been seen."""
        self.run = run
        self.last: JobRun[Native] | None = None
        self.polled: JobRun[Native] | None = None
        self._poller = poller
        self._handle = handle
        self._pace = pace
        self._intervals = pace.intervals(pacing.jitter)
        self._failures = 0
        self._pause = pace.poll_interval.total_seconds()
        self._ended_at: float | None = None
        self._seen_at = self._changed_after = float("-inf")

    async def poll(self) -> Done | Sleep | GiveUp:
        """Poll once, as far as nobody else has just done so, and tell what to do next."""
        seen = await self._poller.poll(self._handle, self.run.run_id, self._pause)
        verdict = self._failed(seen) if isinstance(seen, JobRunsError) else await self.decide(seen)
        if isinstance(verdict, Sleep):
            self._pause = verdict.seconds
        return verdict

    def _failed(self, error: JobRunsError) -> Done | Sleep | GiveUp:
        self.polled = None
        self._failures += 1
        return decide(error, next(self._intervals), failures=self._failures - 1)

    async def decide(self, run: JobRun[Native]) -> Done | Sleep | GiveUp:
        """Take the run as it was seen, and tell what to do next."""
        if self.last is None or (run.state, run.attempt) != (self.last.state, self.last.attempt):
            self._intervals = self._pace.intervals(pacing.jitter)
            self._ended_at, self._changed_after = None, self._seen_at
        self.last = self.polled = run
        self._seen_at = self._poller.clock.monotonic()
        self._failures = 0
        return decide(run, next(self._intervals), retrying=await self._retrying(run))

    async def _retrying(self, run: JobRun[Native]) -> Retrying | None:
        if not run.state.is_failure or not isinstance(self._handle, Retries):
            return None
        clock = self._poller.clock
        if self._ended_at is None:
            age = (clock.now() - run.ended_at).total_seconds() if run.ended_at else 0.0
            # It was not over at the look before, whatever a clock says that may have been set meanwhile.
            self._ended_at = max(clock.monotonic() - max(0.0, age), self._changed_after)
        waited, grace = clock.monotonic() - self._ended_at, self._pace.retry_grace.total_seconds()
        limit = None if waited >= grace else await self._poller.retry_limit(self._handle)
        return Retrying(limit, waited, grace)

    async def until_done(
        self, on_poll: Callable[[JobRun[Native]], object] | None, *, may_be_endless: bool
    ) -> JobRun[Native]:
        """Poll until the run has ended for good.

        Raises:
            InvalidRequestError: It never will: it is a streaming run, and ``may_be_endless`` is not said.
            JobRunsError: It cannot be followed.
        """
        while True:
            verdict = await self.poll()
            if on_poll is not None and self.polled is not None:
                on_poll(self.polled)
            match verdict:
                case Done(run):
                    return run
                case GiveUp(error):
                    raise error
                case Sleep(seconds):
                    if not may_be_endless and self.last is not None:
                        may_be_endless = await self._check_end(self.last)
                    await self._poller.sleep(max(seconds, self._poller.quota_time(self._handle)))

    async def _check_end(self, run: JobRun[Native]) -> bool:
        """Whether nothing speaks for a run that goes on for ever; False if that is to be asked again."""
        try:
            endless = isinstance(self._handle, Streams) and await self._handle.is_streaming(run)
        except JobRunsError as error:
            return not error.retryable
        if endless:
            raise InvalidRequestError(f"{run.ref} is a streaming run, which does not end by itself: give a timeout")
        return True


async def wait(
    poller: Poller,
    handle: Follows,
    run: RunRef,
    *,
    pace: PollIntervals,
    timeout: timedelta | None,
    on_timeout: Literal["leave", "stop"],
    on_poll: Callable[[JobRun[Native]], object] | None,
) -> JobRun[Native]:
    """Wait for the end of a run; see ``JobRunsClient.wait``."""
    if on_timeout == "stop" and not isinstance(handle, Stops):
        raise UnsupportedOperationError("cannot stop runs: use on_timeout='leave'", service=handle.ref.service)
    follower = Follower(poller, handle, run, pace)
    with poller.watching(handle, (run.run_id,)):
        try:
            async with deadline(poller.clock, None if timeout is None else timeout.total_seconds()):
                return await follower.until_done(on_poll, may_be_endless=timeout is not None)
        except DeadlineError:
            pass
    left = ""
    if on_timeout == "stop" and isinstance(handle, Stops):
        (outcome,) = await handle.stop([run.run_id])
        left = "; it was asked to stop" if outcome.accepted else f"; it could not be stopped: {outcome.error}"
    last = follower.last
    seen = "it was never seen" if last is None else f"it was {last.state} ({last.native_state})"
    raise WaitTimeoutError(f"{run} had not ended within {timeout}: {seen}{left}", run=last, service=run.job.service)
