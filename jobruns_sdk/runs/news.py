"""The news of one job: what its rows tell that was not handed out yet. No I/O: rows in, changes and a mark out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import attrs
import msgspec

from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.paging.cursor import short
from jobruns_sdk.runs.changed import (
    LATE,
    Followed,
    Mark,
    Row,
    Status,
    begin_of,
    is_page_worthwhile,
    latest_time,
    may_change,
    next_mark,
    seconds_of,
    status_of,
)
from jobruns_sdk.services.handle import FoldsRetries
from jobruns_sdk.times import exact

_SLACK: Final = timedelta(minutes=1)
_LATEST: Final = exact(datetime.max.replace(tzinfo=UTC))


class LookRules(msgspec.Struct, frozen=True):
    """The options of a caller.

    Attributes:
        created_after: Where jobs begin that the cursor does not know.
        lag: How long after its time a row is expected to be listed.
        retry_grace: How long after its end a run is followed that may be retried.
        limit_open: The most runs of a job that are followed.
        is_skipping: Whether a run that cannot be got is told of, and followed on, rather than raised.
    """

    created_after: datetime | None
    lag: timedelta
    retry_grace: timedelta
    limit_open: int
    is_skipping: bool = False

    @property
    def overlap(self) -> timedelta:
        """The time that a job that is known is read again."""
        return self.lag + LATE


class JobNews:
    """The knowledge of one look at a job: what it began with, and what it has learnt.

    Attributes:
        begin: The time back to which the job is read; None for all that its service remembers.
        left: The runs that were followed, and were not met yet.
        wanted: Runs that have changed, and are to be got since earlier attempts of theirs were not listed: the latest.
        latest: The latest time that rows have told.
    """

    def __init__(
        self, mark: Mark | None, rules: LookRules, *, folds: FoldsRetries | None, thin: bool, retried: bool
    ) -> None:
        """Begin a look.

        Args:
            mark: Up to where changes were handed out; None for a job that the cursor does not know.
            rules: What the caller has asked for.
            folds: Folds rows into runs, where the service lists each attempt as a row; None where it does not.
            thin: Whether the list tells less than a get.
            retried: Whether the service retries runs that it has told as failed.
        """
        self.begin: datetime | None = begin_of(mark, rules.created_after, rules.overlap)
        self.left: dict[str, Followed] = {} if mark is None else dict(mark.open)
        self.wanted: dict[str, Row] = {}
        self.latest: datetime | None = None
        self._mark = mark
        self._rules = rules
        self._folds = folds
        self._thin = thin
        self._retried = retried
        self._told: dict[str, tuple[Status, int]] = {} if mark is None else dict(mark.told)
        self._open: dict[str, Followed] = {}
        self._groups: dict[str, dict[int, Row]] = {}  # retries whose first attempt was not met yet
        self._newest: datetime | None = None
        self._told_since = min((at for _, at in self._told.values()), default=None)

    @property
    def list_since(self) -> datetime | None:
        """The time back to which a list is opened in which followed runs are looked up, too."""
        times = [one.at for one in self.left.values() if one.at is not None]
        return self.begin if self.begin is None else min([self.begin, *times])

    def reads_on(self, rows: Sequence[Row]) -> bool:
        """Return True if the page behind these rows may hold news, or is worth a call for followed runs.

        A row may stand behind the place that its time says, and never before it: behind one that is too old all are. A
        service that applies the time itself may be asked for a little more, in an order that is not documented.
        """
        times = [row.created_at for row in rows]
        begin = self.begin
        if begin is None or not any(at is not None and at < begin - _SLACK for at in times):
            return True
        return is_page_worthwhile(self.left.values(), times)

    def of_page(self, rows: Sequence[Row]) -> list[Row]:
        """Return the changes on a page of the list."""
        self._see(rows)
        firsts = rows
        if self._folds is not None and any(row.attempt > 1 for row in rows):
            firsts = [row for row in rows if row.attempt == 1]
            for row in rows:
                if row.attempt > 1:
                    self._groups.setdefault(self._folds.run_ref(row.id).run_id, {})[row.attempt] = row
        changes: list[Row] = []
        for row in firsts:
            # A retry is listed before its run, [a_attempt_1, a]; where it is on the same page behind it, it counts too.
            retries = self._groups.pop(row.id, None) if self._groups else None
            changes += self._change(row.id, (row,) if retries is None else _in_order({**retries, 1: row}))
        return changes

    def of_rest(self) -> list[Row]:
        """Return the changes that retries tell whose first attempt was not listed behind them; most are to be got."""
        groups, self._groups = self._groups, {}
        return [change for root, group in groups.items() for change in self._change(root, _in_order(group))]

    def of_active(self, rows: Sequence[Row]) -> list[Row]:
        """Return the changes of followed runs on a page of a list of active ones."""
        self._hear(rows)
        return [change for row in rows if row.id in self.left for change in self._change(row.id, (row,))]

    def of_run(self, run_id: str, run: Row) -> Sequence[Row]:
        """Return a run that was got, if it has changed; what the list told where the get is behind that."""
        status, listed = status_of(run, thin=self._thin), self.wanted.get(run_id)
        if listed is not None:
            if status.is_behind(status_of(listed, thin=self._thin)):
                return self.of_missing(run_id)
            del self.wanted[run_id]
            # A retry is listed at its own start, which a run does not tell.
            self._follow(run_id, status, attrs.evolve(run, created_at=listed.created_at))
            return (run,)
        known = self.left[run_id]
        if status == known.status or status.is_behind(known.status):
            self.keep(run_id)
            return ()
        self._follow(run_id, status, run)
        return (run,)

    def is_stale(self, run_id: str, run: Row) -> bool:
        """True if a run that was got is behind what is known of it: a get may lag as a list does."""
        status, followed, listed = status_of(run, thin=self._thin), self.left.get(run_id), self.wanted.get(run_id)
        if followed is not None and status.is_behind(followed.status):
            return True
        return listed is not None and status.is_behind(status_of(listed, thin=self._thin))

    def of_missing(self, run_id: str) -> Sequence[Row]:
        """Return what the list told of a run that cannot be got; one of which it told nothing is followed no more."""
        listed = self.wanted.pop(run_id, None)
        if listed is None:
            del self.left[run_id]
            self._told.pop(short(run_id), None)
            return ()
        self._follow(run_id, status_of(listed, thin=self._thin), listed)
        return (self._folded((listed,)),)

    def keep(self, run_id: str) -> None:
        """Follow a run on as it was."""
        self._open[run_id] = self.left.pop(run_id)

    def mark_amid(self) -> Mark:
        """Return the mark amid the list: what is followed by then is in it, or it might leave in silence.

        The list is read again from there; where the job is new, it begins at the same time again.
        """
        followed = {**self.left, **self._open}
        if self._mark is not None:
            return msgspec.structs.replace(self._mark, open=followed)
        return Mark(self._first, {}, followed)

    def mark_behind(self, now: datetime | None) -> Mark:
        """Return the mark behind all of it, at that time of the service's."""
        return next_mark(
            self._first if self._mark is None else self._mark.until,
            newest=self._newest,
            told=self._told,
            followed=self._open,
            overlap=self._rules.overlap,
            grace=self._rules.retry_grace,
            now=now or self.latest,
        )

    @property
    def _first(self) -> datetime | None:
        """The ``until`` of a mark at which a job begins at ``created_after`` once more."""
        since, overlap = self._rules.created_after, self._rules.overlap
        return None if since is None else min(since, _LATEST - overlap) + overlap

    def _see(self, rows: Sequence[Row]) -> None:
        self._hear(rows)
        self._newest = max((at for at in (self._newest, *_created(rows)) if at is not None), default=None)

    def _hear(self, rows: Sequence[Row]) -> None:
        self.latest = max((at for at in (self.latest, latest_time(rows)) if at is not None), default=None)

    def _change(self, run_id: str, attempts: Sequence[Row]) -> Sequence[Row]:
        """Return a run if it has changed; nothing if it has not, or is to be got first since attempts are missing."""
        latest = attempts[-1]
        known = self._known(run_id, latest)
        if known is None and self._is_old(latest.created_at, self.begin):
            return ()
        if known is None and len(attempts) == 1 == latest.attempt and self._is_settled(latest):
            return attempts  # as most of a history: nothing has to be remembered of it
        status = status_of(latest, thin=self._thin)
        if known is not None and (status == known or status.is_behind(known)):
            if run_id in self.left:
                self.keep(run_id)
            return ()
        if attempts[0].attempt > 1 and self._folds is not None:
            self.wanted[run_id] = latest
            return ()
        self._follow(run_id, status, latest)
        return (self._folded(attempts),)

    def _known(self, run_id: str, row: Row) -> Status | None:
        followed = self._open.get(run_id) or self.left.get(run_id)
        if followed is not None:
            return followed.status
        since, at = self._told_since, row.created_at
        if since is None or (row.attempt == 1 and at is not None and seconds_of(at) < since):
            return None
        told = self._told.get(short(run_id))
        return None if told is None else told[0]

    @property
    def _remembered_since(self) -> datetime | None:
        return None if self._newest is None else self._newest - self._rules.overlap

    @staticmethod
    def _is_old(at: datetime | None, since: datetime | None) -> bool:
        return at is not None and since is not None and at < since

    def _is_settled(self, row: Row) -> bool:
        return not may_change(row, retried=self._retried) and self._is_old(row.created_at, self._remembered_since)

    def _follow(self, run_id: str, status: Status, row: Row) -> None:
        """Remember what is handed out of a run."""
        self.left.pop(run_id, None)
        at = row.created_at or self._newest or self.latest  # one without a time is dated by when it was seen
        key = short(run_id)
        if at is None or self._is_old(at, self._remembered_since):
            self._told.pop(key, None)
        else:
            self._told[key] = (status, seconds_of(at))
            self._told_since = min(seconds_of(at), self._told_since or seconds_of(at))
        if may_change(row, retried=self._retried):
            ended = (row.ended_at or row.updated_at or at) if row.is_terminal else None
            self._open[run_id] = Followed(status, at, ended)
        else:
            self._open.pop(run_id, None)

    def _folded(self, attempts: Sequence[Row]) -> JobRun[Any]:
        if self._folds is None or attempts[-1].attempt == 1:
            return attempts[-1]
        return self._folds.run_of_attempts(attempts)


def _created(rows: Iterable[Row]) -> Iterable[datetime | None]:
    return (row.created_at for row in rows)


def _in_order(group: Mapping[int, Row]) -> tuple[Row, ...]:
    return tuple(group[number] for number in sorted(group))
