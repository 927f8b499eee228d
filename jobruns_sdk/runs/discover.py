"""Discovering the runs of a watched job: those that go on when the watch begins, and all created from then on."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs

from jobruns_sdk.errors import ClientClosedError, JobRunsError, NotFoundError
from jobruns_sdk.loop.meter import Meter, metered
from jobruns_sdk.model.native import Native
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.pages import Pages
from jobruns_sdk.runs.follow import Done, Follower, GiveUp, Unseen, decide
from jobruns_sdk.runs.intervals import PollIntervals
from jobruns_sdk.runs.poll import Poller
from jobruns_sdk.runs.rest import REST
from jobruns_sdk.services.handle import Follows, ListsActive, ListsRetries, TellsFacts
from jobruns_sdk.transport.operation import time_of

LATE: Final = timedelta(minutes=30)
"""The most by which a run may be listed later than its time says."""

_LONGEST: Final = timedelta(days=7)  # the longest Timeout that Glue takes, for jobs whose own cannot be read
_AT_LEAST: Final = timedelta(hours=48)  # Glue's default Timeout: a single run may have been given more than its job has
# A batch run ends after that unless told, https://docs.aws.amazon.com/emr-serverless/latest/APIReference/API_StartJobRun.html
_USUAL_LIFE: Final = timedelta(hours=12)
_AT_ONCE: Final = 5.0  # seconds: no run begins and ends in so short a time
_SKEW: Final = timedelta(seconds=5)  # by which this machine's clock may be fast, where no answer tells the service's
_UNANCHORED: Final = timedelta(hours=24)
_ROUNDS: Final = 5
_GOT: Final = 5  # runs that are got, one by one, where hints tell of them: the list is asked for more
_DOUBTED: Final = 60.0  # seconds at most to the answer that confirms that a job is not there
_TOLD_AFTER: Final = 2  # answers that a job is not there, one after the other

Row = JobRun[Native]


class WatchedJob:
    """A job whose new runs join a watch, and those that have not ended for good when the watch begins.

    New runs are told by the service's own times, never by this machine's clock. An example of three looks:

        look 1 lists r1 (08:00), r2 (09:00)               both are known; what goes on joins
        look 2 lists the runs since 08:30: r2, r3 (09:05)  r3 joins
        look 3 lists the runs since 08:35: r2, r3          nothing is new

    Attributes:
        handle: The job's handle.
        due: When to look next, on the clock that never goes backwards.
        missing: The error that says that the job is not there any more, though it is looked for again.
    """

    def __init__(self, poller: Poller, handle: Follows, pace: PollIntervals, most_unseen: float) -> None:
        self.handle = handle
        self.due: float = float("-inf")
        self.missing: JobRunsError | None = None
        self._poller = poller
        self._clock = poller.clock
        self._pace = pace
        self._hinted: dict[str, None] = {}
        self._list_at = float("-inf")
        self._most_unseen = most_unseen
        self._began: tuple[float, datetime] | None = None
        self._began_at = datetime.max.replace(tzinfo=UTC)  # by the service, once it has told
        self._known: dict[str, datetime | None] = {}
        self._newest: datetime | None = None
        self._is_read = False
        self._read_at = 0.0
        self._shown_at: dict[str, float] = {}
        self._missing = 0

    def begin(self) -> None:
        """Let the watch begin now: a run that is created from here on joins, however late the first look is."""
        if self._began is None:
            self._read_at = self._clock.monotonic()
            self._began = (self._read_at, self._clock.now())

    def hurry(self) -> None:
        """Look as soon as the present pace says: it has changed."""
        self._list_at = min(self._list_at, self._read_at + self._interval)
        self.due = min(self.due, self._list_at)

    def look_again(self) -> None:
        """Read the list now."""
        self.due = self._list_at = float("-inf")

    def expects(self, run_id: str) -> bool:
        """Take a hint that there is a run; return True if it is not known, and is looked for now."""
        if run_id in self._known:
            return False
        self._hinted[run_id] = None
        self.due = float("-inf")
        return True

    @property
    def _interval(self) -> float:
        # Of services that tell of ends alone the list has to tell what is new.
        if self._pace.rests and self._poller.rest.holds(self.handle.ref, changes=True):
            return REST
        return self._pace.poll_interval.total_seconds()

    def shown_at(self, row: Row) -> float:
        """Return when the latest look was shown a row, on the clock that never goes backwards."""
        return self._shown_at.get(row.id, self._clock.monotonic())

    async def poll(self) -> list[Row]:
        """Return the runs that were not there before, oldest first; at the first look those that go on.

        Raises:
            JobRunsError: The job cannot be followed.
        """
        self.begin()
        self._shown_at.clear()
        new: list[Row] = []
        try:
            new = await self._look()
        except ClientClosedError:
            raise
        except JobRunsError as error:
            self._missing += isinstance(error, NotFoundError)
            if self._missing == _TOLD_AFTER:
                self.missing = error
            unseen = Unseen(self._is_read, self._clock.monotonic() - self._read_at, self._most_unseen)
            if isinstance(decide(error, self._interval, unseen=unseen), GiveUp):
                raise
        # One answer that the job is not there proves nothing; the next one, which does, need not be an interval away.
        is_doubted = 0 < self._missing < _TOLD_AFTER
        if is_doubted:
            self._list_at = min(self._list_at, self._clock.monotonic() + _DOUBTED)
        self.due = float("-inf") if self._hinted else self._list_at
        self._shown_at = {row.id: self.shown_at(row) for row in new}
        return new

    async def _look(self) -> list[Row]:
        """Return what is new: as the list tells if that is due, and of runs that were hinted at by a get of each."""
        hinted, self._hinted = self._hinted, {}
        try:
            return await self._look_for(hinted)
        except asyncio.CancelledError:  # whoever has lost patience may come back
            self._hinted = hinted | self._hinted
            raise

    async def _look_for(self, hinted: Collection[str]) -> list[Row]:
        new: list[Row] = []
        listed = not self._is_read or len(hinted) > _GOT or self._list_at <= self._clock.monotonic()
        if listed:
            new = await self._list()
        # A list may lag behind.
        unlisted = [run_id for run_id in hinted if run_id not in self._known][:_GOT]
        try:
            return new + await self._look_at(unlisted)
        except ClientClosedError:
            raise
        except JobRunsError:
            return new if listed else await self._list()

    async def _list(self) -> list[Row]:
        try:
            new = await (self._later_look() if self._is_read else self._first_look())
        except JobRunsError:
            self._list_at = self._clock.monotonic() + self._interval
            raise
        self._is_read, self._read_at, self._missing = True, self._clock.monotonic(), 0
        self._list_at = self._read_at + self._interval
        return new

    async def _look_at(self, run_ids: Sequence[str]) -> list[Row]:
        """Return those of some runs that are new, oldest first."""
        rows = [await self.handle.run(run_id) for run_id in run_ids]
        self._show(rows)
        # What is older was there before, and may have been told of to its end and forgotten: no list tells it now.
        since = self._since()
        new = [row for row in rows if row.id not in self._known and row.created_at and row.created_at >= since]
        joining = [row for row in new if await self._joins(row)]
        # They say nothing of how far the list is: what it has not told yet may be older.
        self._known.update((row.id, row.created_at) for row in new)
        return sorted(joining, key=_created)

    async def _first_look(self) -> list[Row]:
        meter = Meter()
        with metered(meter):
            listed = await self._listed_at_first()
        # Taken when all is read: a call may wait for its quota, and runs begin and end meanwhile.
        self._began_at = self._began_by(meter.date)
        joining = [row for row in listed.values() if await self._joins(row)]
        self._know(listed.values())
        return sorted(joining, key=_created)

    def _began_by(self, date: str | None) -> datetime:
        """Return the time at which the watch began, or a moment before that, by a service's latest ``Date``.

        That has no fractions, and what is on the way takes a while:

            08:00:01.2  the watch begins
            08:00:01.5  the service answers, Date: 08:00:01
            08:00:01.7  the answer is there: half a second ago it was 08:00:00.5 at the earliest
        """
        said = time_of(date)
        if said is not None:
            return said - self._elapsed
        return (self._began[1] if self._began else self._clock.now()) - _SKEW

    async def _listed_at_first(self) -> dict[str, Row]:
        if isinstance(self.handle, ListsActive):
            # What goes on comes first: what ends from then on is told of all the same.
            active = await self._active(self.handle)
            # What ended while the first call waited for its quota is in no active list any more, and may be older than
            # the newest rows:
            #   06:00  r1 is created
            #   08:00  the watch begins, behind sixty other applications
            #   08:01  r1 ends
            #   08:02  the active lists are read, without r1: it is listed among those that have ended
            is_late = self._elapsed.total_seconds() > _AT_ONCE
            back = _USUAL_LIFE if is_late else timedelta()
            return await self._listed(self.handle.runs(), back) | active
        rows = self.handle.attempt_rows() if isinstance(self.handle, ListsRetries) else self.handle.survey(None)
        return await self._listed(rows)

    @property
    def _elapsed(self) -> timedelta:
        return timedelta(seconds=self._clock.monotonic() - (self._began or (0.0,))[0])

    async def _later_look(self) -> list[Row]:
        since = self._since()
        if isinstance(self.handle, ListsActive):
            rows = await self._rows_of(self.handle.runs(created_after=since))
        else:
            # This list ends soon after the time, with rows that are older and some that have none: a run that is
            # queued may be listed without.
            rows = await self._rows_of(self.handle.survey(since))
        unknown = [row for row in rows if row.id not in self._known]
        # One that is listed late, or far from its place, may have ended before the watch began.
        new = [row for row in unknown if (row.created_at is None or row.created_at >= since) and await self._joins(row)]
        self._know(rows)
        since = self._since() - LATE
        self._known = {run_id: at for run_id, at in self._known.items() if at is None or at >= since}
        return sorted(new, key=_created)

    async def _rows_of(self, pages: Pages[Row]) -> list[Row]:
        rows: list[Row] = []
        async with pages.open() as walk:
            while page := await walk.next_page():
                self._show(page.items)
                rows += page.items
        return rows

    def _show(self, rows: Iterable[Row]) -> None:
        now = self._clock.monotonic()
        for row in rows:
            self._shown_at[row.id] = now

    def _since(self) -> datetime:
        """Return the time from which on a run may not have been listed yet."""
        if self._newest is not None:
            return self._newest - LATE
        # Nothing was ever listed, so there is no time of the service's to go by.
        return (self._began[1] if self._began else self._clock.now()) - _UNANCHORED

    def _know(self, rows: Iterable[Row]) -> None:
        for row in rows:
            # By its last change, since a retry may date a run once its first attempt has left the history:
            #   11:50  attempt 1 begins
            #   12:34  attempt 2 begins
            #   13:05  attempt 1 has left: by its list the run was created at 12:34
            times = [at for at in (row.created_at, row.updated_at) if at is not None]
            self._known[row.id] = max(times, default=self._newest)
            if row.created_at is not None:
                self._newest = max(self._newest or row.created_at, row.created_at)

    async def _reach(self) -> timedelta | None:
        """Return how far back a run may have begun that still goes on, None for as far as there are any."""
        if not isinstance(self.handle, TellsFacts):
            return _LONGEST
        try:
            life = (await self._poller.facts.of(self.handle)).longest_life
        except ClientClosedError:
            raise
        except JobRunsError:
            return _LONGEST
        return None if life is None else max(life, _AT_LEAST)

    async def _listed(self, pages: Pages[Row], back: timedelta | None = None) -> dict[str, Row]:
        """Return the runs as they are listed, by id, back to so long before the newest.

        Args:
            pages: The job's list, newest first; where it has a row for each attempt, all that are going on are found: a
                run that began before that may be going on in a retry.
            back: How long before the newest and before the watch began; None for as long as a run may go on.
        """
        listed: dict[str, Row] = {}
        newest: datetime | None = None
        async with pages.open() as walk:
            page = await walk.next_page()
            # How long a run may go on takes a call (GetJob), which most jobs are spared: one page is all they have.
            if back is None and page is not None and page.cursor is not None:
                back = await self._reach()
            reach = None if back is None else back + LATE + self._elapsed
            while page is not None:
                for row in page.items:
                    run_id = self.handle.run_ref(row.id).run_id
                    if run_id not in listed or listed[run_id].attempt < row.attempt:
                        listed[run_id] = _as_run(row, run_id)
                        self._shown_at.setdefault(run_id, self._clock.monotonic())  # what goes on was shown before
                times = [row.created_at for row in page.items if row.created_at is not None]
                newest = max(times if newest is None else [*times, newest], default=newest)
                if reach is not None and newest is not None and any(at < newest - reach for at in times):
                    break
                page = await walk.next_page()
        return listed

    async def _active(self, handle: ListsActive) -> dict[str, Row]:
        """Return the runs that go on, by id.

        Lists of several pages are read at different times, and a run that a retry takes back to an earlier state
        meanwhile may be in none of them: they are read again until a round brings nothing new.
        """
        found: dict[str, Row] = {}
        for _ in range(_ROUNDS):
            before, pages = len(found), 0
            for listing in handle.active():
                async with listing.open() as walk:
                    while page := await walk.next_page():
                        self._show(page.items)
                        found.update((row.id, row) for row in page.items)
                        pages += 1
            if pages <= 1 or len(found) == before:
                break
        return found

    async def _joins(self, row: Row) -> bool:
        """Return True for a run that has not ended for good, or that had not when the watch began."""
        began = self._began_at
        if not row.is_terminal or (row.created_at is not None and row.created_at > began):
            return True
        ended = row.ended_at
        if ended is None and row.updated_at is not None and row.updated_at > began:
            # The list tells no end, but a change, which may have come long after it: somebody has changed its tags.
            ended = await self._end_of(row) or row.updated_at
        if ended is not None and ended > began:
            return True
        follower = Follower(self._poller, self.handle, row.ref, self._pace, most_unseen=self._most_unseen)
        return not isinstance(await follower.decide(row), Done)

    async def _end_of(self, row: Row) -> datetime | None:
        try:
            return (await self.handle.run(row.id)).ended_at
        except ClientClosedError:
            raise
        except JobRunsError:
            return None


def _as_run(row: Row, run_id: str) -> Row:
    return row if row.id == run_id else attrs.evolve(row, id=run_id)


def _created(row: JobRun[Any]) -> float:
    return row.created_at.timestamp() if row.created_at else float("inf")
