"""Observers of a client: the calls it makes, their retries and turns, its polls, waits and walks, as frozen values.

    from jobruns_sdk import JobRunsClient, Observer
    from jobruns_sdk.observing import CallEnded

    def count(call):
        if isinstance(call, CallEnded):
            print(call.call.operation, call.seconds, call.requests)

    client = JobRunsClient(observer=Observer(call=count))

``jobruns_sdk.telemetry`` and the loggers of this package are observers, too. No value holds a request, an answer or
credentials.
"""

from jobruns_sdk.observing.observer import Observer
from jobruns_sdk.observing.values import (
    CallEnded,
    CallRetried,
    CallStarted,
    Failure,
    PollEnded,
    PollStarted,
    RunChanged,
    TurnTaken,
    WaitEnded,
    WaitStarted,
    WalkEnded,
)

__all__ = [
    "CallEnded",
    "CallRetried",
    "CallStarted",
    "Failure",
    "Observer",
    "PollEnded",
    "PollStarted",
    "RunChanged",
    "TurnTaken",
    "WaitEnded",
    "WaitStarted",
    "WalkEnded",
]
