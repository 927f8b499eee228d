"""A walk as it is told to observers: the transport leaves them with the walk on whose behalf a call is made."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from jobruns_sdk.model.reports import WalkReport
from jobruns_sdk.observing.values import Failure, WalkEnded

if TYPE_CHECKING:
    from jobruns_sdk.observing.seam import Observers


class WalkCaller:
    """A walk as a caller of calls. It is not the walk itself: whoever holds a call would hold that, too.

    Attributes:
        observers: Those who observe the calls that were made since the walk was last told of, None for nobody.
    """

    def __init__(self) -> None:
        self.observers: Observers | None = None

    def end(
        self,
        listing: str,
        report: Callable[[], WalkReport],
        error: BaseException | None = None,
        *,
        is_left: bool = False,
        is_dropped: bool = False,
    ) -> None:
        """Tell of the end of the walk, once.

        Args:
            listing: The listing.
            report: Returns the report of the walk, which is asked for only if somebody observes it.
            error: The error that has ended it.
            is_left: True if it was left before its end.
            is_dropped: True if nobody holds it any more: that may be found out in the middle of anything, so that it is
                told in a later turn of the event loop.
        """
        observers, self.observers = self.observers, None
        if observers is None or observers.walk is None:
            return
        failure = None if error is None else Failure.of(error)
        ended = WalkEnded(listing=listing, report=report(), is_left=is_left or is_dropped, failure=failure)
        if is_dropped:
            with suppress(RuntimeError):  # no event loop runs here: the program is ending, or another thread collects
                asyncio.get_running_loop().call_soon(observers.walk, ended)
        else:
            observers.walk(ended)
