"""Readings in one go (`reads.py`) before the history of the services: what they yield, and what they owe.

- What is yielded is there, was in such a state while it was read, and its end lies in the window.
- Owed is a run that could be listed all the time, was created within reach, and whose every state in that time was
  wanted; of a run that is read by its attempts, each that had begun before.
- Nothing comes twice, unless rows of the job left while a cursor was gone on from (docs/reliability.md).
- The newest come first, the attempts of a run first to last. What is read in full is full.
- An error is founded in a request of its own; a job of which one was told owes nothing.

Not owed are runs out of their place in a list, those without their first attempt, and on EMR Serverless those that a
retry took back meanwhile.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import inf
from typing import Any

from jobruns_sdk import JobRef, JobRunsError, RunRef, ThrottledError
from tests.oracle.reading_queries import NATIVE
from tests.oracle.waiting_world import Phase
from tests.simulation.judge_reading import THROTTLE_TIMEOUT, is_founded
from tests.simulation.reads import Read
from tests.simulation.world import Heard, Run, World

WEEK = 7 * 86400.0


class ReadsJudge:
    """Holds readings to the promises, once the world is over."""

    def __init__(self, world: World) -> None:
        self.world = world

    def complaints(self, read: Read, heard: Sequence[Heard]) -> Iterator[str]:
        if read.ended < 0:
            return
        yield from read.broken
        yield from _errors(read, heard)
        if read.what == "jobs":
            yield from _jobs(read)
            return
        yield from _doubled(read)
        found = [(at, row, self._run(row)) for at, row in read.got]
        for at, row, run in found:
            yield from (_of_run if read.what == "runs" else _of_attempt)(read, row, run, at)
        if not read.skipped and "order" not in read.options:
            yield from _order(read, [(row, run) for _, row, run in found if run is not None])
        if read.complete and read.cancelled is None:
            yield from _lost(read, [(row, run) for _, row, run in found if run is not None])

    def _run(self, row: Any) -> Run | None:  # noqa: ANN401 - a run or an attempt
        found = self.world.lives.get(_name(row)[0])
        return found if isinstance(found, Run) else None


def _errors(read: Read, heard: Sequence[Heard]) -> Iterator[str]:
    told: list[tuple[float, JobRunsError]] = [(at, error) for _, at, error in read.failed]
    told += [(read.ended, failure.error) for failure in (*read.skipped, *read.called)]
    for at, error in told:
        if not is_founded(error, [one for one in heard if one.sent_at <= at]):
            yield f"an error at {at:.2f} though nothing went wrong: {type(error).__name__}: {error!s:.200}"
    for began, at, error in read.failed:
        if isinstance(error, ThrottledError) and at - began < THROTTLE_TIMEOUT:
            yield f"ThrottledError after {at - began:.0f} s"
    if not read.complete and not read.failed and read.cancelled is None and read.legs == 12:
        yield "the reading did not end"


def _jobs(read: Read) -> Iterator[str]:
    names = Counter((str(job.ref.service), job.ref.path[0]) for _, job in read.got)
    wanted = {(job.service, job.name) for job in read.jobs if read.names(job)}
    for found, count in names.items():
        if count > 1 or found not in wanted:
            yield f"the job {found} was found {count} times, wanted are {sorted(wanted)}"
    told = {str(failure.job.service) for failure in read.skipped}
    for service, name in wanted - set(names):
        if read.complete and service not in told:
            yield f"lost: the job {name} of {service} was not found"


def _doubled(read: Read) -> Iterator[str]:
    runs = [run for job in read.jobs for run in job.runs if isinstance(run, Run)]
    left = any(read.begun < at <= read.ended for run in runs for at in (run.lost_at, run.first_gone_at))
    if left and read.legs > 1:
        return
    for (ref, number), count in Counter(_name(row) for _, row in read.got).items():
        if count > 1:
            yield f"doubled: {ref} {number} came {count} times"


def _name(row: Any) -> tuple[str, int]:  # noqa: ANN401 - a run or an attempt
    return (_plain(row.run), row.number) if hasattr(row, "number") else (_plain(row.ref), 0)


def _plain(ref: JobRef | RunRef) -> str:
    """Return a reference as this world has it: its names are of one region."""
    return str(ref).partition("?")[0]


def _seen(run: Run, since: float, until: float) -> list[Phase]:
    """Return the phases in which a run may have been read between two moments."""
    ends = [*(phase.at for phase in run.phases[1:]), inf]
    return [phase for phase, end in zip(run.phases, ends, strict=True) if phase.at <= until and end + run.lag >= since]


def _fits(read: Read, run: Run, phase: Phase) -> bool:
    """Tell whether a run in that phase is wanted."""
    states = read.options.get("states")
    if states is not None and not any(phase.state in NATIVE[run.work.service].get(state, ()) for state in states):
        return False
    if read.since is None:
        return True
    if not run.is_ended(phase.state):
        return read.active
    return phase.at >= read.since and (read.until is None or phase.at < read.until)


def _of_run(read: Read, row: Any, run: Run | None, at: float) -> Iterator[str]:  # noqa: ANN401 - a run
    if run is None or run.job not in read.jobs:
        yield f"{row.ref} is no run of these jobs"
        return
    seen = [phase for phase in _seen(run, read.begun, at) if read.hydrate or phase.state == row.native_state]
    told = any(failure.job == row.job for failure in read.skipped)  # it comes as it was listed
    if not any(_fits(read, run, phase) for phase in seen) and not (told and seen):
        ends = [(phase.state, phase.at) for phase in run.phases]
        yield f"outside: {row.ref} is {row.native_state}, of {ends}; ends wanted are {read.since} to {read.until}"
    if read.hydrate and run.work.service == "emr-serverless" and not told and not hasattr(row.native, "jobDriver"):
        yield f"{row.ref} is not in full"


def _of_attempt(read: Read, row: Any, run: Run | None, at: float) -> Iterator[str]:  # noqa: ANN401 - an attempt
    if run is None or (run.job not in read.jobs and run not in read.runs):
        yield f"{row.run} is no run of these"
        return
    number = row.number - (run.work.service == "glue")
    states = {phase.state for phase in run.phases if phase.attempt == number and phase.at <= at}
    if run.work.service == "datazone":
        states = {phase.state for phase in run.phases if phase.at <= at}
    if row.native_state not in states:
        yield f"attempt {row.number} of {row.run} is {row.native_state}, it was {states} by {at:.2f}"


def _order(read: Read, found: Sequence[tuple[Any, Run]]) -> Iterator[str]:
    steady = [(row, run) for row, run in found if not run.shift and run.first_gone_at > read.ended]
    for (before, earlier), (row, run) in pairwise(steady):
        if read.what == "attempts" and earlier is run:
            if row.number != before.number + 1:
                yield f"order: attempt {row.number} of {run.ref} came after {before.number}"
        elif run.created > earlier.created and not read.runs:
            yield f"order: {run.ref} of {run.created} came after {earlier.ref} of {earlier.created}"


def _lost(read: Read, found: Sequence[tuple[Any, Run]]) -> Iterator[str]:
    got = {_name(row) for row, _ in found}
    told = {_plain(failure.job) for failure in read.skipped}
    for run in dict.fromkeys([*(run for job in read.jobs for run in job.runs), *read.runs]):
        if not isinstance(run, Run) or str(run.work.ref) in told:
            continue
        if not (run.seen_from <= read.begun and read.ended < run.lost_at and run.first_gone_at > read.ended):
            continue
        if run not in read.runs and not _is_owed(read, run):
            continue
        numbers = {0}
        if read.what == "attempts":
            # Not before its row can be listed; what the list does not show yet is not asked for.
            begun = {phase.attempt for phase in run.phases if phase.at + run.lag <= read.begun}
            numbers = {number + (run.work.service == "glue") for number in begun}
            numbers = numbers if run.work.service != "datazone" else {1}
        for number in sorted(numbers):
            if (run.ref, number) not in got:
                phases = [(phase.state, phase.at, phase.attempt) for phase in run.phases]
                yield f"lost: {run.ref} {number or ''} {phases}"


def _is_owed(read: Read, run: Run) -> bool:
    reach = WEEK if read.reach is None else read.reach
    if run.shift or (read.since is not None and run.created < read.since - reach):
        return False
    seen = _seen(run, read.begun, read.ended)
    if run.work.service != "glue" and len({phase.attempt for phase in seen}) > 1:
        return False
    return all(_fits(read, run, phase) for phase in seen)
