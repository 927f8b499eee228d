"""Following one run from poll to poll: the pure decision after each poll, and the small state around it."""

from copy import copy
from datetime import timedelta
from math import inf
from typing import Any, Final

import msgspec

from jobruns_sdk.errors import CallTimeoutError, ClientClosedError, JobRunsError, PaginationError
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.runs.group import Observation
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.services.handle import Follows, Retries

UNSEEN: Final = timedelta(hours=1)
"""The time for which a run may go unseen where neither ``unseen_for`` nor a timeout says."""

UNKNOWN_GRACE: Final = timedelta(minutes=5)
"""The longest wait for a retry where nobody can tell how many a job has."""

# AWS refuses a request from a machine whose clock is further off, so no answer comes to one that is.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_SKEW: Final = 300.0


class Done(msgspec.Struct, frozen=True):
    """The verdict on a run that has ended for good, or is in a state that was waited for."""

    run: JobRun[Native]


class Sleep(msgspec.Struct, frozen=True):
    """The verdict on a run that is to be polled again after at most that many seconds."""

    seconds: float


class GiveUp(msgspec.Struct, frozen=True):
    """The verdict on a run that cannot be followed."""

    error: JobRunsError


class Retrying(msgspec.Struct, frozen=True):
    """The state of retries that the service makes as separate runs, as Glue does.

    Attributes:
        limit: The number of retries that the job has, None if nobody can tell.
        waited: Seconds since the attempt ended.
        grace: Seconds in which a retry must have followed.
    """

    limit: int | None
    waited: float
    grace: float


class Unseen(msgspec.Struct, frozen=True):
    """The time in which every poll of a run has failed.

    Attributes:
        known: True if the run was seen before, or started here: no answer is a proof that it is not there.
        since: Seconds since it was last seen, or since the wait began.
        most: Seconds after which the wait is given up.
    """

    known: bool
    since: float
    most: float


def decide(
    seen: Observation,
    interval: float,
    *,
    unseen: Unseen | None = None,
    retrying: Retrying | None = None,
    until: frozenset[RunState] = frozenset(),
) -> Done | Sleep | GiveUp:
    """Return the verdict after a poll.

    Args:
        seen: The outcome of the poll.
        interval: Seconds to the next poll, if there is one.
        unseen: The time in which polls have failed, None if this is the first.
        retrying: The state of retries, None where a run that has failed is not tried again.
        until: States that are waited for besides the end.
    """
    if isinstance(seen, JobRunsError):
        return _after_failure(seen, interval, unseen or Unseen(known=False, since=0.0, most=inf))
    if seen.state in until:
        return Done(seen)
    if not seen.is_terminal:
        return Sleep(interval)
    if retrying is None or not seen.state.is_failure:
        return Done(seen)
    left = retrying.grace - retrying.waited
    if left <= 0 or (retrying.limit is not None and seen.attempt > retrying.limit):
        return Done(seen)
    return Sleep(min(interval, left))


def _after_failure(error: JobRunsError, interval: float, unseen: Unseen) -> Sleep | GiveUp:
    # A call that has used up its own time is not repeated; the poll that it belongs to is. So is a walk whose page
    # tokens have expired before the quota let it go on.
    may_pass = unseen.known or error.retryable or isinstance(error, (CallTimeoutError, PaginationError))
    left = unseen.most - unseen.since
    if isinstance(error, ClientClosedError) or not may_pass or left <= 0:
        return GiveUp(error)
    return Sleep(min(interval, left))


def patience(unseen_for: timedelta | None, timeout: timedelta | None) -> float:
    """Return the seconds for which a run may go unseen: as told, else as long as the timeout allows, else an hour."""
    if unseen_for is not None:
        return unseen_for.total_seconds()
    return inf if timeout is not None else UNSEEN.total_seconds()


