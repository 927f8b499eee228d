"""The rule that tells the later of two words about a run."""

from typing import Final

from jobruns_sdk.history.rows import RunRow
from jobruns_sdk.model.states import RunState

_RANKS: Final = {
    state: rank for rank, state in enumerate((RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING))
}
# What a list may leave out that the service tells of one run.
_DETAILS: Final = ("started_at", "ended_at", "usage_basis", "message", "created_by")


def is_ended(row: RunRow) -> bool:
    """True if the run has ended, as far as the row knows."""
    return RunState(row.state).is_terminal


def merged(old: RunRow | None, new: RunRow) -> RunRow:
    """Return what a store holds of a run once it is told of it: the later word wins, and nothing goes back.

    A run that was told is not lost. The job's name is kept where the new word does not know it.
    """
    if old is None:
        return new
    winner = new if prevails(new, old) else old
    return winner._replace(job_name=new.job_name or old.job_name, lost_at=None)


def prevails(new: RunRow, old: RunRow) -> bool:
    """True if a word about a run takes the place of an earlier one.

    Words may come in any order: lists are stale now and then, and two processes sync at once.
    The attempt decides first, since a failed Glue run that is retried goes on; then whether the attempt has ended,
    then how far it has come, and only between states that are alike the time of the last change.
    """
    if new.attempt != old.attempt:
        return new.attempt > old.attempt
    if is_ended(new) != is_ended(old):
        return is_ended(new)
    ranks = _RANKS.get(RunState(new.state)), _RANKS.get(RunState(old.state))
    if None not in ranks and ranks[0] != ranks[1]:
        return ranks[0] > ranks[1]  # type: ignore[operator]  # neither is None
    if new.updated_at is not None and old.updated_at is not None and new.updated_at != old.updated_at:
        return new.updated_at > old.updated_at
    # They are of one time: what tells less is a list's row, where the other was got.
    return all(getattr(new, name) is not None or getattr(old, name) is None for name in _DETAILS)
