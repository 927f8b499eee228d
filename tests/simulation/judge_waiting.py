"""Waits, watches and stops before the judges of waiting (`tests/oracle/waiting_judge*.py`).

What went wrong with the requests of a process is an outage to it, by service and job, from when a request was sent
until its client had nothing to wait for. What a clock that is wrong has said is taken back to the true time.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import attrs

from jobruns_sdk import StateChange
from tests.oracle.waiting_judge import FIRST_NUMBER
from tests.oracle.waiting_judge_all import AllJudge
from tests.oracle.waiting_judge_watch import WatchJudge, job_of
from tests.oracle.waiting_programs import Record, Stop, Wait, WaitAll, Watch
from tests.oracle.waiting_time import EPOCH
from tests.oracle.waiting_world import NEVER, FaultKind, Outage
from tests.oracle.waiting_world import World as WaitingWorld
from tests.simulation.processes import Process
from tests.simulation.world import Heard, World

EARLIER = 10.0  # seconds, besides its lag, by which a state may have been left when it is told and nothing goes wrong
KINDS: dict[str, FaultKind] = {"throttle": "throttle", "expired": "expired", "denied": "denied", "html": "html"}


def outages_of(heard: Sequence[Heard]) -> list[Outage]:
    """Return the spans in which requests of a process went wrong, those that follow each other as one."""
    spans: dict[tuple[str, str | None, FaultKind], list[Outage]] = {}
    for one in heard:
        if not one.odd:
            continue
        kind = KINDS.get("throttle" if one.result == "ThrottlingException" else one.kind, "500")
        work = None if kind == "throttle" or one.job is None else one.job.name
        until = one.over_at if one.over_at is not None else one.sent_at + 60.0
        mine = spans.setdefault((one.service, work, kind), [])
        if mine and one.sent_at - mine[-1].until < 60.0:
            mine[-1].until = max(mine[-1].until, until)
        else:
            mine.append(Outage(one.sent_at, until, kind, one.service, work))
    return sorted((one for each in spans.values() for one in each), key=lambda outage: outage.since)


class WaitingJudge:
    """Holds the waits, watches and stops of a process to the promises, once the world is over."""

    def __init__(self, world: World, process: Process) -> None:
        self.process = process
        name = process.name.partition(".")[0]
        mine = [heard for heard in world.heard if heard.process.partition(".")[0] == name]
        outages = outages_of(mine)
        if process.killed_at is not None:  # a stop watches for a retry as long as its client is open
            outages.append(Outage(process.killed_at, NEVER, "500"))
        self.view = WaitingWorld(world.rng, lives=world.lives, outages=outages)

    def complaints(self, record: Record) -> Iterator[str]:
        if record.begun < 0 or record.ended < 0:
            return
        judge, watches = AllJudge(self.view), WatchJudge(self.view)
        match record:
            case Wait():
                yield from judge.wait(record)
            case WaitAll():
                yield from judge.wait_all(record)
            case Watch():
                self._set_right(record)
                yield from watches.watch(record)
            case Stop():
                yield from judge.stop(record)
            case _:
                raise AssertionError(record)

    def _set_right(self, record: Watch) -> None:
        record.changes = [
            (at, attrs.evolve(change, at=self._true(change, record.begun, at))) for at, change in record.changes
        ]

    def _true(self, change: StateChange, begun: float, by: float) -> datetime:
        """Return when a change was seen; where a clock was set, a moment that may be meant, and a right one if any."""
        moments = self.process.clock.true(change.at, by)
        life = self.view.lives.get(f"{job_of(change.run.job)}/{change.run.id}")
        told = (change.run.native_state, change.run.attempt - (0 if life is None else FIRST_NUMBER[life.work.service]))
        earlier = EARLIER + (0.0 if life is None else life.lag)
        right = (
            at
            for at in moments
            if life is not None and begun - 0.1 <= at <= by + 0.1 and told in life.states_between(at - earlier, at)
        )
        return EPOCH + timedelta(seconds=next(right, moments[0]))