class Follower:
    """One run that is followed until it has ended for good.

    Attributes:
        run: The run.
        last: The run as it was last seen, None before that.
        error: The error of the last poll, None if it saw the run.
    """

    def __init__(
        self,
        poller: Poller,
        handle: Follows,
        run: RunRef,
        pace: PollIntervals,
        *,
        most_unseen: float,
        until: frozenset[RunState] = frozenset(),
    ) -> None:
        """Begin; nothing has been seen.

        Args:
            poller: Polls for all waits of a client.
            handle: The run's job.
            run: The run.
            pace: The time between polls.
            most_unseen: Seconds for which the run may go unseen.
            until: States that are waited for besides the end.
        """
        self.run = run
        self.last: JobRun[Native] | None = None
        self.error: JobRunsError | None = None
        self._poller = poller
        self._handle = handle
        self._pace = pace
        self._until = until
        self._wants_changes = any(not state.is_terminal for state in until)
        self._most_unseen = most_unseen
        self._restarts = True
        self._ended_at: float | None = None
        self._began = self._polled_at = self._unseen_since = self._seen_at = self._changed_after = -inf

    async def poll(self, *, woken: bool = False) -> Done | Sleep | GiveUp:
        """Poll once, as far as nobody else has just done so, and return what to do next.

        Args:
            woken: Whether others have polled: that is taken as it was seen.
        """
        # Asked before the poll, which remembers whatever it sees.
        is_known = self.last is not None or self.run in self._poller.known
        if self._began == -inf:
            self._began = self._unseen_since = self._poller.clock.monotonic()
        seen = await self._poller.poll(self._handle, self.run.run_id, self._interval, since=self._began, woken=woken)
        self._polled_at = self._poller.clock.monotonic()
        if isinstance(seen, JobRunsError):
            self.error = seen if self.last is None else _carrying(seen, self.last)
            waited = self._poller.clock.monotonic() - self._unseen_since
            unseen = Unseen(is_known, waited, self._most_unseen)
            verdict = decide(self.error, self._next_interval(), unseen=unseen)
        else:
            verdict = await self.decide(seen)
            if isinstance(verdict, Done) and seen.is_terminal and seen.state not in self._until:
                self._poller.known.forget_later(self.run)
        return verdict

    @property
    def elapsed(self) -> float:
        """Seconds since the first poll began."""
        return self._poller.clock.monotonic() - self._began

    @property
    def _interval(self) -> float:
        # As it was and not as it was planned: a poll that others made in its second half serves this wait, too.
        if self._polled_at == -inf:
            return self._pace.poll_interval.total_seconds()
        return self._poller.clock.monotonic() - self._polled_at

    async def decide(self, run: JobRun[Any]) -> Done | Sleep | GiveUp:
        """Take the run as it was seen, and return what to do next."""
        if self.last is None or (run.state, run.attempt) != (self.last.state, self.last.attempt):
            self._restarts = True
            self._ended_at, self._changed_after = None, self._seen_at
        self.last, self.error = run, None
        self._seen_at = self._unseen_since = self._poller.clock.monotonic()
        interval = self._next_interval()
        return decide(run, interval, retrying=await self._retrying(run), until=self._until)

    def _next_interval(self) -> float:
        restart, self._restarts = self._restarts, False
        changes = self._wants_changes
        return self._poller.interval(self._handle, self._pace, restart=restart, changes=changes)

    async def _retrying(self, run: JobRun[Native]) -> Retrying | None:
        if not run.state.is_failure or not isinstance(self._handle, Retries):
            return None
        clock, grace = self._poller.clock, self._pace.retry_grace
        if self._ended_at is None:
            # The end is by the service's clock, and this machine's may be fast: what is not known to have passed has
            # not. It was not over at the poll before, whatever a clock says that may have been set meanwhile.
            #   ended 08:00, now 08:34, nothing seen before:  29 minutes ago for sure
            #   ended 08:00, now 08:34, running at 08:33:     1 minute ago at most
            age = (clock.now() - run.ended_at).total_seconds() - _SKEW if run.ended_at else 0.0
            self._ended_at = max(clock.monotonic() - max(0.0, age), self._changed_after)
        waited = clock.monotonic() - self._ended_at
        if waited >= grace.total_seconds():
            return Retrying(None, waited, 0.0)
        limit = await self._poller.facts.retry_limit(self._handle)
        grace = min(grace, UNKNOWN_GRACE) if limit is None else grace
        return Retrying(limit, clock.monotonic() - self._ended_at, grace.total_seconds())


def _carrying(error: JobRunsError, run: JobRun[Native]) -> JobRunsError:
    """Return an error with the run as it was last seen; other waits share the error, and may have seen another."""
    try:
        own = copy(error)
    except TypeError:  # a class of an adapter's own that is made of something else than its message
        own = error
    own.run = run
    own.__cause__, own.__suppress_context__ = error.__cause__, error.__suppress_context__
    return own.with_traceback(error.__traceback__)
