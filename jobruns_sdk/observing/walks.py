"""A walk as it is told to observers: the transport leaves them with the walk on whose behalf a call is made."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Literal, Protocol

from jobruns_sdk.model.reports import WalkReport
from jobruns_sdk.observing.values import Failure, WalkEnded

if TYPE_CHECKING:
    from jobruns_sdk.observing.seam import Observers


class Reports(Protocol):
    """A walk, as far as its end is told of."""

    @property
    def report(self) -> WalkReport:
        """The calls, pages and rows so far, by source."""
        ...


class WalkCaller:
    """A walk as a caller of calls. It is not the walk itself: whoever holds a call would hold that, too.

    Attributes:
        observers: Those who observe the calls that were made since the walk was last told of, None for nobody.
    """

    def __init__(self, listing: str) -> None:
        """Begin with nobody; a walk through that listing."""
        self._listing = listing
        self.observers: Observers | None = None

    def end(
        self, walk: Reports, error: BaseException | None = None, *, is_left: bool = False, is_dropped: bool = False
    ) -> Literal[False]:
        """Tell of the end of the walk, once; return False, as a walk does that has no more rows.

        Args:
            walk: The walk, whose report is asked for only if somebody observes it.
            error: The error that has ended it.
            is_left: True if it was left before its end.
            is_dropped: True if nobody holds it any more: that may be found out in the middle of anything, so that it is
                told in a later turn of the event loop.
        """
        observers, self.observers = self.observers, None
        if observers is None or observers.walk is None:
            return False
        failure = None if error is None else Failure.of(error)
        ended = WalkEnded(listing=self._listing, report=walk.report, is_left=is_left, failure=failure)
        if is_dropped:
            with suppress(RuntimeError):  # no event loop runs here: the program is ending, or another thread collects
                asyncio.get_running_loop().call_soon(observers.walk, ended)
        else:
            observers.walk(ended)
        return False
