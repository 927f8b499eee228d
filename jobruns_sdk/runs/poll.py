"""Polls that all waits of a client share: one poll of a job serves everybody who waits for one of its runs.

No task runs in the background. Whoever is due polls for all, under a lock, and the others find what was seen:

    a wait for run 1, due at 10:00:00      polls run 1 and run 2 with one list call
    a wait for run 2, due at 10:00:04      finds run 2 as it was seen four seconds ago, and asks nobody
    a wait for run 2, begun at 10:00:07    polls: its first poll may not rest on what is so old
"""

import asyncio
from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.caller import on_behalf_of
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.observing.seam import Observing
from jobruns_sdk.runs.facts import FactBook
from jobruns_sdk.runs.group import EVERY, TICK, Cadence, Group, Observation
from jobruns_sdk.runs.known import KnownRuns
from jobruns_sdk.runs.observed import polling, waiting
from jobruns_sdk.runs.rest import REST, Rest
from jobruns_sdk.services.handle import Follows
from jobruns_sdk.transport import quotas
from jobruns_sdk.transport.operation import Operation

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef
    from jobruns_sdk.runs.intervals import PollIntervals

_FRESH: Final = 0.5  # of a poll interval: what was seen that lately is not polled again
_MOST_FRESH: Final = 30.0  # seconds: of an interval of an hour half would be late
_GETS_AT_ONCE: Final = 10


