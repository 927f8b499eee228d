"""Waits and polls as they are told to observers."""

from collections.abc import Callable, Collection, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.model.runs import JobRun
from jobruns_sdk.observing.values import Failure, PollEnded, PollStarted, WaitEnded, WaitStarted
from jobruns_sdk.runs.group import Group

if TYPE_CHECKING:
    from jobruns_sdk.model.refs import JobRef
    from jobruns_sdk.model.states import RunState
    from jobruns_sdk.observing.seam import Observers


@contextmanager
def waiting(observers: "Observers | None", group: Group, job: "JobRef", run_ids: Collection[str]) -> Generator[None]:
    """Tell that somebody waits for runs of a job in the block, and let polls know."""
    if observers is None or (observers.wait is None and observers.poll is None):
        yield
        return
    waits = [WaitStarted(run=job.run(run_id)) for run_id in run_ids]
    failure: Failure | None = None
    group.waits.update(dict.fromkeys(waits))
    try:
        if observers.wait is not None:
            for wait in waits:
                observers.wait(wait)
        yield
    except BaseException as error:
        failure = Failure.of(error)
        raise
    finally:
        for wait in waits:
            del group.waits[wait]
            if observers.wait is not None:
                observers.wait(WaitEnded(wait=wait, state=_state(group, wait.run.run_id), failure=failure))


@contextmanager
def polling(
    observers: "Observers | None", group: Group, job: "JobRef", run_ids: Sequence[str], seconds: Callable[[], float]
) -> Generator[None]:
    """Tell that runs of a job are polled in the block, and for whom."""
    if observers is None or observers.poll is None:
        yield
        return
    polled = frozenset(run_ids)
    waits = tuple(wait for wait in group.waits if wait.run.run_id in polled)
    poll, begun = PollStarted(job=job, runs=len(polled), waits=waits), seconds()
    failure: Failure | None = None
    try:
        observers.poll(poll)
        yield
    except BaseException as error:
        failure = Failure.of(error)
        raise
    finally:
        hidden = sum(isinstance(_seen(group, run_id), JobRunsError) for run_id in polled)
        observers.poll(PollEnded(poll=poll, seconds=seconds() - begun, hidden=hidden, failure=failure))


def _seen(group: Group, run_id: str) -> object:
    return group.seen[run_id][1] if run_id in group.seen else None


def _state(group: Group, run_id: str) -> "RunState | None":
    seen = _seen(group, run_id)
    if not isinstance(seen, JobRun):
        seen = group.newest.get(run_id)
    return None if seen is None else seen.state
