"""The batch of a stream as its offset names it: which runs it holds, and how far each of them was, at least.

A batch that Spark repeats after a restart is read again, and compared with that. An example, of one job:

    named      b 2e (07:00), d 1r (10:05)    attempt and how far it is: all that are recent, late or not over
    settled    1 200 runs from 2026-11-01 until 09:35, whose ids add up to 5f3a...    too many to be named, all over

Later the batch holds the same runs: d may have ended, and nothing less than that is taken for it.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Final, Self

import msgspec

from jobruns_sdk.errors import CursorError
from jobruns_sdk.paging.cursor import Cursor, Place
from jobruns_sdk.runs.changed import Status, seconds_of
from jobruns_sdk.times import Moment, exact

NAMED: Final = 1_000
"""The most runs of a job that are over, and are named one by one all the same."""

_LISTING: Final = "the batch of a stream, first form"  # a batch of another form is refused
_EPOCH: Final = exact(datetime(1970, 1, 1, tzinfo=UTC))
_LEAST: Final = timedelta(microseconds=1)
OVER: Final = Status(1, "e", "")
"""The least that is known of a run that is not named: its first attempt is over."""

_NAMED: Final = re.compile(r"(?P<attempt>[0-9]{1,9})(?P<rank>[qsrpeu]) (?P<at>-?[0-9]{1,12}|~) (?P<id>.+)", re.DOTALL)
_SETTLED: Final = re.compile(r"(?P<count>[0-9]{1,12}) (?P<digest>[0-9a-f]{16}) (?P<after>-?[0-9]{1,18}|~)")


class Named(msgspec.Struct, frozen=True):
    """A run that a batch names.

    Attributes:
        status: How far it was when the batch was made.
        at: When it was created; None where its service did not tell.
    """

    status: Status
    at: Moment | None


class Settled(msgspec.Struct, frozen=True):
    """Runs that were over, and are too many to be named: all that were created in a window of time, and are not named.

    The window ends before a row could still come to the list, so that it holds the same runs later, less those that
    their service forgets. Runs with retries are named.

    Attributes:
        after: The creation time from which on it holds runs; None for all that the service remembers.
        before: The creation time before which it does.
        count: How many runs it holds.
        digest: The sum of their ids.
    """

    after: Moment | None
    before: Moment
    count: int
    digest: str

    def holds(self, created_at: datetime | None) -> bool:
        """True if a run that was created then belongs to the window."""
        return created_at is not None and (self.after is None or self.after <= created_at) and created_at < self.before


class JobBatch(msgspec.Struct, frozen=True):
    """The runs of one job in a batch.

    Attributes:
        named: The runs that are named, by their ids.
        settled: The runs of a window, where they are too many.
    """

    named: Mapping[str, Named]
    settled: Settled | None = None

    @classmethod
    def of(
        cls,
        runs: Mapping[str, Named],
        wanted: Iterable[str],
        *,
        known_until: datetime | None,
        created_after: datetime | None,
        overlap: timedelta,
    ) -> Self:
        """Return the batch of what a look has told of a job.

        Args:
            runs: All runs that it has told.
            wanted: The ids of those that the stream wants.
            known_until: The time of the newest row that was listed before; None where there was none.
            created_after: Where the job begins if it is new.
            overlap: How much later than its time a row may come to the list.
        """
        newest = max((run.at for run in runs.values() if run.at is not None), default=None)
        named = {*wanted}
        if newest is not None and len(runs) > NAMED:
            after = created_after if known_until is None else exact(known_until) + _LEAST
            window = Settled(after, newest - overlap, 0, "")
            inside = {run_id for run_id, run in runs.items() if window.holds(run.at)}
            old = {run_id for run_id in inside if runs[run_id].status == OVER}
            if len(old) > NAMED:
                # One that was retried is dated by its first attempt or a later one, whichever the list still shows.
                named = named - old | (inside - old)
                settled = Settled(after, window.before, len(old), digest_of(old))
                return cls({run_id: run for run_id, run in runs.items() if run_id in named}, settled)
        return cls({run_id: run for run_id, run in runs.items() if run_id in named})


def digest_of(ids: Iterable[str]) -> str:
    """Return sixteen characters that stand for a set of ids, in whatever order they come."""
    found = 0
    for one in ids:
        found ^= int.from_bytes(blake2b(one.encode(), digest_size=8).digest())
    return f"{found:016x}"


def text_of(batch: Mapping[str, JobBatch]) -> str:
    """Return the text form of a batch, by jobs."""
    return str(Cursor(_LISTING, {}, {job: _place_of(part) for job, part in sorted(batch.items())}))


def batch_in(text: str) -> dict[str, JobBatch]:
    """Read what ``text_of`` has made.

    Raises:
        CursorError: It is damaged or something else.
    """
    return {job: _of_place(place) for job, place in Cursor.parse(text, _LISTING).places.items()}


def _place_of(part: JobBatch) -> Place:
    named = tuple(
        f"{run.status.attempt}{run.status.rank} {'~' if run.at is None else seconds_of(run.at)} {run_id}"
        for run_id, run in part.named.items()
    )
    settled = part.settled
    if settled is None:
        return Place(state=named)
    after = "~" if settled.after is None else (settled.after - _EPOCH) // _LEAST
    return Place(state=named, passed=(f"{settled.count} {settled.digest} {after}",), since=settled.before)


def _of_place(place: Place | None) -> JobBatch:
    damaged = CursorError("the offset is damaged: it names no runs of a batch where it should")
    if place is None or place.token is not None or place.after is not None:
        raise damaged
    try:
        named = {found["id"]: _named_in(found) for found in (_match(_NAMED, text) for text in place.state)}
        if not place.passed:
            return JobBatch(named)
        found = _match(_SETTLED, place.passed[0])
        after = None if found["after"] == "~" else _EPOCH + int(found["after"]) * _LEAST
    except (ValueError, OverflowError) as error:
        raise damaged from error
    if place.since is None:
        raise damaged
    return JobBatch(named, Settled(after, place.since, int(found["count"]), found["digest"]))


def _match(form: re.Pattern[str], text: str) -> re.Match[str]:
    found = form.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return found


def _named_in(found: re.Match[str]) -> Named:
    at = None if found["at"] == "~" else _EPOCH + int(found["at"]) * timedelta(seconds=1)
    return Named(Status(int(found["attempt"]), found["rank"], ""), at)
