"""Sources of hints for the tests of listening."""

from collections.abc import Callable, Collection, Sequence
from itertools import count

import attrs

from jobruns_sdk import RunRef
from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.refs import JobRef
from jobruns_sdk.services.events import RunHint, Tells

_NUMBER = count()


@attrs.frozen
class Hint:
    """A hint, by default that a run has ended."""

    ref: RunRef
    tells_end: bool = True
    tells_change: bool = True
    attempt: int | None = None
    id: str = attrs.field(factory=lambda: f"hint-{next(_NUMBER)}")


def tells_all(_: JobRef) -> Tells | None:
    return "changes"


def tells_ends(_: JobRef) -> Tells | None:
    return "ends"


class Scheduled:
    """A source that is handed hints, or fails, at given seconds of a clock, and else waits for 20 seconds."""

    def __init__(
        self,
        clock: Clock,
        schedule: Sequence[tuple[float, RunHint | Exception]] = (),
        tells: Callable[[JobRef], Tells | None] = tells_all,
    ) -> None:
        self.asked: list[float] = []
        self.confirmed = 0
        self.confirm_error: Exception | None = None
        self.failing: tuple[float, float, Exception] | None = None
        self._clock = clock
        self._left = sorted(schedule, key=lambda one: one[0])
        self._tells = tells

    def tells_of(self, job: JobRef) -> Tells | None:
        return self._tells(job)

    def add(self, at: float, what: RunHint | Exception) -> None:
        self._left.append((at, what))
        self._left.sort(key=lambda one: one[0])

    async def receive(self) -> Collection[RunHint]:
        began = self._clock.monotonic()
        self.asked.append(began)
        if len(self.asked) > 1:  # the first one tells at once whether it can be read
            until = min([began + 20, *(at for at, _ in self._left)])
            if self.failing is not None and began < self.failing[0]:
                until = min(until, self.failing[0])
            await self._clock.sleep(until - began)
        if self.failing is not None and self.failing[0] <= self._clock.monotonic() < self.failing[1]:
            raise self.failing[2]
        hints: list[RunHint] = []
        while self._left and self._left[0][0] <= self._clock.monotonic() + 1e-6:
            _, what = self._left.pop(0)
            if isinstance(what, Exception):
                raise what
            hints.append(what)
        return hints

    async def delivered(self) -> None:
        if self.confirm_error is not None:
            raise self.confirm_error
        self.confirmed += 1
