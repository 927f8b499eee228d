"""Runs and attempts as bars in time: what every picture is drawn from, and no more than is known."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

import attrs

from jobruns_sdk.model.refs import RunRef
from jobruns_sdk.model.runs import Attempt, JobRun
from jobruns_sdk.model.states import RunState

R = TypeVar("R", JobRun[object], Attempt[object])

Kind: TypeAlias = Literal["attempt", "run", "waiting"]
_EARLIEST: Final = datetime.min.replace(tzinfo=UTC)

RANK: Final = {
    state: rank
    for rank, state in enumerate(
        (
            RunState.QUEUED,
            RunState.SUCCEEDED,
            RunState.STARTING,
            RunState.RUNNING,
            RunState.STOPPING,
            RunState.UNKNOWN,
            RunState.PARTIALLY_SUCCEEDED,
            RunState.STOPPED,
            RunState.TIMED_OUT,
            RunState.FAILED,
        )
    )
}
"""The order of states where several share a place: the one that somebody has to look at is the last."""


@attrs.frozen
class Bar:
    """A stretch of time in the life of a run.

    Attributes:
        lane: The line that it belongs to: a job's name, unless told otherwise.
        sublane: The row within its lane, from 0: runs that overlap lie in different rows.
        begin: When it began (aware UTC).
        end: When it ended (aware UTC); of one that is going on, the present time.
        kind: ``"attempt"``; ``"waiting"`` before an attempt, in a queue or for a retry; or ``"run"``: the attempts of a
            run, or those that were not given, as one.
        state: The state of the attempt, that of the run for ``"run"``; QUEUED for ``"waiting"``.
        run: The run.
        attempt: The number of the attempt, from 1; of a run's latest one for ``"run"``.
        is_open: True if it is going on.
        is_approximate: True if the service does not tell the end: it is when the run last changed.
        message: The service's explanation, usually of a failure.
    """

    lane: str
    sublane: int
    begin: datetime
    end: datetime
    kind: Kind
    state: RunState
    run: RunRef
    attempt: int
    is_open: bool = False
    is_approximate: bool = False
    message: str | None = None


class Piece(NamedTuple):
    """A bar that has no place yet."""

    begin: datetime
    end: datetime
    kind: Kind
    state: RunState
    attempt: int
    is_open: bool = False
    is_approximate: bool = False
    message: str | None = None


class _End(NamedTuple):
    at: datetime | None
    is_open: bool = False
    is_approximate: bool = False


def latest(rows: Iterable[R], number: Callable[[R], int]) -> R:
    """Return the row that tells the latest of what they are all about; the last of those that tell as much."""
    *_, found = sorted(
        rows, key=lambda row: (number(row), row.is_terminal, row.updated_at or row.created_at or _EARLIEST)
    )
    return found


def runs_by_ref(runs: Iterable[JobRun[object]]) -> dict[RunRef, JobRun[object]]:
    """Return each run once, as it was last seen."""
    found: dict[RunRef, list[JobRun[object]]] = {}
    for run in runs:
        found.setdefault(run.ref, []).append(run)
    return {ref: seen[0] if len(seen) == 1 else latest(seen, lambda run: run.attempt) for ref, seen in found.items()}


def attempts_by_run(attempts: Iterable[Attempt[object]]) -> dict[RunRef, list[Attempt[object]]]:
    """Return the attempts of each run in order, each once, as it was last seen."""
    found: dict[RunRef, dict[int, list[Attempt[object]]]] = {}
    for attempt in attempts:
        found.setdefault(attempt.run, {}).setdefault(attempt.number, []).append(attempt)
    return {
        run: [latest(seen, lambda attempt: attempt.number) for _, seen in sorted(numbers.items())]
        for run, numbers in found.items()
    }


def pieces_of(run: JobRun[object], attempts: Sequence[Attempt[object]], now: datetime) -> list[Piece]:
    """Return the bars of a run in order: of its attempts where they are given, else of what the run itself tells.

    Args:
        run: The run.
        attempts: Its attempts in order, none if they were not read.
        now: When bars end that are going on.

    Returns:
        None where the service tells no time at all.
    """
    if attempts:
        return list(_of_attempts(run, attempts, now))
    created = run.created_at or run.started_at or run.updated_at or run.ended_at
    if created is None:
        return []
    # Of a run with retries, the start may be that of any attempt: what lies before it is not known to be a queue.
    started = run.started_at if run.attempt == 1 and run.started_at else created
    whole = _piece("attempt" if run.attempt == 1 else "run", started, _end_of(run, now), run.state, run.attempt, run)
    if run.state is RunState.QUEUED and run.attempt == 1 and run.started_at is None:
        return [whole._replace(kind="waiting")]
    return [*_waiting(created, started, 1), whole]


def _of_attempts(run: JobRun[object], attempts: Sequence[Attempt[object]], now: datetime) -> Iterator[Piece]:
    since, number = run.created_at, 0  # the end of the attempt before, and which one it was
    last: Piece | None = None
    for attempt, after in zip(attempts, [*attempts[1:], None], strict=True):
        begin = attempt.started_at or attempt.created_at or since
        if begin is None:
            continue
        if since is not None and attempt.number == number + 1:
            yield from _waiting(since, begin, attempt.number)
        last = _piece("attempt", begin, _attempt_end(run, attempt, after, now), attempt.state, attempt.number, attempt)
        if last.is_open and run.is_terminal and attempt.number >= run.attempt:  # the run was read later
            last = _piece("attempt", begin, _end_of(run, now), run.state, attempt.number, run)
        if last.is_open and last.state is RunState.QUEUED and attempt.started_at is None:
            last = last._replace(kind="waiting")
        yield last
        since, number = last.end, attempt.number
    if number < run.attempt and since is not None:  # of the latest ones the run alone tells
        yield _piece("run", since, _end_of(run, now), run.state, run.attempt, run)


def _waiting(begin: datetime, end: datetime, attempt: int) -> Iterator[Piece]:
    if end > begin:
        yield Piece(begin, end, "waiting", RunState.QUEUED, attempt)


def _piece(  # noqa: PLR0917  # all of them always
    kind: Kind, begin: datetime, end: _End, state: RunState, attempt: int, row: JobRun[object] | Attempt[object]
) -> Piece:
    at = begin if end.at is None or end.at < begin else end.at  # clocks differ
    return Piece(begin, at, kind, state, attempt, end.is_open, end.is_approximate, row.message)


def _end_of(row: JobRun[object] | Attempt[object], now: datetime) -> _End:
    """Return when a run or an attempt ended; one in an unknown state has ended if the service tells when."""
    if row.ended_at is not None and not row.state.is_active:
        return _End(row.ended_at)
    if not row.is_terminal:
        return _End(now, is_open=True)
    return _End(row.updated_at, is_approximate=True)


def _attempt_end(run: JobRun[object], attempt: Attempt[object], after: Attempt[object] | None, now: datetime) -> _End:
    end = _end_of(attempt, now)
    if after is None and attempt.number >= run.attempt:
        return end
    limit = (after.created_at or after.started_at) if after else None
    if not end.is_open and not end.is_approximate:
        return end
    # Another one followed, so that this one has ended, at the latest then.
    known = [at for at in (limit, None if end.is_open else end.at) if at is not None]
    return _End(min(known, default=attempt.updated_at), is_approximate=True)


def length_of(run: JobRun[object], now: datetime) -> Piece | None:
    """Return a run from its start to its end as one bar; None for one that has not started, as far as is known."""
    begin = run.started_at or run.created_at
    if begin is None or (run.state is RunState.QUEUED and run.started_at is None):
        return None
    return _piece("attempt" if run.attempt == 1 else "run", begin, _end_of(run, now), run.state, run.attempt, run)


def extent_of(pieces: Sequence[Piece]) -> tuple[datetime, datetime]:
    """Return the begin and the end of a run; of attempts whose times contradict each other, the outermost."""
    return min(piece.begin for piece in pieces), max(piece.end for piece in pieces)


def overlapping(pieces: Sequence[Piece], since: datetime, until: datetime) -> bool:
    """True if any of a run's bars lies in a span of time."""
    if not pieces:
        return False
    begin, end = extent_of(pieces)
    return begin <= until and end >= since
