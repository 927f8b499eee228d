"""Events of job runs, as EventBridge delivers them: typed, and a hint to look, never an answer.

`event_from` reads what a queue or a Lambda function is handed, `event_pattern` is the pattern of a rule that forwards
it, and ``client.nudge(event.ref)`` lets waits and watches look at once.
"""

from jobruns_sdk.events.decoding import EventKind, RunEvent, event_from
from jobruns_sdk.events.pattern import event_pattern

__all__ = ["EventKind", "RunEvent", "event_from", "event_pattern"]
