"""The ways that a run can go, as the local service lives them: found by letting runs go through them."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from jobruns_sdk.testing.world.jobs import Job, Limits
from jobruns_sdk.testing.world.lifecycle import DATAZONE, EMR_SERVERLESS, GLUE, Machine, Run, Script

# Times of the lives that are tried, in the local service's milliseconds; long enough for every state to be seen.
_STARTUP, _RUNNING, _STOPPING, _OCCUPIED, _END = 12, 12, 4, 8, 100
_LIMITS: Final = {
    "glue": Limits(max_retries=1, max_concurrent=1, queues=True, queue_timeout=40, retry_delay=2),
    "emr-serverless": Limits(max_retries=1, max_concurrent=1, queues=True, queue_timeout=40),
    "datazone": Limits(),
}


class Step(NamedTuple):
    """A change of state; one that is a retry begins another attempt."""

    before: str
    after: str
    retry: bool = False


def steps(machine: Machine) -> list[Step]:
    """Return the steps that runs of a service can take; the first ones come from the state ``""``."""
    limits = _LIMITS[machine.service]
    found: dict[Step, None] = {}
    for outcome in sorted(machine.terminal):
        found |= dict.fromkeys(_life(machine, Script(outcome, _RUNNING, startup=_STARTUP, stopping=_STOPPING)))
    usual = Script(machine.succeeded, _RUNNING, limits.max_retries, startup=_STARTUP, stopping=_STOPPING)
    found |= dict.fromkeys(_life(machine, usual, timeout=_RUNNING // 2))
    if limits.queues:
        found |= dict.fromkeys(_life(machine, usual, behind=_OCCUPIED))
        found |= dict.fromkeys(_life(machine, usual, behind=_END))
        for stop in range(_END):
            found |= dict.fromkeys(_life(machine, usual, stop=stop))
            found |= dict.fromkeys(_life(machine, usual, behind=_OCCUPIED, stop=stop))
    return list(found)


def _life(
    machine: Machine, way: Script, *, timeout: int | None = None, behind: int | None = None, stop: int | None = None
) -> Iterator[Step]:
    """Live a run: behind another one that takes so long, and asked to stop at an instant."""
    job = Job(machine, "job", 0, way, _LIMITS[machine.service], {})
    if behind is not None:
        job.begin(job.add("first", 0, request={}, script=Script(way.outcome, behind, startup=1)).last, 0, queue=False)
    run = job.add("run", 0, request={}, script=way, timeout=timeout)
    job.begin(run.last, 0, queue=True)
    seen = "", 0
    for now in range(_END):
        job.settle(now)
        yield from _step(seen, seen := _seen(run, now))
        if now == stop:
            job.stop(run.attempt_at(now), now, _STOPPING)
            yield from _step(seen, seen := _seen(run, now))


def _seen(run: Run, now: int) -> tuple[str, int]:
    attempt = run.attempt_at(now)
    return attempt.state_at(now), attempt.number


def _step(before: tuple[str, int], after: tuple[str, int]) -> Iterator[Step]:
    if before[0] != after[0]:
        yield Step(before[0], after[0], after[1] > before[1])


MACHINES: Final = (EMR_SERVERLESS, DATAZONE, GLUE)
