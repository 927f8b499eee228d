"""The runs that a client has started or seen: one that is not found any more may be there all the same."""

from collections import OrderedDict
from typing import Final

from jobruns_sdk.loop.clock import Clock
from jobruns_sdk.model.refs import RunRef

_REMEMBERED: Final = 10_000
_LASTING: Final = 24 * 3600.0  # seconds for which a run that has ended is remembered: answers do not lag that long


class KnownRuns:
    """A bounded memory of runs that there are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._runs: OrderedDict[str, None] = OrderedDict()
        self._ended: OrderedDict[str, float] = OrderedDict()  # of those, and when that was seen

    def remember(self, run: RunRef) -> None:
        """Remember that a run exists: it was started by this client, or seen."""
        name = str(run)
        self._runs[name] = None
        self._runs.move_to_end(name)
        self._ended.pop(name, None)
        if len(self._runs) > _REMEMBERED:
            oldest, _ = self._runs.popitem(last=False)
            self._ended.pop(oldest, None)

    def forget_later(self, run: RunRef) -> None:
        """Remember for another day that a run exists which was seen to have ended for good."""
        now, name = self._clock.monotonic(), str(run)
        self._ended[name] = now
        self._ended.move_to_end(name)
        while next(iter(self._ended.values())) <= now - _LASTING:
            oldest, _ = self._ended.popitem(last=False)
            self._runs.pop(oldest, None)

    def __contains__(self, run: RunRef) -> bool:
        return str(run) in self._runs
