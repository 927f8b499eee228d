"""What a chain of walks asks for, chosen at random."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final, Literal

import attrs

from jobruns_sdk import RunState
from tests.oracle.reading_world import Job, Kind, World

ACTIVE: Final = (RunState.QUEUED, RunState.STARTING, RunState.RUNNING, RunState.STOPPING)
ENDED: Final = (RunState.SUCCEEDED, RunState.FAILED, RunState.STOPPED, RunState.TIMED_OUT, RunState.PARTIALLY_SUCCEEDED)

# user_code.md's table, turned round.
NATIVE: Final[Mapping[Kind, Mapping[RunState, Sequence[str]]]] = {
    "emr-serverless": {
        RunState.QUEUED: ("SUBMITTED", "PENDING", "QUEUED"),
        RunState.STARTING: ("SCHEDULED",),
        RunState.RUNNING: ("RUNNING",),
        RunState.STOPPING: ("CANCELLING",),
        RunState.SUCCEEDED: ("SUCCESS",),
        RunState.FAILED: ("FAILED",),
        RunState.STOPPED: ("CANCELLED",),
    },
    "datazone": {
        RunState.QUEUED: ("SCHEDULED",),
        RunState.RUNNING: ("IN_PROGRESS",),
        RunState.SUCCEEDED: ("SUCCESS",),
        RunState.PARTIALLY_SUCCEEDED: ("PARTIALLY_SUCCEEDED",),
        RunState.FAILED: ("FAILED", "ABORTED"),
        RunState.STOPPED: ("CANCELED",),
        RunState.TIMED_OUT: ("TIMED_OUT",),
    },
    "glue": {
        RunState.QUEUED: ("WAITING",),
        RunState.STARTING: ("STARTING",),
        RunState.RUNNING: ("RUNNING",),
        RunState.STOPPING: ("STOPPING",),
        RunState.SUCCEEDED: ("SUCCEEDED",),
        RunState.FAILED: ("FAILED", "ERROR"),
        RunState.STOPPED: ("STOPPED",),
        RunState.TIMED_OUT: ("TIMEOUT", "EXPIRED"),
    },
}


@attrs.frozen
class Query:
    """What a chain asks for."""

    jobs: tuple[Job, ...]
    fan_out: bool
    states: frozenset[RunState] | None = None
    native: frozenset[str] | None = None
    after: int | None = None
    before: int | None = None
    mode: str | None = None
    order: Literal["newest", "any", "oldest"] = "newest"
    collapse: bool = True
    hydrate: bool = False

    def wanted(self, kind: Kind) -> frozenset[str] | None:
        """Return the native states that are wanted of a service, None for all."""
        if self.states is None:
            return self.native
        by_state = frozenset(word for state in self.states for word in NATIVE[kind].get(state, ()))
        return by_state if self.native is None else by_state & self.native

    def is_one_list(self, kind: Kind) -> bool:
        wanted = self.wanted(kind)
        return kind != "emr-serverless" or wanted is None or len(wanted) <= 1


def make_query(world: World, random: Random) -> Query:
    """Choose what to ask for."""
    fan_out = len(world.jobs) > 1 and random.random() < 0.5
    jobs = tuple(random.sample(world.jobs, random.randint(1, len(world.jobs)) if fan_out else 1))
    kind = jobs[0].kind
    order: Literal["newest", "any", "oldest"] = "newest"
    if fan_out and random.random() < 0.3:
        order = "any"
    elif not fan_out and kind == "datazone" and random.random() < 0.3:
        order = "oldest"
    query = Query(jobs, fan_out, order=order, hydrate=random.random() < 0.13)
    query = _with_window(query, random)
    if not (world.counts and any(job.kind != "glue" for job in jobs)):
        query = _with_states(query, random)
    if not fan_out and kind == "emr-serverless" and random.random() < 0.06:
        query = attrs.evolve(query, mode=random.choice(("BATCH", "STREAMING")))
    if not fan_out and kind == "glue" and random.random() < 0.15:
        query = attrs.evolve(query, collapse=False)
    return query


def _with_window(query: Query, random: Random) -> Query:
    rows = [row for job in query.jobs for row in job.rows]
    if len(rows) < 2 or random.random() < 0.55:
        return query
    edges = sorted(random.sample([row.created for row in rows], 2))
    after = edges[0] + random.choice((0, 0, 1, -1, 5000)) if random.random() < 0.75 else None
    before = edges[1] + random.choice((0, 0, 1, -1, 5000)) if after is None or random.random() < 0.3 else None
    if after is not None and before is not None and after >= before:
        before = None
    return attrs.evolve(query, after=after, before=before)


def _with_states(query: Query, random: Random) -> Query:
    states: Sequence[RunState]
    match random.choices(("none", "one", "active", "ended", "mixed", "native"), (22, 15, 20, 18, 20, 5))[0]:
        case "none":
            return query
        case "one":
            states = random.sample((*ACTIVE, *ENDED), 1)
        case "active":
            states = ACTIVE if random.random() < 0.5 else random.sample(ACTIVE, random.randint(2, 3))
        case "ended":
            states = random.sample(ENDED, random.randint(2, len(ENDED)))
        case "mixed":
            states = (*random.sample(ACTIVE, random.randint(1, 4)), *random.sample(ENDED, random.randint(1, 4)))
        case _:
            words = sorted({word for words in NATIVE[query.jobs[0].kind].values() for word in words})
            return attrs.evolve(query, native=frozenset(random.sample(words, random.randint(1, 4))))
    return attrs.evolve(query, states=frozenset(states))
