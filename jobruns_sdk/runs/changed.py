"""Decisions about changes, without any I/O: what is new, what lies behind what is known, what has to be followed."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import msgspec

from jobruns_sdk.errors import CursorError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.model.states import RunState
from jobruns_sdk.paging.cursor import Place, short
from jobruns_sdk.times import Moment, exact

LATE: Final = timedelta(minutes=30)
"""The most by which a run may be listed later than its time says, apart from ``lag``."""

Row = JobRun[Any]

_EPOCH: Final = exact(datetime(1970, 1, 1, tzinfo=UTC))
_SECOND: Final = timedelta(seconds=1)
_ENDED: Final = "e"
_UNKNOWN: Final = "u"
_ACTIVE: Final = "qsrp"  # in the order of a run's life
_RANKS: Final[Mapping[RunState, str]] = {
    RunState.QUEUED: "q",
    RunState.STARTING: "s",
    RunState.RUNNING: "r",
    RunState.STOPPING: "p",
    RunState.UNKNOWN: _UNKNOWN,
}
_STATUS: Final = r"(?P<attempt>[0-9]{1,9})(?P<rank>[qsrpeu])(?P<digest>[\w-]{8})"
_TOLD: Final = re.compile(rf"(?P<key>[\w-]{{8}}){_STATUS} (?P<at>-?[0-9]{{1,12}})", re.ASCII)
_OPEN: Final = re.compile(rf"{_STATUS} (?P<at>-?[0-9]{{1,12}}|~) (?P<ended>-?[0-9]{{1,12}}|~) (?P<id>.+)", re.DOTALL)


class Status(msgspec.Struct, frozen=True):
    """The part of a run that makes a change: its attempt, how far that is, and a digest of the rest.

    Attributes:
        attempt: The number of the latest attempt.
        rank: A letter for how far it is: ``q``, ``s``, ``r``, ``p`` while it goes on, ``e`` at its end, ``u`` unknown.
        digest: Eight characters that stand for its state, its message, and where the list tells them for its end and
            what it used.
    """

    attempt: int
    rank: str
    digest: str

    def __str__(self) -> str:
        return f"{self.attempt}{self.rank}{self.digest}"

    @property
    def has_ended(self) -> bool:
        """True if the attempt has ended."""
        return self.rank == _ENDED

    def is_behind(self, known: "Status") -> bool:
        """True if this tells what was so before what is known: a list may be stale, and a state never goes back.

        Attempts are compared first, then whether they have ended, then how far they are:
            attempt 2 QUEUED     is not behind attempt 1 FAILED
            attempt 1 RUNNING    is behind attempt 1 FAILED
            attempt 1 STARTING   is behind attempt 1 RUNNING
        """
        if self.attempt != known.attempt:
            return self.attempt < known.attempt
        return _is_before(self.rank, known.rank)


def status_of(run: Row, *, thin: bool) -> Status:
    """Return the status of a run, or of the latest of its attempts.

    Args:
        run: The run, as it was listed or got.
        thin: Whether the service's list tells less than a get: that part is left out, or each get would be a change.
    """
    parts: list[object] = [run.native_state, run.message]
    if not thin and run.is_terminal:
        # Of a run that was retried a row has the usage of an attempt, and the run that of all.
        parts += [run.ended_at is not None, run.attempt == 1 and run.usage]
    return Status(run.attempt, rank_of(run.state), short(repr(parts)))


def rank_of(state: RunState) -> str:
    """Return the letter by which a ``Status`` tells how far an attempt in a state is."""
    return _RANKS.get(state, _ENDED)


def is_state_behind(state: RunState, known: RunState) -> bool:
    """True if an attempt in a state has yet to come to another one, in which it is known to have been."""
    return _is_before(rank_of(state), rank_of(known))


def _is_before(rank: str, known: str) -> bool:
    if _ENDED in (rank, known):
        return rank != _ENDED
    return _UNKNOWN not in (rank, known) and _ACTIVE.index(rank) < _ACTIVE.index(known)


class Followed(msgspec.Struct, frozen=True):
    """A run that goes on, or may be retried, as a cursor carries it.

    Attributes:
        status: The status in which it was handed out last.
        at: The time at which its latest attempt is listed; None where it has none.
        ended: When it ended; None while it goes on.
    """

    status: Status
    at: Moment | None
    ended: Moment | None = None


class Mark(msgspec.Struct, frozen=True):
    """The place in a job up to which its changes were handed out.

    Attributes:
        until: The time of the newest row that was listed; None where there never was any.
        told: The runs of the last while before that, by ``short`` of their ids: their status, and seconds since 1970.
        open: The runs that go on or may be retried, by their ids.
    """

    until: Moment | None
    told: Mapping[str, tuple[Status, int]] = {}
    open: Mapping[str, Followed] = {}

    def place(self) -> Place:
        """Return the place of a cursor that holds the same."""
        told = tuple(f"{key}{status} {at}" for key, (status, at) in self.told.items())
        followed = tuple(
            f"{one.status} {_text_of(one.at)} {_text_of(one.ended)} {run_id}" for run_id, one in self.open.items()
        )
        return Place(state=followed, passed=told, since=self.until)

    @classmethod
    def of_place(cls, place: Place | None) -> Self:
        """Read what ``place`` has made.

        Raises:
            CursorError: It is something else.
        """
        if place is None or place.token is not None or place.after is not None:
            raise CursorError("the cursor is damaged: it is not one of changes")
        told: dict[str, tuple[Status, int]] = {}
        for text in place.passed:
            found = _TOLD.fullmatch(text)
            if found is None:
                raise CursorError("the cursor is damaged: it holds no status of a run where it should")
            told[found["key"]] = _status_in(found), int(found["at"])
        followed: dict[str, Followed] = {}
        for text in place.state:
            found = _OPEN.fullmatch(text)
            if found is None:
                raise CursorError("the cursor is damaged: it holds no run where it should")
            followed[found["id"]] = Followed(_status_in(found), _time_in(found["at"]), _time_in(found["ended"]))
        return cls(place.since, told, followed)


def seconds_of(moment: datetime) -> int:
    """Return the whole seconds since 1970, rounded down."""
    return (moment - _EPOCH) // _SECOND


def begin_of(mark: Mark | None, created_after: datetime | None, overlap: timedelta) -> datetime | None:
    """Return the time back to which a job is read; None for all that its service remembers.

    Args:
        mark: The job's mark; None for a job that the cursor does not know.
        created_after: Where such a job begins.
        overlap: How far a job that is known is read again, for rows that were listed late.
    """
    if mark is None:
        return created_after
    if mark.until is None or mark.until - _EPOCH < overlap:
        return None
    return mark.until - overlap


def next_mark(
    before: datetime | None,
    *,
    newest: datetime | None,
    told: Mapping[str, tuple[Status, int]],
    followed: Mapping[str, Followed],
    overlap: timedelta,
    grace: timedelta,
    now: datetime | None,
) -> Mark:
    """Return the mark behind a look that has read all.

    Args:
        before: The ``until`` of the mark before it.
        newest: The time of the newest row.
        told: The status of rows, by ``short`` of their runs' ids.
        followed: The runs that went on when they were seen, or had failed.
        overlap: How far the next look reads again.
        grace: How long a run that has failed is followed.
        now: The service's time; None where it did not tell.
    """
    if newest is not None and now is not None and newest > now + _SECOND:
        newest = now + _SECOND  # a row from the future would let the next ones be passed over
    times = [at for at in (newest, before) if at is not None]
    until = max(times, default=None)
    first = None if until is None else seconds_of(until - overlap)
    kept = {key: entry for key, entry in told.items() if first is None or entry[1] >= first}
    clock = now or until
    open_runs = {run_id: one for run_id, one in followed.items() if not _is_over(one, clock, grace)}
    return Mark(until, kept, open_runs)


def is_over(ended: datetime | None, now: datetime | None, grace: timedelta) -> bool:
    """True if a run has ended so long ago, by its service's time, that it is followed no more."""
    return ended is not None and now is not None and ended + grace <= now


