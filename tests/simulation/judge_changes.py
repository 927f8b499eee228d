"""What is kept of changes (`programs_changes.py`) before the history of the services.

A run's words are its attempts and their states, in the order of its life. After each read that came to its end:

- **Complete**: of a run that could be listed when the read began, and still is, what is kept is a word that it had
  while it was read, or since.
- **True**: what is kept is a run of the jobs in a word that it has had by then, and its end is the moment of that.
- **Forward**: what was kept is kept, also by a process that was killed, and in no earlier word.
- **Lost**: a run is marked as lost only if it is gone; one that was kept as going on and was gone when a read began is
  marked, or told of. A store that is shared is not held to the second: of two that sync at once, one's cursor counts.
- **Tried**: attempts are kept as they were; where all are asked for, a run that was retried has each of them.
- `added` is by how many rows the file has grown. An error is founded in a request of the program's own.

Not owed are runs out of their place in a list, runs without their first attempts, and those created before the time at
which jobs begin.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from jobruns_sdk import JobRunsError, NotFoundError, ThrottledError
from tests.simulation.judge_reading import THROTTLE_TIMEOUT, is_founded
from tests.simulation.programs_changes import Caught, Keep, ReadChanges, SyncStore, Word
from tests.simulation.world import Heard, Job, Run, World

_EXACT = 0.002  # seconds: times are told in milliseconds


def word_at(run: Run, moment: float) -> Word | None:
    """Return the word that a service gives of a run at a moment; None where it does not show it."""
    if run.work.service == "glue":
        shown = list(run.listed(moment))
        return Word(shown[-1][0] + 1, shown[-1][1].state, shown[-1][1].at) if shown else None
    phase = run.phase_at(moment)
    if phase is None or not run.seen_from <= moment < run.lost_at:
        return None
    return Word(phase.attempt if run.work.service == "emr-serverless" else 1, phase.state, phase.at)


def words_between(run: Run, since: float, until: float) -> list[Word]:
    """Return the words of a run from one moment to another, in order."""
    moments = {t for phase in run.phases for t in (phase.at, phase.at + run.lag) if since < t <= until}
    words = [word_at(run, moment) for moment in [since, *sorted(moments)]]
    return [word for word in words if word is not None]


class ChangesJudge:
    """Holds what programs keep to the promises, once the world is over."""

    def __init__(self, world: World) -> None:
        self.world = world

    def complaints(self, keep: Keep, heard: Sequence[Heard]) -> Iterator[str]:
        if keep.begun < 0:
            return
        yield from self._errors(keep, heard)
        known: dict[str, Word] = {}
        for moment, kept in self._moments(keep):
            yield from self._forward(known, kept, moment)
            known = kept
        followed: dict[str, Word] = {}
        for caught in keep.caught:
            for ref, word in caught.kept.items():
                yield from self._true(keep, ref, word, caught.ended)
            for job in caught.jobs:
                if job.ref not in caught.skipped:
                    yield from self._complete(keep, job, caught)
            if isinstance(keep, SyncStore):
                yield from self._of_store(keep, caught, followed)
            else:
                yield from self._untold(caught, followed)
            read = {job.ref for job in caught.jobs} - caught.skipped
            followed = {
                ref: word
                for ref, word in caught.kept.items()
                if not word.is_lost and ref not in caught.gone and self._is_going(ref, word) and _job_of(ref) in read
            }
        if isinstance(keep, ReadChanges):
            for moment, ref, word in keep.handed_out:
                yield from self._true(keep, ref, word, moment)

    def _moments(self, keep: Keep) -> list[tuple[float, dict[str, Word]]]:
        caught = [(caught.ended, caught.kept) for caught in keep.caught]
        return sorted([*caught, *keep.after_kill], key=lambda entry: entry[0])

    def _run(self, ref: str) -> Run | None:
        found = self.world.lives.get(ref)
        return found if isinstance(found, Run) else None

    def _is_going(self, ref: str, word: Word) -> bool:
        run = self._run(ref)
        return run is not None and not run.is_ended(word.state)

    def _errors(self, keep: Keep, heard: Sequence[Heard]) -> Iterator[str]:
        told: list[tuple[float, float, JobRunsError]] = [*keep.failed]
        for began, at, failure in keep.skipped:
            run = None if failure.run is None else self._run(str(failure.run).partition("?")[0])
            if run is None or not isinstance(failure.error, NotFoundError):
                told.append((began, at, failure.error))
            elif not (run.lost_at <= at or run.first_gone_at <= at or run.phases[0].at + run.lag > began):
                yield f"at {at:.2f} {run.ref} was told as gone, and it is there"
        for began, at, error in told:
            if not is_founded(error, [one for one in heard if one.sent_at <= at]):
                yield f"an error at {at:.2f} though nothing went wrong: {type(error).__name__}: {error!s:.200}"
            elif isinstance(error, ThrottledError) and at - began < THROTTLE_TIMEOUT:
                yield f"ThrottledError after {at - began:.0f} s"

    def _forward(self, known: dict[str, Word], kept: dict[str, Word], moment: float) -> Iterator[str]:
        for ref, before in known.items():
            after, run = kept.get(ref), self._run(ref)
            if after is None:
                yield f"lost: {ref} was kept, and is not any more at {moment:.2f}"
            elif run is not None and _is_before(run, after, before):
                yield f"backward: {ref} was {_said(before)}, and is {_said(after)} at {moment:.2f}"

    def _true(self, keep: Keep, ref: str, word: Word, moment: float) -> Iterator[str]:
        run = self._run(ref)
        if run is None or (run.job not in keep.jobs and not getattr(keep, "is_shared", False)):
            yield f"{ref} is no run of these jobs"
            return
        told = [one for one in words_of(run, moment) if _said(one) == _said(word)]
        if not told:
            yield f"untrue: {ref} is kept as {_said(word)} at {moment:.2f}; {_life(run)}"
        elif word.ended is not None and all(abs(word.ended - (one.ended or 0.0)) > _EXACT for one in told):
            yield f"untrue: {ref} is kept as ended at {word.ended:.3f}; {_life(run)}"

    def _complete(self, keep: Keep, job: Job, caught: Caught) -> Iterator[str]:
        for run in job.runs:
            assert isinstance(run, Run)
            if (
                not _is_owed(run, caught)
                or run.ref in caught.skipped
                or (keep.since is not None and run.created < keep.since)
            ):
                continue
            word = caught.kept.get(run.ref)
            words = [_said(one) for one in words_between(run, caught.began, caught.ended)]
            if word is None:
                yield f"lost: {run.ref} is not kept of a read of {caught.began:.2f} to {caught.ended:.2f}; {_life(run)}"
            elif _said(word) not in words:
                yield (
                    f"behind: {run.ref} is kept as {_said(word)} at {caught.ended:.2f}, of a read since "
                    f"{caught.began:.2f}, when it was {words}; {_life(run)}"
                )

    def _of_store(self, keep: SyncStore, caught: Caught, followed: dict[str, Word]) -> Iterator[str]:
        read = {job.ref for job in caught.jobs} - caught.skipped
        for ref, word in caught.kept.items():
            run = self._run(ref)
            if run is None:
                continue
            if word.is_lost and not (run.lost_at <= caught.ended or run.first_gone_at <= caught.ended):
                yield f"{ref} is marked as lost at {caught.ended:.2f}, and it is there"
            was_followed = ref in followed and _job_of(ref) in read and ref not in caught.skipped and not keep.is_shared
            if was_followed and run.lost_at <= caught.began and self._is_going(ref, word) and not word.is_lost:
                yield f"lost: {ref} is gone since {run.lost_at:.2f}, kept as {_said(word)}, and not marked"
            may_be_ended = run.is_ended(word.state) and not keep.is_shared and keep.on_error == "raise"
            tells_end = run.work.service != "emr-serverless" or keep.hydrate
            if may_be_ended and tells_end and word.ended is None and run.lost_at > caught.ended:
                yield f"{ref} is kept as {_said(word)} without its end"
        yield from self._tried(keep, caught)
        if not keep.is_shared and caught.grown != caught.added:
            yield f"added={caught.added}, and the file has {caught.grown} more at {caught.ended:.2f}"

    def _tried(self, keep: SyncStore, caught: Caught) -> Iterator[str]:
        for ref, attempts in caught.tried.items():
            run = self._run(ref)
            for number, state in attempts.items() if run is not None else ():
                assert run is not None
                first = run.work.service == "glue"
                states = {p.state for p in run.phases if p.attempt + first == number and p.at <= caught.ended}
                if run.work.service == "datazone":
                    states = {p.state for p in run.phases if p.at <= caught.ended}
                if state not in states:
                    yield f"untrue: attempt {number} of {ref} is kept as {state} at {caught.ended:.2f}; {_life(run)}"
        if not keep.attempts or keep.is_shared or keep.on_error != "raise":
            return
        for ref, word in caught.kept.items():
            run = self._run(ref)
            is_whole = run is not None and not run.lag and min(run.lost_at, run.first_gone_at) > caught.ended
            missing = set(range(1, word.attempt + 1)) - set(caught.tried.get(ref, ()))
            if is_whole and missing:
                yield f"lost: {ref} is kept as {_said(word)} without its attempts {sorted(missing)}"

    def _untold(self, caught: Caught, followed: dict[str, Word]) -> Iterator[str]:
        read = {job.ref for job in caught.jobs} - caught.skipped
        for ref in followed:
            run, word = self._run(ref), caught.kept[ref]
            is_gone = run is not None and run.lost_at <= caught.began and _job_of(ref) in read
            if is_gone and ref not in caught.skipped and self._is_going(ref, word) and ref not in caught.gone:
                yield f"lost: {ref} is gone, kept as {_said(word)}, and was not told of at {caught.ended:.2f}"


def words_of(run: Run, until: float) -> list[Word]:
    """Return all words that a run has had, whether somebody could see them or not."""
    first = 1 if run.work.service == "glue" else 0
    fixed = run.work.service == "datazone"
    return [Word(1 if fixed else p.attempt + first, p.state, p.at) for p in run.phases if p.at <= until]


def _is_owed(run: Run, caught: Caught) -> bool:
    return (
        run.seen_from <= caught.began
        and not run.shift
        and run.lost_at > caught.ended
        and run.first_gone_at > caught.ended
    )


def _is_before(run: Run, word: Word, other: Word) -> bool:
    """Tell whether a word is of an earlier part of a run's life than another."""
    order = [_said(one) for one in words_of(run, float("inf"))]
    said, known = _said(word), _said(other)
    return said in order and known in order and order.index(said) < order.index(known)


def _said(word: Word) -> tuple[int, str]:
    return word.attempt, word.state


def _job_of(ref: str) -> str:
    return ref.rpartition("/")[0]


def _life(run: Run) -> str:
    phases = [(phase.state, round(phase.at, 2), phase.attempt) for phase in run.phases]
    gaps = [f"{after.at - before.at:.0f}" for before, after in pairwise(run.phases)]
    return f"its life: {phases}, {'+'.join(gaps)} s; lag {run.lag:.1f}, gone at {run.lost_at:.1f}"
