"""The observer that a program hands to its client."""

from collections.abc import Callable

import msgspec

from jobruns_sdk.checks import check_callable, optional
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


class Observer(msgspec.Struct, frozen=True, kw_only=True):
    """Callables that are told what a client does, each by one frozen value; None for those that are not needed.

    They are called where it happens, in the client's event loop, and so hold up what they observe: they are quick, and
    wait for nothing. With ``jobruns_sdk.sync`` that is the thread of the private event loop. What one
    raises is not passed on; the first time is logged.

    Attributes:
        call: A call begins, or has ended. Both are told in one task, so that context variables that are set at the
            beginning hold for the requests and may be reset at the end.
        retry: A request of a call has failed, and another one follows.
        turn: A call has waited for its turn under the quota.
        poll: A poll of a job's runs for all who wait for them begins, or is over; in one task, as a call is.
        wait: Somebody begins to wait for a run or to watch it, or stops doing so.
        change: A run was seen in another state or attempt, by a wait or a watch.
        walk: A walk through a listing has ended.
    """

    call: Callable[[CallStarted | CallEnded], object] | None = None
    retry: Callable[[CallRetried], object] | None = None
    turn: Callable[[TurnTaken], object] | None = None
    poll: Callable[[PollStarted | PollEnded], object] | None = None
    wait: Callable[[WaitStarted | WaitEnded], object] | None = None
    change: Callable[[RunChanged], object] | None = None
    walk: Callable[[WalkEnded], object] | None = None

    def __post_init__(self) -> None:
        """Reject what cannot be called.

        Raises:
            InvalidRequestError: A member is neither None nor a callable that is not a coroutine function.
        """
        for name in self.__struct_fields__:
            optional(check_callable)(name, getattr(self, name))