class Poller:
    """Polls runs by whichever costs less of the quotas: a list of the job's runs, or a get for each."""

    def __init__(
        self,
        clock: Clock,
        seconds_for: Callable[[Operation[Any]], float],
        lifetime: Lifetime | None = None,
        observing: Observing | None = None,
    ) -> None:
        """Begin with nothing seen.

        Args:
            clock: The source of time.
            seconds_for: Tells what a call of an operation costs of its quota, in seconds.
            lifetime: That of the client; with its end all waits end.
            observing: The observers of the client.
        """
        self.clock = clock
        self.facts: FactBook = FactBook(clock)
        self.known: KnownRuns = KnownRuns(clock)
        self.rest: Rest = Rest()
        self._lifetime = lifetime or Lifetime()
        self._observing = observing or Observing()
        self._seconds_for = seconds_for
        self._groups: dict[JobRef, Group] = {}

    async def sleep(self, seconds: float) -> None:
        """Return when that many seconds have passed.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        async with self._lifetime.scope():
            await self.clock.sleep(seconds)

    @contextmanager
    def watching(self, handle: Follows, run_ids: Collection[str], *, curious: bool = True) -> Generator[None]:
        """Enclose the time in which somebody waits for runs of a job.

        Args:
            handle: The job.
            run_ids: The runs.
            curious: Whether each of their changes is wanted, and not the end alone.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        self._lifetime.check()
        group = self._groups.setdefault(handle.ref, Group())
        group.users += 1
        group.watched.update(run_ids)
        group.curious.update(run_ids if curious else ())
        try:
            with waiting(self._observing.now, group, handle.ref, run_ids):
                yield
        finally:
            group.users -= 1
            group.watched.subtract(run_ids)
            group.curious.subtract(run_ids if curious else ())
            for run_id in run_ids:
                if group.watched[run_id] <= 0:
                    group.forget(run_id)
            # The users decide, and not the runs that are watched: a watch of the job holds the group without any.
            if not group.users:
                del self._groups[handle.ref]

    def quota_time(self, handle: Follows) -> float:
        """Return what the last poll of a job has cost of the quotas, in seconds: polling more often is of no use."""
        group = self._groups.get(handle.ref)
        return group.quota_time if group else 0.0

    async def poll(
        self, handle: Follows, run_id: str, interval: float, *, since: float = -inf, woken: bool = False
    ) -> Observation:
        """Return what is to be seen of a run that is being watched: now, or by a poll that others made just before.

        Args:
            handle: The run's job.
            run_id: The run.
            interval: Seconds since the caller last polled, or after which it would poll again.
            since: When the caller began: what was seen before that is of no use to it.
            woken: Whether a round has woken the caller: what was seen then is what it came for. By its own interval,
                which may have begun a moment before, that is too old already, and two would wake each other for ever.
        """
        group = self._groups[handle.ref]
        async with group.polling:
            stale_at = max(min(interval * _FRESH, _MOST_FRESH), group.quota_time)
            now = self.clock.monotonic()
            limit = now - group.round_at + group.quota_time + TICK if woken else min(stale_at, now - since)
            nudged = -1
            while nudged != group.nudges[run_id] and not self._is_fresh(group, run_id, limit):
                # Waits that begin at the same moment are polled for together.
                await asyncio.sleep(0)
                nudged = group.nudges[run_id]
                # The first poll of a run that has just joined is no round: the others have theirs, which is to come.
                is_round = run_id in group.seen
                others = [one for one in group.watched if is_round or one not in group.seen]
                # A round is for all, also for who has joined a moment ago: else the next round would follow for them.
                stale = [
                    other for other in others if other != run_id and not self._is_fresh(group, other, group.quota_time)
                ]
                began, polled = self.clock.monotonic(), [run_id, *stale]
                told = polling(self._observing.now, group, handle.ref, polled, self.clock.monotonic)
                with on_behalf_of(self), told:
                    await self._poll(handle, group, polled)
                if is_round:
                    group.end_round(began, self.clock.monotonic())
                limit = stale_at  # a nudge meanwhile makes it stale again: that answer may be older than the nudge
            return group.seen[run_id][1]

    def age(self, handle: Follows, run_id: str) -> float:
        """Return how many seconds ago a run was seen that is being watched."""
        group = self._groups.get(handle.ref)
        now = self.clock.monotonic()
        return now - group.told_at.get(run_id, now) if group else 0.0

    def note(self, handle: Follows, run: JobRun[Native], shown_at: float) -> None:
        """Take a row that a list has told in this look, so that its first poll needs no call."""
        self.known.remember(run.ref)
        group = self._groups.get(handle.ref)
        # A list may lag behind: what was seen of a run is not replaced by a row.
        if group is not None and run.id in group.watched.keys() - group.seen.keys() and handle.polling.is_whole(run):
            group.told_at[run.id] = shown_at
            group.seen[run.id] = (self.clock.monotonic(), newer := group.newer(run.id, run))
            self._observing.saw(newer, self.clock.now())

    def recall(self, handle: Follows, run: JobRun[Native]) -> None:
        """Take a run as it was told before it was not watched for a while: an answer may be older than that."""
        group = self._groups[handle.ref]
        newest, (at, seen) = group.newer(run.id, run), group.seen.get(run.id, (-inf, None))
        if isinstance(seen, JobRun) and group.is_behind(seen):  # by an older list, for another watch meanwhile
            group.seen[run.id] = (at, newest)

    def interval(self, handle: Follows, pace: "PollIntervals", *, restart: bool, changes: bool = False) -> float:
        """Return the seconds to the next poll of a run that is being watched, the same for all waits of one pace.

        Each drawing its own, whoever draws the shortest would poll for all, and a thousand waits come to six times the
        polls of one:

            10:00:00  a round: the waits for run 1, 2 and 3 draw 20 s together
            10:00:20  a round: run 2 has begun to run, and its wait starts again with 10 s; so do the others
            10:00:30  a round

        Args:
            handle: The run's job.
            pace: The pace of the wait.
            restart: Whether intervals are to grow from the shortest again: the wait has begun, or its run has changed.
            changes: Whether it waits for a change that may not be the end.
        """
        if pace.rests and self.rest.holds(handle.ref, changes=changes):
            return REST
        group = self._groups[handle.ref]
        cadence = group.cadences.get(pace)
        if cadence is None or (restart and cadence.began != group.round):
            intervals = pace.intervals(quotas.jitter)
            cadence = group.cadences[pace] = Cadence(intervals, group.round, group.round, next(intervals))
        elif cadence.round != group.round:
            cadence.round, cadence.seconds = group.round, next(cadence.intervals)
        return cadence.seconds

    async def pause(self, handle: Follows, run_id: str, seconds: float) -> bool:
        """Sleep until the next poll of a run that is being watched, or until it is nudged or others poll.

        Returns:
            Whether others have polled.

        Args:
            handle: The run's job.
            run_id: The run.
            seconds: When to poll it next at the latest.

        Raises:
            ClientClosedError: The client was closed meanwhile.
        """
        me, sleeping, by_round = object(), asyncio.timeout(None), False
        due = self.plan(handle, seconds)

        def wake(nudged: str | None) -> None:
            nonlocal by_round
            if nudged in (run_id, None, EVERY):
                by_round = nudged is None
                sleeping.reschedule(0)

        try:
            async with sleeping:
                self._groups[handle.ref].sleepers[me] = (due, wake)
                await self.sleep(due - self.clock.monotonic())
        except TimeoutError:
            if not sleeping.expired():
                raise
        finally:
            if (group := self._groups.get(handle.ref)) is not None:
                group.sleepers.pop(me, None)
        return by_round

    def plan(self, handle: Follows, seconds: float) -> float:
        """Return when to poll next: in so many seconds, or with the job's next round if that is earlier.

        The time is on the clock that never goes backwards.
        """
        now, group = self.clock.monotonic(), self._groups[handle.ref]
        due = now + max(seconds, group.quota_time)
        if not now + TICK < group.due < due:
            group.due = due
        return group.due

    @contextmanager
    def woken_by(self, handle: Follows, wake: Callable[[str | None], object]) -> Generator[None]:
        """Enclose the time in which each nudge of a run of a job is told, by the run's id."""
        me = object()
        with self.watching(handle, ()):
            self._groups[handle.ref].sleepers[me] = (inf, wake)
            try:
                yield
            finally:
                with suppress(KeyError):
                    del self._groups[handle.ref].sleepers[me]

    def nudge(self, run: RunRef) -> None:
        """Forget what was seen of a run, and wake whoever sleeps until its next poll."""
        self._lifetime.check()
        group = self._groups.get(run.job)
        if group is None:
            return
        group.seen.pop(run.run_id, None)
        if run.run_id in group.watched:
            group.nudges[run.run_id] += 1
        for _, wake in list(group.sleepers.values()):
            wake(run.run_id)

    def hint(self, run: RunRef, *, is_end: bool) -> None:
        """Nudge a run that has changed, or ended, unless nobody wants to know that."""
        group = self._groups.get(run.job)
        if group is not None and (is_end or group.curious[run.run_id] > 0 or run.run_id not in group.watched):
            self.nudge(run)

    def awaits_end(self, run: RunRef, attempt: int | None) -> bool:
        """Return True if somebody follows a run of which neither the end of an attempt nor the next one was seen."""
        group = self._groups.get(run.job)
        if group is None or run.run_id not in group.watched:
            return False
        seen = group.seen.get(run.run_id, (-inf, None))[1]
        if not isinstance(seen, JobRun):
            return True
        number = attempt or seen.attempt
        return seen.attempt < number or (seen.attempt == number and not seen.is_terminal)

    def wake_all(self, concerns: "Callable[[JobRef], object]") -> None:
        """Let everybody who is due by the pace as it is now poll, of jobs whose pace has changed."""
        for job, group in list(self._groups.items()):
            for _, wake in list(group.sleepers.values()) if concerns(job) else ():
                wake(EVERY)

    def _is_fresh(self, group: Group, run_id: str, limit: float) -> bool:
        at, seen = group.seen.get(run_id, (-inf, None))
        since = self.clock.monotonic() - max(limit, 2 * TICK) + TICK
        return at >= since or (isinstance(seen, JobRun) and seen.state.is_terminal and not seen.state.is_failure)

    async def _poll(self, handle: Follows, group: Group, run_ids: Sequence[str]) -> None:
        begun, nudges = self.clock.monotonic(), dict(group.nudges)
        # A run that was nudged is got: a list may lag behind.
        listed = [
            run_id
            for run_id in run_ids
            if group.unlisted.get(run_id, (begun, 0.0))[0] <= begun
            and not (nudges.get(run_id) and run_id not in group.seen)
        ]
        # The list comes last, as far as that is known: gets may wait for their quota, and what was listed would be old.
        told_at: dict[str, float] = {}
        got = await self._get(handle, [run_id for run_id in run_ids if run_id not in listed], told_at)
        found, pages = await self._list(handle, group, listed)
        told_at.update(dict.fromkeys(found, self.clock.monotonic()))
        rest = [run_id for run_id in listed if run_id not in found]
        got |= await self._get(handle, rest, told_at)
        if pages:
            group.note_unlisted([run_id for run_id in rest if not _has_ended(got[run_id])], begun)
        at = self.clock.monotonic()
        for run_id, seen in (found | got).items():
            before = group.seen.get(run_id)
            if isinstance(seen, JobRun) and (before is None or not isinstance(before[1], JobRun)):
                self.known.remember(handle.ref.run(run_id))
            if run_id in group.watched:
                is_current = group.nudges.get(run_id, 0) == nudges.get(run_id, 0)
                group.seen[run_id] = (at if is_current else -inf, newer := group.newer(run_id, seen))
                self._observing.saw(newer, self.clock.now())
                group.told_at[run_id] = told_at[run_id]
        polling = handle.polling
        group.quota_time = pages * self._seconds_for(polling.list_operation) + len(got) * self._seconds_for(
            polling.get_operation
        )

    async def _list(self, handle: Follows, group: Group, run_ids: Sequence[str]) -> tuple[dict[str, Observation], int]:
        """Read the list of runs, while that costs less than a get for each; return the pages it took, too."""
        polling, wanted = handle.polling, set(run_ids)
        page_time, get_time = self._seconds_for(polling.list_operation), self._seconds_for(polling.get_operation)
        expected, affordable = ceil(len(wanted) / polling.largest_page), ceil(len(wanted) * get_time / page_time) - 1
        found: dict[str, Observation] = {}
        if not wanted or expected > affordable:
            return found, 0
        # Runs may stand behind many newer ones, or may have left the list: a tenth of what gets cost is tried for them.
        in_vain, most_in_vain = 0, max(1.0, len(wanted) * get_time / page_time / 10)
        walk = handle.survey(_oldest(group, run_ids)).open()
        try:
            async with walk:
                while wanted and walk.report.pages < affordable and (page := await walk.next_page()):
                    listed = [run for run in page.items if run.id in wanted and polling.is_whole(run)]
                    rows = {run.id: run for run in listed if not group.is_behind(run)}
                    found.update(rows)
                    wanted.difference_update(rows)
                    in_vain += not rows
                    if not rows and in_vain >= most_in_vain and walk.report.pages > expected:
                        break
        except JobRunsError as error:
            # What may pass hides all of them for once; what may not, such as a role that may not list, is got instead.
            if error.retryable:
                found.update(dict.fromkeys(wanted, error))
        return found, max(1, walk.report.pages)

    async def _get(self, handle: Follows, run_ids: Sequence[str], told_at: dict[str, float]) -> dict[str, Observation]:
        slots = asyncio.Semaphore(_GETS_AT_ONCE)
        got: dict[str, Observation] = {}

        async def get(run_id: str) -> None:
            async with slots:
                try:
                    got[run_id] = await handle.run(run_id)
                except JobRunsError as error:
                    got[run_id] = error
            told_at[run_id] = self.clock.monotonic()

        await concurrently(map(get, run_ids))
        return got


def _oldest(group: Group, run_ids: Sequence[str]) -> datetime | None:
    """Return the creation time of the oldest run, None unless all are known."""
    times = [
        seen.created_at for run_id in run_ids if isinstance(seen := group.seen.get(run_id, (0.0, None))[1], JobRun)
    ]
    known = [time for time in times if time is not None]
    return min(known) if len(known) == len(run_ids) else None


def _has_ended(seen: Observation) -> bool:
    return isinstance(seen, JobRun) and seen.is_terminal
