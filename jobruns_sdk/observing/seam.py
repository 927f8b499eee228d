"""The seam between the kernels and those who observe them.

A kernel asks ``Observing.now`` once for each thing that it might tell, and does nothing more where that is None: nobody
has given an observer, and no logger of this package is enabled.
"""

from asyncio import CancelledError
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from jobruns_sdk.checks import items_of, kind_of
from jobruns_sdk.errors import JobRunsError
from jobruns_sdk.observing import logs
from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.values import (
    CallEnded,
    CallRetried,
    CallStarted,
    PollEnded,
    PollStarted,
    RunChanged,
    TurnTaken,
    WaitEnded,
    WaitStarted,
    WalkEnded,
)

if TYPE_CHECKING:
    from datetime import datetime
    from logging import Logger

    from jobruns_sdk.model.runs import JobRun
    from jobruns_sdk.model.states import RunState

V = TypeVar("V")
_REMEMBERED: Final = 10_000  # runs whose latest state is known, so that a change is told once

_check_observer: Final = kind_of(Observer, "an Observer, or a sequence of them")


class Observers:
    """Several observers as one: each member calls all who have it, or is None where nobody has."""

    def __init__(
        self, observers: Sequence[Observer], complain: Callable[[object, BaseException, "Logger"], object]
    ) -> None:
        """Put observers together.

        Args:
            observers: The observers, in the order in which they are called.
            complain: Called with an observer that has raised, its exception, and the logger for that.
        """
        self._complain = complain
        calls, polls = logs.CALLS, logs.POLLS
        self.call: Callable[[CallStarted | CallEnded], None] | None = self._all(calls, [one.call for one in observers])
        self.retry: Callable[[CallRetried], None] | None = self._all(calls, [one.retry for one in observers])
        self.turn: Callable[[TurnTaken], None] | None = self._all(calls, [one.turn for one in observers])
        self.poll: Callable[[PollStarted | PollEnded], None] | None = self._all(polls, [one.poll for one in observers])
        self.wait: Callable[[WaitStarted | WaitEnded], None] | None = self._all(polls, [one.wait for one in observers])
        self.change: Callable[[RunChanged], None] | None = self._all(polls, [one.change for one in observers])
        self.walk: Callable[[WalkEnded], None] | None = self._all(calls, [one.walk for one in observers])

    def _all(self, logger: "Logger", members: Iterable[Callable[[V], object] | None]) -> Callable[[V], None] | None:
        tells = [member for member in members if member is not None]
        if not tells:
            return None

        def tell(value: V) -> None:
            for one in tells:
                try:
                    one(value)
                # Of anybody's making, which must break nothing; a cancellation is the observer's own, as of a future
                # whose result it takes: the task that is told cannot be cancelled here, where nothing is awaited.
                except (Exception, CancelledError) as error:  # noqa: BLE001
                    self._complain(one, error, logger)

        return tell


class Observing:
    """The observers of one client: those that it was given, and the loggers while they are enabled."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._failed: list[object] = []
        self._states: OrderedDict[str, tuple[RunState, int]] = OrderedDict()
        self._given = Observers(observers, self._complain) if observers else None
        self._all = Observers((*observers, logs.LOGS), self._complain)

    @property
    def now(self) -> Observers | None:
        """Those who observe now; None for nobody. Loggers may be set up while the client is open."""
        return self._all if logs.are_on() else self._given

    def saw(self, run: "JobRun[Any] | JobRunsError", at: "datetime") -> None:
        """Tell of a run that a poll has seen, if it has changed since this client last saw it."""
        if (observers := self.now) is None or observers.change is None or isinstance(run, JobRunsError):
            return
        name, state = str(run.ref), (run.state, run.attempt)
        before = self._states.get(name)
        self._states[name] = state
        self._states.move_to_end(name)
        if len(self._states) > _REMEMBERED:
            self._states.popitem(last=False)
        if before != state:
            observers.change(
                RunChanged(
                    run=run.ref,
                    before=before and before[0],
                    after=run.state,
                    native_state=run.native_state,
                    attempt=run.attempt,
                    at=at,
                )
            )

    def _complain(self, observer: object, error: BaseException, logger: "Logger") -> None:
        if not any(one is observer for one in self._failed):
            self._failed.append(observer)
            name = getattr(observer, "__qualname__", type(observer).__qualname__)
            logs.warn(logger, f"an observer has raised, which is not told again: {name}", error=error)


def observers_of(given: Observer | Sequence[Observer] | None) -> list[Observer]:
    """Return the observers that a client was given: one, several, or None for none.

    Raises:
        InvalidRequestError: It is something else.
    """
    if given is None:
        return []
    observers = [given] if isinstance(given, Observer) else items_of("observer", given, "observers")
    for one in observers:
        _check_observer("observer", one)
    return observers
