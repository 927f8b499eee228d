"""Polling that all waits of a client share: one look serves everybody who waits for runs of the same job.

There is no task in the background. Whoever is due looks for all, under a lock, and the others find what was seen.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Any, Final

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.loop.lifetime import Lifetime
from jobruns_sdk.loop.tasks import concurrently
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.services.handle import Follows, Retries
from jobruns_sdk.transport.operation import Operation

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef

Observation = JobRun[Native] | JobRunsError
"""What a look brought: the run, or why it could not be seen."""

_FRESH: Final = 0.5  # of a poll interval: what was seen that lately is not looked for again
_TICK: Final = 1e-6  # seconds: times that are equal but for rounding
_GETS_AT_ONCE: Final = 10
_UNLISTED: Final = 30.0  # seconds, doubled each time: how long a run that was not in the list is not looked for there


class Group:
    """What is watched of one job, and what was seen of it."""

    def __init__(self) -> None:
        """Begin with nothing watched."""
        self.watched: Counter[str] = Counter()
        self.seen: dict[str, tuple[float, Observation]] = {}
        self.looking: asyncio.Lock = asyncio.Lock()
        self.asking: asyncio.Lock = asyncio.Lock()
        self.unlisted: dict[str, tuple[float, float]] = {}
        self.quota_time: float = 0.0
        self.retry_limit: int | None = None
        self.retry_limit_known = False

    def note_unlisted(self, run_ids: Iterable[str], now: float) -> None:
        """Remember that runs are too old for the list, or too new: they are got, and looked for in the list later."""
        for run_id in run_ids:
            span = 2 * self.unlisted.get(run_id, (now, _UNLISTED))[1]
            self.unlisted[run_id] = (now + span, span)


class Poller:
    """Looks at runs by whichever costs less of the quotas: a list of the job's runs, or a get for each."""

    def __init__(
        self, clock: Clock, seconds_for: Callable[[Operation[Any]], float], lifetime: Lifetime | None = None
    ) -> None:
        """Keep what is needed.

        Args:
            clock: Where time comes from.
            seconds_for: Tells what a call of an operation costs of its quota, in seconds.
            lifetime: That of the client; with its end all waits end.
        """
        self.clock = clock
        self._lifetime = lifetime or Lifetime()
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
    def watching(self, handle: Follows, run_ids: Collection[str]) -> Generator[None]:
        """Enclose the time in which somebody waits for runs of a job.

        Raises:
            ClientClosedError: The client is closed, or belongs to another event loop or process.
        """
        self._lifetime.check()
        group = self._groups.setdefault(handle.ref, Group())
        group.watched.update(run_ids)
        try:
            yield
        finally:
            group.watched.subtract(run_ids)
            for run_id in run_ids:
                if group.watched[run_id] <= 0:
                    del group.watched[run_id]
                    group.seen.pop(run_id, None)
                    group.unlisted.pop(run_id, None)
            if not group.watched:
                self._groups.pop(handle.ref, None)

    def quota_time(self, handle: Follows) -> float:
        """Return what the last look at a job has cost of the quotas, in seconds: looking more often is of no use."""
        group = self._groups.get(handle.ref)
        return group.quota_time if group else 0.0

    async def poll(self, handle: Follows, run_id: str, interval: float) -> Observation:
        """Return what is to be seen of a run that is being watched: now, or by a look that others took just before.

        Args:
            handle: The run's job.
            run_id: The run.
            interval: Seconds since the caller last looked, or after which it would look again.
        """
        group = self._groups[handle.ref]
        async with group.looking:
            fresh_since = self.clock.monotonic() - max(interval * _FRESH, group.quota_time) + _TICK
            if not self._is_fresh(group, run_id, fresh_since):
                # Waits that begin at the same moment are looked for together.
                await asyncio.sleep(0)
                stale = [other for other in group.watched if not self._is_fresh(group, other, fresh_since)]
                await self._poll(handle, group, stale)
            return group.seen[run_id][1]

    async def retry_limit(self, handle: Retries) -> int | None:
        """Return how many retries a job has, looked up once; None if nobody can tell."""
        group = self._groups[handle.ref]
        async with group.asking:
            if group.retry_limit_known:
                return group.retry_limit
            try:
                group.retry_limit = await handle.retry_limit()
            except JobRunsError as error:
                group.retry_limit_known = not error.retryable
                return None
            group.retry_limit_known = True
            return group.retry_limit

    def _is_fresh(self, group: Group, run_id: str, since: float) -> bool:
        at, seen = group.seen.get(run_id, (float("-inf"), None))
        return at >= since or (isinstance(seen, JobRun) and seen.state.is_terminal and not seen.state.is_failure)

    async def _poll(self, handle: Follows, group: Group, run_ids: Sequence[str]) -> None:
        begun = self.clock.monotonic()
        listed = [run_id for run_id in run_ids if group.unlisted.get(run_id, (begun, 0.0))[0] <= begun]
        found, pages = await self._list(handle, group, listed)
        rest = [run_id for run_id in run_ids if run_id not in found]
        got = await self._get(handle, rest)
        if pages:
            group.note_unlisted([run_id for run_id in listed if run_id in got and not _has_ended(got[run_id])], begun)
        at = self.clock.monotonic()
        group.seen.update((run_id, (at, seen)) for run_id, seen in (found | got).items() if run_id in group.watched)
        polling = handle.polling
        group.quota_time = pages * self._seconds_for(polling.list_operation) + len(rest) * self._seconds_for(
            polling.get_operation
        )

    async def _list(self, handle: Follows, group: Group, run_ids: Sequence[str]) -> tuple[dict[str, Observation], int]:
        """Look in the list of runs, while that costs less than a get for each; return the pages it took, too."""
        polling, wanted = handle.polling, set(run_ids)
        page_time, get_time = self._seconds_for(polling.list_operation), self._seconds_for(polling.get_operation)
        expected, affordable = ceil(len(wanted) / polling.largest_page), ceil(len(wanted) * get_time / page_time) - 1
        found: dict[str, Observation] = {}
        if not wanted or expected > affordable:
            return found, 0
        walk = handle.survey(_oldest(group, run_ids)).open()
        try:
            async with walk:
                while wanted and walk.report.pages < affordable and (page := await walk.next_page()):
                    rows = {run.id: run for run in page.items if run.id in wanted and polling.is_whole(run)}
                    found.update(rows)
                    wanted.difference_update(rows)
                    if not rows and walk.report.pages > expected:
                        break
        except JobRunsError as error:
            if error.retryable:
                found.update(dict.fromkeys(wanted, error))
        return found, max(1, walk.report.pages)

    async def _get(self, handle: Follows, run_ids: Sequence[str]) -> dict[str, Observation]:
        slots = asyncio.Semaphore(_GETS_AT_ONCE)
        got: dict[str, Observation] = {}

        async def get(run_id: str) -> None:
            async with slots:
                try:
                    got[run_id] = await handle.run(run_id)
                except JobRunsError as error:
                    got[run_id] = error

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
