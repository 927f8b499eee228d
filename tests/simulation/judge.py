"""The judge of a world: knows all that was, and complains of what the contract promises and did not come.

The rules of reading, starting and waiting are those of the oracles in `tests/oracle`, which were written from the
contract by people who had not read the code; what is allowed for the sake of this world stands where it is allowed,
with its reason. Here stand the rules of the whole: only the package's errors leave it, every program ends, nothing is
left behind, and throttles are answered by slowing down.
"""

from collections import defaultdict
from collections.abc import Iterator

from jobruns_sdk import JobRunsError, ThrottledError
from tests.oracle.starting_history import StartCall
from tests.oracle.waiting_programs import Record
from tests.simulation.judge_changes import ChangesJudge
from tests.simulation.judge_pace import PaceJudge
from tests.simulation.judge_reading import THROTTLE_TIMEOUT, ReadingJudge
from tests.simulation.judge_reads import ReadsJudge
from tests.simulation.judge_starting import StartingJudge
from tests.simulation.judge_waiting import WaitingJudge
from tests.simulation.programs import Start, StartAndWait, Walk
from tests.simulation.programs_changes import Keep
from tests.simulation.reads import Read
from tests.simulation.simulation import Done, Simulation
from tests.simulation.world import Job


def complaints(simulation: Simulation) -> Iterator[str]:
    """Return every promise that was broken, each with the number of the program that saw it."""
    world = simulation.story.world
    reading, reads = ReadingJudge(world), ReadsJudge(world)
    waiting = {process.name: WaitingJudge(world, process) for process in simulation.processes}
    for done in simulation.done:
        told: list[str] = [*_whole(done)]
        if isinstance(done.record, Walk):
            told += reading.complaints(done.record, done.number)
        elif isinstance(done.record, Read):
            mine = [one for one in world.heard if (one.program, one.process) == (done.number, done.process.name)]
            told += reads.complaints(done.record, mine)
        elif isinstance(done.record, Keep):
            mine = [one for one in world.heard if one.program == done.number]
            told += ChangesJudge(world).complaints(done.record, mine)
        elif not isinstance(done.record, Start):
            told += waiting[done.process.name].complaints(done.record)
        for text in told:
            record = done.record
            yield f"#{done.number} {type(record).__name__} in {done.process.name}, {record.begun:.2f}: {text}"
    starting = StartingJudge(world, simulation.loop.time())
    for job, calls in _calls(simulation).items():
        yield from starting.complaints(job, calls)
    yield from PaceJudge(world).complaints()
    yield from simulation.left
    yield from simulation.loop.noted


def _whole(done: Done) -> Iterator[str]:
    record = done.record
    if record.begun >= 0 and record.ended < 0 and done.process.killed_at is None:
        yield "never ended"
    error = record.error
    if isinstance(error, ThrottledError) and record.ended - record.begun < THROTTLE_TIMEOUT:
        yield f"ThrottledError after {record.ended - record.begun:.0f} s: {error!s:.150}"
    if isinstance(record, Walk | Start | Read | Keep) and error is not None:
        yield from _alien(record, error)


def _alien(record: Record, error: BaseException) -> Iterator[str]:
    cancelled = record.cancelled is not None and type(error).__name__ == "CancelledError"
    if not isinstance(error, JobRunsError) and not cancelled:
        yield f"{type(error).__name__} left the package: {error!r:.200}"


def _calls(simulation: Simulation) -> dict[Job, list[StartCall]]:
    """Return the starts of each job, in the order in which they began; what was killed was cancelled then."""
    calls: dict[Job, list[StartCall]] = defaultdict(list)
    for done in simulation.done:
        record = done.record
        if isinstance(record, Start | StartAndWait) and record.call is not None:
            job = record.job if isinstance(record, Start) else record.of
            assert isinstance(job, Job)
            call = record.call
            if call.ended is None and done.process.killed_at is not None:
                call.ended = call.cancelled_at = done.process.killed_at
            elif record.cancelled is not None and call.cancelled_at is None and call.ended == record.ended:
                call.cancelled_at = record.cancelled
            calls[job].append(call)
    return {job: sorted(mine, key=lambda call: call.began) for job, mine in calls.items()}