def _is_over(one: Followed, now: datetime | None, grace: timedelta) -> bool:
    return is_over(one.ended, now, grace)


def may_change(run: Row, *, retried: bool) -> bool:
    """True if a run has not ended, or has failed where a service may retry it.

    Args:
        run: The run.
        retried: Whether its service retries runs that it has told as failed.
    """
    return not run.is_terminal or (retried and run.state.is_failure)


def latest_time(rows: Iterable[Row]) -> datetime | None:
    """Return the latest time that rows tell, which is not later than their service's clock."""
    times = [at for row in rows for at in (row.created_at, row.updated_at, row.ended_at) if at is not None]
    return max(times, default=None)


def is_page_worthwhile(left: Iterable[Followed], times: Iterable[datetime | None]) -> bool:
    """True if the next page of a list, newest first, may be expected to show two followed runs or more.

    A page is a call, as is a get. It is taken to cover as long a time as the page before, whose times are given:
        page 11:00 to 10:00, followed runs of 09:50, 09:20 and 03:00: the next page is read
        page 10:00 to 09:00, followed run of 03:00: it is got
    """
    known = [at for at in times if at is not None]
    if not known:
        return False
    oldest = min(known)
    until = oldest - (max(known) - oldest)
    return sum(one.at is not None and until <= one.at <= oldest for one in left) > 1


def _status_in(found: re.Match[str]) -> Status:
    return Status(int(found["attempt"]), found["rank"], found["digest"])


def _text_of(moment: datetime | None) -> str:
    return "~" if moment is None else str(seconds_of(moment))


def _time_in(text: str) -> datetime | None:
    try:
        return None if text == "~" else _EPOCH + int(text) * _SECOND
    except OverflowError as error:
        raise CursorError("the cursor is damaged: it holds a time that there is not") from error
